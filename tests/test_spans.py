"""Visits by context."""

import datetime as dt
import itertools

import polars as pl
from polars.testing import assert_frame_equal

from detector import spans, tables
from detector.days import VISIT


def _visits() -> pl.DataFrame:
    """Three days of every combination of a few values, unknown ones among them, some without plays."""
    values: list[list[int | str | None]] = [
        [1, 2],
        [None, 1],
        [None, 1, 2],
        [None, 1],
        [None, 1],
        [None, "vpn"],
        [None, "DE"],
        [None, "A"],
    ]
    rows = [
        dict(zip(["account", *VISIT], row, strict=True)) | {"day": dt.date(2025, 3, 31) + dt.timedelta(days=day)}
        for nth, row in enumerate(itertools.product(*values))
        for day in range(3)
        if (nth + day) % 4
    ]
    plays = [{"plays": nth % 5, "hours": 0, "utc_hours": 0} for nth in range(len(rows))]
    schema = tables.columns(tables.Visits)
    return pl.DataFrame([row | more for row, more in zip(rows, plays, strict=True)], schema=schema)


def test_one_number_stands_for_all_that_makes_up_a_context() -> None:
    """Visits by context are what grouping them by every column of it gives, unknown values being values of their own;
    days without plays do not count."""
    visits = _visits()
    key = ["account", *VISIT]
    expected = (
        visits.filter(pl.col("plays") > 0)
        .group_by(key)
        .agg(
            pl.col("plays").sum(),
            first_day=pl.col("day").min(),
            last_day=pl.col("day").max(),
            days=pl.col("day").n_unique(),
        )
    )
    found = spans.by_context(visits)
    assert found["account"].is_sorted()
    told = found.with_columns(pl.col("days").bitwise_count_ones()).select(expected.columns)
    assert_frame_equal(told.sort(key), expected.sort(key))
    together = found.group_by("account").agg(days=spans.days_of())
    assert together["days"].to_list() == [3, 3]
