"""A small file in the true form of every log format, all invented; each holds the ids and titles of `SECRETS`."""

import csv
import io
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

SECRETS = ("secret-user", "secret-device", "Secret Title", "203.0.113.77")
USER, DEVICE, TITLE, IP = SECRETS
Row = Mapping[str, Any]


def database(path: Path, tables: Mapping[str, Sequence[Row]], wal: bool = False) -> Path:
    """A SQLite database with these tables, their columns being those of their first row."""
    path.unlink(missing_ok=True)
    connection = sqlite3.connect(path)
    if wal:
        connection.execute("PRAGMA journal_mode = WAL")
    for name, rows in tables.items():
        columns = ", ".join(f'"{column}"' for column in rows[0])
        connection.execute(f'CREATE TABLE "{name}" ({columns})')
        marks = ", ".join("?" * len(rows[0]))
        connection.executemany(f'INSERT INTO "{name}" VALUES ({marks})', [[*row.values()] for row in rows])
    connection.commit()
    connection.close()
    return path


def as_json(path: Path, value: Any, **form: Any) -> Path:
    path.write_text(json.dumps(value, **form), encoding="utf-8")
    return path


def as_csv(path: Path, rows: Sequence[Row]) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def as_ndjson(path: Path, rows: Iterable[Row]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def as_tsv(path: Path, rows: Iterable[Row]) -> Path:
    path.write_text("".join("\t".join(map(str, row.values())) + "\r\n" for row in rows), encoding="utf-8")
    return path


PLAYBACK = {
    "account_id": USER, "device_id": DEVICE, "title_id": "t1", "title_name": TITLE, "ip": IP,
    "started_at": "2024-05-01T20:00:00Z",
}  # fmt: skip
NETFLIX = {
    "Profile Name": USER, "Start Time": "2024-05-01 20:00:00", "Duration": "0:40:00", "Title": TITLE,
    "Device Type": DEVICE,
}  # fmt: skip
HISTORY = {
    "id": 1, "reference_id": 1, "started": 1714593600, "stopped": 1714599600, "rating_key": 501, "user_id": 42,
    "user": USER, "ip_address": IP, "paused_counter": 600, "player": "Telly", "product": "Plex for TV",
    "platform": "Tizen", "machine_id": DEVICE, "location": "wan", "relayed": 0, "parent_rating_key": None,
    "grandparent_rating_key": None, "media_type": "movie", "view_offset": 5400000,
}  # fmt: skip
METADATA = {
    "id": 1, "rating_key": 501, "title": TITLE, "parent_title": "", "grandparent_title": "", "full_title": TITLE,
    "duration": 6000000, "live": 0, "media_type": "movie",
}  # fmt: skip
ANSWERED = {
    "row_id": 1, "reference_id": 1, "date": 1714593600, "started": 1714593600, "stopped": 1714599600,
    "duration": 5400, "play_duration": 5400, "paused_counter": 600, "user_id": 42, "user": USER, "platform": "Tizen",
    "player": "Telly", "ip_address": IP, "live": 0, "machine_id": DEVICE, "location": "wan", "relayed": 0,
    "media_type": "movie", "rating_key": 501, "full_title": TITLE, "percent_complete": 90, "watched_status": 1,
    "group_count": 1, "group_ids": "1", "state": None,
}  # fmt: skip
REPORTED = {
    "DateCreated": "2024-05-01 20:00:00.1234567", "UserId": "a" * 32, "ItemId": "b" * 32, "ItemType": "Movie",
    "ItemName": TITLE, "PlaybackMethod": "DirectPlay", "ClientName": "Jellyfin Web", "DeviceName": DEVICE,
    "PlayDuration": 5400,
}  # fmt: skip
EMBY_REPORTED = REPORTED | {"PauseDuration": 600, "RemoteAddress": IP, "TranscodeReasons": ""}
JELLYSTAT = {
    "Id": "9f0c", "IsPaused": False, "UserId": "u1", "UserName": USER, "Client": "Web", "DeviceName": "Chrome",
    "DeviceId": DEVICE, "ApplicationVersion": "10", "NowPlayingItemId": "m1", "NowPlayingItemName": TITLE,
    "SeasonId": None, "SeriesName": None, "EpisodeId": None, "PlaybackDuration": "5400",
    "ActivityDateInserted": "2024-05-01T21:30:00.000Z", "PlayState": {"PositionTicks": 1}, "RemoteEndPoint": IP,
}  # fmt: skip
STREAMYSTATS = {
    "id": "s-1", "server_id": 1, "user_id": "u1", "item_id": "m1", "series_id": None, "user_name": USER,
    "device_id": DEVICE, "device_name": "Chrome", "client_name": "Web", "remote_end_point": IP, "item_name": TITLE,
    "series_name": None, "play_duration": 5400, "start_time": "2024-05-01 20:00:00.5+00",
    "end_time": "2024-05-01 21:40:00+00", "runtime_ticks": 60000000000, "position_ticks": 54000000000,
    "percent_complete": 90.0, "completed": True, "is_inferred": False,
}  # fmt: skip
TRACEARR = {
    "id": "t-1", "server_id": "x", "server_user_id": "u1", "state": "stopped", "media_type": "movie",
    "media_title": TITLE, "grandparent_title": None, "rating_key": "501", "started_at": "2024-05-01 20:00:00+00",
    "stopped_at": "2024-05-01 21:40:00+00", "duration_ms": 5400000, "total_duration_ms": 6000000,
    "progress_ms": 5400000, "reference_id": None, "watched": True, "force_stopped": False, "short_session": False,
    "ip_address": IP, "geo_city": "Lyon", "geo_region": "ARA", "geo_country": "FR", "geo_lat": 45.75, "geo_lon": 4.85,
    "geo_asn_number": 64500, "geo_asn_organization": "An ISP", "player_name": "Telly", "device_id": DEVICE,
    "product": "Plex", "device": "TV", "platform": "Tizen",
}  # fmt: skip
VIEWED = {
    "id": 7, "account_id": 42, "guid": "plex://movie/1", "metadata_type": 1, "library_section_id": 1,
    "grandparent_title": "", "parent_title": "", "title": TITLE, "viewed_at": 1714599600, "device_id": 3,
}  # fmt: skip
STREAM = {
    "ts": "2024-05-01T20:03:00Z", "username": USER, "platform": DEVICE, "ms_played": 180000, "conn_country": "FR",
    "ip_addr": IP, "master_metadata_track_name": TITLE, "master_metadata_album_artist_name": "An Artist",
    "master_metadata_album_album_name": "An Album", "spotify_track_uri": "spotify:track:1", "episode_name": None,
    "episode_show_name": None, "spotify_episode_uri": None, "reason_start": "clickrow", "reason_end": "trackdone",
    "shuffle": False, "skipped": False, "offline": False, "offline_timestamp": None, "incognito_mode": False,
}  # fmt: skip
STREAM_OF_YEAR = {"endTime": "2021-05-01 20:03", "artistName": USER, "trackName": TITLE, "msPlayed": 180000}
SESSION = {
    "account_id": USER, "device_id": DEVICE, "ip_address": IP, "device_type": "tv",
    "start_time": "2024-05-01T20:00:00", "end_time": "2024-05-01T21:30:00",
}  # fmt: skip


def _parquet(path: Path, rows: Sequence[Row]) -> Path:
    pl.DataFrame(rows).write_parquet(path)
    return path


def _history(path: Path, rows: Sequence[Row]) -> Path:
    """Tautulli's database, the metadata being that of METADATA for each row."""
    history = [{**row, "id": place} for place, row in enumerate(rows, 1)]
    metadata = [{**METADATA, "id": row["id"]} for row in history]
    return database(path, {"session_history": history, "session_history_metadata": metadata})


def answer(path: Path, rows: Sequence[Row], **form: Any) -> Path:
    data = {"recordsFiltered": len(rows), "recordsTotal": len(rows), "total_duration": "1 hr", "data": rows}
    return as_json(path, {"response": {"result": "success", "message": None, "data": data}}, **form)


def _backup(path: Path, rows: Sequence[Row]) -> Path:
    return as_json(path, [{"jf_libraries": [{"Id": "l1"}]}, {"jf_playback_activity": rows}, {"jf_users": []}])


def _backup_lines(path: Path, rows: Sequence[Row]) -> Path:
    other: list[Row] = [
        {"type": "table", "table": "jf_libraries"},
        {"type": "row", "table": "jf_libraries", "data": {"Id": "l1"}},
    ]
    table = {"type": "table", "table": "jf_playback_activity"}
    activity = ({"type": "row", "table": "jf_playback_activity", "data": row} for row in rows)
    return as_ndjson(path, [*other, table, *activity])


def _camel(row: Row) -> dict[str, Any]:
    return {key.split("_")[0] + "".join(map(str.title, key.split("_")[1:])): value for key, value in row.items()}


def _streamystats_backup(path: Path, rows: Sequence[Row]) -> Path:
    info = {"timestamp": "2024-06-01T00:00:00.000Z", "version": "streamystats", "exportType": "backup"}
    sessions = [_camel(row) for row in rows]
    return as_json(path, {"exportInfo": info, "counts": {"sessions": 1}, "sessions": sessions}, indent=2)


Writer = Callable[[Path, Sequence[Row]], Path]

SAMPLES: dict[str, tuple[str, Row, Mapping[str, Writer]]] = {
    "netflix": ("ViewingActivity.csv", NETFLIX, {"csv": as_csv}),
    "spotify": ("Streaming_History_Audio_0.json", STREAM, {"json": as_json}),
    "spotify-year": ("StreamingHistory0.json", STREAM_OF_YEAR, {"json": as_json}),
    "tautulli": ("tautulli.db", HISTORY, {"sqlite": _history}),
    "plex": ("library.db", VIEWED, {"sqlite": lambda path, rows: database(path, {"metadata_item_views": rows})}),
    "tracearr": ("sessions", TRACEARR, {"csv": as_csv, "json": as_json, "ndjson": as_ndjson}),
    "jellyfin": (
        "playback",
        REPORTED,
        {"tsv": as_tsv, "sqlite": lambda path, rows: database(path, {"PlaybackActivity": rows})},
    ),
    "jellystat": ("backup.json", JELLYSTAT, {"list": _backup, "lines": _backup_lines}),
    "streamystats": (
        "sessions",
        STREAMYSTATS,
        {"csv": as_csv, "json": as_json, "ndjson": as_ndjson, "backup": _streamystats_backup},
    ),
    "emby": (
        "playback",
        EMBY_REPORTED,
        {"tsv": as_tsv, "sqlite": lambda path, rows: database(path, {"PlaybackActivity": rows})},
    ),
    "vendor": ("sessions.csv", SESSION, {"csv": as_csv}),
    "parquet": ("log.parquet", PLAYBACK, {"parquet": _parquet}),
    "ndjson": ("log.ndjson", PLAYBACK, {"ndjson": as_ndjson}),
    "csv": ("log.csv", PLAYBACK, {"csv": as_csv}),
}
"""Per format: a name for its file, one row of it, and how each of its forms is written."""

FORMS = [(format, form) for format, (_, _, forms) in SAMPLES.items() for form in forms] + [("tautulli", "api")]


def write(folder: Path, format: str, form: str, *changes: Row) -> Path:
    """A file of that form, with a row for each of the changes to the row of the sample (one row for none)."""
    name, row, forms = SAMPLES[format]
    if form == "api":
        return answer(folder / "history.json", [{**ANSWERED, **change} for change in changes or ({},)])
    return forms[form](folder / name, [{**row, **change} for change in changes or ({},)])


def saying(path: Path, minutes: int, *days: int) -> Path:
    """A table that says how long one film ran on evenings of May 2024."""
    rows = [{"account_id": "a", "title_id": "t", "device_id": "tv", "timezone": "UTC"} for _ in days]
    started = [f"2024-05-{day:02}T20:00:00Z" for day in days]
    said = [row | {"started_at": start, "duration_s": minutes * 60} for row, start in zip(rows, started, strict=True)]
    return as_csv(path, said)
