"""The library database of a Plex server, `com.plexapp.plugins.library.db`: its table `metadata_item_views`.

It says when something was viewed, which is near its end, and neither how long nor from where: plays and streaks are
counted, hours and overlaps are not. Accounts and devices are the server's own numbers.
"""

from pathlib import Path

import polars as pl

from detector.sources import _fields as field
from detector.sources import _sqlite
from detector.sources._format import Format, Options, reading

_TABLE = "metadata_item_views"
_REQUIRED = ("account_id", "guid", "viewed_at")
_WANTED = (*_REQUIRED, "metadata_type", "grandparent_title", "parent_title", "title", "device_id")
_KINDS = {"1": "movie", "4": "episode", "10": "track", "12": "clip"}


def _recognises(path: Path) -> bool:
    return set(_REQUIRED) <= _sqlite.columns(path, _TABLE)


def _read(path: Path, options: Options) -> pl.LazyFrame:
    with reading(path, "a library database of Plex"):
        remedy = "take com.plexapp.plugins.library.db"
        return _rows(_sqlite.read(path, {_TABLE: _WANTED}, _REQUIRED, remedy))


def _rows(table: pl.LazyFrame) -> pl.LazyFrame:
    return field.raw_rows(
        table,
        account_id=field.text("account_id"),
        device_id=field.text("device_id"),
        title_id=field.text("guid"),
        title_name=field.joined(": ", "grandparent_title", "parent_title", "title"),
        title_kind=field.kind("metadata_type", _KINDS),
        started_at=field.instant("viewed_at"),
    )


FORMAT = Format(
    "plex",
    "the library database of a Plex server",
    (".db", ".sqlite", ".sqlite3"),
    _recognises,
    _read,
    lacks=("IP address", "country", "duration"),
    grows=True,
)
