"""Taking in what was taken in before: the same file, a later copy, a day said otherwise, what a killed run began."""

import datetime as dt
import sqlite3
from pathlib import Path
from typing import Any

import log_samples
import polars as pl
import pytest
from commands import detector
from support import clock

from detector import config, corrections, digesting, identity, ingesting, receipts, sources
from detector.errors import GateError, InputError
from detector.ingesting import ingest
from detector.receipts import Ingested
from detector.store import Store

KEYS = identity.Keys("0" * 64, bytes(32))


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
    first, second = (
        log_samples.saying(tmp_path / "first.csv", 60, 1, 2, 3),
        log_samples.saying(tmp_path / "second.csv", 90, 1, 2, 3),
    )

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
    assert take(log_samples.saying(tmp_path / "more.csv", 60, 2, 4)) == 1
    assert _seconds(home, 1, 2, 3, 4) == [3600, 5400, 3600, 3600]
    assert replaced(2, first) == (1, 2)
    assert _seconds(home, 1, 2, 3) == [3600, 3600, 3600]


def test_a_replacement_that_is_refused_or_cut_off_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day that the files do not hold, a torn file beside a good one, too many rejects, a kill at the end."""
    home, settings = Store(tmp_path / "home"), config.load().settings
    wrong = log_samples.saying(tmp_path / "wrong.csv", 60, 1, 2, 3)
    log_samples.saying(tmp_path / "right.csv", 90, 1, 2, 3)
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


_TWO_FROM_EIGHT = [{"Duration": "0:00:10"}, {"Duration": "0:20:00"}]
_SONGS = [{"endTime": f"2021-05-01 {end}", "msPlayed": 200_000} for end in ("20:03", "20:06", "20:09")]


@pytest.mark.parametrize(
    ("format", "form", "copies", "stand"),
    [
        (
            "jellystat", "list",  # who goes on within the hour goes on in the same row
            [({"PlaybackDuration": "1800", "ActivityDateInserted": "2024-05-01T23:50:00Z"}, ""),
             ({"PlaybackDuration": "3600", "ActivityDateInserted": "2024-05-02T01:15:00Z"}, "")],
            {"2024-05-02 00:15": 60},
        ),
        (
            "tautulli", "sqlite",  # a film that came to the library again has another key
            [({"rating_key": 501}, ""), ({"rating_key": 777}, "")],
            {"2024-05-01 20:00": 90},
        ),
        (
            "jellyfin", "tsv",  # an upgraded plugin writes its history anew
            [({"DateCreated": "2024-05-01 22:00:00.1234567"}, "Europe/Paris"),
             ({"DateCreated": "2024-05-01 20:00:00Z"}, "Europe/Paris")],
            {"2024-05-01 20:00": 90},
        ),
        (
            "jellyfin", "tsv",  # the zone of the clock is told later
            [({"DateCreated": "2024-05-01 22:00:00"}, ""),
             ({"DateCreated": "2024-05-01 22:00:00", "PlayDuration": 6000}, "Europe/Paris")],
            {"2024-05-01 20:00": 100},
        ),
    ],
    ids=["gone on", "moved in the library", "upgraded", "zone told"],
)  # fmt: skip
def test_what_a_later_copy_says_otherwise_of_a_playback_counts(
    format: str, form: str, copies: list[tuple[dict[str, Any], str]], stand: dict[str, int], tmp_path: Path
) -> None:
    """Be it under another start, title or zone: it is known by its key, or by what was written of its start."""
    taken = _taken(tmp_path, format, form, *(([row], zone) for row, zone in copies))
    assert taken == stand


@pytest.mark.parametrize("cut_at", ["supersede", "receipt"])
def test_a_later_copy_that_is_killed_as_it_replaces_an_earlier_loses_nothing(
    cut_at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are there and stay: taken in again it goes on from there, and nothing is gone if it is not."""
    home, settings = Store(tmp_path / "home"), config.load().settings
    first, later = _database(tmp_path / "one", 1800), _database(tmp_path / "two", 6000, 660)

    def take(file: str) -> None:
        list(ingest([file], into=home, keys=KEYS, settings=settings, now=clock()))

    take(first)
    with monkeypatch.context() as patch:
        where, what = {"supersede": (Store, "put"), "receipt": (receipts, "write")}[cut_at]
        puts = iter(range(100))
        real = home.put if cut_at == "supersede" else None

        def killed(*args: Any, **kwargs: Any) -> None:
            if real is None or next(puts) >= 4:  # two dates of rows and names are there
                raise KeyboardInterrupt
            real(*args[1:], **kwargs)

        patch.setattr(where, what, killed)
        with pytest.raises(KeyboardInterrupt):
            take(later)
    take(first)
    stored = [rows for date in home.partitions("playbacks") for rows in home.read("playbacks", [date])]
    assert pl.concat(stored)["started_at"].n_unique() == 2
    take(later)
    assert _seconds(home, 1, 2) == [5400, 60]


