"""However the work is cut, the features are the same: rows, files, buckets of accounts, nights."""

import datetime as dt
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import settings as how_often
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from support import KEY

from detector import config, digesting, features, identity, lookback
from detector.ingesting import ingest
from detector.store import Store

FIRST, LAST = dt.date(2025, 5, 30), dt.date(2025, 6, 4)  # a month ends in between
SETTINGS = config.load(environ={"DETECTOR_GATE__REJECT_SHARE": "1"}).settings
KEYS = identity.Keys(KEY, bytes(32))


def _row(minute: int, lasts_s: int | None, **values: Any) -> dict[str, Any]:
    start = dt.datetime.combine(FIRST, dt.time(), dt.UTC) + dt.timedelta(minutes=minute)
    return {"started_at": start, "duration_s": lasts_s, "title_kind": "movie", **values}


ROWS = st.lists(
    st.builds(
        _row,
        minute=st.integers(0, 6 * 24 * 60),
        lasts_s=st.sampled_from([None, 60, 1800, 5400, 40_000]),
        account_id=st.sampled_from(["a", "b", "c"]),
        device_id=st.sampled_from([None, "1", "2"]),
        profile_id=st.sampled_from([None, "p"]),
        title_id=st.sampled_from("xy"),
        ip=st.sampled_from([None, "240.0.0.1", "241.0.0.1"]),
        timezone=st.sampled_from(["UTC", "America/Los_Angeles", "Pacific/Kiritimati"]),
        latitude=st.sampled_from([None, 48.0, -12.0]),
        longitude=st.just(2.0),
    ),
    min_size=2,
    max_size=30,
)


def _take_in(home: Store, rows: Sequence[dict[str, Any]], name: str) -> None:
    file = home.home / f"{name}.ndjson"
    pl.DataFrame(rows, infer_schema_length=None).write_ndjson(file)
    now = dt.datetime(2025, 7, 1, tzinfo=dt.UTC)
    list(ingest([str(file)], into=home, keys=KEYS, settings=SETTINGS, now=now))


def _bring(home: Store, until: dt.date) -> None:
    digesting.bring_up_to_date(home, until, settings=SETTINGS, key_id=KEYS.key_id)


def _features(home: Store, *, bucket_rows: int = 10**6) -> pl.DataFrame:
    windows = lookback.windows(
        home, LAST, SETTINGS.window, met=lookback.meet(home, LAST, SETTINGS.window), bucket_rows=bucket_rows
    )
    return pl.concat([features.build_features(window) for window in windows])


def _all_at_once(rows: Sequence[dict[str, Any]], folder: str) -> Store:
    home = Store(Path(folder))
    _take_in(home, rows, "log")
    _bring(home, LAST)
    return home


@given(rows=ROWS, chance=st.randoms(use_true_random=False), files=st.integers(2, 4))
@how_often(max_examples=10)
def test_order_of_rows_and_cut_and_order_of_files(rows: list[dict[str, Any]], chance: Any, files: int) -> None:
    """Shuffled, dealt out to several files in any order, with some of the rows twice: the same features."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        expected = _features(_all_at_once(rows, one))
        home = Store(Path(other))
        shuffled = chance.sample([*rows, *rows[:3]], len(rows) + len(rows[:3]))
        for number in range(files):
            if dealt := shuffled[number::files]:
                _take_in(home, dealt, str(number))
        _bring(home, LAST)
        assert_frame_equal(_features(home), expected)


@given(rows=ROWS, bucket_rows=st.integers(1, 5))
@how_often(max_examples=10)
def test_number_of_buckets(rows: list[dict[str, Any]], bucket_rows: int) -> None:
    """Buckets with a few accounts, or none, put together, are all accounts."""
    with tempfile.TemporaryDirectory() as folder:
        home = _all_at_once(rows, folder)
        assert_frame_equal(_features(home, bucket_rows=bucket_rows), _features(home))


@given(rows=ROWS)
@how_often(max_examples=10)
def test_one_night_at_a_time_or_a_back_fill(rows: list[dict[str, Any]]) -> None:
    """Rows that come night by night, and late ones among them, give what they give when all are there at once."""
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        expected = _features(_all_at_once(rows, one))
        home = Store(Path(other))
        late = rows[::5]
        for number in range((LAST - FIRST).days + 1):
            day = FIRST + dt.timedelta(days=number)
            if new := [row for row in rows if row not in late and row["started_at"].date() == day]:
                _take_in(home, new, str(day))
            if home.partitions("playbacks"):
                _bring(home, day)
        rest = [row for row in rows if row in late or row["started_at"].date() > LAST]
        _take_in(home, rest, "late")
        _bring(home, LAST)
        assert_frame_equal(_features(home), expected)
