"""What the pictures of one account show, as tables: every picture is drawn from one of these and has it beside it.

All are of one account. Devices and networks have a `device_no` and a `network_no` beside their pseudonym, the same in
every table: 1 is the one with the most days, then the one seen first.
"""

import datetime as dt
from dataclasses import dataclass

import polars as pl

from detector.days import Day

_HOUR_S = 3600


@dataclass(frozen=True)
class Portrait:
    """One account, up to the `day` of a night.

    `calendar`, one row per day of the year, watched or not: `day, plays, views`, `streak_days` (days in a row, up to
    this one, with a view of the `streak_title`; 0 on a day without) and `in_streak` (the day belongs to its longest
    run of two days or more). `streak_title` is the title with the longest run of days, null where no title was viewed.

    `stretches`, one row per playback of the window: `day, device_no, network_no, from_h, to_h` (local hours since the
    midnight at which the day began, the end null where unknown and past 24 where it ran into the next day), `title,
    at_once` (streams that ran while it did, itself counted; null where its end is unknown) and `elsewhere` (one of them
    on another network; null where that is unknown).

    `roaming`, one row per day of the window and device on it: `day, device, device_no, network, network_no` (where it
    watched most that day), `networks` (how many it was on) and `plays`.

    `devices` and `networks`, one row each with their numbers: `days, plays, first_day, last_day` in the window and, for
    networks, `network_kind` and `country`.

    `hours`, one row per local hour: `weekday_share` and `weekend_share`, of the days in the window on which something
    was watched; null where there was no such day.

    `places`, one row per country and region in the window: `days, plays, devices, networks, first_day, last_day`.

    `ring`, one row per device or address that ties it to others, and one of these: `what` (device or address),
    `shared, other`.

    `nights`, one row per published night, the latest ones: `day, score, p_value, rank, flagged`; null where too little
    was seen, but for the day and `flagged`.
    """

    day: dt.date
    streak_title: int | None
    calendar: pl.DataFrame
    stretches: pl.DataFrame
    roaming: pl.DataFrame
    devices: pl.DataFrame
    networks: pl.DataFrame
    hours: pl.DataFrame
    places: pl.DataFrame
    ring: pl.DataFrame
    nights: pl.DataFrame


def portray(
    year: Day,
    playbacks: pl.DataFrame,
    ties: pl.DataFrame,
    nights: pl.DataFrame,
    *,
    account: int,
    day: dt.date,
    window_days: int,
    year_days: int,
) -> Portrait:
    """The portrait of the one account whose account-days of the `year` these are.

    `playbacks` (`tables.Playbacks`) are those of its window, `ties` what accounts have in common (see
    `neighbours.Neighbours`); `nights` go into the portrait as they are.
    """
    first = day - dt.timedelta(days=window_days - 1)
    in_window = pl.col("day").is_between(first, day) & (pl.col("plays") > 0)
    visits = year.visits.filter(in_window)
    devices, networks = _numbered(visits, "device"), _numbered(visits, "network", "network_kind", "country")
    numbers = {name: known.select(name, f"{name}_no") for name, known in (("device", devices), ("network", networks))}
    title = _streak_title(year.titles)
    return Portrait(
        day=day,
        streak_title=title,
        calendar=_calendar(year, title, day - dt.timedelta(days=year_days - 1), day),
        stretches=_with_numbers(_stretches(playbacks), numbers),
        roaming=_with_numbers(_roaming(visits), numbers),
        devices=devices,
        networks=networks,
        hours=_hours(year.account_days.filter(in_window)),
        places=_places(visits),
        ring=_ring(ties, account),
        nights=nights.sort("day"),
    )


def _numbered(visits: pl.DataFrame, what: str, *also: str) -> pl.DataFrame:
    return (
        visits.drop_nulls(what)
        .group_by(what)
        .agg(
            days=pl.col("day").n_unique(),
            plays=pl.col("plays").sum(),
            first_day=pl.col("day").min(),
            last_day=pl.col("day").max(),
            **{name: pl.col(name).drop_nulls().sort().last() for name in also},
        )
        .sort("days", "first_day", what, descending=[True, False, False])
        .with_row_index(f"{what}_no", offset=1)
    )


def _with_numbers(rows: pl.DataFrame, numbers: dict[str, pl.DataFrame]) -> pl.DataFrame:
    for name, known in numbers.items():
        rows = rows.join(known, on=name, how="left", maintain_order="left")
    return rows


def _streak_title(titles: pl.DataFrame) -> int | None:
    longest = titles.filter(pl.col("streak_days") > 0).sort(
        "streak_days", "day", "title", descending=[True, True, False]
    )
    return None if longest.is_empty() else int(longest["title"][0])


