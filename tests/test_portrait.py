"""What the pictures of an account show: one year, one window, one account, told by rows and drawn in text."""

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl
import pytest
from support import TRAINED_UNTIL, clock

from detector import config, explaining, identity, published, tables
from detector.console import drawings
from detector.days import Day
from detector.nightly import night
from detector.portrait import Portrait, portray, telling_days, text
from detector.runs import open_doors

DAY = dt.date(2025, 6, 30)  # a Monday
NO_NIGHTS = pl.DataFrame(
    schema={"day": pl.Date, "score": pl.Float64, "p_value": pl.Float64, "rank": pl.UInt32, "flagged": pl.Boolean}
)
NO_TIES = pl.DataFrame(schema={"account": pl.UInt64, "what": pl.String, "shared": pl.UInt64})


def _frame(rows: Iterable[Mapping[str, Any]], table: type[dy.Schema]) -> pl.DataFrame:
    """Rows of the account, `ago` days before `DAY`; what is not said is null."""
    names = tables.columns(table)
    said = [{"account": 1, "day": DAY - dt.timedelta(days=row.get("ago", 0)), "plays": 1} | dict(row) for row in rows]
    return pl.DataFrame([{name: row.get(name) for name in names} for row in said], schema=names)


def _portrait(
    days: Iterable[Mapping[str, Any]] = (),
    titles: Iterable[Mapping[str, Any]] = (),
    visits: Iterable[Mapping[str, Any]] = (),
    playbacks: Iterable[Mapping[str, Any]] = (),
    ties: pl.DataFrame = NO_TIES,
    nights: pl.DataFrame = NO_NIGHTS,
) -> Portrait:
    year = Day(_frame(days, tables.AccountDays), _frame(titles, tables.TitleDays), _frame(visits, tables.Visits))
    rows = [{"playback": number, "utc_offset_s": 0} | dict(row) for number, row in enumerate(playbacks)]
    return portray(
        year, _frame(rows, tables.Playbacks), ties, nights, account=1, day=DAY, window_days=28, year_days=365
    )


def _at(hour: float, ago: int = 0) -> dt.datetime:
    return dt.datetime.combine(DAY - dt.timedelta(days=ago), dt.time(), dt.UTC) + dt.timedelta(hours=hour)


def test_the_calendar_has_every_day_of_the_year_and_the_longest_run() -> None:
    """A day without a row is a day on which nothing played; the run is the one of the title that ran longest."""
    run = [{"ago": ago, "title": 7, "views": 1, "streak_days": 5 - ago} for ago in range(2, 5)]
    other = [{"ago": 0, "title": 8, "views": 1, "streak_days": 1}]
    portrait = _portrait(days=[{"ago": ago, "views": 1} for ago in (0, 2, 3, 4)], titles=[*run, *other])
    assert portrait.streak_title == 7
    assert portrait.calendar.height == 365
    assert portrait.calendar["plays"].sum() == 4
    assert portrait.calendar.filter("in_streak")["day"].to_list() == [DAY - dt.timedelta(days=n) for n in (4, 3, 2)]


def test_a_title_viewed_on_one_day_is_no_run() -> None:
    portrait = _portrait(days=[{"views": 1}], titles=[{"title": 7, "views": 1, "streak_days": 1}])
    assert not portrait.calendar["in_streak"].any()
    assert "longest run" not in text.draw(portrait)


def test_streams_at_once_are_counted_and_those_elsewhere_are_told_apart() -> None:
    """Two at home at once are two; one of them on another network is elsewhere for both; the third was alone."""
    portrait = _portrait(
        playbacks=[
            {"device": 1, "network": 10, "started_at": _at(20), "ended_at": _at(22)},
            {"device": 2, "network": 20, "started_at": _at(21), "ended_at": _at(21.5)},
            {"device": 1, "network": 10, "started_at": _at(22), "ended_at": _at(26)},
            {"device": 2, "network": 20, "started_at": _at(23)},
        ]
    )
    assert portrait.stretches["at_once"].to_list() == [2, 2, 1, None]
    assert portrait.stretches["elsewhere"].to_list() == [True, True, False, None]
    assert portrait.stretches["from_h"].to_list() == [20, 21, 22, 23]
    assert portrait.stretches["to_h"].to_list() == [22, 21.5, 26, None]


