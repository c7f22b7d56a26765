"""A comparison means something only where both sides do the same."""

import datetime as dt
import math
from pathlib import Path

import duckdb
import polars as pl
from support import KEY, LAST_DAY, clock

from benchmarks import nights
from benchmarks.population import day_of_log
from detector import digesting, features, ingesting, lookback
from detector.neighbours import Neighbours
from detector.runs import open_doors

ACCOUNTS, DAYS = 300, 36
NAMED_OTHERWISE = {"repeats": "back_to_back_repeats", "hours_per_day": "hours_per_active_day"}


def test_the_script_in_sql_finds_what_the_core_features_find(tmp_path: Path) -> None:
    """On average over the accounts: at its edges a window is cut differently."""
    (tmp_path / "key").write_text(KEY)
    log = [day_of_log(ACCOUNTS, LAST_DAY - dt.timedelta(days=ago), seed=1) for ago in range(DAYS)]
    pl.concat(log).write_parquet(tmp_path / "log.parquet")
    settings = nights._settings()
    with open_doors(tmp_path / "home", settings, tmp_path / "key") as doors:
        files = [str(tmp_path / "log.parquet")]
        list(ingesting.ingest(files, into=doors.home, keys=doors.keys, settings=settings, now=clock()))
        digesting.bring_up_to_date(doors.home, LAST_DAY, settings=settings, key_id=doors.keys.key_id)
        windows = lookback.windows(doors.home, LAST_DAY, settings.window, met=Neighbours.none())
        ours = pl.concat(features.build_features(window, nights._CORE) for window in windows)
        script = nights._script(nights._files_of_window(doors.home, LAST_DAY))
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        database.execute(script)
        database.execute(f"COPY features TO '{tmp_path / 'theirs.parquet'}'")
    theirs = pl.read_parquet(tmp_path / "theirs.parquet")

    assert theirs.height == ours.height == ACCOUNTS
    for name in theirs.columns[1:]:
        mean, expected = (
            frame.select(pl.col(column).cast(pl.Float64).fill_null(0).mean()).item()
            for frame, column in ((theirs, name), (ours, NAMED_OTHERWISE.get(name, name)))
        )
        assert math.isclose(mean, expected, rel_tol=0.02, abs_tol=0.003), name
