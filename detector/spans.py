"""Account-days → spans: months, and the year that a night looks back on.

A span is what is left of many days of an account: a row for it, one for each of its devices, and one for each of these
at each address that may be somebody's home.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from detector import tables

# What `fold` reads of account-days and visits.
OF_DAYS = ["account", "day", "plays", "views", "longest_streak_days"]
OF_VISITS = ["account", "day", "device", "address", "network_kind", "plays"]
# A visit's address that is not plainly a carrier's, a hotel's, a campus's or a server's.
MAY_BE_HOME = pl.col("address").is_not_null() & ~pl.col("network_kind").is_in(tables.NOBODYS).fill_null(False)


@dataclass(frozen=True)
class Span:
    """Some time of every account's life: `accounts` (`tables.Spans`), `devices` (`tables.SpanDevices`) and `homes`
    (`tables.SpanHomes`), each sorted."""

    accounts: pl.DataFrame
    devices: pl.DataFrame
    homes: pl.DataFrame


def fold(account_days: pl.DataFrame, visits: pl.DataFrame) -> Span:
    """Account-days and visits of some days → one span."""
    accounts = (
        account_days.lazy()
        .filter(pl.col("plays") > 0)
        .group_by("account")
        .agg(
            first_day=pl.col("day").min(),
            last_day=pl.col("day").max(),
            active_days=pl.len().cast(pl.UInt32),
            plays=pl.col("plays").sum(),
            views=pl.col("views").sum(),
            longest_streak_days=pl.col("longest_streak_days").max(),
        )
    )
    played = visits.lazy().filter((pl.col("plays") > 0) & pl.col("device").is_not_null())
    devices = played.group_by("account", "device").agg(
        first_day=pl.col("day").min(), last_day=pl.col("day").max(), days=pl.col("day").n_unique().cast(pl.UInt32)
    )
    return _span(accounts, devices, played.filter(MAY_BE_HOME))


def join(spans: Sequence[Span]) -> Span:
    """Spans of times that do not overlap → one span. A streak counts by its whole length, wherever it began."""
    accounts = (
        pl.concat([span.accounts for span in spans])
        .lazy()
        .group_by("account")
        .agg(
            first_day=pl.col("first_day").min(),
            last_day=pl.col("last_day").max(),
            active_days=pl.col("active_days").sum(),
            plays=pl.col("plays").sum(),
            views=pl.col("views").sum(),
            longest_streak_days=pl.col("longest_streak_days").max(),
        )
    )
    devices = (
        pl.concat([span.devices for span in spans])
        .lazy()
        .group_by("account", "device")
        .agg(first_day=pl.col("first_day").min(), last_day=pl.col("last_day").max(), days=pl.col("days").sum())
    )
    return _span(accounts, devices, pl.concat([span.homes for span in spans]).lazy())


def _span(accounts: pl.LazyFrame, devices: pl.LazyFrame, homes: pl.LazyFrame) -> Span:
    return Span(
        tables.shape(accounts, tables.Spans).sort("account").collect(),
        tables.shape(devices, tables.SpanDevices).sort("account", "device").collect(),
        tables.shape(homes, tables.SpanHomes).unique().sort("account", "device", "address").collect(),
    )
