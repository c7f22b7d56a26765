"""Account-days and months, brought up to date."""

import datetime as dt
from pathlib import Path

import polars as pl
from support import KEY

from detector import config, digesting, identity, lookback, tables
from detector.ingesting import ingest
from detector.neighbours import Neighbours
from detector.store import Store

SETTINGS = config.load(environ={}).settings
KEYS = identity.Keys(KEY, bytes(32))


def test_a_stored_part_without_rows_is_no_trouble(tmp_path: Path) -> None:
    """A day of nothing digests to nothing."""
    home, day = Store(tmp_path), dt.date(2025, 6, 30)
    noon = dt.datetime.combine(day, dt.time(12), dt.UTC).isoformat()
    nothing = pl.DataFrame(schema=tables.columns(tables.CheckedRows))
    home.put("playbacks", day, {"empty": nothing}, {"first_start": noon, "last_end": noon, "key_id": KEYS.key_id})
    digesting.bring_up_to_date(home, day, settings=SETTINGS, key_id=KEYS.key_id)
    assert home.read("account_days", [day])[0].is_empty()


def test_what_began_in_the_middle_of_a_month_is_looked_back_on_whole(tmp_path: Path) -> None:
    """A device of the log's first month, seen again two months later: its line counts from the first day on."""
    days = [dt.date(2025, 4, 20), dt.date(2025, 4, 28), dt.date(2025, 6, 30)]
    rows = [
        {
            "account_id": "a",
            "title_id": "t",
            "device_id": "tv",
            "ip": "240.0.0.1",
            "timezone": "UTC",
            "duration_s": 1800,
        }
        | {"started_at": dt.datetime.combine(day, dt.time(20), dt.UTC)}
        for day in days
    ]
    pl.DataFrame(rows).write_parquet(tmp_path / "log.parquet")
    home = Store(tmp_path / "home")
    now = dt.datetime(2025, 7, 2, 12, tzinfo=dt.UTC)
    list(ingest([str(tmp_path / "log.parquet")], into=home, keys=KEYS, settings=SETTINGS, now=now))
    digesting.bring_up_to_date(home, days[-1], settings=SETTINGS, key_id=KEYS.key_id)
    [window] = lookback.windows(home, days[-1], SETTINGS.window, met=Neighbours.none())
    [line] = window.year.lines.to_dicts()
    assert (line["first_day"], line["last_day"], line["plays"]) == (days[0], days[-1], 3)
