"""Taking files in: what a run says of their formats, and when a file is another than before."""

import datetime as dt
import json
import sqlite3
from pathlib import Path
from typing import Any

import log_samples
import pytest
from support import clock
from test_cli import detector, refused
from test_geo import database

from detector import config, digesting, identity, ingesting, sources
from detector.errors import InputError
from detector.ingesting import Ingested, ingest
from detector.store import Store

KEYS = identity.Keys("0" * 64, bytes(32))


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
    assert "jellyfin: says no IP address, country or device id, so places, rings and hands will be left out\n" in out
    record = _last_record(tmp_path)
    assert record["formats"] == {"jellyfin": 1, "tautulli": 2}
    assert record["lacks"] == {"jellyfin": ["IP address", "country", "device id"]}
    assert record["geo"] == {}


@pytest.mark.parametrize(
    ("format", "caveat"),
    [
        ("tautulli", ""),
        ("netflix", "netflix: says no IP address or device id, so rings and hands will be left out"),
        ("emby", "emby: says no device id, so hands will be left out"),
        ("vendor", "vendor: says no title, so repetition will be left out"),
        ("plex", "plex: says no IP address, country or duration, so concurrency and places will be left out"),
        (
            "spotify-year",
            "spotify-year: says no IP address, country, device id or device name, "
            "so devices, places, rings and hands will be left out",
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
    assert "1 playbacks taken in from 3 files\n2 of the files hold no rows: a-empty.csv, c-header.csv\n" in out
    (log / "a-torn.parquet").write_bytes(b"PAR1")
    code, out, err = detector("ingest", "log", cwd=tmp_path)
    assert code == 4
    assert "files were known already" in out
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
    """Two files contradict each other on three days: one is replaced with the second file, and neither the first, read
    again in another way, nor another replacement of the day with nothing changes that. Back is the same way."""
    home, settings = Store(tmp_path / "home"), config.load().settings
    first, second = _saying(tmp_path / "first.csv", 60, 1, 2, 3), _saying(tmp_path / "second.csv", 90, 1, 2, 3)

    def take(*files: Path, zone: str = "") -> None:
        options = sources.Options("", zone, {})
        list(ingest([*map(str, files)], into=home, keys=KEYS, settings=settings, options=options, now=clock()))

    def replaced(day: int, file: Path) -> int:
        date = dt.date(2024, 5, day)
        return ingesting.replace_day(date, [str(file)], into=home, keys=KEYS, settings=settings, now=clock())[1]

    take(first, second)
    assert _seconds(home, 1, 2, 3) == [0, 0, 0]
    assert replaced(2, second) == 1
    assert replaced(2, second) == 0  # as after a kill
    assert _seconds(home, 1, 2, 3) == [0, 5400, 0]
    take(first, zone="Europe/Paris")
    assert _seconds(home, 1, 2, 3) == [0, 5400, 0]
    with pytest.raises(InputError, match="expected playbacks of 2024-05-05"):
        replaced(5, second)
    assert replaced(2, first) == 1
    assert _seconds(home, 1, 2, 3) == [0, 3600, 0]


def test_a_log_that_grows_does_not_bring_a_replaced_day_back(tmp_path: Path) -> None:
    """What it still says of the day is left out, and told; a corrected copy of it may replace the day."""
    home, settings = Store(tmp_path / "home"), config.load().settings
    day, start = dt.date(2024, 5, 1), 1714593600

    def database(folder: str, *lasted: int) -> str:  # ten minutes of each it stood still
        (tmp_path / folder).mkdir()
        rows = [
            {"id": n, "started": start + n * 86_400, "stopped": start + n * 86_400 + s} for n, s in enumerate(lasted)
        ]
        return str(log_samples.write(tmp_path / folder, "tautulli", "sqlite", *rows))

    def stored() -> list[tuple[dt.date, int]]:
        ran = [
            (date, int((rows["ended_at"] - rows["started_at"]).dt.total_seconds().sum()))
            for date in home.partitions("playbacks")
            for rows in home.read("playbacks", [date])
        ]
        return sorted(ran)

    list(ingest([database("one", 5400)], into=home, keys=KEYS, settings=settings, now=clock()))
    right = database("right", 1800)
    _, let_go = ingesting.replace_day(day, [right], into=home, keys=KEYS, settings=settings, now=clock())
    assert (let_go, stored()) == (1, [(day, 1200)])
    [again] = ingest([database("two", 5400, 660)], into=home, keys=KEYS, settings=settings, now=clock())
    assert (again.replaced, again.new_rows) == (1, 1)
    assert stored() == [(day, 1200), (day + dt.timedelta(days=1), 60)]
