"""Playbacks → account-days: what belongs to a local day, and what is measured on the UTC clock."""

import datetime as dt
from typing import Any

import polars as pl
from digests import PARIS, TOKYO, digested, one, play
from hypothesis import given
from hypothesis import settings as how_often
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from detector import days


def test_seconds_are_split_at_utc_midnight_and_plays_belong_to_the_local_day() -> None:
    """Begun at 23:00 for two hours: an hour each, one play, on the first day."""
    made = digested([play("2025-06-10 23:00")], "2025-06-10", "2025-06-11")
    rows = [made[day].account_days.select("plays", "views", "seconds").row(0) for day in made]
    assert rows == [(1, 1, 3600), (0, 0, 3600)]


def test_a_title_says_on_which_devices_it_was_played() -> None:
    """On one, or on two of those that there were."""
    rows = [play("2025-06-10 10:00", device_id="1"), play("2025-06-10 20:00", device_id="2")]
    [made] = digested([*rows, play("2025-06-10 14:00", title_id="other")], "2025-06-10", "2025-06-10").values()
    of_title = made.titles.sort("plays", descending=True).select("device", "other_device").rows()
    both, alone = of_title
    assert (len({*both}), None in both, alone[1]) == (2, False, None)


def test_a_log_of_start_times_knows_the_hours_of_evenings_in_america() -> None:
    """Eight in Los Angeles is on the next UTC date, which has no play of its own."""
    rows = [play("2025-06-10 03:00", None, timezone="America/Los_Angeles", ip="240.0.0.1")]
    made = digested(rows, "2025-06-09", "2025-06-10")
    hours = {day.day: one.visits["utc_hours"].to_list() for day, one in made.items()}
    assert hours == {9: [0], 10: [1 << 3]}


def test_what_the_log_does_not_say_is_not_nought() -> None:
    """Without an end no seconds, peak or overlap; without network, profile or place none of theirs."""
    found = one([play("2025-06-10 10:00", None)], "2025-06-10")
    unknown = ("seconds", "peak_streams", "overlap2_s", "overlap3_s", "overlap2_networks_s", "fastest_kmh")
    assert [found[name] for name in unknown] == [None] * len(unknown)
    known = one([play("2025-06-10 10:00")], "2025-06-10")
    assert known["overlap2_s"] == 0
    assert (known["overlap2_networks_s"], known["overlap2_same_profile_s"]) == (None, None)
    elsewhere = play("2025-06-10 20:00", None, title_id="other", profile_id="p", ip="240.0.0.1")
    apart = one([play("2025-06-10 10:00"), elsewhere], "2025-06-10")  # what streamed does not say it
    assert (apart["overlap2_networks_s"], apart["overlap2_same_profile_s"]) == (None, None)


def test_hours_and_rest_are_of_the_local_clock() -> None:
    """20:00 to 22:00 in Los Angeles are hours 20 and 21, and 22 hours of rest around them; a programme at noon and one
    at eight leave the night, over midnight, not the afternoon."""
    found = one([play("2025-06-11 03:00", timezone="America/Los_Angeles")], "2025-06-10")
    assert (found["hours"], found["rest_h"]) == (0b11 << 20, 22)
    noon_and_eight = [play("2025-06-10 12:00", 0.5, timezone="UTC"), play("2025-06-10 20:00", 0.5, timezone="UTC")]
    assert one(noon_and_eight, "2025-06-10")["rest_h"] == 15
    assert one([play("2025-06-10 00:00", 24)], "2025-06-10")["rest_h"] == 0


def test_the_busiest_device_counts_each_hour_of_the_clock_once() -> None:
    """A TV that plays twice within an hour, and on two networks, played in that hour; a phone's hours are its own."""
    tv = [
        play("2025-06-10 10:00", 0.4, ip="240.0.0.1"),
        play("2025-06-10 10:40", 1.3, ip="241.0.0.1", title_id="another"),
    ]
    phone = play("2025-06-10 12:00", 1, device_id="phone", title_id="other")
    assert one([*tv, phone], "2025-06-10")["busiest_device_hours"] == 2
    assert one([play("2025-06-10 10:00", device_id=None)], "2025-06-10")["busiest_device_hours"] is None


