"""Jellyfin's and Emby's Playback Reporting, as export and as database; all rows are invented, their form is true."""

import datetime as dt
from pathlib import Path
from typing import Any

import log_samples
import polars as pl
import pytest

from detector import sources
from detector.errors import InputError
from detector.sources import Options

START = dt.datetime(2024, 5, 1, 20, tzinfo=dt.UTC)
SQLITE_AND_TSV = pytest.mark.parametrize("form", ["sqlite", "tsv"])


def read(path: Path, **options: Any) -> pl.DataFrame:
    return sources.read(path, options=Options(**options))[1].collect()


def only(folder: Path, form: str, format: str = "jellyfin", clock: str = "", **changes: Any) -> dict[str, Any]:
    """The one row that a file of that form with these values gives."""
    (row,) = read(log_samples.write(folder, format, form, changes), clock=clock).to_dicts()
    return row


@SQLITE_AND_TSV
def test_one_row_of_jellyfin(form: str, tmp_path: Path) -> None:
    """The device is known by name; there is no address, no runtime, no position."""
    assert {name: value for name, value in only(tmp_path, form).items() if value is not None} == {
        "row": 1,
        "account_id": "a" * 32,
        "playback_id": f"{log_samples.REPORTED['DateCreated']}/{'b' * 32}/Jellyfin Web/secret-device",
        "device_name": "secret-device",
        "device_type": "Jellyfin Web",
        "title_id": "b" * 32,
        "title_name": "Secret Title",
        "title_kind": "movie",
        "started_at": START,
        "ended_at": START + dt.timedelta(minutes=90),
    }


@SQLITE_AND_TSV
def test_one_row_of_emby(form: str, tmp_path: Path) -> None:
    """The same with the address, and with the pause taken off."""
    jellyfin = only(tmp_path, form)
    ended_at = START + dt.timedelta(minutes=80)
    assert only(tmp_path, form, "emby") == jellyfin | {"ip": "203.0.113.77", "ended_at": ended_at}


@pytest.mark.parametrize(
    ("zone", "written", "utc"),
    [
        ("", "2024-07-01 20:00:00", "2024-07-01T20:00:00+00:00"),
        ("Europe/Paris", "2024-07-01 20:00:00", "2024-07-01T18:00:00+00:00"),
        ("Europe/Paris", "2024-01-01 20:00:00.7654321", "2024-01-01T19:00:00+00:00"),
        ("Europe/Paris", "2024-10-27 02:30:00", "2024-10-27T00:30:00+00:00"),
        ("Europe/Paris", "2024-03-31 02:30:00", None),
        ("Europe/Paris", "2024-07-01T20:00:00Z", "2024-07-01T20:00:00+00:00"),
        ("Europe/Paris", "2024-07-01 20:00:00+02:00", "2024-07-01T18:00:00+00:00"),
        ("Europe/Paris", "someday", None),
    ],
)
def test_the_zone_given_is_that_of_the_servers_clock(zone: str, written: str, utc: str | None, tmp_path: Path) -> None:
    """Local time becomes UTC by it; of an hour shown twice the first is meant; the viewer's zone stays unknown."""
    row = only(tmp_path, "sqlite", clock=zone, DateCreated=written)
    assert (row["started_at"] and row["started_at"].isoformat()) == utc
    assert row["timezone"] is None


@pytest.mark.parametrize(
    ("played", "paused", "seconds"),
    [(5400, 600, 4800), (5400, "", 5400), (5400, 9000, 0), (-5, 600, -5), ("long", 0, -1), ("", 0, None)],
)
def test_durations(played: Any, paused: Any, seconds: int | None, tmp_path: Path) -> None:
    """Pauses are not watched; what cannot be read ends before it starts, what is blank is not known."""
    row = only(tmp_path, "sqlite", "emby", PlayDuration=played, PauseDuration=paused)
    ended = row["ended_at"]
    assert (None if ended is None else (ended - row["started_at"]).total_seconds()) == seconds


