"""Whom to learn from."""

import datetime as dt
import tempfile
from pathlib import Path

import polars as pl

from detector import config, digesting, features, identity, ingesting, lookback, simulate, sources, spans, tables
from detector.ingesting import Progress
from detector.store import Store

_INVENTED_ACCOUNTS = 1_000
_LEAST_DAYS = 60  # that an invented service has lived
_SAID_AS = {"profile": "profile_id", "device": "device_id", "title": "title_id", "address": "ip"}
_INVENTED_KEYS = identity.Keys("0" * 64, bytes(32))  # nobody's: the invented accounts are no secret


def learn_from(by_account: pl.DataFrame, year: pl.DataFrame, day: dt.date, settings: config.Window) -> pl.DataFrame:
    """The features of those accounts of which enough has been seen; new and silent ones teach nothing."""
    return by_account.join(year.filter(spans.status(day, settings) == "scored"), on="account", how="semi")


def invented(home: Store, day: dt.date, settings: config.Settings, *, seed: int, progress: Progress) -> pl.DataFrame:
    """Features of innocent households of an invented service, as this home's log would have shown them.

    What the home's log never says in the window, the invented one does not say either.
    """
    progress("invent", 0, 1)
    looked = lookback.look(home, day, settings.window)
    known_days = len(looked.window) + len(looked.outside) + 31 * len(looked.months)
    length = min(settings.window.year_days, max(_LEAST_DAYS, known_days))
    # Its addresses are nobody's: a location database must not place them.
    settings = settings.model_copy(update={"geo": config.Geo(city="", asn="")})
    service = simulate.simulate(accounts=_INVENTED_ACCOUNTS, days=length, end=day, seed=seed, abuse_share=0)
    seen = _as_logged(service.playbacks, _never_said(home, looked.window), settings.identity)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "playbacks.parquet"
        seen.write_parquet(log)
        elsewhere = Store(Path(folder))
        taken = ingesting.ingest(
            [str(log)], into=elsewhere, keys=_INVENTED_KEYS, settings=settings, format="parquet",
            options=sources.Options(), now=dt.datetime.combine(day + dt.timedelta(days=2), dt.time(), dt.UTC),
        )  # fmt: skip
        list(taken)
        digesting.bring_up_to_date(elsewhere, day, settings=settings, key_id=_INVENTED_KEYS.key_id)
        met = lookback.meet(elsewhere, day, settings.window)
        windows = lookback.windows(elsewhere, day, settings.window, met=met)
        built = [
            learn_from(
                features.build_features(window, peers=settings.peers.traits), window.year.accounts, day, settings.window
            )
            for window in windows
        ]
    progress("invent", 1, 1)
    return pl.concat(built)


def _as_logged(playbacks: pl.DataFrame, unsaid: set[str], settings: config.Identity) -> pl.DataFrame:
    """Invented playbacks as a log would have them that never fills the columns `unsaid` of `tables.CheckedRows`."""
    if "address" in unsaid and "network" not in unsaid:  # then the log names networks itself
        networks = identity.ip_prefixes(playbacks["ip"], settings).select("ip", network="network_text")
        playbacks = playbacks.drop("network", strict=False).join(networks, on="ip", how="left", maintain_order="left")
    columns = {_SAID_AS.get(name, name) for name in unsaid} & set(playbacks.columns)
    return playbacks.with_columns(pl.lit(None).alias(name) for name in columns)


def _never_said(home: Store, window: list[dt.date]) -> set[str]:
    """The columns of `tables.CheckedRows` that no stored row of the window fills."""
    unsaid = set(tables.columns(tables.CheckedRows))
    for rows in home.scan("playbacks", [date for date in home.partitions("playbacks") if date in set(window)]):
        counts = rows.select(pl.col(sorted(unsaid)).count()).collect()
        unsaid -= {name for name in counts.columns if counts[name][0]}
    return unsaid
