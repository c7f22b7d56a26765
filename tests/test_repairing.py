"""The stored rows that decide some days, repaired: each day by itself, whichever are looked at together."""

import datetime as dt
import functools
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import settings as how_often
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from repairs import played, rows_of
from support import KEY, at

from detector import config, days, digesting, identity, playbacks, repairing, tables
from detector.ingesting import ingest
from detector.store import Store

SETTINGS = config.load(environ={"DETECTOR_GATE__REJECT_SHARE": "1"}).settings
KEYS = identity.Keys(KEY, bytes(32))
NOW = at("2025-07-10 12:00")
DAYS = [dt.date(2025, 6, n) for n in range(9, 15)]


def _repaired(home: Store, *on: dt.date) -> playbacks.Repaired:
    parts = functools.cache(functools.partial(home.parts, "playbacks"))
    return repairing.repaired(on, parts, repairing.scanner(home, {}), SETTINGS)


def _row(
    account: str, title: str, device: str | None, minute: int, lasts_min: int | None, **values: Any
) -> dict[str, Any]:
    start = at("2025-06-10 00:00") + dt.timedelta(minutes=minute)
    said = {"account_id": account, "title_id": title, "device_id": device, "started_at": start}
    return said | {"duration_s": None if lasts_min is None else lasts_min * 60} | values


ROWS = st.lists(
    st.builds(
        _row,
        st.sampled_from("ab"),
        st.sampled_from("xy"),
        st.sampled_from([None, "1", "2"]),
        st.one_of(st.integers(0, 4 * 24 * 6).map(lambda tenth: tenth * 10), st.integers(-40, 40)),
        st.sampled_from([None, 5, 25, 130, 2_000]),
        playback_id=st.sampled_from([None, None, "1", "2"]),
        title_runtime_s=st.sampled_from([None, 5_400]),
        timezone=st.sampled_from(["UTC", "America/Los_Angeles", "Pacific/Kiritimati"]),
    ),
    min_size=1,
    max_size=25,
)


@given(rows=ROWS)
@how_often(max_examples=30)
def test_days_looked_at_together_are_repaired_as_each_alone(rows: list[dict[str, Any]]) -> None:
    """What runs over midnight, resumes, is cut off by another title, or contradicts another row: each day's playbacks,
    replays and conflicts are the same, though the rows of one day would repair those of the day before."""
    with tempfile.TemporaryDirectory() as folder:
        file, home = Path(folder) / "log.ndjson", Store(Path(folder) / "home")
        pl.DataFrame(rows, infer_schema_length=None).write_ndjson(file)
        list(ingest([str(file)], into=home, keys=KEYS, settings=SETTINGS, now=NOW))
        together, alone = _repaired(home, *DAYS), [_repaired(home, day) for day in DAYS]
    for name, found in vars(together).items():
        expected = pl.concat(getattr(one, name) for one in alone)
        assert_frame_equal(found, expected, check_row_order=name == "playbacks")


