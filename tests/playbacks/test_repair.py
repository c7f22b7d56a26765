"""From rows around a day to playbacks: what is put right, and what repeats."""

import datetime as dt
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from repairs import SETTINGS, played, repair, rows_of
from support import at

from detector import playbacks, tables

HOUR = dt.timedelta(hours=1)


def minutes_of(*rows: dict[str, Any]) -> list[float | None]:
    """How long each playback ran, in order of its start."""
    return [None if s is None else s / 60 for s in repair(*rows).playbacks["seconds"]]


def repeats_of(*rows: dict[str, Any]) -> list[bool | None]:
    return repair(*rows).playbacks["is_repeat"].to_list()


def test_no_rows_are_no_playbacks() -> None:
    """An empty day repairs to an empty table with all its columns."""
    done = repair()
    assert dict(done.playbacks.schema) == tables.columns(tables.Playbacks)
    assert (done.playbacks.height, done.replays.height, done.conflicts.height) == (0, 0, 0)


def test_exact_replays_vanish() -> None:
    """A row that was handed over three times is one playback, and two replays."""
    row = played("10 20:00", 90, playback=7)
    done = repair(row, played("11 20:00", 90), row, row)
    assert (done.playbacks.height, done.replays.height, done.conflicts.height) == (2, 2, 0)


def test_replays_are_told_from_rows_with_nothing_known() -> None:
    """Nulls are equal to nulls when a row is compared with itself, but two playbacks of nulls stay two."""
    row = played("10 20:00", playback=7, device=None, title=None, device_is_real=False)
    done = repair(row, row, {**row, "playback": 8})
    assert (done.playbacks.height, done.replays.height, done.conflicts.height) == (2, 1, 0)


def test_two_rows_that_say_different_things_of_one_playback_are_both_left_out() -> None:
    """Where a log contradicts itself neither side is believed; a replay beside them counts as one."""
    done = repair(
        played("10 20:00", 90, playback=7),
        played("10 20:00", 91, playback=7),
        played("10 20:00", 91, playback=7),
        played("11 20:00", 90, playback=8),
    )
    assert done.playbacks["playback"].to_list() == [8]
    assert (done.replays.height, done.conflicts.height) == (1, 2)


def test_a_place_that_was_looked_up_anew_is_no_contradiction() -> None:
    """The same row, taken in with two editions of a location database, is one; the placed one of two is kept."""
    there = {"country": "FR", "city": "Lyon", "latitude": 45.7, "longitude": 4.8, "accuracy_km": 20, "asn": 64500}
    rows = [played("10 20:00", 90, playback=7, **place) for place in ({}, there, {"country": "FR"})]
    for order in (rows, rows[::-1]):
        done = repair(*order)
        assert (done.playbacks["city"].to_list(), done.replays.height, done.conflicts.height) == (["Lyon"], 2, 0)


def test_stretches_under_half_an_hour_apart_merge_while_the_position_goes_on() -> None:
    """A film watched with two breaks is one playback: its ends are the outer ones, its seconds leave the breaks out."""
    [playback] = repair(
        played("10 20:00", 40, position_start_s=0, position_end_s=2400),
        played("10 21:00", 30, position_start_s=2400, position_end_s=4200),
        played("10 21:59", 20, position_start_s=4200, position_end_s=5400),
    ).playbacks.rows(named=True)
    assert (playback["started_at"], playback["ended_at"]) == (at("2025-06-10 20:00"), at("2025-06-10 22:19"))
    assert playback["seconds"] == 90 * 60
    assert (playback["position_start_s"], playback["position_end_s"]) == (0, 5400)
    assert playback["playback"] == 1
    assert playback["is_repeat"] is False


@pytest.mark.parametrize(("break_min", "count"), [(29.99, 1), (30, 2)])
def test_half_an_hour_apart_are_two_playbacks(break_min: float, count: int) -> None:
    """29:59 is a break; 30:00 is not."""
    second = at("2025-06-10 20:40") + dt.timedelta(minutes=break_min)
    done = minutes_of(
        played("10 20:00", 40, position_start_s=0, position_end_s=2400),
        {**played("10 20:00", 40, position_start_s=2400), "started_at": second, "ended_at": second + HOUR},
    )
    assert len(done) == count


