"""Taking files in: what a run says of their formats, and what it leaves out."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import log_samples
import polars as pl
import pytest
from commands import detector, refused
from support import clock
from test_geo import database

from detector import config, identity, sources
from detector.ingesting import ingest
from detector.store import Store

KEYS = identity.Keys("0" * 64, bytes(32))
_LINES = "groups, profiles, residents, joined, change"


def _last_record(folder: Path) -> dict[str, Any]:
    code, out, err = detector("runs", "--json", cwd=folder)
    assert code == 0, err
    record = json.loads(out)[0]["record"]
    assert isinstance(record, dict)
    return record


def test_ingest_says_which_formats_it_took_and_what_they_lack(tmp_path: Path) -> None:
    """One line a format for what was read, one for what that leaves out; both are on the run's record."""
    log = tmp_path / "log"
    log.mkdir()
    log_samples.write(log, "jellyfin", "tsv").rename(log / "playback.tsv")
    log_samples.write(log, "tautulli", "sqlite")
    log_samples.write(log, "tautulli", "api")
    code, out, err = detector("ingest", "log", cwd=tmp_path)
    assert code == 0, err
    assert "1 file read as jellyfin\n2 files read as tautulli\n" in out
    said = f"says no IP address, country or device id, so places, {_LINES}, rings and hands will say nothing"
    assert f"jellyfin: {said}\n" in out
    record = _last_record(tmp_path)
    assert record["formats"] == {"jellyfin": 1, "tautulli": 2}
    assert record["lacks"] == {"jellyfin": ["IP address", "country", "device id"]}
    assert record["geo"] == {}


@pytest.mark.parametrize(
    ("format", "caveat"),
    [
        ("tautulli", ""),
        ("netflix", f"netflix: says no IP address or device id, so {_LINES}, rings and hands will say nothing"),
        ("emby", "emby: says no device id, so hands will say nothing"),
        ("vendor", "vendor: says no title, so repetition and taste will say nothing"),
        (
            "plex",
            "plex: says no IP address, country or duration, so concurrency, places, groups, profiles, residents, "
            "joined and change will say nothing",
        ),
        (
            "spotify-year",
            "spotify-year: says no IP address, country, device id or device name, "
            f"so devices, places, {_LINES}, taste, rings, hands and unresting will say nothing",
        ),
    ],
)
def test_caveats_follow_from_what_a_format_lacks(format: str, caveat: str) -> None:
    """A family is left out when everything that it could be told by is lacking."""
    assert sources.FORMATS[format].caveat == caveat


def test_a_location_database_is_on_record_and_a_wrong_one_ends_the_run(tmp_path: Path) -> None:
    """Its type and date stand in the run's record; a missing file ends with 4, one of another kind with 2."""
    log_samples.write(tmp_path, "vendor", "csv")
    database(tmp_path / "city.mmdb", {"203.0.113.0/24": {"country": {"iso_code": "FR"}}}, "DBIP-Country-Lite")
    named = {"DETECTOR_GEO__CITY": "city.mmdb"}
    code, _, err = detector("ingest", "sessions.csv", cwd=tmp_path, env=named)
    assert code == 0, err
    assert _last_record(tmp_path)["geo"]["city"]["type"] == "DBIP-Country-Lite"
    other = {"DETECTOR_GEO__ASN": "city.mmdb"}
    refused("ingest", "sessions.csv", cwd=tmp_path, code=2, saying="[geo] asn", env=other)
    missing = {"DETECTOR_GEO__CITY": "gone.mmdb"}
    refused("ingest", "sessions.csv", cwd=tmp_path, code=4, saying="gone.mmdb", env=missing)
    refused("nightly", cwd=tmp_path, code=4, saying="gone.mmdb", env=missing)