@given(rows=ROWS)
@how_often(max_examples=30)
def test_a_day_is_repaired_as_with_all_rows_at_hand(rows: list[dict[str, Any]]) -> None:
    """Whatever is not looked up for it makes no difference, unless rows weeks apart were given one key."""
    rows = [row | {"playback_id": None} for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        file, home = Path(folder) / "log.ndjson", Store(Path(folder) / "home")
        pl.DataFrame(rows, infer_schema_length=None).write_ndjson(file)
        list(ingest([str(file)], into=home, keys=KEYS, settings=SETTINGS, now=NOW))
        stored = pl.concat(frame for date in home.partitions("playbacks") for frame in home.read("playbacks", [date]))
        for day in DAYS:
            closing = days.closing_time(day, SETTINGS.days)
            whole = playbacks.repair(stored.filter(pl.col("started_at") < closing), SETTINGS.playbacks).playbacks
            alone = _repaired(home, day).playbacks
            of_day = [
                days.on_each(frame.drop("on", strict=False).lazy(), day, day).collect() for frame in (alone, whole)
            ]
            assert_frame_equal(*of_day)


def test_days_of_which_nothing_is_stored_have_no_playbacks(tmp_path: Path) -> None:
    """One such day or several."""
    for some in (DAYS[:1], DAYS):
        done = _repaired(Store(tmp_path), *some)
        assert (done.playbacks.height, done.replays.height, done.conflicts.height) == (0, 0, 0)


def test_what_another_title_cut_off_the_evening_before_is_cut_off_for_the_day_after_too(tmp_path: Path) -> None:
    """A film left open when the same screen began another, and gone on with after midnight: a playback of its own, on
    the day it began. Seen without the other title it would be one with the evening's, and belong to neither day."""
    rows = [
        {
            "account_id": "a",
            "device_id": "tv",
            "timezone": "UTC",
            "title_id": title,
            "started_at": at(f"2025-06-{start}"),
        }
        | {"duration_s": minutes * 60, "position_start_s": since_min * 60, "position_end_s": until_min * 60}
        for title, start, minutes, since_min, until_min in (
            ("film", "29 23:00", 59, 0, 59),
            ("other", "29 23:20", 30, 0, 30),
            ("film", "30 00:10", 110, 30, 140),
        )
    ]
    pl.DataFrame(rows).write_parquet(tmp_path / "log.parquet")
    home = Store(tmp_path / "home")
    list(ingest([str(tmp_path / "log.parquet")], into=home, keys=KEYS, settings=SETTINGS, now=at("2025-07-02 12:00")))
    digesting.bring_up_to_date(home, dt.date(2025, 6, 30), settings=SETTINGS, key_id=KEYS.key_id)
    days = [dt.date(2025, 6, 29), dt.date(2025, 6, 30)]
    plays = [home.read(digesting.DAYS, [day], "account_days.parquet")[0]["plays"].sum() for day in days]
    assert plays == [2, 1]


def test_a_machine_with_thousands_of_plays_is_told_apart_row_by_row(tmp_path: Path) -> None:
    """Each row is met with what still runs, not with every other row of its device: that would be their square."""
    begin = at("2025-06-29 00:00")
    starts = [begin + dt.timedelta(seconds=20 * n) for n in range(2 * 4320)]
    played = {"account": 1, "device": 1, "device_is_real": True, "title": 1, "utc_offset_s": 0}
    schema = tables.columns(tables.CheckedRows)
    full = [dict.fromkeys(schema) | played | {"playback": n, "started_at": s} for n, s in enumerate(starts)]
    ends, day = pl.col("started_at") + pl.duration(seconds=30), pl.col("started_at").dt.date()
    rows = pl.DataFrame(full, schema=schema).with_columns(ended_at=ends, day=day)
    own, rest = (rows.filter(day == dt.date(2025, 6, n)) for n in (30, 29))
    ending = repairing._ending(own.lazy(), rest).collect()
    assert ending["playback"].to_list() == [4320]
    both = pl.concat([own, rest])
    assert repairing._ending(both.lazy(), rest).collect().height == rest.height + 1


def test_what_starts_while_an_earlier_one_runs_is_looked_up_though_a_later_one_has_ended() -> None:
    """On the same device only, and not on one that is known by its name only, which may be several."""
    rows = rows_of(
        *(played(f"10 20:{start}", minutes) for start, minutes in (("00", 50), ("10", 10), ("15", 1), ("30", 1))),
        played("10 20:51", 1),
        *(played(f"10 20:{start}", 50, device=2, device_is_real=False) for start in ("00", "10")),
    )
    to = rows.filter(pl.col("playback").is_in([1, 2, 6]))
    assert repairing._ending(rows.lazy(), to).collect()["playback"].sort().to_list() == [1, 2, 3, 4]


def test_what_came_in_between_the_evening_before_is_known_after_midnight(tmp_path: Path) -> None:
    """A song after midnight that was last heard ten minutes before it, with another in between, is no repeat, though
    that other one is no row of the day."""
    songs = [
        _row("a", title, "1", minute, 3, title_runtime_s=180) for title, minute in (("x", -12), ("y", -9), ("x", 2))
    ]
    pl.DataFrame(songs).write_ndjson(tmp_path / "log.ndjson")
    home = Store(tmp_path / "home")
    list(ingest([str(tmp_path / "log.ndjson")], into=home, keys=KEYS, settings=SETTINGS, now=NOW))
    on_the_day = pl.col("day") == dt.date(2025, 6, 10)
    assert _repaired(home, dt.date(2025, 6, 10)).playbacks.filter(on_the_day)["is_repeat"].to_list() == [False]
