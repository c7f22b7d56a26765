"""What the Playback Reporting plugins of Jellyfin and Emby have in common: one table, exported as text or as it is.

- The export is text with tabs and no line of names, so its columns are known by their place; in the SQLite database
  they are known by name.
- **DateCreated** is the start, on the server's clock and without an offset: the zone given at ingest is the server's,
  else the zone set for all. It turns the start into a moment and is not taken for the viewer's own: rows get no
  `timezone`, so that a zone set for their country comes first when the local day is found. Of late, Jellyfin's plugin
  writes UTC to the second, and rewrites so what it had logged before to a ten-millionth: seconds are all that is read.
- There is no key. What was written of the start is one, with whose and of what it is, whatever zone it is read in.
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
PAUSED = (*JELLYFIN, "PauseDuration")  # all that early versions of Emby's knew, and Jellyfin's does not
SUFFIXES = (".tsv", ".db", ".sqlite", ".sqlite3")

_TABLE = "PlaybackActivity"
_REMEDY = "export the plugin's data again, or take its database"
_START = re.compile(r"\s*\d{4}-\d{2}-\d{2} \d{2}:\d{2}")
_PAUSE = re.compile(r"\s*-?\d*\s*$")
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
        return set(JELLYFIN) <= names and as_emby == (set(PAUSED) <= names)
    first = decoded(head(path)).split("\n", 1)[0].strip("\r").split("\t")
    cells = dict(zip(PAUSED, first, strict=False))
    starts = _START.match(first[0]) is not None and cells.get("PlayDuration", "").strip().isdigit()
    return starts and as_emby == (_PAUSE.match(cells.get("PauseDuration", "none")) is not None)


def read(path: Path, options: Options, columns: Sequence[str]) -> pl.LazyFrame:
    """The rows of an export with at least these columns, or of a database that has them."""
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
    return texts(([*line, *unsaid][: len(EMBY)] for line in split), EMBY)


def _rows(table: pl.LazyFrame, options: Options) -> pl.LazyFrame:
    start = field.instant("DateCreated", options.clock).dt.truncate("1s")
    lasted = field.number("PlayDuration")
    paused = field.number("PauseDuration").fill_null(0).clip(lower_bound=0)
    seconds = pl.when(lasted >= 0).then((lasted - paused).clip(lower_bound=0)).otherwise(lasted)
    return field.raw_rows(
        table,
        account_id=field.text("UserId"),
        playback_id=field.joined("/", "DateCreated", "ItemId", "ClientName", "DeviceName"),
        device_name=field.text("DeviceName"),
        device_type=field.text("ClientName"),
        title_id=field.text("ItemId"),
        title_name=field.text("ItemName"),
        title_kind=field.kind("ItemType", _KINDS),
        started_at=start,
        ended_at=field.ended(start, seconds, "PlayDuration"),
        ip=field.ip("RemoteAddress"),
    )
