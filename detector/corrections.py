"""Days that were replaced: of such a local day only what the files say that it was replaced with counts.

What others said of it stays stored and is not read any more. One record makes the difference, written at once when all
that it names is stored, so that a killed replacement has changed nothing.
"""

import datetime as dt
import json
from collections.abc import Collection, Iterable, Mapping

import polars as pl

from detector.store import Store

TABLE = "replaced"
_FILES = "files.json"
_ONE_DAY = dt.timedelta(days=1)
Replaced = Mapping[dt.date, Collection[str]]
"""By local day the digests of the files that it was replaced with."""


def part_of(content: str, day: dt.date | None = None) -> str:
    """The name of the part that holds a file's rows on a date: all of them, or those that replace a day."""
    return f"{content}.parquet" if day is None else f"{content}.{day}.parquet"


def replaces(part: str) -> bool:
    """Whether a part holds what replaces a day."""
    return part.count(".") > 1


def replace(day: dt.date, contents: Collection[str], home: Store) -> int:
    """From now on only these files count for the day, whose parts are stored; how many rows of others do no more."""
    on_day, before = pl.col("day") == day, replaced(home)
    home.put(TABLE, day, {_FILES: json.dumps(sorted(contents)).encode()})
    others = [
        counted(rows, part, date, before).filter(on_day).select(pl.len())
        for date in (day - _ONE_DAY, day, day + _ONE_DAY)
        for part in home.parts("playbacks", date)
        if part.split(".")[0] not in contents
        for rows in home.scan("playbacks", [date], part)
    ]
    return sum(int(found.item()) for found in pl.collect_all(others))


def replaced(home: Store) -> Replaced:
    """The days that were replaced."""
    return {day: json.loads(home.read_bytes(TABLE, day, _FILES)) for day in home.partitions(TABLE)}


def hidden(part: str, date: dt.date, days: Replaced) -> list[dt.date] | None:
    """The days of which the rows of a part of a UTC date do not count; None: of none any row does."""
    content, *of = part.removesuffix(".parquet").split(".")
    if of and content not in days.get(dt.date.fromisoformat(of[0]), ()):
        return None
    # A local day begins and ends at most a day from the UTC date of its name.
    return [day for day, files in days.items() if abs((day - date).days) <= 1 and content not in files]


def counted(rows: pl.LazyFrame, part: str, date: dt.date, days: Replaced) -> pl.LazyFrame:
    """The rows of a part that count."""
    lost = hidden(part, date, days)
    if lost is None:
        return rows.filter(pl.lit(False))
    return rows.filter(~pl.col("day").is_in(lost)) if lost else rows


def playbacks(home: Store, dates: Iterable[dt.date]) -> list[pl.LazyFrame]:
    """The stored rows of some UTC dates that count (`tables.CheckedRows`), part by part."""
    days = replaced(home)
    return [
        counted(rows, part, date, days)
        for date in dates
        for part in home.parts("playbacks", date)
        for rows in home.scan("playbacks", [date], part)
    ]
