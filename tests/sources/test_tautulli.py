"""Tautulli's database and the answers of its API; all rows here are invented, their form is the true one."""

import datetime as dt
from pathlib import Path
from typing import Any

import log_samples
import polars as pl
import pytest
from log_samples import ANSWERED, HISTORY, METADATA, answer, as_json, database

from detector import sources
from detector.errors import InputError
from detector.sources import Options

START = dt.datetime(2024, 5, 1, 20, tzinfo=dt.UTC)


def read(path: Path) -> pl.DataFrame:
    name, rows = sources.read(path, options=Options())
    assert name == "tautulli"
    return rows.collect()


def only(folder: Path, **changes: Any) -> dict[str, Any]:
    """The one row that the database with these values in its history gives."""
    (row,) = read(log_samples.write(folder, "tautulli", "sqlite", changes)).to_dicts()
    return row


def test_one_row_of_the_database(tmp_path: Path) -> None:
    """History and metadata together; times in UTC, positions and runtime in seconds, pauses taken off the end."""
    assert {name: value for name, value in only(tmp_path).items() if value is not None} == {
        "row": 1,
        "account_id": "42",
        "playback_id": "1714593600/1",
        "device_id": "secret-device",
        "device_name": "Telly",
        "device_type": "Tizen",
        "title_id": "501",
        "title_name": "Secret Title",
        "title_kind": "movie",
        "title_runtime_s": 6000,
        "started_at": START,
        "ended_at": START + dt.timedelta(minutes=90),
        "position_start_s": 0,
        "position_end_s": 5400,
        "ip": "203.0.113.77",
    }


def test_one_row_of_the_api(tmp_path: Path) -> None:
    """The same playback by get_history: play_duration says how long; runtime and positions are not said."""
    (row,) = read(answer(tmp_path / "history.json", [ANSWERED])).to_dicts()
    unsaid = {"title_runtime_s": None, "position_start_s": None, "position_end_s": None}
    assert row == only(tmp_path) | unsaid


def test_a_chain_that_the_api_gives_as_one_row_lasts_as_long_as_was_played(tmp_path: Path) -> None:
    """Stretches days apart are grouped by default: the end is not that of the last, days later."""
    grouped = ANSWERED | {"stopped": 1714593600 + 3 * 86400, "play_duration": 6000, "group_count": 2}
    (row,) = read(answer(tmp_path / "history.json", [grouped])).to_dicts()
    assert row["ended_at"] - row["started_at"] == dt.timedelta(seconds=6000)


def test_the_api_of_before_names_rows_otherwise(tmp_path: Path) -> None:
    """By `id`; and a shell of Windows saves answers in UTF-16."""
    old = {("id" if name == "row_id" else name): value for name, value in log_samples.ANSWERED.items()}
    path = log_samples.answer(tmp_path / "history.json", [old])
    assert read(path)["playback_id"].to_list() == ["1714593600/1"]
    path.write_bytes(path.read_text().encode("utf-16"))
    assert read(path)["playback_id"].to_list() == ["1714593600/1"]


def test_an_answer_without_rows_is_one(tmp_path: Path) -> None:
    """Nobody watched anything."""
    assert read(log_samples.answer(tmp_path / "history.json", [])).height == 0


def test_running_sessions_of_the_api_are_left_out(tmp_path: Path) -> None:
    """A session without a row id is still running; `row` counts it."""
    running = ANSWERED | {"row_id": None, "state": "playing"}
    assert read(answer(tmp_path / "history.json", [running, ANSWERED]))["row"].to_list() == [2]


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"paused_counter": None}, 6000),
        ({"paused_counter": ""}, 6000),
        ({"paused_counter": 7000}, 0),
        ({"stopped": 1714593000}, -600),
        ({"stopped": "never", "paused_counter": 0}, -1),
        ({"stopped": None}, None),
    ],
)
def test_pauses_are_not_watched(changes: dict[str, Any], seconds: int | None, tmp_path: Path) -> None:
    """A pause longer than the session leaves nothing; an end before the start stays one, for the rules to reject."""
    row = only(tmp_path, **changes)
    ended = row["ended_at"]
    assert (None if ended is None else (ended - row["started_at"]).total_seconds()) == seconds


def test_stretches_of_a_chain_say_where_they_began(tmp_path: Path) -> None:
    """By where they stopped and how long they played; where the player reports nothing, by the one before."""
    first = {"stopped": 1714593600 + 3600, "paused_counter": 0, "view_offset": 3_600_000}
    later = {"started": 1714680000, "stopped": 1714681800, "paused_counter": 0, "view_offset": 5_400_000}
    silent = {"started": 1714690000, "stopped": 1714690060, "paused_counter": 0, "view_offset": 0}
    other = silent | {"reference_id": 9, "started": 1714700000, "stopped": 1714700060}
    rows = read(log_samples.write(tmp_path, "tautulli", "sqlite", silent, later, first, other)).sort("started_at")
    assert rows["position_start_s"].to_list() == [0, 3600, 5400, None]
    assert rows["position_end_s"].to_list() == [3600, 5400, None, None]


def test_who_wound_back_began_nowhere_known(tmp_path: Path) -> None:
    """A stretch that stopped before the time it played could have brought it has no beginning."""
    assert only(tmp_path, view_offset=600_000)["position_start_s"] is None


def test_a_relays_ip_is_nobodys(tmp_path: Path) -> None:
    """A relayed session has no IP; one on the server's own network keeps its private one."""
    assert only(tmp_path, relayed=1)["ip"] is None
    assert only(tmp_path, relayed="1")["ip"] is None
    assert only(tmp_path, relayed=None, location="lan", ip_address="192.168.1.7")["ip"] == "192.168.1.7"


@pytest.mark.parametrize(("said", "kind"), [("track", "track"), ("Clip", "clip"), ("photo", None), ("", None)])
def test_kinds(said: str, kind: str | None, tmp_path: Path) -> None:
    """Kinds of this project are taken, others are left unknown."""
    assert only(tmp_path, media_type=said)["title_kind"] == kind


def test_live_television_is_live_whatever_else_it_is(tmp_path: Path) -> None:
    """`live` in the metadata wins over the kind of media; a channel has no positions."""
    path = database(
        tmp_path / "t.db",
        {"session_history": [HISTORY], "session_history_metadata": [METADATA | {"live": 1, "media_type": "episode"}]},
    )
    (row,) = read(path).to_dicts()
    assert (row["title_kind"], row["position_start_s"], row["position_end_s"]) == ("live", None, None)


def test_old_databases_without_later_columns_are_read(tmp_path: Path) -> None:
    """Before machine ids, relays and live television there were none; a history without metadata has no names."""
    old = {k: v for k, v in HISTORY.items() if k not in ("relayed", "machine_id", "location", "product")}
    (row,) = read(database(tmp_path / "old.db", {"session_history": [old]})).to_dicts()
    assert (row["ip"], row["device_id"], row["device_name"], row["title_name"]) == ("203.0.113.77", None, "Telly", None)


@pytest.mark.parametrize("value", [{"response": {"data": {}}}, {"response": {"data": {"data": [{"started": 1}]}}}, {}])
def test_other_answers_are_refused(value: Any, tmp_path: Path) -> None:
    """The answer to another question says what was expected."""
    path = as_json(tmp_path / "other.json", value)
    with pytest.raises(InputError, match="get_history"):
        sources.read(path, format="tautulli", options=Options())