@pytest.mark.parametrize("other", [{"account": 2}, {"device": 2}, {"title": 2}, {"profile": 2}])
def test_only_stretches_of_one_account_device_title_and_profile_merge(other: dict[str, Any]) -> None:
    """Another account, device, title or profile is another playback."""
    halves = played("10 20:00", 20), played("10 20:30", 20)
    assert len(minutes_of(halves[0], {**halves[1], **other})) == 2
    assert len(minutes_of(*halves)) == 1


@pytest.mark.parametrize("unknown", ["device", "title"])
def test_missing_devices_and_titles_are_never_equal(unknown: str) -> None:
    """Two stretches of which the device or the title is unknown do not merge, and can not be told to be repeats."""
    known = {"device_is_real": False, unknown: None}
    rows = played("10 20:00", 20, **known), played("10 20:25", 20, **known)
    assert minutes_of(*rows) == [20, 20]
    assert repeats_of(*rows) == [None, None]


def test_stretches_without_a_profile_are_of_the_same_one() -> None:
    """A log that knows no profiles still has its resumes merged."""
    assert minutes_of(played("10 20:00", 20, profile=None), played("10 20:30", 20, profile=None)) == [40]


def test_stretches_of_a_named_device_merge_as_well() -> None:
    """For resumes, a name that stands for a device is enough."""
    named = {"device_is_real": False}
    assert minutes_of(played("10 20:00", 20, **named), played("10 20:30", 20, **named)) == [40]


def test_overlapping_stretches_of_a_named_device_are_streams_of_their_own() -> None:
    """Only a real device shows one thing at a time: two that are both called "Chrome" may show one channel at once,
    and neither is a resume, nor a repeat, of the other."""
    named = {"device_is_real": False, "title_kind": "live"}
    rows = [played(f"10 20:0{n}", 60, **named) for n in range(3)]
    assert minutes_of(*rows) == [60, 60, 60]
    assert not any(repeats_of(*rows))


def test_a_rewind_is_not_a_restart() -> None:
    """Going back a third of the way goes on with the same playback."""
    rows = (
        played("10 20:00", 60, position_start_s=0, position_end_s=3600),
        played("10 21:05", 60, position_start_s=2400, position_end_s=6000),
    )
    assert minutes_of(*rows) == [120]
    assert repeats_of(*rows) == [False]


def test_a_loop_that_goes_back_to_nought_repeats_every_time() -> None:
    """A film that starts over as it ends: the first time is none, each further time is a repeat."""
    film = {"title_kind": "movie", "title_runtime_s": 5400, "position_start_s": 0, "position_end_s": 5400}
    rows = [played(f"10 {hour:02}:{minute}", 90, **film) for hour, minute in ((10, "00"), (11, "30"), (13, "00"))]
    assert minutes_of(*rows) == [90, 90, 90]
    assert repeats_of(*rows) == [False, True, True]


def test_a_loop_of_unknown_position_repeats_every_time_its_seconds_pass_the_runtime() -> None:
    """Twice its own length within one playback can not be: past 1.1 runtimes it is the same title again."""
    film = {"title_kind": "movie", "title_runtime_s": 5400}
    rows = [played(f"10 {hour:02}:{minute}", 90, **film) for hour, minute in ((10, "00"), (11, "35"), (13, "15"))]
    assert minutes_of(*rows) == [90, 90, 90]
    assert repeats_of(*rows) == [False, True, True]


@pytest.mark.parametrize(("second_min", "parts"), [(49, [99]), (49.1, [50, 49.1])])
def test_of_unknown_position_stretches_merge_within_a_tenth_over_the_runtime(
    second_min: float, parts: list[float]
) -> None:
    """A film of 90 minutes may take 99; a second more makes two."""
    film = {"title_kind": "movie", "title_runtime_s": 5400}
    rows = played("10 20:00", 50, **film), played("10 21:00", second_min, **film)
    assert minutes_of(*rows) == parts


