"""Small logs and the account-days that are made of them."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import polars as pl
from support import KEY

from detector import config, days, digesting, identity, playbacks, tables
from detector.days import Day
from detector.store import Store

SETTINGS = config.load(environ={}).settings
KEYS = identity.Keys(KEY, bytes(32))
PARIS, TOKYO, NEW_YORK = (48.86, 2.35), (35.68, 139.69), (40.71, -74.01)


def _utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def play(started_at: str, hours: float | None = 2, **values: Any) -> dict[str, Any]:
    """A row of a log: a film of two hours, watched whole at home in a zone of UTC, unless said otherwise."""
    start = _utc(started_at)
    row = {
        "account_id": "a",
        "device_id": "tv",
        "title_id": "film",
        "title_kind": "movie",
        "started_at": start,
        "ended_at": start + dt.timedelta(hours=hours) if hours is not None else None,
        "timezone": "UTC",
    }
    place = values.pop("place", (None, None))
    return row | {"latitude": place[0], "longitude": place[1]} | values


def digested(
    rows: Sequence[dict[str, Any]], first: str, last: str, *, at_once: int = 1, before: Sequence[Day] = ()
) -> dict[dt.date, Day]:
    """Each day from `first` to `last`, digested from a log, so many at once, one digest after the other; `before` are
    days digested already."""
    raw = tables.shape(pl.LazyFrame(rows, infer_schema_length=None).with_row_index("row", 1), tables.RawRows)
    now = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    checked = playbacks.check(raw, file="log", now=now, zone="", keys=KEYS, settings=SETTINGS)
    assert checked.rejects.is_empty()
    whole = playbacks.repair(checked.rows, SETTINGS.playbacks).playbacks
    made: dict[dt.date, Day] = {}
    begin, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    every = pl.date_range(begin, end, eager=True).to_list()
    for these in (every[n : n + at_once] for n in range(0, len(every), at_once)):
        on_each = days.on_each(whole.lazy(), these[0], these[-1]).sort("on", "account", "started_at", "playback")
        made |= zip(these, days.digest(on_each.collect(), [*before, *made.values()][-2:], these), strict=True)
    return made


def one(rows: Sequence[dict[str, Any]], day: str) -> dict[str, Any]:
    """The only account-day of a day."""
    [row] = digested(rows, day, day)[dt.date.fromisoformat(day)].account_days.to_dicts()
    return row


def watched_s(home: Store, *days: int) -> list[int]:
    """How many seconds were watched on these days of May 2024, of what a home holds."""
    digesting.bring_up_to_date(home, dt.date(2024, 5, 6), settings=SETTINGS, key_id="")
    dates = [dt.date(2024, 5, day) for day in days]
    return [int(home.read(digesting.DAYS, [date], "account_days.parquet")[0]["seconds"].sum()) for date in dates]