@SQLITE_AND_TSV
@pytest.mark.parametrize(
    ("further", "ip"),
    [({}, None), ({"RemoteAddress": "203.0.113.77"}, "203.0.113.77")],
    ids=["pauses", "and addresses"],
)
def test_early_versions_of_embys_plugin_knew_less(
    form: str, further: dict[str, str], ip: str | None, tmp_path: Path
) -> None:
    """Pauses were first, addresses second, and why it was transcoded last."""
    early = log_samples.REPORTED | {"PauseDuration": 600} | further
    path = tmp_path / f"early.{form}"
    if form == "sqlite":
        log_samples.database(path, {"PlaybackActivity": [early]})
    else:
        log_samples.as_tsv(path, [early])
    name, rows = sources.read(path, options=Options())
    (row,) = rows.collect().to_dicts()
    assert (name, row["ended_at"], row["ip"]) == ("emby", START + dt.timedelta(minutes=80), ip)


def test_a_blank_pause_is_one_of_emby_all_the_same(tmp_path: Path) -> None:
    """The first row does not decide by itself which plugin wrote a log, for what a later copy says counts by format."""
    path = log_samples.write(tmp_path, "emby", "tsv", {"PauseDuration": ""}, {})
    assert sources.read(path, options=Options())[0] == "emby"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("Episode", "episode"),
        ("Audio", "track"),
        ("TvChannel", "live"),
        ("LiveTvProgram", "live"),
        ("MusicVideo", "clip"),
        ("Book", None),
    ],
)
def test_kinds(said: str, kind: str | None, tmp_path: Path) -> None:
    """The server's kinds of item that this project has a word for."""
    assert only(tmp_path, "tsv", ItemType=said)["title_kind"] == kind


@pytest.mark.parametrize(
    ("said", "ip"),
    [
        ("198.51.100.4:51234", "198.51.100.4"),
        ("[2001:db8::7]:443", "2001:db8::7"),
        ("2001:db8::7", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"),
        (" 198.51.100.4 ", "198.51.100.4"),
        ("", None),
    ],
)
def test_addresses_lose_what_is_written_around_them(said: str, ip: str | None, tmp_path: Path) -> None:
    """Ports, brackets and zones are no part of an address."""
    assert only(tmp_path, "sqlite", "emby", RemoteAddress=said)["ip"] == ip


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_encodings_and_ends_of_lines(encoding: str, end: str, tmp_path: Path) -> None:
    """An export that went through another program reads the same."""
    path = log_samples.write(tmp_path, "jellyfin", "tsv", {"ItemName": "Das Öl"})
    text = path.read_text(encoding="utf-8").replace("\r\n", end)
    path.write_bytes(text.encode(encoding))
    name, rows = sources.read(path, options=Options())
    assert (name, rows.collect()["title_name"].to_list()) == ("jellyfin", ["Das Öl"])


def test_a_torn_line_costs_that_line_only(tmp_path: Path) -> None:
    """A line that ends early has no duration, and one that is no row has nothing."""
    path = log_samples.write(tmp_path, "jellyfin", "tsv", {}, {})
    path.write_bytes(path.read_bytes() + b"\n\n2024-05-03 20:00:00\t" + b"a" * 32 + b"\nnonsense\n")
    rows = read(path)
    assert rows["row"].to_list() == [1, 2, 3, 4]
    assert rows["started_at"].is_null().to_list() == [False, False, False, True]
    assert rows["ended_at"].is_null().to_list() == [False, False, True, True]


def test_other_text_with_tabs_is_refused(tmp_path: Path) -> None:
    """A table with a line of names is no export of the plugin."""
    path = tmp_path / "other.tsv"
    path.write_text("\t".join(log_samples.REPORTED) + "\n" + "\t".join(map(str, log_samples.REPORTED.values())) + "\n")
    assert not sources.FORMATS["jellyfin"].recognises(path)
    path.write_text("a\tb\n1\t2\n")
    with pytest.raises(InputError, match="expected 10 columns between tabs"):
        sources.read(path, format="emby", options=Options())