def _calendar(year: Day, title: int | None, first: dt.date, last: dt.date) -> pl.DataFrame:
    every = pl.DataFrame({"day": pl.date_range(first, last, eager=True)})
    plays = year.account_days.select("day", "plays", "views")
    runs = year.titles.filter(pl.col("title") == pl.lit(title, pl.UInt64)).select("day", "streak_days")
    found = (
        every.join(plays, on="day", how="left")
        .join(runs, on="day", how="left")
        .sort("day")
        .with_columns(pl.col("plays", "views", "streak_days").fill_null(0))
    )
    longest = max(found["streak_days"].to_list())
    ends = found.filter(pl.col("streak_days") == longest)["day"].to_list()
    since = ends[-1] - dt.timedelta(days=longest - 1)
    return found.with_columns(in_streak=pl.col("day").is_between(since, ends[-1]) & pl.lit(longest > 1))


def _stretches(playbacks: pl.DataFrame) -> pl.DataFrame:
    offset = pl.duration(seconds=pl.col("utc_offset_s"), time_unit="ms")
    midnight = pl.col("day").cast(pl.Datetime("ms", "UTC"))

    def hour(moment: str) -> pl.Expr:
        return (pl.col(moment) + offset - midnight).dt.total_seconds() / _HOUR_S

    rows = playbacks.sort("started_at", "playback")
    ran = rows.filter(pl.col("ended_at") > pl.col("started_at")).select("playback", "network", "started_at", "ended_at")
    pairs = ran.join_where(
        ran.rename(lambda name: f"{name}_2"),
        pl.col("started_at_2") < pl.col("ended_at"),
        pl.col("started_at") < pl.col("ended_at_2"),
    )
    met = pairs.group_by("playback").agg(
        at_once=pl.len().cast(pl.UInt32), elsewhere=(pl.col("network") != pl.col("network_2")).any(ignore_nulls=False)
    )
    return rows.join(met, on="playback", how="left", maintain_order="left").select(
        "day", "device", "network", "title", "at_once", "elsewhere", from_h=hour("started_at"), to_h=hour("ended_at")
    )


def _roaming(visits: pl.DataFrame) -> pl.DataFrame:
    return (
        visits.drop_nulls("device")
        .group_by("day", "device", "network")
        .agg(pl.col("plays").sum())
        .sort("day", "device", "plays", "network", descending=[False, False, True, False], nulls_last=True)
        .group_by("day", "device", maintain_order=True)
        .agg(
            pl.col("network").first(),
            networks=pl.col("network").drop_nulls().n_unique(),
            plays=pl.col("plays").sum(),
        )
    )


def _hours(account_days: pl.DataFrame) -> pl.DataFrame:
    watched = account_days.with_columns(weekend=pl.col("day").dt.weekday() >= 6)
    shares = {"hour": pl.int_range(24, dtype=pl.UInt32, eager=True)}
    for name, of in (("weekday_share", ~pl.col("weekend")), ("weekend_share", pl.col("weekend"))):
        days = watched.filter(of)
        counts = [days.select(((pl.col("hours") // 2**hour) % 2).sum()).item() for hour in range(24)]
        known = [count / days.height for count in counts] if days.height else [None] * 24
        shares[name] = pl.Series(known, dtype=pl.Float64)
    return pl.DataFrame(shares)


def _places(visits: pl.DataFrame) -> pl.DataFrame:
    return (
        visits.drop_nulls("country")
        .group_by("country", "region")
        .agg(
            days=pl.col("day").n_unique(),
            plays=pl.col("plays").sum(),
            devices=pl.col("device").drop_nulls().n_unique(),
            networks=pl.col("network").drop_nulls().n_unique(),
            first_day=pl.col("day").min(),
            last_day=pl.col("day").max(),
        )
        .sort("days", "country", "region", descending=[True, False, False], nulls_last=True)
    )


def _ring(ties: pl.DataFrame, account: int) -> pl.DataFrame:
    own = ties.filter(pl.col("account") == account).select("what", "shared")
    others = ties.filter(pl.col("account") != account).join(own, on=["what", "shared"], how="semi")
    return others.select("what", "shared", other="account").sort("what", "shared", "other")


def telling_days(stretches: pl.DataFrame, count: int) -> list[dt.date]:
    """The days that a strip of stretches shows best, in order of time: those with the most hours of streams at once on
    several networks, then at once at all, then with the most playbacks; of equal ones the latest."""
    hours = pl.col("to_h") - pl.col("from_h")
    by_day = stretches.group_by("day").agg(
        elsewhere_h=hours.filter("elsewhere").sum(), at_once_h=hours.filter(pl.col("at_once") > 1).sum(), plays=pl.len()
    )
    best = by_day.sort("elsewhere_h", "at_once_h", "plays", "day", descending=True).head(count)
    return sorted(best["day"].to_list())
