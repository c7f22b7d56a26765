"""Jellystat, Streamystats, Tracearr and Plex; all rows here are invented, their form is the true one."""

import datetime as dt
from pathlib import Path
from typing import Any

import log_samples
import polars as pl
import pytest
from log_samples import JELLYSTAT, as_json

from detector import sources
from detector.errors import InputError
from detector.sources import Options

START = dt.datetime(2024, 5, 1, 20, tzinfo=dt.UTC)


def read(path: Path, format: str = "auto") -> pl.DataFrame:
    return sources.read(path, format=format, options=Options())[1].collect()


def only(folder: Path, format: str, form: str, **changes: Any) -> dict[str, Any]:
    (row,) = read(log_samples.write(folder, format, form, changes), format).to_dicts()
    return row


def known(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


@pytest.mark.parametrize("form", ["list", "lines"])
def test_one_row_of_jellystat(form: str, tmp_path: Path) -> None:
    """The time is the end, so the start lies the duration before it; numbers may stand as text."""
    assert known(only(tmp_path, "jellystat", form)) == {
        "row": 1,
        "account_id": "u1",
        "playback_id": "9f0c",
        "device_id": "secret-device",
        "device_name": "Chrome",
        "device_type": "Web",
        "title_id": "m1",
        "title_name": "Secret Title",
        "started_at": START,
        "ended_at": START + dt.timedelta(minutes=90),
        "ip": "203.0.113.77",
    }


def test_episodes_of_jellystat_are_not_their_series(tmp_path: Path) -> None:
    """NowPlayingItemId is the series of an episode: the same series on many days is no streak of one title."""
    row = only(tmp_path, "jellystat", "list", EpisodeId="e7", NowPlayingItemId="series", SeriesName="A Series")
    assert (row["title_id"], row["title_kind"], row["title_name"]) == ("e7", "episode", "A Series: Secret Title")


def test_what_jellystat_took_over_says_when_it_began(tmp_path: Path) -> None:
    """Playback Reporting's start stands where an end stands else; it is known by a mark."""
    begun = {"imported": True, "ActivityDateInserted": "2024-05-01T20:00:00.000Z"}
    row = only(tmp_path, "jellystat", "list", **begun)
    assert (row["started_at"], row["ended_at"]) == (START, START + dt.timedelta(minutes=90))


def test_a_title_may_hold_what_elsewhere_ends_a_line(tmp_path: Path) -> None:
    """JSON need not escape it."""
    path = log_samples.write(tmp_path, "jellystat", "lines", {"NowPlayingItemName": "one-two-three"})
    path.write_text(path.read_text().replace("one-two-three", "one\u2028two\x85three"), encoding="utf-8")
    assert read(path)["title_name"].to_list() == ["one\u2028two\x85three"]


def test_jellystat_without_a_duration_has_no_start(tmp_path: Path) -> None:
    """Nothing is invented for it: the row is for the rules to reject."""
    assert only(tmp_path, "jellystat", "list", PlaybackDuration=None)["started_at"] is None


def test_a_damaged_line_of_jellystat_costs_that_line(tmp_path: Path) -> None:
    """A line torn in the middle of the activity is a row of nulls; damage in other tables is none of ours."""
    path = log_samples.write(tmp_path, "jellystat", "lines", {}, {})
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], "{torn", *lines[1:4], "{torn", *lines[4:]]))
    rows = read(path)
    assert rows["row"].to_list() == [1, 2, 3]
    assert rows["account_id"].to_list() == ["u1", None, "u1"]


def test_a_backup_without_the_activity_is_refused(tmp_path: Path) -> None:
    """A backup of other tables says which one is missing."""
    path = as_json(tmp_path / "b.json", [{"jf_libraries": []}])
    with pytest.raises(InputError, match="expected the table jf_playback_activity"):
        read(path)


@pytest.mark.parametrize("indent", [None, 2])
def test_a_long_backup_is_recognised_by_its_beginning(indent: int | None, tmp_path: Path) -> None:
    """A first table longer than what is looked at does not hide what it is."""
    backup = [{"jf_libraries": [{"Id": "x" * 200_000}]}, {"jf_playback_activity": [JELLYSTAT]}]
    path = as_json(tmp_path / "b.json", backup, indent=indent)
    assert sources.read(path, options=Options())[0] == "jellystat"


@pytest.mark.parametrize("form", ["csv", "json", "ndjson", "backup"])
def test_one_row_of_streamystats(form: str, tmp_path: Path) -> None:
    """Names as the table has them or as its own backup writes them; ticks become seconds."""
    started_at = START + dt.timedelta(milliseconds=500)
    assert known(only(tmp_path, "streamystats", form)) == {
        "row": 1,
        "account_id": "u1",
        "playback_id": "s-1",
        "device_id": "secret-device",
        "device_name": "Chrome",
        "device_type": "Web",
        "title_id": "m1",
        "title_name": "Secret Title",
        "title_runtime_s": 6000,
        "started_at": started_at,
        "ended_at": started_at + dt.timedelta(seconds=5400),
        "position_start_s": 0,
        "position_end_s": 5400,
        "ip": "203.0.113.77",
    }


@pytest.mark.parametrize("form", ["csv", "json", "ndjson", "backup"])
def test_inferred_sessions_were_never_played(form: str, tmp_path: Path) -> None:
    """They are left out and counted in `row` only; "t" and "true" mean the same."""
    inferred = [{"is_inferred": value} for value in (True, "t", "true", False, "f", None)]
    rows = read(log_samples.write(tmp_path, "streamystats", form, *inferred))
    assert rows["row"].to_list() == [4, 5, 6]