def test_whether_a_stream_is_elsewhere_is_unknown_where_its_network_is() -> None:
    both = {"started_at": _at(20), "ended_at": _at(22)}
    portrait = _portrait(playbacks=[{"device": 1, "network": 10} | both, {"device": 2} | both])
    assert portrait.stretches["elsewhere"].to_list() == [None, None]


def test_hours_are_those_of_the_local_clock() -> None:
    portrait = _portrait(playbacks=[{"utc_offset_s": -7 * 3600, "started_at": _at(30), "ended_at": _at(31)}])
    assert portrait.stretches.select("from_h", "to_h").row(0) == (23, 24)


def test_devices_and_networks_keep_their_numbers_in_every_table() -> None:
    """1 is the one seen on most days."""
    visits = [{"ago": ago, "device": 50, "network": 5} for ago in (0, 1, 2)] + [{"device": 40, "network": 4}]
    portrait = _portrait(
        visits=visits, playbacks=[{"device": 40, "network": 4, "started_at": _at(1), "ended_at": _at(2)}]
    )
    assert portrait.devices.select("device", "device_no").rows() == [(50, 1), (40, 2)]
    assert portrait.networks.select("network", "network_no").rows() == [(5, 1), (4, 2)]
    assert portrait.stretches.select("device_no", "network_no").row(0) == (2, 2)
    assert portrait.roaming.filter(pl.col("day") == DAY)["device_no"].to_list() == [2, 1]


def test_a_device_stands_on_the_network_where_it_watched_most() -> None:
    visits = [{"device": 1, "network": 5, "plays": 1}, {"device": 1, "network": 6, "plays": 3}]
    row = _portrait(visits=visits).roaming.row(0, named=True)
    assert (row["network"], row["networks"], row["plays"]) == (6, 2, 4)


def test_shares_of_the_hours_are_of_the_days_with_plays() -> None:
    """30 June 2025 is a Monday, the day before a Sunday: of one weekend day, and of two weekdays."""
    portrait = _portrait(
        days=[{"hours": 1 << 20}, {"ago": 3, "hours": 0}, {"ago": 1, "hours": 1 << 9}, {"ago": 2, "plays": 0}]
    )
    assert portrait.hours.filter(pl.col("hour") == 20).select("weekday_share", "weekend_share").row(0) == (0.5, 0)
    assert portrait.hours.filter(pl.col("hour") == 9).select("weekday_share", "weekend_share").row(0) == (0, 1)


def test_hours_of_days_that_never_were_are_not_known() -> None:
    portrait = _portrait(days=[{"hours": 1}])
    assert portrait.hours["weekend_share"].null_count() == 24
    drawn = "".join(str(shape) for shape in drawings.hours(portrait).shapes)
    assert "weekdays: 100%" in drawn
    assert "weekends" not in drawn


def test_the_ring_names_who_else_is_on_what_it_shares() -> None:
    ties = pl.DataFrame(
        [(1, "device", 9), (2, "device", 9), (3, "device", 8), (4, "address", 9)], schema=NO_TIES.schema, orient="row"
    )
    assert _portrait(ties=ties).ring.rows() == [("device", 9, 2)]


