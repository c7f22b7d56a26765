"""Streamystats, which watches a Jellyfin server: its table `sessions` as CSV, JSON or JSON lines, or its own backup.

Rows that it inferred from a mark "watched" (`is_inferred`) were never played: they are left out, and are not rejects.
`play_duration` is the seconds watched, pauses left out, and says when it ended; without it `end_time` does.
"""

from pathlib import Path

import polars as pl

from detector.sources import _dump
from detector.sources import _fields as field
from detector.sources._format import Format, Options, reading

_REQUIRED = ("user_id", "item_id", "start_time", "play_duration")
_WANTED = (
    *_REQUIRED, "id", "user_server_id", "device_id", "device_name", "client_name", "remote_end_point", "item_name",
    "series_id", "series_name", "end_time", "runtime_ticks", "position_ticks", "is_inferred",
)  # fmt: skip
_TELLING = {*_REQUIRED, "remote_end_point"}
_TICKS_PER_S = 10_000_000


def _recognises(path: Path) -> bool:
    return _dump.names(path) >= _TELLING


def _read(path: Path, options: Options) -> pl.LazyFrame:
    with reading(path, "sessions of Streamystats"):
        return _rows(_dump.table(path, _WANTED, _REQUIRED, "dump the whole table sessions, or take the backup"))


def _rows(table: pl.LazyFrame) -> pl.LazyFrame:
    start = field.instant("start_time")
    seconds = field.number("play_duration")
    said = field.text("play_duration").is_not_null()
    runtime = field.whole("runtime_ticks") // _TICKS_PER_S
    position = field.whole("position_ticks") // _TICKS_PER_S
    stopped_at = pl.when(position > 0).then(position)
    return field.raw_rows(
        table,
        keep=~field.is_set("is_inferred"),
        account_id=field.text("user_id", "user_server_id"),  # of somebody new the second alone
        playback_id=field.text("id"),
        device_id=field.text("device_id"),
        device_name=field.text("device_name"),
        device_type=field.text("client_name"),
        title_id=field.text("item_id"),
        title_name=field.joined(": ", "series_name", "item_name"),
        title_kind=pl.when(field.text("series_id").is_not_null()).then(pl.lit("episode")),
        title_runtime_s=pl.when(runtime > 0).then(runtime),
        started_at=start,
        ended_at=pl.when(said).then(field.ended(start, seconds, "play_duration")).otherwise(field.instant("end_time")),
        position_start_s=field.began(stopped_at, seconds),
        position_end_s=stopped_at,
        ip=field.ip("remote_end_point"),
    )


FORMAT = Format(
    "streamystats",
    "sessions of Streamystats, dumped or in its backup",
    (".csv", ".json", ".ndjson", ".jsonl"),
    _recognises,
    _read,
    grows=True,
)
