"""Spotify's extended history and the older one of a year; all rows here are invented, their form is the true one."""

import datetime as dt
from pathlib import Path
from typing import Any

import log_samples
import polars as pl
import pytest

from detector import sources
from detector.errors import InputError, SettingsError
from detector.sources import Options

END = dt.datetime(2024, 5, 1, 20, 3, tzinfo=dt.UTC)


def read(path: Path, account: str = "home") -> pl.DataFrame:
    return sources.read(path, options=Options(account=account))[1].collect()


def only(folder: Path, account: str = "home", **changes: Any) -> dict[str, Any]:
    (row,) = read(log_samples.write(folder, "spotify", "json", changes), account).to_dicts()
    return row


def test_one_stream_of_the_extended_history(tmp_path: Path) -> None:
    """The time is the end; the platform stands for the device's name."""
    assert {name: value for name, value in only(tmp_path).items() if value is not None} == {
        "row": 1,
        "account_id": "home",
        "device_name": "secret-device",
        "device_type": "secret-device",
        "title_id": "spotify:track:1",
        "title_name": "An Artist - Secret Title",
        "title_kind": "track",
        "started_at": END - dt.timedelta(minutes=3),
        "ended_at": END,
        "ip": "203.0.113.77",
        "country": "FR",
        "interaction": "user",
    }


def test_older_files_name_the_address_otherwise(tmp_path: Path) -> None:
    """`endsong_*.json` holds it as `ip_addr_decrypted`."""
    assert only(tmp_path, ip_addr=None, ip_addr_decrypted="203.0.113.9")["ip"] == "203.0.113.9"


def test_the_account_is_the_one_given_else_the_one_in_the_file(tmp_path: Path) -> None:
    """Older extended exports name the user; a file that names none needs --account."""
    assert only(tmp_path, account="")["account_id"] == "secret-user"
    for format in ("spotify", "spotify-year"):
        path = log_samples.write(tmp_path, format, "json", {"username": None})
        with pytest.raises(SettingsError, match="--account NAME"):
            read(path, account=" ")


@pytest.mark.parametrize(
    ("reason", "interaction"),
    [("playbtn", "user"), ("trackdone", "autoplay"), ("unknown", "unknown"), ("appload", None), (None, None)],
)
def test_who_started_it(reason: str | None, interaction: str | None, tmp_path: Path) -> None:
    """A button is a person, the end of the track before is not; others prove nothing."""
    assert only(tmp_path, reason_start=reason)["interaction"] == interaction


def test_podcasts_and_unknown_countries(tmp_path: Path) -> None:
    """An episode of a podcast is an episode; ZZ is no country."""
    row = only(
        tmp_path, spotify_track_uri=None, spotify_episode_uri="spotify:episode:2", episode_name="One",
        episode_show_name="A Show", conn_country="ZZ",
    )  # fmt: skip
    assert (row["title_id"], row["title_name"], row["title_kind"]) == ("spotify:episode:2", "A Show - One", "episode")
    assert row["country"] is None


def test_streams_without_a_length_have_no_start(tmp_path: Path) -> None:
    """Nothing is invented for them."""
    assert only(tmp_path, ms_played=None)["started_at"] is None


def minutes(folder: Path, *streams: tuple[str, int]) -> pl.DataFrame:
    """Streams that ended in these minutes and lasted so many seconds, as read."""
    rows = [{"endTime": f"2021-05-01 {end}", "msPlayed": seconds * 1000} for end, seconds in streams]
    return read(log_samples.write(folder, "spotify-year", "json", *rows))


def test_one_stream_of_a_year(tmp_path: Path) -> None:
    """Artist and track together are the title; neither device nor place is said."""
    (row,) = read(log_samples.write(tmp_path, "spotify-year", "json")).to_dicts()
    assert {name: value for name, value in row.items() if value is not None} == {
        "row": 1,
        "account_id": "home",
        "playback_id": "2021-05-01 20:03/secret-user/Secret Title/180000/0",
        "title_id": "secret-user - Secret Title",
        "title_name": "secret-user - Secret Title",
        "title_kind": "track",
        "started_at": dt.datetime(2021, 5, 1, 20, tzinfo=dt.UTC),
        "ended_at": dt.datetime(2021, 5, 1, 20, 3, tzinfo=dt.UTC),
    }


def test_streams_in_a_row_do_not_overlap_for_want_of_seconds(tmp_path: Path) -> None:
    """Each end is moved within its minute to where the streams follow each other; lengths stay."""
    rows = minutes(tmp_path, ("20:03", 200), ("20:06", 200), ("20:09", 170), ("20:30", 100))
    assert (rows["ended_at"] - rows["started_at"]).dt.total_seconds().to_list() == [200, 200, 170, 100]
    assert (rows["started_at"].shift(-1) - rows["ended_at"]).dt.total_seconds().to_list()[:2] == [0, 0]
    moved = rows["ended_at"].dt.second().to_list()
    assert moved == [0, 20, 10, 0]


def test_streams_that_did_overlap_still_do(tmp_path: Path) -> None:
    """What no second of its minute could move apart ran at the same time, and stays where it was written."""
    rows = minutes(tmp_path, ("20:10", 600), ("20:11", 600), ("20:12", 30))
    assert rows["ended_at"].dt.second().to_list() == [0, 0, 0]
    assert rows["started_at"][1] < rows["ended_at"][0]


def test_other_json_is_refused(tmp_path: Path) -> None:
    """An object, and a list of other records, say what was expected."""
    for value in ({"a": 1}, [{"a": 1}]):
        path = log_samples.as_json(tmp_path / "x.json", value)
        with pytest.raises(InputError, match=r"expected (a list of streams|ts and ms_played) in"):
            sources.read(path, format="spotify", options=Options(account="home"))
