"""Taking in what was taken in before: the same file, a later copy, a day said otherwise, what a killed run began."""

import datetime as dt
import sqlite3
from pathlib import Path

import log_samples
import pytest
from commands import detector
from digests import watched_s
from support import clock

from detector import config, corrections, identity, ingesting, receipts, sources
from detector.errors import GateError, InputError
from detector.ingesting import ingest
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


def test_a_table_that_says_the_same_twice_is_stored_as_it_came(tmp_path: Path) -> None:
    """Files of a service's own are not compared with each other: replays are found when the day is digested."""
    home, settings = Store(tmp_path / "home"), config.load().settings
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        path = log_samples.write(folder, "csv", "csv", {"city": name} if name == "two" else {})
        [file] = ingest([str(path)], into=home, keys=KEYS, settings=settings, now=clock())
        assert (file.new_rows, file.repeated) == (1, 0)


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
    assert watched_s(home, 1, 2, 3) == [3600, 3600, 3600]
    assert replaced(2, second) == (1, 2)
    assert replaced(2, second) == (0, 2)
    assert watched_s(home, 1, 2, 3) == [3600, 5400, 3600]
    take(first, zone="Europe/Paris")
    assert take(log_samples.saying(tmp_path / "more.csv", 60, 2, 4)) == 1
    assert watched_s(home, 1, 2, 3, 4) == [3600, 5400, 3600, 3600]
    assert replaced(2, first) == (1, 2)
    assert watched_s(home, 1, 2, 3) == [3600, 3600, 3600]


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
    assert watched_s(home, 1, 2, 3) == [3600, 3600, 3600]
    replaced(2, "right.csv")
    assert watched_s(home, 1, 2, 3) == [3600, 5400, 3600]


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
        assert watched_s(home, 1, 2, 3) == [seconds] * 3
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