def test_a_stream_left_running_keeps_its_device_busy_on_days_without_a_play() -> None:
    """It was started once, goes on over the whole next day, and into a third."""
    rows = [play("2025-06-10 22:00", 30)]
    assert [one(rows, f"2025-06-{day}")["busiest_device_hours"] for day in (10, 11, 12)] == [2, 24, 4]


def test_bare_views_are_those_that_hardly_count() -> None:
    """Of an hour, 42 minutes make a view: 43 hardly do, 55 do and 20 do not; without durations nobody knows."""
    rows = [
        play(f"2025-06-10 {8 + 2 * nth:02}:00", minutes / 60, title_id=str(nth), title_runtime_s=3600)
        for nth, minutes in enumerate((43, 55, 20))
    ]
    day = one(rows, "2025-06-10")
    assert (day["views"], day["bare_views_known"], day["bare_views"]) == (2, 2, 1)
    unknown = one([play("2025-06-10 08:00", None)], "2025-06-10")
    assert (unknown["views"], unknown["bare_views_known"], unknown["bare_views"]) == (1, 0, 0)


def test_starts_are_counted_by_who_made_them() -> None:
    """A person's and autoplay's are known starts; what is not said is neither."""
    said = ("user", "autoplay", "autoplay", "unknown", None)
    rows = [play(f"2025-06-10 {8 + nth:02}:00", title_id=str(nth), interaction=by) for nth, by in enumerate(said)]
    day = one(rows, "2025-06-10")
    assert (day["starts_known"], day["starts_by_person"]) == (3, 1)


def test_a_day_begins_on_the_device_of_its_first_playback_that_says_which() -> None:
    """In order of time, however the log is ordered; null where none says it."""
    said = (None, "tv", "phone", "phone")
    rows = [play(f"2025-06-10 {8 + 3 * nth:02}:00", title_id=str(nth), device_type=t) for nth, t in enumerate(said)]
    assert one(rows[::-1], "2025-06-10")["device_type"] == "tv"
    assert one(rows[:1], "2025-06-10")["device_type"] is None


def test_a_title_begins_at_the_local_minute_of_its_first_play() -> None:
    """Not known where it only ran on from the day before, or where midnight to the second stands for a date."""

    def minutes(*rows: dict[str, Any], day: str = "2025-06-10") -> list[int | None]:
        return digested(rows, day, day)[dt.date.fromisoformat(day)].titles["first_minute"].to_list()

    evening = play("2025-06-10 21:30", timezone="Asia/Tokyo")  # half past six in the morning of the 11th
    assert minutes(evening, day="2025-06-11") == [6 * 60 + 30]
    assert minutes(play("2025-06-10 20:00"), play("2025-06-10 08:05")) == [8 * 60 + 5]
    late = play("2025-06-10 23:00", timezone="UTC")
    assert minutes(late, day="2025-06-11") == [None]
    assert minutes(play("2025-06-10 00:00", timezone="America/New_York"), day="2025-06-09") == [None]
    assert minutes(play("2025-06-10 04:00", timezone="America/New_York")) == [None]


LOGS = st.lists(
    st.builds(
        lambda minute, length, **values: play(str(dt.datetime(2025, 6, 9, 12) + minute), length, **values),
        minute=st.integers(0, 4 * 24 * 60).map(lambda minute: dt.timedelta(minutes=minute)),
        length=st.sampled_from([None, 0.02, 0.6, 1.5, 9]),
        account_id=st.sampled_from("ab"),
        device_id=st.sampled_from([None, "1", "2"]),
        profile_id=st.sampled_from([None, "p", "q"]),
        title_id=st.sampled_from("xyz"),
        ip=st.sampled_from([None, "240.0.0.1", "241.0.0.1"]),
        timezone=st.sampled_from(["UTC", "America/Los_Angeles", "Pacific/Kiritimati"]),
        place=st.sampled_from([(None, None), PARIS, TOKYO]),
    ),
    min_size=1,
    max_size=25,
)