def test_of_two_that_began_together_the_one_that_went_on_replaces_itself_alone(tmp_path: Path) -> None:
    """By the minute, what starts by itself and what is chosen over it begin as one."""
    later = [_TWO_FROM_EIGHT[0], {"Duration": "0:50:00"}]
    home = Store(tmp_path / "home")
    _taken(tmp_path, "netflix", "csv", (_TWO_FROM_EIGHT, "UTC"), (later, "UTC"))
    rows = pl.concat(frame for date in home.partitions("playbacks") for frame in home.read("playbacks", [date]))
    assert sorted((rows["ended_at"] - rows["started_at"]).dt.total_seconds()) == [10, 3000]


@pytest.mark.parametrize("copies", [(_SONGS, _SONGS[1:]), (_SONGS[1:], _SONGS)], ids=["shorter later", "longer later"])
def test_an_export_that_begins_later_brings_no_stream_again(
    copies: tuple[list[Any], list[Any]], tmp_path: Path
) -> None:
    """Though its ends, moved within their minute, lie elsewhere where the streams before them are not there."""
    assert len(_taken(tmp_path, "spotify-year", "json", *((copy, "") for copy in copies))) == 3


def _taken(folder: Path, format: str, form: str, *copies: tuple[list[dict[str, Any]], str]) -> dict[str, int]:
    """The minutes of each stored playback by its start, after these copies of a log came, each with its zone."""
    home, settings = Store(folder / "home"), config.load().settings
    for nth, (rows, zone) in enumerate(copies):
        (folder / str(nth)).mkdir(parents=True)
        log = log_samples.write(folder / str(nth), format, form, *rows)
        options = sources.Options("home", zone, {})
        list(ingest([str(log)], into=home, keys=KEYS, settings=settings, options=options, now=clock()))
    stored = [frame for date in home.partitions("playbacks") for frame in home.read("playbacks", [date])]
    minutes = pl.concat(stored).select(
        pl.col("started_at").dt.strftime("%F %R"), (pl.col("ended_at") - pl.col("started_at")).dt.total_minutes()
    )
    assert minutes["started_at"].is_unique().all() or format == "netflix"
    return dict(minutes.rows())


def test_of_a_file_that_was_not_taken_in_whole_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run killed before a file was on record, then the log as it was corrected: only that one counts, and nothing is
    missed. The same file again is finished."""
    settings = config.load().settings
    cut, right = (
        log_samples.saying(tmp_path / "cut.csv", 60, 1, 2, 3),
        log_samples.saying(tmp_path / "right.csv", 90, 1, 2, 3),
    )
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


def test_a_row_is_judged_again_when_what_is_believed_has_changed(tmp_path: Path) -> None:
    """By a setting, or, of a row from the future, by the clock."""
    log_samples.saying(tmp_path / "log.csv", 12_000, 1, 2)
    loose = {"DETECTOR_GATE__REJECT_SHARE": "1"}
    code, out, _ = detector("ingest", "log.csv", cwd=tmp_path, env=loose)
    assert (code, "lasts_too_long" in out) == (0, True)
    code, out, _ = detector("ingest", "log.csv", cwd=tmp_path, env=loose | {"DETECTOR_PLAYBACKS__LONGEST_S": "900000"})
    assert "2 playbacks taken in from 1 file" in out
    home, settings = Store(tmp_path / "home"), config.load(environ=loose).settings
    early = dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)
    log = log_samples.saying(tmp_path / "early.csv", 60, 1, 2)
    took = [
        next(iter(ingest([str(log)], into=home, keys=KEYS, settings=settings, now=now))) for now in (early, clock())
    ]
    assert ["starts_in_the_future" in done.rejects for done in took] == [True, False]
    assert [done.new_rows for done in took] == [1, 1]  # the second time only the row that was not believed before
    assert home.partitions("rejects") == []
