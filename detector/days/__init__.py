"""Playbacks → account-days: each day is digested once, into one small row per account.

A playback *belongs* to the local day of its start: plays, views, repeats and streaks are counted there. Time is
*measured* on the UTC clock and split at UTC midnight: seconds, overlaps, peaks and travel are booked to the UTC date of
the same name, so that Los Angeles and Tokyo at the same moment do overlap. Streaks and travel continue from the
account-days of the day before.
"""

import datetime as dt
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

import dataframely as dy
import polars as pl

from detector import config, tables
from detector.days._overlaps import overlaps
from detector.days._streaks import AFTERNOON, MORNING, with_streaks
from detector.days._travel import LAST, travel

_ONE_DAY = dt.timedelta(days=1)
_SMALL_ROWS = 100_000
_DAY_S = 86_400
Engine = Literal["in-memory", "streaming"]
TABLES: dict[str, type[dy.Schema]] = {
    "account_days": tables.AccountDays,
    "titles": tables.TitleDays,
    "visits": tables.Visits,
}  # that a digested day consists of
GOES_ON_FROM = {
    "account_days": ["account", *LAST],
    "titles": ["account", "day", "title", "halves", "streak_days", "loose_streak_days", "noon_streak_days"],
}  # of the days before
STREAKS = ["longest_streak_days", "longest_loose_streak_days", "longest_noon_streak_days"]  # of an account
VISIT = ["profile", "device", "address", "network", "network_kind", "country", "region"]


def utc_dates_of(day: dt.date) -> tuple[dt.date, dt.date]:
    """First and last UTC date that a local day can touch, whatever its zone."""
    return day - _ONE_DAY, day + _ONE_DAY


def closing_time(day: dt.date, settings: config.Days) -> dt.datetime:
    """When a local day is over everywhere: midnight in the westernmost zone, plus the closing hours."""
    midnight = dt.datetime.combine(day + _ONE_DAY, dt.time(), zoneinfo.ZoneInfo(settings.westernmost_zone))
    return midnight.astimezone(dt.UTC) + dt.timedelta(hours=settings.closing_h)


def last_closed_day(now: dt.datetime, settings: config.Days) -> dt.date:
    """The latest local day that is over everywhere.

    >>> days = config.load().settings.days
    >>> last_closed_day(dt.datetime(2025, 6, 2, 14, 0, tzinfo=dt.UTC), days)
    datetime.date(2025, 6, 1)
    >>> last_closed_day(dt.datetime(2025, 6, 2, 13, 59, tzinfo=dt.UTC), days)
    datetime.date(2025, 5, 31)
    """
    day = now.date() + _ONE_DAY
    while closing_time(day, settings) > now:
        day -= _ONE_DAY
    return day


@dataclass(frozen=True)
class Day:
    """One digested day: `account_days` (`tables.AccountDays`), and what they are made up of, `titles`
    (`tables.TitleDays`) and `visits` (`tables.Visits`); each sorted by account."""

    account_days: pl.DataFrame
    titles: pl.DataFrame
    visits: pl.DataFrame

    @classmethod
    def empty(cls) -> Self:
        """The day before anything was seen."""
        return cls(*(pl.DataFrame(schema=tables.columns(table)) for table in TABLES.values()))


def touched() -> tuple[pl.Expr, pl.Expr]:
    """The first and the last day that a row may count for: the local day that it belongs to, and the local days and
    UTC dates that it runs on."""
    start, end = pl.col("started_at"), pl.coalesce("ended_at", "started_at")
    local_end = end + pl.duration(seconds=pl.col("utc_offset_s"), time_unit="ms")
    return pl.min_horizontal("day", start.dt.date()), pl.max_horizontal("day", end.dt.date(), local_end.dt.date())


def on_each(rows: pl.LazyFrame, first: dt.date, last: dt.date) -> pl.LazyFrame:
    """Each row once for every day from `first` to `last` that it may count for, which it then names as `on`."""
    earliest, latest = touched()
    earliest, latest = earliest.clip(lower_bound=first), latest.clip(upper_bound=last)
    return rows.filter(earliest <= latest).with_columns(on=pl.date_ranges(earliest, latest)).explode("on")