@given(rows=LOGS, order=st.randoms(use_true_random=False))
@how_often(max_examples=40)
def test_row_order_changes_nothing(rows: list[dict[str, Any]], order: Any) -> None:
    """A shuffled log gives the same days."""
    shuffled = order.sample(rows, len(rows))
    one_way, other_way = digested(rows, "2025-06-08", "2025-06-15"), digested(shuffled, "2025-06-08", "2025-06-15")
    for day in one_way:
        for name in vars(one_way[day]):
            assert_frame_equal(getattr(one_way[day], name), getattr(other_way[day], name))


@given(rows=LOGS)
@how_often(max_examples=40)
def test_days_digested_together_are_those_digested_one_after_the_other(rows: list[dict[str, Any]]) -> None:
    """Streaks and travel go on from day to day within a digest as from one digest to the next."""
    alone, together = (digested(rows, "2025-06-08", "2025-06-15", at_once=n) for n in (1, 3))
    for day in alone:
        for name in vars(alone[day]):
            assert_frame_equal(getattr(alone[day], name), getattr(together[day], name))


@given(rows=LOGS)
@how_often(max_examples=40)
def test_the_parts_of_a_day_agree(rows: list[dict[str, Any]]) -> None:
    """Titles and visits add up to the account-days; every play and every second lands on one day; peaks hold."""
    made = digested(rows, "2025-06-08", "2025-06-15")
    account_days = pl.concat(day.account_days for day in made.values())
    visits, titles = pl.concat(day.visits for day in made.values()), pl.concat(day.titles for day in made.values())
    for column in ("plays", "seconds"):
        assert visits[column].sum() == account_days[column].sum() == titles[column].sum()
    assert account_days.select("account", "day").is_unique().all()
    assert titles.select("account", "day", "title").is_unique().all()
    assert visits.select("account", "day", *days.VISIT).is_unique().all()
    least = pl.col("overlap3_s") <= pl.col("overlap2_s")
    paired = pl.col("overlap2_networks_s").fill_null(0) <= pl.col("overlap2_s").fill_null(0)
    rested = pl.col("rest_h") + pl.col("hours").bitwise_count_ones() <= 24
    peaks = (pl.col("peak_streams") > 1) == (pl.col("overlap2_s") > 0)
    told = account_days.select(pl.all_horizontal(least.fill_null(True), paired, rested, peaks.fill_null(True)))
    assert told.to_series().all(), account_days


def test_what_runs_on_from_the_day_before_leaves_repeats_known() -> None:
    """It is no play of this day."""
    rows = [play("2025-06-09 23:00"), play("2025-06-10 20:00", title_id="other")]
    assert one(rows, "2025-06-10")["repeats"] == 0


def test_repeats_of_which_one_can_not_be_told_are_not_none() -> None:
    """A film again and again without a runtime, beside one seen once: how often it began again nobody knows."""
    begun = [f"2025-06-10 {hour:02}:05" for hour in (8, 9, 10)]
    unclear = [play(start, 1, device_id="tv", title_id="loop") for start in begun]
    other = play("2025-06-10 20:00", 2, device_id="phone", title_id="other", title_runtime_s=7200)
    assert one([*unclear, other], "2025-06-10")["repeats"] is None
    told = [row | {"title_runtime_s": 3600} for row in unclear]
    assert one([*told, other], "2025-06-10")["repeats"] == 2
    assert one([other], "2025-06-10")["repeats"] == 0