def test_what_follows_an_unwatched_start_is_no_repeat() -> None:
    """A title that was left after a minute and begun again was not seen before."""
    film = {"title_runtime_s": 5400, "position_start_s": 0}
    rows = (
        played("10 20:00", 1, **film, position_end_s=60),
        played("10 20:05", 90, **film, position_end_s=5400),
        played("10 21:36", 90, **film, position_end_s=5400),
    )
    assert repeats_of(*rows) == [False, False, True]


def test_the_same_title_later_in_the_evening_is_no_repeat() -> None:
    """Half an hour after its end it is a new playback, and not *at once*."""
    film = {"title_runtime_s": 5400, "position_start_s": 0, "position_end_s": 5400}
    assert repeats_of(played("10 18:00", 90, **film), played("10 20:00", 90, **film)) == [False, False]


def test_where_nothing_is_known_stretches_merge_and_repeats_are_not_counted() -> None:
    """Without position and runtime nobody can tell a resume from a repeat."""
    rows = played("10 20:00", 20), played("10 20:25", 20), played("10 20:50", 20)
    assert minutes_of(*rows) == [60]
    assert repeats_of(*rows) == [None]


def test_where_nothing_is_known_what_comes_in_between_ends_a_playback() -> None:
    """A song that comes again after another is a play of its own, and did not begin right after its end."""
    songs = [played(f"10 20:0{begin}", 3, title=title) for begin, title in ((0, 1), (3, 2), (6, 1), (9, 1))]
    assert minutes_of(*songs) == [3, 3, 6]
    assert repeats_of(*songs) == [False, False, None]
    assert repair(*songs).playbacks["stretches"].list.len().to_list() == [None, None, 2]


def test_two_devices_of_one_name_that_overlap_for_long_fade_into_nothing() -> None:
    """Half a minute of a minute is no handing over."""
    named = {"device_is_real": False, "title_kind": "track"}
    for start in ("10 20:00", "10 20:00:10"):
        both = played("10 20:00", 0.75, title=1, **named), played(start, 0.75, title=2, **named)
        assert minutes_of(*both) == [0.75] * 2


def test_the_same_channel_is_not_the_same_thing_again() -> None:
    """Its programmes follow one another."""
    rows = [played(f"10 20:{n}0", 10, title_kind="live", title_runtime_s=600) for n in range(3)]
    assert repeats_of(*rows) == [False] * 3


def test_where_nothing_is_known_stretches_merge_within_their_local_day_only() -> None:
    """A channel that never stops is a playback a day, by the day of the place: 07:00 UTC is midnight in Los Angeles."""
    local = {"utc_offset_s": -7 * 3600}
    evening, morning = dt.date(2025, 6, 9), dt.date(2025, 6, 10)
    rows = (
        played("10 06:00", 20, **local, day=evening),
        played("10 06:30", 20, **local, day=evening),
        played("10 07:00", 20, **local, day=morning),
        played("10 07:30", 20, **local, day=morning),
    )
    done = repair(*rows).playbacks
    assert done.select("day", "seconds").rows() == [(evening, 2400), (morning, 2400)]
    assert done["is_repeat"].to_list() == [None, None]


def test_a_known_position_carries_a_playback_over_midnight() -> None:
    """A film begun at 23:30 and resumed after midnight is one playback of the day on which it began."""
    rows = (
        played("10 23:30", 25, position_start_s=0, position_end_s=1500),
        played("11 00:05", 65, position_start_s=1500, position_end_s=5400),
    )
    [playback] = repair(*rows).playbacks.rows(named=True)
    assert (playback["day"], playback["seconds"]) == (dt.date(2025, 6, 10), 90 * 60)


def test_an_open_session_ends_as_the_next_one_starts_on_the_same_device() -> None:
    """A television shows one thing at a time: what was left open at eight ended when the next began at nine."""
    assert minutes_of(played("10 20:00", 600), played("10 21:00", 30, title=2)) == [60, 30]