def test_what_can_not_be_read_or_holds_nothing_stops_no_other_file(tmp_path: Path) -> None:
    """The others of a folder are taken in; then the refusal names the file, and nothing of it is kept."""
    log = tmp_path / "log"
    log.mkdir()
    (log / "a-empty.csv").touch()
    log_samples.write(log, "csv", "csv").rename(log / "b-good.csv")
    header = (log / "b-good.csv").read_text().splitlines()[0]
    (log / "c-header.csv").write_text(f"{header}\n")
    code, out, err = detector("ingest", "log", cwd=tmp_path)
    assert code == 0, err
    assert "1 playback taken in from 3 files\n2 of the files hold no rows: a-empty.csv, c-header.csv\n" in out
    (log / "a-torn.parquet").write_bytes(b"PAR1")
    code, out, err = detector("ingest", "log", cwd=tmp_path)
    assert code == 4
    assert "known already" in out
    assert "a-torn.parquet" in err
    assert "all others (3) were taken in" in err
    (log / "b-good.csv").unlink()
    (log / "a-torn.parquet").unlink()
    refused("ingest", "log", cwd=tmp_path, code=4, saying="found no rows")


def test_an_odd_file_among_others_stops_none_of_them(tmp_path: Path) -> None:
    """One with too many rejects ends the run when the others are in, and all of that is told; one that would need an
    option is named."""
    log = tmp_path / "log"
    log.mkdir()
    log_samples.as_csv(log / "a-odd.csv", [{"account_id": "a", "title_id": "t", "started_at": "1970-01-01T00:00:00Z"}])
    log_samples.write(log, "netflix", "csv").rename(log / "b-netflix.csv")
    log_samples.saying(log / "c-good.csv", 60, 1, 2)
    code, out, err = detector("ingest", "log", cwd=tmp_path)
    assert code == 3
    assert "a-odd.csv, found 100%" in err
    assert "2 playbacks taken in from 1 file\n" in out
    assert "left out: expected at most 20% rejected rows in log/a-odd.csv" in out
    assert "b-netflix.csv" in out
    [run] = json.loads(detector("runs", "--json", cwd=tmp_path)[1])
    assert (run["status"], run["record"]["rows"], run["record"]["refused"]) == ("refused", 2, 1)
    (log / "a-odd.csv").unlink()
    code, out, err = detector("ingest", "log", cwd=tmp_path)
    assert code == 4
    assert "1 file known already" in out
    assert "--account" in err


@pytest.mark.parametrize("form", ["csv", "parquet", "ndjson"])
def test_columns_that_are_ignored_are_told(tmp_path: Path, form: str) -> None:
    """`duration` is not `duration_s`: nothing of it is read, and who wrote it hears of it, once."""
    rows = pl.DataFrame(
        {"account_id": ["a"], "title_id": ["t"], "started_at": ["2025-06-01T10:00:00Z"], "duration": ["500"]}
    )
    write: dict[str, Any] = {"csv": rows.write_csv, "parquet": rows.write_parquet, "ndjson": rows.write_ndjson}
    write[form](tmp_path / f"log.{form}")
    code, out, _ = detector("ingest", f"log.{form}", cwd=tmp_path)
    assert (code, "columns that the format does not have are ignored: duration\n" in out) == (0, True)
    code, out, _ = detector("ingest", f"log.{form}", cwd=tmp_path)
    assert (code, "ignored" in out) == (0, False)
    mapped = {"DETECTOR_SOURCE__COLUMNS": '{"duration_s": "duration"}'}
    code, out, _ = detector("ingest", f"log.{form}", cwd=tmp_path, env=mapped)
    assert (code, "ignored" in out) == (0, False)


def test_an_ip_may_have_its_port(tmp_path: Path) -> None:
    """As servers write it: the address is the same as without."""
    ips = ("203.0.113.9", "203.0.113.9:443", "2001:db8::1", "[2001:db8::1]:80")
    lines = [f"a,t,2025-06-0{n}T10:00:00Z,{ip}" for n, ip in enumerate(ips, start=1)]
    (tmp_path / "log.csv").write_text("\n".join(["account_id,title_id,started_at,ip", *lines]) + "\n")
    assert detector("ingest", "log.csv", cwd=tmp_path)[0] == 0
    stored = Store(tmp_path / "detector-home")
    (v4, v4_port, v6, v6_port) = pl.concat(stored.read("playbacks", stored.partitions("playbacks")))["address"]
    assert v4 == v4_port != v6 == v6_port
    assert None not in (v4, v6)


