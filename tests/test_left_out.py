"""What is said to be left out of a log is what its features do not know."""

import datetime as dt
from pathlib import Path

import polars as pl
from support import clock

from detector import config, digesting, features, identity, lookback, simulate, sources
from detector.ingesting import ingest
from detector.store import Store

KEYS = identity.Keys("0" * 64, bytes(32))
SETTINGS = config.load(environ={}).settings
END = dt.date(2025, 6, 30)
COLUMNS = {
    "IP address": ["ip", "network_kind", "asn"], "duration": ["ended_at", "position_start_s", "position_end_s"],
    "country": ["country", "region", "city", "latitude", "longitude"],
    "title": ["title_id", "title_name", "title_kind", "title_runtime_s"], "device id": [], "device name": [],
}  # fmt: skip


def _speaking(log: pl.DataFrame, folder: Path) -> set[str]:
    """The families of which one feature at least tells accounts apart."""
    folder.mkdir()
    log.write_parquet(folder / "log.parquet")
    home = Store(folder / "home")
    list(ingest([str(folder / "log.parquet")], into=home, keys=KEYS, settings=SETTINGS, now=clock()))
    digesting.bring_up_to_date(home, END, settings=SETTINGS, key_id=KEYS.key_id)
    met = lookback.meet(home, END, SETTINGS.window)
    found = pl.concat(features.build_features(w) for w in lookback.windows(home, END, SETTINGS.window, met=met))
    return {
        family.__name__.lower()
        for family in features.FAMILIES
        if any(found[one.name].drop_nulls().n_unique() > 1 for one in family.features)
    }


def test_what_a_format_lacks_silences_just_the_families_that_are_told(tmp_path: Path) -> None:
    """Of a log without these facts no other family says less than of the whole log."""
    service = simulate.simulate(accounts=200, days=60, end=END, seed=5, abuse_share=0.3, intensity="blatant")
    log = service.playbacks.drop("interaction")
    whole = _speaking(log, tmp_path / "whole")
    assert {"rings", "hands", "unresting", "residents"} <= whole
    for number, lacks in enumerate(dict.fromkeys(one.lacks for one in sources.FORMATS.values() if one.lacks)):
        kept = log.drop(column for fact in lacks for column in COLUMNS[fact])
        if "device id" in lacks:
            kept = kept.drop("device_id") if "device name" in lacks else kept.rename({"device_id": "device_name"})
        format = next(one for one in sources.FORMATS.values() if one.lacks == lacks)
        assert whole - _speaking(kept, tmp_path / str(number)) == whole & set(format.left_out), lacks
