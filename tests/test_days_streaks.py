"""Streaks of a title over local days, loose ones over single days without it, and those from noon to noon."""

import datetime as dt
import random
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from digests import digested, play

from detector.days import Day

ONE_DAY = dt.timedelta(days=1)


def streaks(rows: Sequence[dict[str, Any]], first: str, last: str) -> list[int | None]:
    """The longest running streak of each day; None for a day without any account-day."""
    return [next(iter(day.account_days["longest_streak_days"]), None) for day in digested(rows, first, last).values()]


def test_a_streak_crosses_utc_midnight_where_the_local_day_does_not() -> None:
    """In Los Angeles, 15:30 one day and 22:00 the next are on a streak, though two UTC dates lie between them."""
    rows = [
        play("2025-06-10 22:30", timezone="America/Los_Angeles"),  # the 10th, 15:30
        play("2025-06-12 05:00", timezone="America/Los_Angeles"),  # the 11th, 22:00
    ]
    assert streaks(rows, "2025-06-10", "2025-06-11") == [1, 2]
    assert streaks([row | {"timezone": "UTC"} for row in rows], "2025-06-10", "2025-06-12") == [1, 0, 1]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Asia/Kathmandu", "Pacific/Pago_Pago", "America/St_Johns"])
def test_a_view_each_evening_is_a_streak_in_every_zone(zone: str) -> None:
    """At 23:45 and at 00:15 on the local clock, from fourteen hours ahead of UTC to eleven behind."""
    for hour in (dt.time(0, 15), dt.time(23, 45)):
        local = pl.Series([dt.datetime.combine(dt.date(2025, 6, n), hour) for n in range(10, 15)])
        starts = local.dt.replace_time_zone(zone).dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        rows = [play(str(start), 1, timezone=zone) for start in starts]
        assert streaks(rows, "2025-06-10", "2025-06-14") == [1, 2, 3, 4, 5]


def test_a_streak_goes_on_while_the_clock_changes_and_over_a_leap_day() -> None:
    """The night that summer time begins and ends in New York; the 28th and 29th of February and the 1st of March."""
    for begin in ("2025-03-08", "2025-11-01", "2024-02-28"):
        first = dt.date.fromisoformat(begin)
        local = pl.Series([dt.datetime.combine(first + n * ONE_DAY, dt.time(23, 30)) for n in range(3)])
        starts = local.dt.replace_time_zone("America/New_York").dt.convert_time_zone("UTC").dt.replace_time_zone(None)
        rows = [play(str(start), 0.5, timezone="America/New_York") for start in starts]
        assert streaks(rows, begin, str(first + 2 * ONE_DAY)) == [1, 2, 3]


def test_a_day_without_a_view_ends_a_streak() -> None:
    """A missed day, and a day on which it was begun but not viewed; another title has a streak of its own."""
    rows = [
        *(play(f"2025-06-{n} 20:00") for n in (10, 11, 13)),
        play("2025-06-14 20:00", 0.1),
        *(play(f"2025-06-{n} 10:00", title_id="other") for n in (13, 14)),
    ]
    made = digested(rows, "2025-06-10", "2025-06-14")
    longest = [next(iter(day.account_days["longest_streak_days"]), None) for day in made.values()]
    assert longest == [1, 2, None, 1, 2]
    last = made[dt.date(2025, 6, 14)].titles.sort("streak_days")
    assert last.select("views", "streak_days").rows() == [(0, 0), (1, 2)]


def test_a_loose_streak_goes_on_over_one_missed_day_but_not_over_two() -> None:
    """A missed day counts against it, as does one on which the title was begun but not viewed."""
    rows = [play(f"2025-06-{n} 20:00") for n in (10, 11, 13, 14, 16, 19, 20)]
    begun = play("2025-06-15 20:00", 0.1)
    for at_once in (1, 4, 11):
        made = digested([*rows, begun], "2025-06-10", "2025-06-20", at_once=at_once)
        loose = [next(iter(day.account_days["longest_loose_streak_days"]), None) for day in made.values()]
        assert loose == [1, 2, None, 2, 3, 0, 3, None, None, 1, 2]
        strict = [next(iter(day.account_days["longest_streak_days"]), None) for day in made.values()]
        assert strict == [1, 2, None, 1, 2, 0, 1, None, None, 1, 2]