def digest(playbacks: pl.DataFrame, before: Sequence[Day], days: Sequence[dt.date]) -> list[Day]:
    """The digests of days that follow one another, by day.

    `playbacks` are repaired ones (`tables.Playbacks`), once for each day `on` which they are looked at, at least for
    those that `on_each` gives; sorted by that day, account and start. `before` are the two days before the first, where
    they are known: of both the titles count, of the later one the last places.
    """
    # In steps: a plan of all of it takes longer to make than to carry out. Large days are grouped several times as
    # fast when streamed, small ones are not worth it; sorting is faster in memory, whatever the size.
    grouping: Engine = "in-memory" if playbacks.height <= _SMALL_ROWS else "streaming"
    one_day = len(days) == 1
    key = ["account"] if one_day else ["account", "day"]  # by one, large days take two thirds of the time
    on = pl.lit(days[0]) if one_day else pl.col("on")
    rows = _on(playbacks.lazy(), on).collect(engine="in-memory").lazy()
    scalars, by_title, by_visit = _collected([_scalars(rows), _by_title(rows, key), _by_visit(rows, key)], grouping)
    if one_day:
        by_title, by_visit = (frame.with_columns(day=on) for frame in (by_title, by_visit))
    before = [Day.empty(), *before]
    streaks_before = pl.concat(one.titles.select(GOES_ON_FROM["titles"]) for one in before)
    titles, overlap, moves, visits = _collected(
        [
            with_streaks(by_title, streaks_before.lazy(), key),
            overlaps(rows, key),
            travel(rows, key, before[-1].account_days.lazy().with_columns(day=pl.lit(days[0]))),
            by_visit.sort("account", *VISIT),
        ],
        "in-memory",
    )
    streaks, busiest = _collected([_streaks(titles, key), _busiest_device(visits, key)], grouping)
    joined = scalars.sort("account")
    for part in (streaks, busiest, overlap, moves):
        joined = joined.join(part, on=key, how="left", maintain_order="left")
    knows_seconds = pl.col("streams") > 0
    joined = joined.with_columns(
        # An account that streamed alone all day had no overlap; one whose durations are unknown, we can not say.
        pl.when(knows_seconds).then(pl.col("peak_streams").fill_null(1)).alias("peak_streams"),
        pl.when(knows_seconds).then(pl.col("overlap2_s").fill_null(0)).alias("overlap2_s"),
        pl.when(knows_seconds).then(pl.col("overlap3_s").fill_null(0)).alias("overlap3_s"),
        pl.when(knows_seconds & pl.col("knows_networks"))
        .then(pl.col("overlap2_networks_s").fill_null(0))
        .alias("overlap2_networks_s"),
        pl.when(knows_seconds & pl.col("knows_profiles"))
        .then(pl.col("overlap2_same_profile_s").fill_null(0))
        .alias("overlap2_same_profile_s"),
        rest_h=pl.col("hours").map_batches(_rest_h, return_dtype=pl.UInt32),
    )
    parts = (joined, tables.AccountDays), (titles, tables.TitleDays), (visits, tables.Visits)
    frames = [tables.shape(frame, table).collect(engine="in-memory") for frame, table in parts]
    if one_day:
        return [Day(*frames)]
    by_day = [frame.partition_by("day", as_dict=True, maintain_order=True) for frame in frames]
    return [Day(*(part.get((day,), frame.clear()) for part, frame in zip(by_day, frames, strict=True))) for day in days]


def _collected(frames: list[pl.LazyFrame], engine: Engine) -> list[pl.LazyFrame]:
    return [frame.lazy() for frame in pl.collect_all(frames, engine=engine)]