def test_somebody_whom_streamystats_has_not_met_yet_has_an_account(tmp_path: Path) -> None:
    """The server's id of the user stands there before its own does."""
    assert only(tmp_path, "streamystats", "csv", user_id=None, user_server_id="u9")["account_id"] == "u9"


@pytest.mark.parametrize("form", ["json", "backup"])
def test_a_first_record_may_be_long(form: str, tmp_path: Path) -> None:
    """The whole session of the server may stand in a column that is not read."""
    path = log_samples.write(tmp_path, "streamystats", form, {"raw_data": "x" * 70_000})
    assert read(path)["account_id"].to_list() == ["u1"]


def test_streamystats_without_a_duration_ends_where_it_says(tmp_path: Path) -> None:
    """end_time is taken where play_duration is blank; an episode is told by its series."""
    row = only(tmp_path, "streamystats", "csv", play_duration="", series_id="s", series_name="A Series")
    assert row["ended_at"] == START + dt.timedelta(minutes=100)
    assert (row["title_kind"], row["title_name"]) == ("episode", "A Series: Secret Title")


@pytest.mark.parametrize("form", ["csv", "json", "ndjson"])
def test_one_row_of_tracearr(form: str, tmp_path: Path) -> None:
    """Milliseconds become seconds, and the place is the one it looked up."""
    assert known(only(tmp_path, "tracearr", form)) == {
        "row": 1,
        "account_id": "u1",
        "playback_id": "t-1",
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
        "country": "FR",
        "region": "ARA",
        "city": "Lyon",
        "latitude": 45.75,
        "longitude": 4.85,
        "asn": 64500,
    }


def test_running_sessions_of_tracearr_are_left_out(tmp_path: Path) -> None:
    """Their ends are not known yet; they are no rejects."""
    states = [{"state": state} for state in ("playing", "paused", "stopped", None)]
    assert read(log_samples.write(tmp_path, "tracearr", "csv", *states))["row"].to_list() == [3, 4]


def test_places_of_tracearr_that_are_none(tmp_path: Path) -> None:
    """A private address is "Local", and a country that is no code is not known."""
    local = {"geo_city": "Local Network", "geo_region": None, "geo_country": "Local Network", "geo_lat": "",
             "geo_lon": ""}  # fmt: skip
    row = only(tmp_path, "tracearr", "csv", **local)
    assert [row[name] for name in ("city", "region", "country", "latitude", "longitude")] == [None] * 5
    assert only(tmp_path, "tracearr", "csv", geo_country="France")["country"] is None


def test_tracearr_without_a_duration_ends_where_it_stopped(tmp_path: Path) -> None:
    """stopped_at is taken where duration_ms is blank."""
    assert only(tmp_path, "tracearr", "csv", duration_ms="")["ended_at"] == START + dt.timedelta(minutes=100)


def test_one_view_of_plex(tmp_path: Path) -> None:
    """A time, a title, an account and a device of the server, and no end."""
    assert known(only(tmp_path, "plex", "sqlite")) == {
        "row": 1,
        "account_id": "42",
        "device_id": "3",
        "title_id": "plex://movie/1",
        "title_name": "Secret Title",
        "title_kind": "movie",
        "started_at": START + dt.timedelta(minutes=100),
    }


def test_episodes_of_plex_and_times_as_text(tmp_path: Path) -> None:
    """Old libraries wrote the time as text; series, season and episode make the name."""
    row = only(
        tmp_path, "plex", "sqlite", metadata_type=4, grandparent_title="A", parent_title="B", title="C",
        viewed_at="2015-01-02 03:04:05",
    )  # fmt: skip
    assert (row["title_kind"], row["title_name"]) == ("episode", "A: B: C")
    assert row["started_at"] == dt.datetime(2015, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


@pytest.mark.parametrize("format", ["streamystats", "tracearr", "vendor"])
def test_dumps_without_their_columns_say_which(format: str, tmp_path: Path) -> None:
    """A dump of another table is refused by what is missing."""
    path = as_json(tmp_path / "x.json", [{"user_id": 1}])
    with pytest.raises(InputError, match=r"expected .*start.* found user_id;"):
        read(path, format)


def test_what_a_vendors_table_says_besides_is_told(tmp_path: Path) -> None:
    """A service's own log may have columns of these names: whoever wrote it learns that the rest was not read."""
    path = log_samples.write(tmp_path, "vendor", "csv", {"title_id": "t1", "user_agent": "Mozilla"})
    assert sources.further(path, "vendor", Options()) == ("title_id",)


def test_one_session_of_a_vendors_table(tmp_path: Path) -> None:
    """Hashed ids are ids; times without an offset are UTC; an end that cannot be read is before the start."""
    rows = read(log_samples.write(tmp_path, "vendor", "csv", {}, {"end_time": "late"}, {"end_time": ""}))
    assert known(rows.row(0, named=True)) == {
        "row": 1,
        "account_id": "secret-user",
        "device_id": "secret-device",
        "device_type": "tv",
        "started_at": START,
        "ended_at": START + dt.timedelta(minutes=90),
        "ip": "203.0.113.77",
    }
    assert (rows["ended_at"] - rows["started_at"]).dt.total_seconds().to_list() == [5400, -1, None]
