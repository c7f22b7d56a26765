"""Account-days → spans: months, and the year that a night looks back on.

A span is what is left of many days of an account: a row for it, one for each of its devices, and one for each of these
on each line and with each profile.
"""

from dataclasses import dataclass

import polars as pl

from detector import tables

# What `fold` reads of account-days and visits.
OF_DAYS = ["account", "day", "plays", "views", "longest_streak_days"]
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


def fold(account_days: pl.LazyFrame, visits: pl.LazyFrame, *earlier: Span) -> Span:
    """Account-days and visits of some days, on top of spans of others → one span. A streak counts by its whole length,
    wherever it began."""
    by_day = account_days.filter(pl.col("plays") > 0).select(
        "account",
        "plays",
        "views",
        "longest_streak_days",
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
            pl.col("longest_streak_days").max(),
        )
    )
    # Grouped by all at once, far fewer rows are left to be grouped by some of these.
    seen = (
        visits.filter((pl.col("plays") > 0) & pl.col("device").is_not_null())
        .group_by(
            "account",
            "device",
            "profile",
            address=pl.when(MAY_BE_HOME).then("address"),
            network=pl.when(~_PASSING).then("network"),
        )
        .agg(first_day=pl.col("day").min(), last_day=pl.col("day").max(), plays=pl.col("plays").sum())
        .collect()
        .lazy()
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
    profiles = pl.concat(
        [
            seen.filter(pl.col("profile").is_not_null()).select("account", "device", "profile"),
            *(span.profiles.lazy() for span in earlier),
        ]
    ).unique()
    return Span(
        tables.shape(accounts, tables.Spans).sort("account").collect(),
        devices.sort("account", "device").collect(),
        tables.shape(lines, tables.SpanLines).sort(*LINE).collect(),
        profiles.sort("account", "device", "profile").collect(),
    )
