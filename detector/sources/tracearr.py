"""Tracearr, which watches Plex, Jellyfin and Emby servers: its table `sessions` as CSV, JSON or JSON lines.

A session that is still playing or paused is left out, and is no reject. `duration_ms` is the time watched, pauses left
out, and says when it ended; without it `stopped_at` does. `progress_ms` is where it stopped: it began there minus the
time watched, and stretches of a resume chain (`reference_id`) follow each other by that. The place is the one that
Tracearr looked up; it calls a private address "Local", which is none, and a country written as a name is not read.
"""

from pathlib import Path

import polars as pl

from detector.sources import _dump
from detector.sources import _fields as field
from detector.sources._format import Format, Options, reading

_REQUIRED = ("server_user_id", "started_at", "duration_ms", "rating_key")
_WANTED = (
    *_REQUIRED, "id", "state", "media_type", "media_title", "grandparent_title", "stopped_at", "total_duration_ms",
    "progress_ms", "ip_address", "geo_city", "geo_region", "geo_country", "geo_lat", "geo_lon", "geo_asn_number",
    "player_name", "device_id", "platform",
)  # fmt: skip
_RUNNING = ("playing", "paused")
_KINDS = {kind: kind for kind in ("movie", "episode", "live", "track")} | {"trailer": "clip", "clip": "clip"}


def _recognises(path: Path) -> bool:
    return _dump.names(path) >= set(_REQUIRED)


def _read(path: Path, options: Options) -> pl.LazyFrame:
    with reading(path, "sessions of Tracearr"):
        return _rows(_dump.table(path, _WANTED, _REQUIRED, "dump the whole table sessions"))


def _rows(table: pl.LazyFrame) -> pl.LazyFrame:
    start = field.instant("started_at")
    seconds = field.number("duration_ms") / 1000
    said = field.text("duration_ms").is_not_null()
    runtime = field.whole("total_duration_ms") // 1000
    position = field.whole("progress_ms") // 1000
    stopped_at = pl.when(position > 0).then(position)
    is_somewhere = ~field.text("geo_city").str.starts_with("Local").fill_null(False)
    return field.raw_rows(
        table,
        keep=~field.text("state").str.to_lowercase().is_in(_RUNNING).fill_null(False),
        account_id=field.text("server_user_id"),
        playback_id=field.text("id"),
        device_id=field.text("device_id"),
        device_name=field.text("player_name"),
        device_type=field.text("platform"),
        title_id=field.text("rating_key"),
        title_name=field.joined(": ", "grandparent_title", "media_title"),
        title_kind=field.kind("media_type", _KINDS),
        title_runtime_s=pl.when(runtime > 0).then(runtime),
        started_at=start,
        ended_at=pl.when(said).then(field.ended(start, seconds, "duration_ms")).otherwise(field.instant("stopped_at")),
        position_start_s=field.began(stopped_at, seconds),
        position_end_s=stopped_at,
        ip=field.ip("ip_address"),
        country=field.country("geo_country"),
        region=pl.when(is_somewhere).then(field.text("geo_region")),
        city=pl.when(is_somewhere).then(field.text("geo_city")),
        latitude=field.number("geo_lat"),
        longitude=field.number("geo_lon"),
        asn=field.whole("geo_asn_number"),
    )


FORMAT = Format(
    "tracearr", "sessions of Tracearr, dumped", (".csv", ".json", ".ndjson", ".jsonl"), _recognises, _read, grows=True
)
