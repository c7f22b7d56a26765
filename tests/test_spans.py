"""Visits by context, and days folded into spans."""

import datetime as dt
import itertools

import polars as pl
import pytest
from digests import digested, play
from polars.testing import assert_frame_equal

from detector import config, spans, tables
from detector.days import VISIT, Day


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


def fold(made: list[Day], *earlier: spans.Span) -> spans.Span:
    account_days, visits = (pl.concat(getattr(day, part) for day in made) for part in ("account_days", "visits"))
    return spans.fold(account_days.lazy(), spans.by_context(visits).lazy(), *earlier)


def test_a_span_keeps_who_was_on_which_line_and_no_crowds_address() -> None:
    """A phone at home, at a hotel and on a carrier's line, on two days: by its address at home alone, by the carrier's
    network, and nowhere at the hotel, with the plays and days of each, however the days are cut."""
    rows = [
        play(f"2025-06-{day} {hour}:00", device_id="phone", profile_id="p", ip=ip, network_kind=kind)
        for day in (10, 11)
        for hour, ip, kind in ((10, "192.0.2.1", None), (14, "198.51.100.1", "hotel"), (18, "203.0.113.1", "mobile"))
    ]
    made = list(digested(rows, "2025-06-10", "2025-06-11").values())
    home = made[0].visits.filter(pl.col("network_kind").is_null())["address"].to_list()
    whole, joined = fold(made), fold(made[1:], fold(made[:1]))
    assert whole.lines["address"].drop_nulls().to_list() == home
    assert whole.lines["network"].drop_nulls().n_unique() == 2
    assert whole.lines.select("plays", "first_day", "last_day").unique().rows() == [
        (2, dt.date(2025, 6, 10), dt.date(2025, 6, 11))
    ]
    assert whole.profiles.height == 1
    assert_frame_equal(joined.lines, whole.lines)
    assert_frame_equal(joined.profiles, whole.profiles)


def test_a_span_keeps_first_and_last_days_devices_and_the_longest_streak() -> None:
    """Folded in one go or one part on top of the other."""
    rows = [
        *(play(f"2025-06-{n} 20:00") for n in (10, 11, 12)),
        play("2025-06-14 20:00", device_id="phone", title_id="other"),
    ]
    made = list(digested(rows, "2025-06-10", "2025-06-14").values())
    whole, joined = fold(made), fold(made[2:], fold(made[:2]))
    [account] = whole.accounts.to_dicts()
    assert account["first_day"] == dt.date(2025, 6, 10)
    assert account["last_day"] == dt.date(2025, 6, 14)
    assert (account["active_days"], account["plays"], account["longest_streak_days"]) == (4, 4, 3)
    assert account["longest_loose_streak_days"] == 3
    assert whole.devices["first_day"].sort().to_list() == [dt.date(2025, 6, 10), dt.date(2025, 6, 14)]
    assert_frame_equal(joined.accounts, whole.accounts)
    assert_frame_equal(joined.devices, whole.devices)
    assert_frame_equal(joined.lines, whole.lines)
    assert_frame_equal(joined.profiles, whole.profiles)


@pytest.mark.parametrize(
    ("days_ago", "plays", "status"),
    [(13, 99, "short history"), (14, 99, "scored"), (14, 9, "few playbacks"), (14, 10, "scored")],
)
def test_enough_was_seen_of_whom_was_first_seen_so_many_days_ago(days_ago: int, plays: int, status: str) -> None:
    """Who was first seen under fourteen days ago has no score, nor who played under ten times."""
    day = dt.date(2025, 6, 30)
    seen = pl.DataFrame({"first_day": [day - dt.timedelta(days=days_ago)], "plays": [plays]})
    settings = config.load(environ={}).settings.window
    assert seen.select(spans.status(day, settings)).item() == status
