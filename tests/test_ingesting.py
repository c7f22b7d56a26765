"""Taking files in: what a run says of their formats, and when a file is another than before."""

import datetime as dt
import json
import sqlite3
from pathlib import Path
from typing import Any

import log_samples
import polars as pl
import pytest
from support import clock
from test_cli import detector, refused
from test_geo import database

from detector import config, corrections, digesting, identity, ingesting, receipts, sources
from detector.errors import GateError, InputError
from detector.ingesting import ingest
from detector.receipts import Ingested
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
        ("vendor", "vendor: says no title, so repetition will say nothing"),
        (
            "plex",
            "plex: says no IP address, country or duration, so concurrency, places, groups, profiles, residents, "
            "joined and change will say nothing",
        ),
        (
            "spotify-year",
            "spotify-year: says no IP address, country, device id or device name, "
            f"so devices, places, {_LINES}, rings and hands will say nothing",
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


def test_rows_beside_a_database_in_use_make_it_another_file(tmp_path: Path) -> None:
    """What a server has written since, and not yet moved into its database, is taken in by the next run."""
    path = log_samples.database(tmp_path / "used.db", {"metadata_item_views": [log_samples.VIEWED]}, wal=True)
    home, settings = Store(tmp_path / "home"), config.load().settings

    def taken() -> tuple[bool, int]:
        [file] = ingest([str(path)], into=home, keys=KEYS, settings=settings, now=clock())
        return file.known, file.rows

    assert [taken(), taken()] == [(False, 1), (True, 1)]
    writer = sqlite3.connect(path)
    try:
        writer.execute("INSERT INTO metadata_item_views SELECT * FROM metadata_item_views")
        writer.commit()
        assert [taken(), taken()] == [(False, 2), (True, 2)]
    finally:
        writer.close()


def test_a_log_that_grows_brings_only_what_is_new(tmp_path: Path) -> None:
    """The same database a day later adds its new rows; days that it had told of before stay as they were."""
    home, settings = Store(tmp_path / "home"), config.load().settings
    days = [1714593600 + n * 86_400 for n in range(3)]

    def take(*started: int) -> Ingested:
        rows = [{"started": start, "stopped": start + 5400} for start in started]
        path = log_samples.write(tmp_path, "tautulli", "sqlite", *rows)
        [file] = ingest([str(path)], into=home, keys=KEYS, settings=settings, now=clock())
        return file

    def stored() -> dict[dt.date, dict[str, Any]]:
        return {date: dict(home.parts("playbacks", date)) for date in home.partitions("playbacks")}

    first = take(*days[:2])
    before = stored()
    second = take(*days)
    assert (first.new_rows, second.rows, second.repeated, second.new_rows) == (2, 3, 2, 1)
    assert {date: parts for date, parts in stored().items() if date in before} == before
    assert len(stored()) == 3
    assert sum(part.rows for parts in stored().values() for part in parts.values()) == 3
    assert home.partitions("sealed") == home.partitions("playbacks")


def test_a_table_that_says_the_same_twice_is_stored_as_it_came(tmp_path: Path) -> None:
    """Files of a service's own are not compared with each other: replays are found when the day is digested."""
    home, settings = Store(tmp_path / "home"), config.load().settings
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        path = log_samples.write(folder, "csv", "csv", {"city": name} if name == "two" else {})
        [file] = ingest([str(path)], into=home, keys=KEYS, settings=settings, now=clock())
        assert (file.new_rows, file.repeated) == (1, 0)


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
    assert "the other 3 were taken in" in err
    (log / "b-good.csv").unlink()
    (log / "a-torn.parquet").unlink()
    refused("ingest", "log", cwd=tmp_path, code=4, saying="found no rows")


def _saying(path: Path, minutes: int, *days: int) -> Path:
    """A table that says how long one film ran on evenings of May 2024."""
    rows = [{"account_id": "a", "title_id": "t", "device_id": "tv", "timezone": "UTC"} for _ in days]
    started = [f"2024-05-{day:02}T20:00:00Z" for day in days]
    said = [row | {"started_at": start, "duration_s": minutes * 60} for row, start in zip(rows, started, strict=True)]
    return log_samples.as_csv(path, said)


def _seconds(home: Store, *days: int) -> list[int]:
    """How long the account played on days of May 2024."""
    settings = config.load().settings
    digesting.bring_up_to_date(home, dt.date(2024, 5, 6), settings=settings, key_id=KEYS.key_id)
    dates = [dt.date(2024, 5, day) for day in days]
    return [int(home.read(digesting.DAYS, [date], "account_days.parquet")[0]["seconds"].sum()) for date in dates]


def test_a_day_can_be_replaced_and_stays_so(tmp_path: Path) -> None:
    """Of one day only the second of two files that contradict each other counts: neither the first, read otherwise
    again, nor a copy of it with more days changes that, and of other days nothing is taken. Back is the same way."""
    home, settings = Store(tmp_path / "home"), config.load().settings
    first, second = _saying(tmp_path / "first.csv", 60, 1, 2, 3), _saying(tmp_path / "second.csv", 90, 1, 2, 3)

    def take(file: Path, zone: str = "") -> int:
        options = sources.Options("", zone, {})
        [done] = ingest([str(file)], into=home, keys=KEYS, settings=settings, options=options, now=clock())
        return done.new_rows

    def replaced(day: int, *files: Path) -> tuple[int, int]:
        date = dt.date(2024, 5, day)
        done = ingesting.replace_day(date, [*map(str, files)], into=home, keys=KEYS, settings=settings, now=clock())
        return done.let_go, done.of_other_days

    take(first)
    assert _seconds(home, 1, 2, 3) == [3600, 3600, 3600]
    assert replaced(2, second) == (1, 2)
    assert replaced(2, second) == (0, 2)
    assert _seconds(home, 1, 2, 3) == [3600, 5400, 3600]
    take(first, zone="Europe/Paris")
    assert take(_saying(tmp_path / "more.csv", 60, 2, 4)) == 1
    assert _seconds(home, 1, 2, 3, 4) == [3600, 5400, 3600, 3600]
    assert replaced(2, first) == (1, 2)
    assert _seconds(home, 1, 2, 3) == [3600, 3600, 3600]


def test_a_replacement_that_is_refused_or_cut_off_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day that the files do not hold, a torn file beside a good one, too many rejects, a kill at the end."""
    home, settings = Store(tmp_path / "home"), config.load().settings
    wrong = _saying(tmp_path / "wrong.csv", 60, 1, 2, 3)
    _saying(tmp_path / "right.csv", 90, 1, 2, 3)
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    log_samples.as_csv(
        tmp_path / "bad.csv", [{"account_id": "a", "title_id": "t", "started_at": "1970-01-01T00:00:00Z"}]
    )

    def replaced(day: int, *files: str) -> None:
        paths = [str(tmp_path / file) for file in files]
        ingesting.replace_day(dt.date(2024, 5, day), paths, into=home, keys=KEYS, settings=settings, now=clock())

    list(ingest([str(wrong)], into=home, keys=KEYS, settings=settings, now=clock()))
    (tmp_path / "empty.csv").touch()
    for day, files, refusal in (
        (2, ["empty.csv", "torn.parquet"], "; nothing was changed"),
        (5, ["right.csv"], "expected playbacks of 2024-05-05"),
        (2, ["right.csv", "torn.parquet"], r"torn\.parquet"),
        (2, ["right.csv", "bad.csv"], "rejected rows"),
    ):
        with pytest.raises((InputError, GateError), match=refusal):
            replaced(day, *files)
        assert [part for date in home.partitions("playbacks") for part in home.parts("playbacks", date)] == [
            f"{ingesting._content(wrong)}.parquet"
        ] * 3
    with monkeypatch.context() as patch:
        patch.setattr(corrections, "replace", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            replaced(2, "right.csv")
    assert _seconds(home, 1, 2, 3) == [3600, 3600, 3600]
    replaced(2, "right.csv")
    assert _seconds(home, 1, 2, 3) == [3600, 5400, 3600]


def _database(folder: Path, *lasted: int) -> str:
    """A log that grows: so many seconds on evenings from 1 May 2024 on, of each of which ten minutes it stood still."""
    folder.mkdir()
    start = 1714593600
    rows = [{"id": n, "started": start + n * 86_400, "stopped": start + n * 86_400 + s} for n, s in enumerate(lasted)]
    return str(log_samples.write(folder, "tautulli", "sqlite", *rows))


def test_a_log_that_grows_does_not_bring_a_replaced_day_back(tmp_path: Path) -> None:
    """What it still says of the day does not count, and is told."""
    home, settings = Store(tmp_path / "home"), config.load().settings
    list(ingest([_database(tmp_path / "one", 5400)], into=home, keys=KEYS, settings=settings, now=clock()))
    right = [_database(tmp_path / "right", 1800)]
    done = ingesting.replace_day(dt.date(2024, 5, 1), right, into=home, keys=KEYS, settings=settings, now=clock())
    assert (done.let_go, _seconds(home, 1)) == (1, [1200])
    [again] = ingest([_database(tmp_path / "two", 6000, 660)], into=home, keys=KEYS, settings=settings, now=clock())
    assert (again.replaced, again.new_rows) == (1, 1)
    assert _seconds(home, 1, 2) == [1200, 60]


def test_of_a_playback_that_went_on_as_a_log_was_copied_the_later_copy_counts(tmp_path: Path) -> None:
    """The row that was at work then is no contradiction now; nor is an old copy that comes after the new one."""
    home, settings = Store(tmp_path / "home"), config.load().settings
    copies = [_database(tmp_path / name, *lasted) for name, lasted in (("one", [1800]), ("two", [6000, 660]))]
    for copy in copies:
        list(ingest([copy], into=home, keys=KEYS, settings=settings, now=clock()))
    assert _seconds(home, 1, 2) == [5400, 60]
    other = Store(tmp_path / "other")
    for copy in reversed(copies):
        list(ingest([copy], into=other, keys=KEYS, settings=settings, now=clock()))
    assert _seconds(other, 1, 2) == [5400, 60]


def test_a_row_of_an_export_without_keys_that_has_gone_on_is_the_same_row(tmp_path: Path) -> None:
    """How long it ran is a part of what names it, and no other playback began there and then."""
    home, settings = Store(tmp_path / "home"), config.load().settings
    for name, minutes in (("one", 30), ("two", 90), ("old", 30)):
        (tmp_path / name).mkdir()
        log = log_samples.write(tmp_path / name, "netflix", "csv", {"Duration": f"{minutes // 60}:{minutes % 60}:00"})
        if name == "old":
            log.write_text(log.read_text() + "\n")
        options = sources.Options("home", "UTC", {})
        list(ingest([str(log)], into=home, keys=KEYS, settings=settings, options=options, now=clock()))
    rows = pl.concat(frame for date in home.partitions("playbacks") for frame in home.read("playbacks", [date]))
    assert [ran.total_seconds() / 60 for ran in rows["ended_at"] - rows["started_at"]] == [90]


def test_of_a_file_that_was_not_taken_in_whole_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run killed before a file was on record, then the log as it was corrected: only that one counts, and nothing is
    missed. The same file again is finished."""
    settings = config.load().settings
    cut, right = _saying(tmp_path / "cut.csv", 60, 1, 2, 3), _saying(tmp_path / "right.csv", 90, 1, 2, 3)
    for then, seconds in ((cut, 3600), (right, 5400)):
        home = Store(tmp_path / then.stem)
        with monkeypatch.context() as patch:
            patch.setattr(receipts, "write", lambda *_, **__: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                list(ingest([str(cut)], into=home, keys=KEYS, settings=settings, now=clock()))
        assert len(home.partitions("playbacks")) == 3
        assert (receipts.of(ingesting._content(cut), home), [*receipts.lost(home)]) == (None, [])
        list(ingest([str(then)], into=home, keys=KEYS, settings=settings, now=clock()))
        assert _seconds(home, 1, 2, 3) == [seconds] * 3
        assert [*receipts.lost(home), *receipts.begun(home)] == []


def test_an_odd_file_among_others_stops_none_of_them(tmp_path: Path) -> None:
    """One with too many rejects ends the run when the others are in; one that would need an option is named."""
    log = tmp_path / "log"
    log.mkdir()
    log_samples.as_csv(log / "a-odd.csv", [{"account_id": "a", "title_id": "t", "started_at": "1970-01-01T00:00:00Z"}])
    log_samples.write(log, "netflix", "csv").rename(log / "b-netflix.csv")
    _saying(log / "c-good.csv", 60, 1, 2)
    refused("ingest", "log", cwd=tmp_path, code=3, saying="a-odd.csv")
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


def test_a_row_is_judged_again_when_what_is_believed_has_changed(tmp_path: Path) -> None:
    """By a setting, or, of a row from the future, by the clock."""
    _saying(tmp_path / "log.csv", 12_000, 1, 2)
    loose = {"DETECTOR_GATE__REJECT_SHARE": "1"}
    code, out, _ = detector("ingest", "log.csv", cwd=tmp_path, env=loose)
    assert (code, "lasts_too_long" in out) == (0, True)
    code, out, _ = detector("ingest", "log.csv", cwd=tmp_path, env=loose | {"DETECTOR_PLAYBACKS__LONGEST_S": "900000"})
    assert "2 playbacks taken in from 1 file" in out
    home, settings = Store(tmp_path / "home"), config.load(environ=loose).settings
    early = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
    log = _saying(tmp_path / "early.csv", 60, 1, 2)
    took = [
        next(iter(ingest([str(log)], into=home, keys=KEYS, settings=settings, now=now))) for now in (early, clock())
    ]
    assert ["starts_in_the_future" in done.rejects for done in took] == [True, False]
    assert [done.new_rows for done in took] == [1, 1]  # the second time only the row that was not believed before
    assert home.partitions("rejects") == []


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
    told = "2 rows say neither a time zone nor a country of [days] zone_by_country: their days are those of UTC"
    code, out, _ = detector("ingest", str(log), cwd=tmp_path)
    assert (code, told in out) == (0, True)
    code, out, _ = detector("ingest", str(log), "--timezone", "UTC", cwd=tmp_path)
    assert (code, told in out) == (0, False)


def test_rows_west_of_all_are_told(tmp_path: Path) -> None:
    """Half past nine in New York is past the end of a day that closes in Berlin: those rows count for no day there."""
    rows = [
        {"account_id": "a", "title_id": "t", "started_at": f"2024-05-0{day}T01:30:00Z", "timezone": "America/New_York"}
        for day in (2, 3)
    ]
    log_samples.as_csv(tmp_path / "log.csv", rows)
    told = "2 rows lie west of [days] westernmost_zone and count for no day"
    code, out, _ = detector("ingest", "log.csv", cwd=tmp_path)
    assert (code, told in out) == (0, False)
    berlin = {"DETECTOR_DAYS__WESTERNMOST_ZONE": "Europe/Berlin"}
    code, out, _ = detector("ingest", "log.csv", cwd=tmp_path, env=berlin)
    assert (code, told in out) == (0, True)
