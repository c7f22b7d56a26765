"""Days that were replaced: of such a local day only what the files say that it was replaced with counts."""

import datetime as dt
import json
from collections.abc import Collection
from pathlib import Path

import polars as pl

from detector.store import Store

TABLE = "replaced"
_FILES = "files.json"
_ONE_DAY = dt.timedelta(days=1)


def only(day: dt.date, contents: Collection[str], home: Store) -> int:
    """Let go of the stored rows of a local day that other files brought; how many they were.

    `contents` are the digests by which files are known. It is put on record before any row goes, so that what is
    killed in between is finished by doing it again.
    """
    home.put(TABLE, day, {_FILES: json.dumps(sorted(contents)).encode()})
    gone = 0
    for date in (day - _ONE_DAY, day, day + _ONE_DAY):  # local days begin and end at most so far from the UTC date
        for part in home.parts("playbacks", date).values():
            [rows] = home.read("playbacks", [date], part.name)
            kept = rows.filter(pl.col("day") != day)
            if Path(part.name).stem in contents or kept.height == rows.height:
                continue
            if kept.height:
                home.put("playbacks", date, {part.name: kept}, part.notes)
            else:
                home.remove_part("playbacks", date, part.name)
            gone += rows.height - kept.height
    return gone


def standing(rows: pl.DataFrame, content: str, home: Store, *, but: dt.date | None) -> pl.DataFrame:
    """The rows of a file without those of days that were replaced with other files; `but` is being replaced with it."""
    lost = [
        day
        for day in home.partitions(TABLE)
        if day != but and content not in json.loads(home.read_bytes(TABLE, day, _FILES))
    ]
    return rows.filter(~pl.col("day").is_in(lost))
