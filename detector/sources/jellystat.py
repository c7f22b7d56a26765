"""Jellystat, which watches a Jellyfin server: its backup, one JSON list of tables or, of late, a record a line.

Only the table `jf_playback_activity` is read. **ActivityDateInserted** is when a playback *ended*, and
PlaybackDuration the seconds watched, pauses left out: `started_at` is the one minus the other, too late on the clock
by the length of the pauses. Of what Jellystat took over from Playback Reporting (`imported`) it is the start. Who goes
on within the hour goes on in the same row, which then ends later and may begin later. For episodes `NowPlayingItemId`
is the series, and `EpisodeId` the episode.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl

from detector.errors import InputError
from detector.sources import _fields as field
from detector.sources import _json
from detector.sources import _values as values
from detector.sources._format import Format, Options, decoded, head, reading

_TABLE = "jf_playback_activity"
_WANTED = (
    "Id", "UserId", "Client", "DeviceName", "DeviceId", "NowPlayingItemId", "NowPlayingItemName", "EpisodeId",
    "SeriesName", "PlaybackDuration", "ActivityDateInserted", "RemoteEndPoint", "imported",
)  # fmt: skip


def _recognises(path: Path) -> bool:
    opening = decoded(head(path)).lstrip()
    in_a_list = opening.startswith("[") and opening[1:].lstrip()[1:].lstrip().startswith('"jf_')
    return in_a_list or ({"type", "table"} <= _json.first_keys(path, r"\s*") and '"jf_' in opening)


def _read(path: Path, options: Options) -> pl.LazyFrame:
    with reading(path, "a backup of Jellystat"):
        in_a_list = decoded(head(path)).lstrip().startswith("[")
        records = _of_list(path) if in_a_list else _of_lines(path)
        return _rows(_json.table(records, _WANTED))


def _of_list(path: Path) -> list[Any]:
    backup = _json.load(path)
    tables = [_json.at(part, _TABLE) for part in backup if isinstance(part, dict) and _TABLE in part]
    if not tables:
        raise _without_table(path)
    return [record for table in tables for record in table or []]


def _of_lines(path: Path) -> list[Any]:
    records = list(_records(path))
    if not records:
        raise _without_table(path)
    return records


def _records(path: Path) -> Iterator[Any]:
    """The rows of the table, and None for each line of it that is damaged."""
    table = ""
    for line in decoded(path.read_bytes()).split("\n"):  # what else may end a line may stand in JSON as it is
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            if table == _TABLE and line.strip():
                yield None
            continue
        table = value.get("table", table)
        if value.get("type") == "row" and table == _TABLE:
            yield value.get("data")


def _without_table(path: Path) -> InputError:
    return InputError(
        f"expected the table {_TABLE} in {path}, found none; make the backup with the playback activity in it"
    )


def _rows(table: pl.LazyFrame) -> pl.LazyFrame:
    seconds = field.number("PlaybackDuration")
    written, is_start = field.instant("ActivityDateInserted"), field.is_set("imported")
    lasted = values.span(seconds)
    is_episode = field.text("EpisodeId").is_not_null()
    return field.raw_rows(
        table,
        account_id=field.text("UserId"),
        playback_id=field.text("Id"),
        device_id=field.text("DeviceId"),
        device_name=field.text("DeviceName"),
        device_type=field.text("Client"),
        title_id=field.text("EpisodeId", "NowPlayingItemId"),
        title_name=field.joined(": ", "SeriesName", "NowPlayingItemName"),
        title_kind=pl.when(is_episode).then(pl.lit("episode")),
        started_at=pl.when(is_start).then(written).otherwise(written - lasted),
        ended_at=pl.when(is_start).then(field.ended(written, seconds, "PlaybackDuration")).otherwise(written),
        ip=field.ip("RemoteEndPoint"),
    )


FORMAT = Format("jellystat", "a backup of Jellystat", (".json", ".jsonl"), _recognises, _read, grows=True)