def test_one_start_ends_all_sessions_left_open_before_it() -> None:
    """Each ends at the start after its own."""
    rows = [played(f"10 {hour}:00", 600, title=hour) for hour in (10, 11, 12)]
    assert minutes_of(*rows) == [60, 60, 600]


def test_devices_known_by_name_may_show_several_things_at_once() -> None:
    """Two households of one account may both own a "Living room TV": neither session ends the other."""
    named = {"device_is_real": False}
    assert minutes_of(played("10 20:00", 120, **named), played("10 21:00", 30, title=2, **named)) == [120, 30]


def test_sessions_on_other_or_unknown_devices_do_not_end_each_other() -> None:
    """Two devices play side by side; of two unknown ones nobody can say that they are one."""
    unknown = {"device": None, "device_is_real": False}
    assert minutes_of(played("10 20:00", 120), played("10 21:00", 30, title=2, device=2)) == [120, 30]
    assert minutes_of(played("10 20:00", 120, **unknown), played("10 21:00", 30, title=2, **unknown)) == [120, 30]
    assert minutes_of(played("10 20:00", 120), played("10 21:00", 30, title=2, account=2)) == [120, 30]


def test_an_idle_tail_is_cut_where_the_progress_ended() -> None:
    """Six hours open with twenty minutes of progress are twenty minutes; with none at all, none."""
    assert minutes_of(played("10 20:00", 360, position_start_s=600, position_end_s=1800)) == [20]
    assert minutes_of(played("10 20:00", 360, position_start_s=600, position_end_s=600)) == [0]


def test_a_pause_under_half_an_hour_is_no_idle_tail() -> None:
    """Someone who pauses for tea is still there."""
    assert minutes_of(played("10 20:00", 49, position_start_s=0, position_end_s=1200)) == [49]


def test_of_unknown_position_a_session_lasts_no_longer_than_its_title() -> None:
    """A film of 90 minutes left open all night took at most 99; live channels have no such end."""
    assert minutes_of(played("10 20:00", 600, title_runtime_s=5400)) == [99]
    assert minutes_of(played("10 20:00", 600, title_runtime_s=5400, title_kind="live")) == [600]


def test_who_went_back_leaves_no_session_open_for_ever() -> None:
    """A film that ends before where it began was rewound: how much of it was played is not known."""
    back = {"position_start_s": 3000, "position_end_s": 10}
    assert minutes_of(played("10 20:00", 3 * 24 * 60, title_runtime_s=6000, **back)) == [110]
    assert minutes_of(played("10 20:00", 40, title_runtime_s=6000, **back)) == [40]


def test_a_channel_that_stands_at_nought_has_no_positions() -> None:
    """Servers write 0 where a stream has none: it ran all the same. A film that stands there was left open."""
    nowhere = {"position_start_s": 0, "position_end_s": 0}
    assert minutes_of(played("10 20:00", 180, title_kind="live", **nowhere)) == [180]
    assert minutes_of(played("10 20:00", 180, title_kind="movie", **nowhere)) == [0]


@pytest.mark.parametrize("position_end_s", [2**63 - 1, 9_223_372_036_854, 9_223_372_036_855, 2**53])
def test_a_nonsensical_position_makes_no_nonsensical_end(position_end_s: int) -> None:
    """A position of three hundred thousand years, as a broken player may log, leaves the end where it was."""
    [playback] = repair(played("10 20:00", 60, position_start_s=0, position_end_s=position_end_s)).playbacks.rows(
        named=True
    )
    assert playback["ended_at"] == at("2025-06-10 21:00")
    assert playback["seconds"] == 3600


def test_a_merged_playback_knows_the_seconds_that_any_of_its_stretches_knows() -> None:
    """One stretch without an end does not undo the other's length."""
    assert minutes_of(played("10 20:00", 20), played("10 20:30")) == [20]


