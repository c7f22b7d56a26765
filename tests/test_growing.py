"""A log that grows: only what is new of a later copy is stored, and what it says otherwise counts."""

import datetime as dt
from pathlib import Path
from typing import Any

import log_samples
import polars as pl
import pytest
from digests import watched_s
from support import clock

from detector import config, identity, ingesting, receipts, sources
from detector.ingesting import ingest
from detector.receipts import Ingested
from detector.store import Store

KEYS = identity.Keys("0" * 64, bytes(32))


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
    assert (done.let_go, watched_s(home, 1)) == (1, [1200])
    [again] = ingest([_database(tmp_path / "two", 6000, 660)], into=home, keys=KEYS, settings=settings, now=clock())
    assert (again.replaced, again.new_rows) == (1, 1)
    assert watched_s(home, 1, 2) == [1200, 60]


def test_of_a_playback_that_went_on_as_a_log_was_copied_the_later_copy_counts(tmp_path: Path) -> None:
    """The row that was at work then is no contradiction now; nor is an old copy that comes after the new one."""
    home, settings = Store(tmp_path / "home"), config.load().settings
    copies = [_database(tmp_path / name, *lasted) for name, lasted in (("one", [1800]), ("two", [6000, 660]))]
    first, later = (
        file for copy in copies for file in ingest([copy], into=home, keys=KEYS, settings=settings, now=clock())
    )
    assert (first.new_rows, later.new_rows, later.repeated) == (1, 1, 1)  # what is said anew was there
    assert watched_s(home, 1, 2) == [5400, 60]
    other = Store(tmp_path / "other")
    for copy in reversed(copies):
        list(ingest([copy], into=other, keys=KEYS, settings=settings, now=clock()))
    assert watched_s(other, 1, 2) == [5400, 60]


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
    assert watched_s(home, 1, 2) == [5400, 60]


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