def _rest_h(hours: pl.Series) -> pl.Series:
    """Longest run of hours without a bit, over midnight as well, for most people sleep through it: who watches at noon
    alone has rested for 23. Worked out once for each pattern that occurs."""
    patterns = hours.unique()
    longest = [min(max(map(len, (f"{pattern:024b}" * 2).split("1"))), 24) for pattern in patterns]
    return hours.replace_strict(patterns, pl.Series(longest, dtype=pl.UInt32), return_dtype=pl.UInt32)


def _on(playbacks: pl.LazyFrame, on: pl.Expr) -> pl.LazyFrame:
    """The playbacks that belong to the day that they are looked at `on` or run on it, with what of them counts for it:
    `plays`, `views` and `repeats` of the local day, `seconds` of the UTC date, `hours` of both. That is their `day`
    from here on."""
    midnight = on.cast(tables.UTC_MS)
    next_midnight = midnight + pl.duration(days=1, time_unit="ms")
    start, end = pl.col("started_at"), pl.col("ended_at")
    offset = pl.duration(seconds=pl.col("utc_offset_s"), time_unit="ms")
    rows = playbacks.with_columns(
        on_day=pl.col("day") == on,
        utc_start=start.clip(midnight, next_midnight),
        utc_end=end.clip(midnight, next_midnight),
        hour_from=((start + offset).clip(midnight) - midnight).dt.total_hours(),
        # A playback that ends on the hour did not touch the next one; one without an end touched its first.
        hour_to=(
            ((pl.coalesce(end, start) + offset - pl.duration(milliseconds=1, time_unit="ms")) - midnight)
            .dt.total_milliseconds()
            .floordiv(3_600_000)
        ),
    )
    known_start = pl.col("interaction").is_in(["user", "autoplay"]).fill_null(False)
    running_s = (pl.col("utc_end") - pl.col("utc_start")).dt.total_seconds()
    span_s = (end - start).dt.total_seconds()
    rows = rows.with_columns(
        plays=pl.col("on_day").cast(pl.UInt32),
        views=(pl.col("on_day") & pl.col("is_view")).cast(pl.UInt32),
        bare_views_known=(pl.col("on_day") & pl.col("is_view") & pl.col("is_bare_view").is_not_null()).cast(pl.UInt32),
        bare_views=(pl.col("on_day") & pl.col("is_bare_view").fill_null(False)).cast(pl.UInt32),
        repeats=pl.when("on_day").then(pl.col("is_repeat").cast(pl.UInt32)),
        starts_known=(pl.col("on_day") & known_start).cast(pl.UInt32),
        starts_by_person=(pl.col("on_day") & (pl.col("interaction") == "user").fill_null(False)).cast(pl.UInt32),
        # Pauses between merged stretches are no watching: the day's share of the span, not all of it.
        seconds=pl.when(span_s > 0).then(pl.col("seconds") * running_s // span_s).otherwise(pl.col("seconds") * 0),
        hour_to=pl.max_horizontal("hour_from", "hour_to").clip(upper_bound=23),
        in_hours=(pl.col("hour_from") <= 23) & (pl.col("on_day") | (pl.col("hour_to") >= 0)),
    )
    utc_from = ((start.clip(midnight, next_midnight)) - midnight).dt.total_hours().clip(upper_bound=23)
    utc_last = (pl.coalesce("utc_end", "utc_start") - pl.duration(milliseconds=1, time_unit="ms")) - midnight
    utc_to = pl.max_horizontal(utc_from, utc_last.dt.total_milliseconds().floordiv(3_600_000))
    on_utc_date = (start < next_midnight) & ((start >= midnight) | (end > midnight).fill_null(False))
    return rows.filter(pl.col("on_day") | (pl.col("seconds") > 0) | pl.col("in_hours") | on_utc_date).with_columns(
        hours=pl.when("in_hours").then(_bits(pl.col("hour_from"), pl.col("hour_to"))).otherwise(0),
        utc_hours=pl.when(on_utc_date).then(_bits(utc_from, utc_to)).otherwise(0),
        day=on,
    )


def _bits(first: pl.Expr, last: pl.Expr) -> pl.Expr:
    """A mask with the bits from the first to the last set."""
    return (pl.lit(2).pow(last + 1) - pl.lit(2).pow(first)).cast(pl.UInt32)


def _known_sum(name: str) -> pl.Expr:
    """The sum of what is known; null where nothing is."""
    return pl.when(pl.col(name).count() > 0).then(pl.col(name).sum()).alias(name)


def _told_repeats() -> pl.Expr:
    """How many plays began again what had ended; null, not none, where of one of them that can not be told."""
    repeats = pl.col("repeats")
    told = (repeats.sum() > 0) | ~(repeats.is_null() & (pl.col("plays") > 0)).any()
    return pl.when(told).then(repeats.sum()).alias("repeats")


_COUNTS = (pl.col("plays").sum(), pl.col("views").sum(), _told_repeats(), _known_sum("seconds"))


def _scalars(rows: pl.LazyFrame) -> pl.LazyFrame:
    streamed = (pl.col("seconds") > 0).fill_null(False)
    # By a key that is known to be sorted, group after group is summed, at four times the cost.
    return (
        rows.with_columns(pl.col("account") | 0)
        .group_by("account", "day")
        .agg(
            *_COUNTS,
            pl.col("bare_views_known", "bare_views", "starts_known", "starts_by_person").sum(),
            hours=pl.col("hours").bitwise_or(),
            plan_streams=pl.col("plan_streams").max(),
            device_type=pl.col("device_type").first(ignore_nulls=True),
            streams=streamed.sum(),
            knows_networks=(streamed & pl.col("network").is_not_null()).any(),
            knows_profiles=(streamed & pl.col("profile").is_not_null() & pl.col("device").is_not_null()).any(),
        )
    )


def _by_title(rows: pl.LazyFrame, key: list[str]) -> pl.LazyFrame:
    recorded = (pl.col("title_kind") != "live").fill_null(True) & pl.col("title").is_not_null()
    counted = (pl.col("plays") > 0) | (pl.col("seconds") > 0)
    utc_s = pl.col("started_at").dt.epoch("s")
    local_s = utc_s + pl.col("utc_offset_s")
    # Midnight to the second is how a date without a time is written.
    says_time = (utc_s % _DAY_S != 0) & (local_s % _DAY_S != 0)
    minute = pl.when(pl.col("on_day") & says_time).then((local_s % _DAY_S // 60).cast(pl.UInt16))
    half = pl.when(local_s % _DAY_S < _DAY_S // 2).then(MORNING).otherwise(AFTERNOON)
    return (
        rows.filter(recorded & counted)
        .with_columns(first_minute=minute, halves=pl.when(pl.col("views") > 0).then(half).otherwise(0).cast(pl.UInt8))
        .group_by(*key, "title")
        .agg(
            *_COUNTS,
            pl.col("first_minute", "device").min(),
            pl.col("halves").bitwise_or(),
            other_device=pl.when(pl.col("device").min() != pl.col("device").max()).then(pl.col("device").max()),
        )
    )


def _streaks(titles: pl.LazyFrame, key: list[str]) -> pl.LazyFrame:
    longest = [pl.col(name.removeprefix("longest_")).max().alias(name) for name in STREAKS]
    return titles.group_by(key).agg(longest)


def _by_visit(rows: pl.LazyFrame, key: list[str]) -> pl.LazyFrame:
    return rows.group_by(*key, *VISIT).agg(
        pl.col("plays").sum(),
        _known_sum("seconds"),
        pl.col("hours").bitwise_or(),
        pl.col("utc_hours").bitwise_or(),
    )


def _busiest_device(visits: pl.LazyFrame, key: list[str]) -> pl.LazyFrame:
    return (
        visits.filter(pl.col("device").is_not_null())
        .group_by(*key, "device")
        .agg(pl.col("hours").bitwise_or().bitwise_count_ones())
        .group_by(key)
        .agg(busiest_device_hours=pl.col("hours").max())
    )