def test_playbacks_are_sorted_by_account_and_start() -> None:
    """However the rows came, the result is in one order, with ids of any size."""
    biggest = 2**64 - 1
    done = repair(
        played("12 20:00", 30, account=biggest, title=biggest, device=biggest),
        played("11 20:00", 30),
        played("10 20:00", 30, account=biggest, title=3, device=biggest),
        played("10 20:00", 30),
    ).playbacks
    assert done["account"].to_list() == [1, 1, biggest, biggest]
    assert done["playback"].to_list() == [4, 2, 3, 1]


minutes = st.integers(0, 60 * 30)
SOMETHING = st.fixed_dictionaries(
    {
        "account": st.integers(1, 2),
        "device": st.one_of(st.none(), st.integers(1, 2)),
        "title": st.one_of(st.none(), st.integers(1, 2)),
        "profile": st.one_of(st.none(), st.just(1)),
        "playback": st.integers(1, 12),
        "start_min": minutes,
        "lasts_min": st.one_of(st.none(), st.integers(0, 300)),
        "named": st.booleans(),
        "position_start_s": st.one_of(st.none(), st.integers(0, 6000)),
        "position_end_s": st.one_of(st.none(), st.integers(0, 6000)),
        "title_runtime_s": st.one_of(st.none(), st.sampled_from([90, 1500, 5400])),
        "title_kind": st.one_of(st.none(), st.sampled_from(tables.TITLE_KINDS)),
    }
)


def _log(things: list[dict[str, Any]]) -> pl.DataFrame:
    rows = []
    for thing in things:
        said = dict(thing)
        start_min, lasts_min, named = said.pop("start_min"), said.pop("lasts_min"), said.pop("named")
        started = at("2025-06-10 12:00") + dt.timedelta(minutes=start_min)
        ended = None if lasts_min is None else started + dt.timedelta(minutes=lasts_min)
        real = said["device"] is not None and not named
        rows.append({**played("10 12:00", **said), "started_at": started, "ended_at": ended, "device_is_real": real})
        rows[-1]["day"] = started.date()
    return rows_of(*rows)


@given(st.lists(SOMETHING, max_size=14), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_nothing(things: list[dict[str, Any]], random: Any) -> None:
    """However a log is shuffled, with replays and contradictions in it, the same playbacks come out."""
    shuffled = list(things)
    random.shuffle(shuffled)
    one, other = (playbacks.repair(_log(order), SETTINGS.playbacks) for order in (things, shuffled))
    assert_frame_equal(one.playbacks, other.playbacks)
    assert (one.replays.height, one.conflicts.height) == (other.replays.height, other.conflicts.height)


@given(st.lists(SOMETHING, max_size=14))
def test_repair_makes_nothing_up(things: list[dict[str, Any]]) -> None:
    """No playback ends before it starts, runs longer than from its start to its end, or was not in the log; and
    a real device never shows two things at once."""
    log = _log(things)
    done = playbacks.repair(log, SETTINGS.playbacks).playbacks
    span_s = (pl.col("ended_at") - pl.col("started_at")).dt.total_seconds()
    assert done.filter((pl.col("seconds") < 0) | (pl.col("seconds") > span_s)).is_empty()
    assert done.join(log, on=["playback", "account", "started_at", "day"], how="anti").is_empty()
    assert not done.select("account", "playback").is_duplicated().any()
    ended = done.filter("device_is_real").sort("account", "device", "started_at", "ended_at", nulls_last=False)
    following = pl.col("started_at").shift(-1).over("account", "device")
    apart = ended.filter((pl.col("ended_at") > following) & (pl.col("title") != pl.col("title").shift(-1)))
    assert apart.is_empty()


def test_what_others_play_meanwhile_makes_no_repeat_and_no_first_time() -> None:
    """A song twice in a row, while somebody else leaves another after some seconds."""
    song = {"title_kind": "track", "title_runtime_s": 180}
    other = song | {"account": 2, "device": 2, "title": 2}
    done = repair(
        played("10 20:00", 3, **song), played("10 20:03:01", 3, **song), played("10 20:02", 0.1, **other)
    ).playbacks
    assert done.sort("account", "started_at")["is_repeat"].to_list() == [False, True, False]
