"""Tautulli, which watches a Plex server: its SQLite database (`tautulli.db`), or the answer of its API's `get_history`.

Take one of the two, not both: they say the same of a playback in different detail, and would contradict each other.
A session still running, which the API lists without a row id, is left out.

- **When it ended.** `ended_at` is `started` plus the time played: `stopped` - `started` - `paused_counter`, or the
  API's `play_duration`. A paused stream is not watched, and seconds, views and overlaps are measured between start
  and end. The price is that a playback with pauses ends too early on the clock by their length.
- **Resumes.** `reference_id` chains stretches of one viewing: Tautulli writes it where the same user goes on with the
  same item, not watched to its end, at or past the place where it stopped, however much later. Repair merges what
  belongs together and is near in time by position, so a stretch says where it began: `view_offset`, where it stopped,
  minus the time played; where the player did not report that, the place where the one before it in the chain stopped.
  The API gives a whole chain as one row unless asked with `grouping=0`, which is the better way to ask.
- **Live** channels have no place to stop at: their positions are not read.
- **Where.** The IP of a relayed session is the relay's, not the viewer's, and is dropped. That of a session on the
  server's own network (`location` is "lan") is a private one and stays: all of these are one address, the
  house of the server.
"""

import re
from pathlib import Path

import polars as pl

from detector.errors import InputError
from detector.sources import _fields as field
from detector.sources import _json, _sqlite
from detector.sources._format import Format, Options, decoded, head, missing_columns, reading

_HISTORY = (
    "id", "reference_id", "started", "stopped", "paused_counter", "user_id", "rating_key", "media_type", "view_offset",
    "ip_address", "relayed", "machine_id", "player", "platform",
)  # fmt: skip
_METADATA = ("full_title", "duration", "live")
_REQUIRED = ("started", "stopped", "user_id", "rating_key", "reference_id")
_OF_API = (
    "row_id", "id", "reference_id", "started", "stopped", "paused_counter", "user_id", "rating_key", "media_type",
    "ip_address", "relayed", "machine_id", "player", "platform", "full_title", "live", "play_duration",
)  # fmt: skip
_ANSWER = r'\s*\{\s*"response"\s*:\s*\{.*?"data"\s*:\s*\[\s*'
_REMEDY = "take tautulli.db, or the answer of the API's get_history"
_KINDS = {kind: kind for kind in ("movie", "episode", "track", "clip")}


def _recognises(path: Path) -> bool:
    keys = _sqlite.columns(path, "session_history") or _json.first_keys(path, _ANSWER)
    return set(_REQUIRED) <= keys or re.match(_ANSWER + "]", decoded(head(path)), re.DOTALL) is not None


def _read(path: Path, options: Options) -> pl.LazyFrame:
    with reading(path, "a history of Tautulli"):
        if decoded(head(path)).lstrip().startswith("{"):
            return _rows(_answered(path), field.text("row_id", "id").is_not_null())
        wanted = {"session_history": _HISTORY, "session_history_metadata": _METADATA}
        table = _sqlite.read(path, wanted, _REQUIRED, _REMEDY)
        return _rows(
            table.with_columns(pl.lit(None, pl.String).alias(name) for name in ("row_id", "play_duration")), None
        )


def _answered(path: Path) -> pl.LazyFrame:
    records = _json.at(_json.load(path), "response", "data", "data")
    if records is None:
        raise InputError(f"expected response.data.data in {path}, found other JSON; {_REMEDY}")
    if records and isinstance(records[0], dict) and (missing := [n for n in _REQUIRED if n not in records[0]]):
        raise missing_columns(path, missing, records[0], _REMEDY)
    unsaid = [pl.lit(None, pl.String).alias(name) for name in ("view_offset", "duration")]
    return _json.table(records, _OF_API).with_columns(unsaid)


def _rows(table: pl.LazyFrame, keep: pl.Expr | None) -> pl.LazyFrame:
    start = field.instant("started")
    between = field.number("stopped") - field.number("started")
    paused = field.number("paused_counter").fill_null(0).clip(lower_bound=0)
    # A pause is counted in whole polls of the server, and may come out longer than the session.
    played = pl.when(between >= 0).then((between - paused).clip(lower_bound=0)).otherwise(between)
    seconds = pl.coalesce(field.number("play_duration"), played)
    is_live = field.is_set("live")
    offset = field.whole("view_offset") // 1000
    stopped_at = pl.when((offset > 0) & ~is_live).then(offset)  # players that report nothing leave 0
    chain = field.text("reference_id")
    before = stopped_at.shift(1).over(chain, order_by=field.number("started"))
    began = pl.when(stopped_at.is_null()).then(pl.when(chain.is_not_null()).then(before))
    runtime = field.whole("duration") // 1000
    return field.raw_rows(
        table,
        keep=keep,
        account_id=field.text("user_id"),
        # The number alone is every server's; what is played is given another key when it comes to the library again.
        playback_id=pl.concat_str(field.text("started"), field.text("row_id", "id"), separator="/"),
        device_id=field.text("machine_id"),
        device_name=field.text("player"),
        device_type=field.text("platform"),
        title_id=field.text("rating_key"),
        title_name=field.text("full_title"),
        title_kind=pl.when(is_live).then(pl.lit("live")).otherwise(field.kind("media_type", _KINDS)),
        title_runtime_s=pl.when(runtime > 0).then(runtime),
        started_at=start,
        ended_at=field.ended(start, seconds, "stopped", "play_duration"),
        position_start_s=pl.coalesce(field.began(stopped_at, seconds), began),
        position_end_s=stopped_at,
        ip=pl.when(~field.is_set("relayed")).then(field.ip("ip_address")),
    )


FORMAT = Format(
    "tautulli",
    "Tautulli's database, or the answer of its API's get_history",
    (".db", ".sqlite", ".sqlite3", ".json"),
    _recognises,
    _read,
    grows=True,
)