def test_a_film_around_midnight_without_a_zone_is_a_loose_streak() -> None:
    """Once a day at eight in New York, sooner or later by minutes, is now on one UTC date and now on the next."""
    late = (1, 0, 0, 1, 0, 1, 1, 0)
    rows = [play(f"2025-06-{10 + n + x} {'00:10' if x else '23:50'}") for n, x in enumerate(late)]
    made = digested(rows, "2025-06-10", "2025-06-17")
    last = made[dt.date(2025, 6, 17)].account_days.row(0, named=True)
    assert last["longest_noon_streak_days"] == len(late)
    with_one = {row["started_at"].date() for row in rows}
    missed = (max(with_one) - min(with_one)).days + 1 - len(with_one)
    assert (last["longest_streak_days"], last["longest_loose_streak_days"]) == (2, len(with_one) - missed)


def test_a_day_from_noon_to_noon_has_the_views_that_begin_in_it() -> None:
    """A minute before noon it is still the day before; what was begun, and not viewed, is none of it."""
    rows = [play(f"2025-06-{at}") for at in ("10 08:00", "10 12:00", "12 11:59", "13 13:00", "14 11:00", "15 20:00")]
    begun = play("2025-06-12 20:00", 0.1)
    for at_once in (1, 6):
        made = digested([*rows, begun], "2025-06-10", "2025-06-15", at_once=at_once)
        longest = [next(iter(day.account_days["longest_noon_streak_days"]), None) for day in made.values()]
        assert longest == [2, None, 3, 1, 1, 1]
        halves = [next(iter(day.titles["halves"]), None) for day in made.values()]
        assert halves == [3, None, 1, 2, 1, 2]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("at_once", [1, 3])
def test_streaks_are_what_counting_backwards_gives(seed: int, at_once: int) -> None:
    """On any days and at any hours, however many days are digested together."""
    rng, first = random.Random(seed), dt.datetime(2025, 6, 1)
    views = {
        title: sorted(first + dt.timedelta(minutes=rng.randrange(20 * 1440)) for _ in range(rng.randrange(5, 40)))
        for title in ("film", "other", "third")
    }
    rows = [play(str(at), 0.5, title_id=title, device_id=title) for title, times in views.items() for at in times]
    made = digested(rows, "2025-06-01", "2025-06-20", at_once=at_once)
    for n, day in enumerate(made.values()):
        day_end = first + (n + 1) * ONE_DAY
        seen = [[at for at in times if at < day_end] for times in views.values()]
        today = [times for times in seen if times and times[-1] >= day_end - ONE_DAY]
        by_midnight = [_back(times, dt.timedelta()) for times in today]
        by_noon = [_back(times, dt.timedelta(hours=12)) for times in today]
        names = ["streak_days", "noon_streak_days"]
        assert sorted(day.titles.filter(pl.col("views") > 0).select(names).rows()) == sorted(
            zip(by_midnight, by_noon, strict=True)
        )


def _back(times: list[dt.datetime], begins: dt.timedelta) -> int:
    """On how many days in a row, back from the last view, there was one, of days that begin so long after midnight."""
    on = {(at - begins).date() for at in times}
    last = max(on)
    return next(n for n in range(len(on) + 1) if last - n * ONE_DAY not in on)


def test_what_an_earlier_version_did_not_count_goes_on_from_the_streak() -> None:
    """A day that was digested before loose streaks and those from noon to noon were."""
    [before] = digested([play("2025-06-10 20:00")], "2025-06-10", "2025-06-10").values()
    old = Day(
        before.account_days,
        before.titles.with_columns(
            pl.lit(7, pl.UInt32).alias("streak_days"),
            pl.lit(None, pl.UInt32).alias("loose_streak_days"),
            pl.lit(None, pl.UInt32).alias("noon_streak_days"),
            pl.lit(None, pl.UInt8).alias("halves"),
        ),
        before.visits,
    )
    rows = digested([play("2025-06-11 20:00")], "2025-06-11", "2025-06-11", before=[old])
    [streaks] = rows[dt.date(2025, 6, 11)].titles.select("streak_days", "loose_streak_days", "noon_streak_days").rows()
    assert streaks == (8, 8, 8)


def test_several_views_on_a_day_are_one_day_of_a_streak() -> None:
    """Of a loop, each view counts, and the day once."""
    rows = [play(f"2025-06-{n} {hour}:00") for n in (10, 11) for hour in ("01", "05", "09", "13")]
    made = digested(rows, "2025-06-10", "2025-06-11")
    assert made[dt.date(2025, 6, 11)].titles.select("views", "streak_days").rows() == [(4, 2)]


def test_live_channels_are_no_titles() -> None:
    """The same channel every day is not the same thing again."""
    rows = [play(f"2025-06-{n} 20:00", title_kind="live") for n in (10, 11)]
    assert streaks(rows, "2025-06-10", "2025-06-11") == [None, None]