def test_days_with_streams_elsewhere_tell_most() -> None:
    """Two hours on two networks tell more than three on one, and these more than a day without two at once."""

    def two(ago: int, network: int, until: float) -> list[dict[str, Any]]:
        hours = {"ago": ago, "started_at": _at(20, ago), "ended_at": _at(until, ago)}
        return [{"device": 1, "network": 1} | hours, {"device": 2, "network": network} | hours]

    alone = [{"device": 1, "network": 1, "started_at": _at(2 * n), "ended_at": _at(2 * n + 1)} for n in range(9)]
    stretches = _portrait(playbacks=[*alone, *two(3, 2, 22), *two(5, 1, 23)]).stretches
    assert telling_days(stretches, 1) == [DAY - dt.timedelta(days=3)]
    assert telling_days(stretches, 2) == [DAY - dt.timedelta(days=5), DAY - dt.timedelta(days=3)]


def test_text_draws_what_is_known_within_80_columns() -> None:
    assert text.draw(_portrait()) == ""
    visits = [{"ago": ago, "device": ago % 15, "network": ago} for ago in range(28)]
    streams = [
        {"ago": 1, "device": 1, "network": 1, "started_at": _at(20, 1), "ended_at": _at(30, 1)},
        {"ago": 1, "device": 2, "network": 2, "started_at": _at(21, 1), "ended_at": _at(22, 1)},
    ]
    nights = pl.DataFrame({"day": [DAY, DAY], "score": [1.0, None]})
    drawn = text.draw(
        _portrait(
            days=[{"ago": ago, "hours": 1 << 20} for ago in range(365)],
            titles=[{"ago": ago, "title": 7, "views": 1, "streak_days": 365 - ago} for ago in range(365)],
            visits=visits,
            playbacks=streams,
            nights=nights,
        )
    )
    assert max(map(len, drawn.splitlines())) <= 80
    assert "(365 days)" in drawn.replace("\n", " ")
    assert "and 3 more devices" in drawn
    assert "score by night" in drawn
    assert drawn.count("█") > 365
    assert re.search("device [0-9]+ +·{42}[A-Z]{2}·{4}", drawn)  # from nine to ten in the evening, elsewhere


@pytest.fixture
def day_of_night(home: Path, settings: config.Settings) -> dt.date:
    with open_doors(home, settings) as doors:
        return night(doors, TRAINED_UNTIL, settings=settings, clock=clock).day


def test_a_published_night_has_portraits(home: Path, settings: config.Settings, day_of_night: dt.date) -> None:
    """Of the account that watched one film on every day kept, the calendar is one run; ids are 16 hex digits."""
    with open_doors(home, settings) as doors:
        run = published.run_of(doors, day_of_night)
        features = published.frame(doors, run, "features").sort("longest_streak_365d", descending=True, nulls_last=True)
        account = features["account"][0]
        portrait = explaining.portray(doors, run, account, settings)
        assert portrait.calendar["in_streak"].sum() == features["longest_streak_365d"][0]
        assert portrait.nights["day"].to_list() == [day_of_night]
        told = explaining.plain(portrait)
    assert identity.from_hex(told["devices"][0]["device"]) == portrait.devices["device"][0]
    assert len(told["calendar"]) == settings.window.year_days


def test_since_when_is_told_by_the_line_of_a_small_home(
    home: Path, settings: config.Settings, day_of_night: dt.date
) -> None:
    """Where less than one account has a place, what is flagged is as rare as that takes, not as high as the one that
    was flagged: a score that grows was high enough before."""
    with open_doors(home, settings) as doors:
        run = published.run_of(doors, day_of_night)
        account = published.frame(doors, run, "flags").sort("score")["account"][0]
        year = explaining.year_of(doors, run, account, settings)

        def since(capacity: float, share: float) -> dt.date | None:
            told = replace(run, record=run.record | {"capacity": capacity})
            decision = settings.decision.model_copy(update={"capacity_share": share})
            return explaining.since(doors, told, settings.model_copy(update={"decision": decision}), year)

        by_flags = since(9, 1.0)
        assert since(0.5, 0.0) == by_flags  # nothing is as rare as that
        small = since(0.5, 1.0)  # anything is
    assert by_flags is not None
    assert small is not None
    assert small < by_flags
