"""Playbacks → account-days: what belongs to a local day, and what is measured on the UTC clock."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as how_often
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from support import KEY

from detector import config, days, identity, playbacks, spans, tables
from detector.days import Day

SETTINGS = config.load(environ={}).settings
KEYS = identity.Keys(KEY, bytes(32))
ONE_DAY = dt.timedelta(days=1)
PARIS, TOKYO, NEW_YORK = (48.86, 2.35), (35.68, 139.69), (40.71, -74.01)


def _utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def play(started_at: str, hours: float | None = 2, **values: Any) -> dict[str, Any]:
    """A row of a log: a film of two hours, watched whole at home in a zone of UTC, unless said otherwise."""
    start = _utc(started_at)
    row = {
        "account_id": "a",
        "device_id": "tv",
        "title_id": "film",
        "title_kind": "movie",
        "started_at": start,
        "ended_at": start + dt.timedelta(hours=hours) if hours is not None else None,
        "timezone": "UTC",
    }
    place = values.pop("place", (None, None))
    return row | {"latitude": place[0], "longitude": place[1]} | values


def digested(
    rows: Sequence[dict[str, Any]], first: str, last: str, *, at_once: int = 1, before: Sequence[Day] = ()
) -> dict[dt.date, Day]:
    """Each day from `first` to `last`, digested from a log, so many at once, one digest after the other."""
    raw = tables.shape(pl.LazyFrame(rows, infer_schema_length=None).with_row_index("row", 1), tables.RawRows)
    now = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    checked = playbacks.check(raw, file="log", now=now, zone="", keys=KEYS, settings=SETTINGS)
    assert checked.rejects.is_empty()
    whole = playbacks.repair(checked.rows, SETTINGS.playbacks).playbacks
    made: dict[dt.date, Day] = {}
    begin, end = dt.date.fromisoformat(first), dt.date.fromisoformat(last)
    every = pl.date_range(begin, end, eager=True).to_list()
    for these in (every[n : n + at_once] for n in range(0, len(every), at_once)):
        on_each = days.on_each(whole.lazy(), these[0], these[-1]).sort("on", "account", "started_at", "playback")
        made |= zip(these, days.digest(on_each.collect(), [*before, *made.values()][-2:], these), strict=True)
    return made


def one(rows: Sequence[dict[str, Any]], day: str) -> dict[str, Any]:
    """The only account-day of a day."""
    [row] = digested(rows, day, day)[dt.date.fromisoformat(day)].account_days.to_dicts()
    return row


def streaks(rows: Sequence[dict[str, Any]], first: str, last: str) -> list[int | None]:
    """The longest running streak of each day; None for a day without any account-day."""
    return [next(iter(day.account_days["longest_streak_days"]), None) for day in digested(rows, first, last).values()]


# Local days and the streaks over them


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
    with_one = {row["started_at"].date() for row in rows}
    missed = (max(with_one) - min(with_one)).days + 1 - len(with_one)
    assert (last["longest_streak_days"], last["longest_loose_streak_days"]) == (2, len(with_one) - missed)


def test_what_an_earlier_version_did_not_count_goes_on_from_the_streak() -> None:
    """A day that was digested before loose streaks were."""
    [before] = digested([play("2025-06-10 20:00")], "2025-06-10", "2025-06-10").values()
    old = Day(
        before.account_days,
        before.titles.with_columns(loose_streak_days=pl.lit(None, pl.UInt32), streak_days=pl.lit(7, pl.UInt32)),
        before.visits,
    )
    rows = digested([play("2025-06-11 20:00")], "2025-06-11", "2025-06-11", before=[old])
    assert rows[dt.date(2025, 6, 11)].titles.select("streak_days", "loose_streak_days").rows() == [(8, 8)]


def test_several_views_on_a_day_are_one_day_of_a_streak() -> None:
    """Of a loop, each view counts, and the day once."""
    rows = [play(f"2025-06-{n} {hour}:00") for n in (10, 11) for hour in ("01", "05", "09", "13")]
    made = digested(rows, "2025-06-10", "2025-06-11")
    assert made[dt.date(2025, 6, 11)].titles.select("views", "streak_days").rows() == [(4, 2)]


def test_live_channels_are_no_titles() -> None:
    """The same channel every day is not the same thing again."""
    rows = [play(f"2025-06-{n} 20:00", title_kind="live") for n in (10, 11)]
    assert streaks(rows, "2025-06-10", "2025-06-11") == [None, None]


# What is measured on the UTC clock


def test_seconds_are_split_at_utc_midnight_and_plays_belong_to_the_local_day() -> None:
    """Begun at 23:00 for two hours: an hour each, one play, on the first day."""
    made = digested([play("2025-06-10 23:00")], "2025-06-10", "2025-06-11")
    rows = [made[day].account_days.select("plays", "views", "seconds").row(0) for day in made]
    assert rows == [(1, 1, 3600), (0, 0, 3600)]


def test_los_angeles_and_tokyo_at_the_same_moment_overlap() -> None:
    """Whatever their local days are called."""
    rows = [
        play("2025-06-10 22:30", timezone="America/Los_Angeles", device_id="1", ip="240.0.0.1"),
        play("2025-06-10 23:00", timezone="Asia/Tokyo", device_id="2", ip="241.0.0.1"),
    ]
    made = digested(rows, "2025-06-10", "2025-06-11")
    columns = ("peak_streams", "overlap2_s", "overlap2_networks_s")
    assert [made[day].account_days.select(columns).row(0) for day in made] == [(2, 3600, 3600), (2, 1800, 1800)]


def test_overlaps_count_streams_networks_and_profiles_apart() -> None:
    """Three streams: two of one profile on one network, a third elsewhere; the hours of each pairing are its own."""
    rows = [
        play("2025-06-10 10:00", 4, device_id="1", profile_id="p", ip="240.0.0.1"),
        play("2025-06-10 11:00", 2, device_id="2", profile_id="p", ip="240.0.0.2", title_id="other"),
        play("2025-06-10 12:00", 3, device_id="3", profile_id="q", ip="241.0.0.1"),
    ]
    found = one(rows, "2025-06-10")
    assert found["peak_streams"] == 3
    assert found["overlap2_s"] == 3 * 3600
    assert found["overlap3_s"] == 3600
    assert found["overlap2_networks_s"] == 2 * 3600
    assert found["overlap2_same_profile_s"] == 2 * 3600


def test_one_after_the_other_is_not_at_once() -> None:
    """A stream that starts as another ends makes no peak of two, and no overlap."""
    rows = [play("2025-06-10 10:00", device_id="1"), play("2025-06-10 12:00", device_id="2")]
    found = one(rows, "2025-06-10")
    assert (found["peak_streams"], found["overlap2_s"], found["seconds"]) == (1, 0, 4 * 3600)


def test_what_the_log_does_not_say_is_not_nought() -> None:
    """Without an end no seconds, peak or overlap; without network, profile or place none of theirs."""
    found = one([play("2025-06-10 10:00", None)], "2025-06-10")
    unknown = ("seconds", "peak_streams", "overlap2_s", "overlap3_s", "overlap2_networks_s", "fastest_kmh")
    assert [found[name] for name in unknown] == [None] * len(unknown)
    known = one([play("2025-06-10 10:00")], "2025-06-10")
    assert known["overlap2_s"] == 0
    assert (known["overlap2_networks_s"], known["overlap2_same_profile_s"]) == (None, None)


def test_hours_and_rest_are_of_the_local_clock() -> None:
    """20:00 to 22:00 in Los Angeles are hours 20 and 21, and 22 hours of rest around them; a programme at noon and one
    at eight leave the night, over midnight, not the afternoon."""
    found = one([play("2025-06-11 03:00", timezone="America/Los_Angeles")], "2025-06-10")
    assert (found["hours"], found["rest_h"]) == (0b11 << 20, 22)
    noon_and_eight = [play("2025-06-10 12:00", 0.5, timezone="UTC"), play("2025-06-10 20:00", 0.5, timezone="UTC")]
    assert one(noon_and_eight, "2025-06-10")["rest_h"] == 15
    assert one([play("2025-06-10 00:00", 24)], "2025-06-10")["rest_h"] == 0


def test_the_busiest_device_counts_each_hour_of_the_utc_clock_once() -> None:
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


def test_travel_goes_on_from_the_day_before() -> None:
    """Paris in the evening and New York the next morning: their distance over the hours between the starts."""
    rows = [
        play("2025-06-10 20:00", place=PARIS, device_id="1"),
        play("2025-06-11 06:00", place=NEW_YORK, device_id="2"),
    ]
    made = digested(rows, "2025-06-10", "2025-06-11")
    first, second = (day.account_days["fastest_kmh"][0] for day in made.values())
    assert first is None
    assert second == pytest.approx(5_837 / 10, rel=0.01)


def test_over_the_date_line_the_day_before_may_end_later() -> None:
    """From Auckland, where it is the tenth already, to Los Angeles, where it is still the ninth: sixteen hours."""
    rows = [
        play("2025-06-09 12:10", place=(-36.85, 174.76), timezone="Pacific/Auckland"),
        play("2025-06-10 04:00", place=(34.05, -118.24), timezone="America/Los_Angeles"),
    ]
    made = digested(rows, "2025-06-09", "2025-06-10")
    assert [day.account_days["fastest_kmh"].max() for day in made.values()] == [
        None,
        pytest.approx(10_480 / (15 + 50 / 60), rel=0.01),
    ]


def test_short_ways_and_servers_are_no_travel() -> None:
    """Two places under 100 km apart may be one; a VPN says where a server stands."""
    near = [play("2025-06-10 08:00", place=PARIS), play("2025-06-10 12:00", place=(48.9, 2.5))]
    assert one(near, "2025-06-10")["fastest_kmh"] == 0
    server = [play("2025-06-10 08:00", place=PARIS), play("2025-06-10 12:00", place=TOKYO, network_kind="vpn")]
    assert one(server, "2025-06-10")["fastest_kmh"] is None


def test_what_a_place_may_be_off_is_no_way() -> None:
    """Paris to Tokyo, each known to a few thousand kilometres: only what is surely between them counts."""
    exact = [play("2025-06-10 08:00", place=PARIS), play("2025-06-10 12:00", place=TOKYO)]
    vague = [row | {"accuracy_km": 4_000} for row in exact]
    assert one(vague, "2025-06-10")["fastest_kmh"] == pytest.approx((9_712 - 8_000) / 4, rel=0.01)
    assert one([row | {"accuracy_km": 6_000} for row in exact], "2025-06-10")["fastest_kmh"] == 0


def test_bare_views_are_those_that_hardly_count() -> None:
    """Of an hour, 42 minutes make a view: 43 hardly do, 55 do and 20 do not; without durations nobody knows."""
    rows = [
        play(f"2025-06-10 {8 + 2 * nth:02}:00", minutes / 60, title_id=str(nth), title_runtime_s=3600)
        for nth, minutes in enumerate((43, 55, 20))
    ]
    day = one(rows, "2025-06-10")
    assert (day["views"], day["bare_views"]) == (2, 1)
    unknown = one([play("2025-06-10 08:00", None)], "2025-06-10")
    assert (unknown["views"], unknown["bare_views"]) == (1, None)


def fold(made: list[days.Day], *earlier: spans.Span) -> spans.Span:
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


def test_two_places_at_one_moment_are_a_finite_speed() -> None:
    """Starts closer than a quarter of an hour are judged as if that far apart."""
    rows = [
        play("2025-06-10 08:00", place=PARIS, device_id="1"),
        play("2025-06-10 08:00", place=TOKYO, device_id="2"),
    ]
    assert one(rows, "2025-06-10")["fastest_kmh"] == pytest.approx(4 * 9_712, rel=0.01)


# Days put together


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
    assert whole.devices["first_day"].sort().to_list() == [dt.date(2025, 6, 10), dt.date(2025, 6, 14)]
    assert_frame_equal(joined.accounts, whole.accounts)
    assert_frame_equal(joined.devices, whole.devices)
    assert_frame_equal(joined.lines, whole.lines)
    assert_frame_equal(joined.profiles, whole.profiles)


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
