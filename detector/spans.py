"""Account-days → spans: months, and the year that a night looks back on.

A span is what is left of many days of an account: a row for it, one for each of its devices, and one for each of these
on each line and with each profile.
"""

import datetime as dt
from dataclasses import dataclass

import polars as pl

from detector import config, tables
from detector.days import STREAKS, VISIT

# What `fold` needs of account-days and visits.
OF_DAYS = ["account", "day", "plays", "views", *STREAKS]
OF_VISITS = ["account", "day", "profile", "device", "address", "network", "network_kind", "plays"]
LINE = ["account", "device", "address", "network"]
# A visit's address that is not plainly a carrier's, a hotel's, a campus's or a server's.
MAY_BE_HOME = pl.col("address").is_not_null() & ~pl.col("network_kind").is_in(tables.NOBODYS).fill_null(False)
# On a journey or a campus: who is only ever seen there may still belong to a home.
_PASSING = pl.col("network_kind").is_in(tables.PASSING).fill_null(False)


@dataclass(frozen=True)
class Span:
    """Some time of every account's life: `accounts` (`tables.Spans`), `devices` (`tables.SpanDevices`), `lines`
    (`tables.SpanLines`) and `profiles` (`tables.SpanProfiles`), each sorted."""

    accounts: pl.DataFrame
    devices: pl.DataFrame
    lines: pl.DataFrame
    profiles: pl.DataFrame


def status(day: dt.date, settings: config.Window) -> pl.Expr:
    """Whether enough was seen of an account (`tables.Spans`) by a day to be judged: one of `tables.STATUSES`."""
    days_ago = (pl.lit(day) - pl.col("first_day")).dt.total_days()
    return (
        pl.when(days_ago < settings.history_days)
        .then(pl.lit("short history"))
        .when(pl.col("plays") < settings.history_playbacks)
        .then(pl.lit("few playbacks"))
        .otherwise(pl.lit("scored"))
    )


def in_one(*values: pl.Expr) -> pl.Expr:
    """One number for an account and something of it: grouped and joined in a third of the time of all that it stands
    for. No two things of one account have the same before some account has billions of them."""
    named = (value.alias(str(nth)) for nth, value in enumerate(values))
    return pl.col("account").cast(pl.UInt128) * 2**64 + pl.struct(*named).hash()


def by_context(visits: pl.DataFrame) -> pl.DataFrame:
    """Visits of some days (`tables.Visits`, any of their columns) → one row for each *context*, a profile on a device
    at an address and place with which something was played, sorted by account: `plays`, `first_day`, `last_day`, and as
    `days` the days of its plays, one bit each. The bits say so where the visits lie within 64 days of each other and
    hold all that makes up a context."""
    context = [name for name in VISIT if name in visits.columns]
    bit = pl.lit(2, pl.UInt64).pow(pl.col("day").cast(pl.Int32) % 64)
    found = (
        visits.lazy()
        .with_row_index("row")
        .filter(pl.col("plays") > 0)
        .select("row", "day", "plays", one=in_one(*map(pl.col, context)), days=bit)
        .group_by("one")
        .agg(
            pl.col("row").min(),
            pl.col("plays", "days").sum(),  # a context stands once a day
            first_day=pl.col("day").min(),
            last_day=pl.col("day").max(),
        )
        .drop("one")
        .sort("row")
        .collect()
    )
    there = visits.select("account", *context)[found["row"]]
    return pl.concat([there, found.drop("row")], how="horizontal").sort("account", maintain_order=True)


def days_of() -> pl.Expr:
    """On how many days there were plays in some contexts (`by_context`), taken together."""
    return pl.col("days").bitwise_or().bitwise_count_ones()


def fold(account_days: pl.LazyFrame, contexts: pl.LazyFrame, *earlier: Span) -> Span:
    """Account-days of some days and their visits by context (`by_context`), on top of spans of others → one span. A
    streak counts by its whole length, wherever it began."""
    by_day = account_days.filter(pl.col("plays") > 0).select(
        "account",
        "plays",
        "views",
        *STREAKS,
        first_day="day",
        last_day="day",
        active_days=pl.lit(1, pl.UInt32),
    )
    accounts = (
        pl.concat([tables.shape(by_day, tables.Spans), *(span.accounts.lazy() for span in earlier)])
        .group_by("account")
        .agg(
            pl.col("first_day").min(),
            pl.col("last_day").max(),
            pl.col("active_days", "plays", "views").sum(),
            pl.col(STREAKS).max(),
        )
    )
    seen = contexts.filter(pl.col("device").is_not_null()).with_columns(
        address=pl.when(MAY_BE_HOME).then("address"), network=pl.when(~_PASSING).then("network")
    )
    devices = (
        pl.concat([seen.select("account", "device", "first_day"), *(span.devices.lazy() for span in earlier)])
        .group_by("account", "device")
        .agg(pl.col("first_day").min())
    )
    lines = (
        pl.concat([tables.shape(seen, tables.SpanLines), *(span.lines.lazy() for span in earlier)])
        .group_by(*LINE)
        .agg(pl.col("first_day").min(), pl.col("last_day").max(), pl.col("plays").sum())
    )
    shown = seen.filter(pl.col("profile").is_not_null())
    profiles = (
        pl.concat([tables.shape(shown, tables.SpanProfiles), *(span.profiles.lazy() for span in earlier)])
        .group_by("account", "device", "profile")
        .agg(pl.col("first_day").min(), pl.col("plays").sum())
    )
    return Span(
        tables.shape(accounts, tables.Spans).sort("account").collect(),
        devices.sort("account", "device").collect(),
        tables.shape(lines, tables.SpanLines).sort(*LINE).collect(),
        tables.shape(profiles, tables.SpanProfiles).sort("account", "device", "profile").collect(),
    )
