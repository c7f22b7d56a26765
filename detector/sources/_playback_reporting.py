"""What the Playback Reporting plugins of Jellyfin and Emby have in common: one table, exported as text or as it is.

- The export is text with tabs and no line of names, so its columns are known by their place; in the SQLite database
  they are known by name.
- **DateCreated** is the start, on the server's clock and without an offset: the zone given at ingest is the server's.
  It turns the start into a moment and is not taken for the viewer's own: rows get no `timezone`, so that a zone set
  for their country comes first when the local day is found.
- **PlayDuration** counts until the playback stopped; where PauseDuration is known it is taken off, so that seconds
  are seconds watched.
- Devices are known by name only.
"""

import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from detector.errors import InputError
from detector.sources import _fields as field
from detector.sources import _sqlite
from detector.sources._format import Options, decoded, head, reading
from detector.sources._values import texts

JELLYFIN = (
    "DateCreated", "UserId", "ItemId", "ItemType", "ItemName", "PlaybackMethod", "ClientName", "DeviceName",
    "PlayDuration",
)  # fmt: skip
EMBY = (*JELLYFIN, "PauseDuration", "RemoteAddress", "TranscodeReasons")
SUFFIXES = (".tsv", ".db", ".sqlite", ".sqlite3")

_TABLE = "PlaybackActivity"
_REMEDY = "export the plugin's data again, or take its database"
_START = re.compile(r"\s*\d{4}-\d{2}-\d{2} \d{2}:\d{2}")
_KINDS = {
    "movie": "movie",
    "episode": "episode",
    "audio": "track",
    "musicvideo": "clip",
    "trailer": "clip",
    "tvchannel": "live",
    "livetvchannel": "live",
    "livetvprogram": "live",
}


def recognises(path: Path, *, as_emby: bool) -> bool:
    """Whether it is an export or a database of the one plugin or the other."""
    if names := _sqlite.columns(path, _TABLE):
        return set(JELLYFIN) <= names and as_emby == (set(EMBY) <= names)
    first = decoded(head(path)).split("\n", 1)[0].strip("\r").split("\t")
    starts = bool(_START.match(first[0])) and len(first) >= len(JELLYFIN)
    return starts and first[JELLYFIN.index("PlayDuration")].strip().isdigit() and as_emby == (len(first) >= len(EMBY))


def read(path: Path, options: Options, columns: Sequence[str]) -> pl.LazyFrame:
    """The rows of an export with these columns, or of a database that has them.

    A database may have more of `EMBY`'s than it must: early versions knew pauses, and no addresses.
    """
    with reading(path, "an export of Playback Reporting"):
        if head(path, 6) == b"SQLite":
            return _rows(_sqlite.read(path, {_TABLE: EMBY}, columns, _REMEDY), options)
        return _rows(_exported(path, columns), options)


def _exported(path: Path, columns: Sequence[str]) -> pl.LazyFrame:
    lines = (line.strip("\r") for line in decoded(path.read_bytes()).split("\n"))
    split = [line.split("\t") for line in lines if line.strip()]
    if not any(len(cells) >= len(columns) and _START.match(cells[0]) for cells in split):
        raise InputError(
            f"expected {len(columns)} columns between tabs in {path}, the first a time, found other text; {_REMEDY}"
        )
    # The line on which an export was cut short becomes a row without its last cells, for the rules to judge.
    unsaid = [None] * len(EMBY)
    return texts(([*line[: len(columns)], *unsaid][: len(EMBY)] for line in split), EMBY)


def _rows(table: pl.LazyFrame, options: Options) -> pl.LazyFrame:
    start = field.instant("DateCreated", options.timezone)
    lasted = field.number("PlayDuration")
    paused = field.number("PauseDuration").fill_null(0).clip(lower_bound=0)
    seconds = pl.when(lasted >= 0).then((lasted - paused).clip(lower_bound=0)).otherwise(lasted)
    return field.raw_rows(
        table,
        account_id=field.text("UserId"),
        device_name=field.text("DeviceName"),
        device_type=field.text("ClientName"),
        title_id=field.text("ItemId"),
        title_name=field.text("ItemName"),
        title_kind=field.kind("ItemType", _KINDS),
        started_at=start,
        ended_at=field.ended(start, seconds, "PlayDuration"),
        ip=field.ip("RemoteAddress"),
    )