def test_no_id_or_title_is_taken_for_the_name_of_a_column(tmp_path: Path) -> None:
    """What stands where names should is not repeated, neither to the reader nor to the ledger; a slip of the pen is."""
    (tmp_path / "users.json").write_text('{"secretuser": [{"a": 1}], "otheruser": []}')
    (tmp_path / "x.tsv").write_text("secretuser\tSecret Title\tTV\n")
    (tmp_path / "near.csv").write_text("Account-ID,title_id,started_at\na,t,2024-05-01T20:00:00Z\n")
    for file in ("users.json", "x.tsv"):
        code, _, err = detector("ingest", file, cwd=tmp_path)
        assert code == 4
        assert "secret" not in err.lower()
    refused("ingest", "near.csv", cwd=tmp_path, code=4, saying="found Account-ID, title_id, started_at;")
    assert "secret" not in detector("runs", "--json", cwd=tmp_path)[1].lower()


def test_a_log_without_time_zones_is_told(tmp_path: Path) -> None:
    """Its evenings may lie on two days each: how many rows, and what to name; a zone that is named is believed."""
    row = {"account_id": "a", "title_id": "t", "started_at": "2024-05-01T00:30:00Z"}
    log = log_samples.as_csv(tmp_path / "log.csv", [row, row | {"title_id": "u"}])
    told = "2 rows without a time zone, an offset or a country of [days] zone_by_country: days are those of UTC there"
    code, out, _ = detector("ingest", str(log), cwd=tmp_path)
    assert (code, told in out) == (0, True)
    code, out, _ = detector("ingest", str(log), "--timezone", "UTC", cwd=tmp_path)
    assert (code, told in out) == (0, False)


@pytest.mark.parametrize(
    ("said", "days"),
    [
        ([], {dt.date(2024, 5, 1), dt.date(2024, 5, 2)}),
        (["--timezone", "Asia/Tokyo"], {dt.date(2024, 5, 2), dt.date(2024, 5, 3)}),
    ],
)
def test_a_day_is_that_of_the_clock_by_which_it_is_written(tmp_path: Path, said: list[str], days: set[dt.date]) -> None:
    """Half past three in the afternoon and ten at night in Los Angeles; a zone that is named stands before it."""
    starts = ("2024-05-01T15:30:00-07:00", "2024-05-02T22:00:00-07:00")
    rows = [{"account_id": "a", "title_id": "t", "started_at": start} for start in starts]
    log = log_samples.as_csv(tmp_path / "log.csv", rows)
    code, out, _ = detector("ingest", str(log), *said, cwd=tmp_path)
    assert (code, "time zone" in out) == (0, False)
    home = Store(tmp_path / "detector-home")
    stored = pl.concat(home.read("playbacks", home.partitions("playbacks")))
    assert set(stored["day"]) == days


def test_rows_west_of_all_are_told(tmp_path: Path) -> None:
    """Half past nine in New York is past the end of a day that closes in Berlin: those rows count for no day there."""
    rows = [
        {"account_id": "a", "title_id": "t", "started_at": f"2024-05-0{day}T01:30:00Z", "timezone": "America/New_York"}
        for day in (2, 3)
    ]
    log_samples.as_csv(tmp_path / "log.csv", rows)
    told = "2 rows west of [days] westernmost_zone, counted for no day"
    code, out, _ = detector("ingest", "log.csv", cwd=tmp_path)
    assert (code, told in out) == (0, False)
    berlin = {"DETECTOR_DAYS__WESTERNMOST_ZONE": "Europe/Berlin"}
    code, out, _ = detector("ingest", "log.csv", cwd=tmp_path, env=berlin)
    assert (code, told in out) == (0, True)


def test_the_zone_set_for_all_is_that_of_a_servers_clock(tmp_path: Path) -> None:
    """Where no other is given: nothing then warns of rows without a zone."""
    settings = config.load(environ={"DETECTOR_DAYS__DEFAULT_ZONE": "Europe/Paris"}).settings
    path = log_samples.write(tmp_path, "jellyfin", "tsv", {"DateCreated": "2024-05-01 23:30:00"})
    home = Store(tmp_path / "home")
    [file] = ingest([str(path)], into=home, keys=KEYS, settings=settings, now=clock())
    [date] = home.partitions("playbacks")
    [rows] = home.read("playbacks", [date])
    assert file.zoneless == 0
    assert rows.select(pl.col("started_at").dt.strftime("%R"), pl.col("day").dt.day()).row(0) == ("21:30", 1)
