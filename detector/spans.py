"""Account-days → spans: months, and the year that a night looks back on.

A span is what is left of many days of an account: a row for it, one for each of its devices, and one for each of these
at each address that may be somebody's home.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from detector import tables


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
    days = pl.col("day").n_unique().cast(pl.UInt32)
    devices = played.group_by("account", "device").agg(
        first_day=pl.col("day").min(), last_day=pl.col("day").max(), days=days
    )
    at_home = pl.col("address").is_not_null() & ~pl.col("network_kind").is_in(tables.NOBODYS).fill_null(False)
    homes = played.filter(at_home).group_by("account", "device", "address").agg(days=days)
    return _span(accounts, devices, homes)


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
    homes = (
        pl.concat([span.homes for span in spans])
        .lazy()
        .group_by("account", "device", "address")
        .agg(days=pl.col("days").sum())
    )
    return _span(accounts, devices, homes)


def _span(accounts: pl.LazyFrame, devices: pl.LazyFrame, homes: pl.LazyFrame) -> Span:
    return Span(
        tables.shape(accounts, tables.Spans).sort("account").collect(),
        tables.shape(devices, tables.SpanDevices).sort("account", "device").collect(),
        tables.shape(homes, tables.SpanHomes).sort("account", "device", "address").collect(),
    )
