"""Account-days → spans: months, and the year that a night looks back on.

A span is what is left of many days of an account: a row for it, and one for each of its devices.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from detector import tables


@dataclass(frozen=True)
class Span:
    """Some time of every account's life: `accounts` (`tables.Spans`) and `devices` (`tables.SpanDevices`), sorted."""

    accounts: pl.DataFrame
    devices: pl.DataFrame


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
    devices = (
        visits.lazy()
        .filter((pl.col("plays") > 0) & pl.col("device").is_not_null())
        .group_by("account", "device")
        .agg(first_day=pl.col("day").min(), last_day=pl.col("day").max(), days=pl.col("day").n_unique().cast(pl.UInt32))
    )
    return _span(accounts, devices)


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
    return _span(accounts, devices)


def _span(accounts: pl.LazyFrame, devices: pl.LazyFrame) -> Span:
    return Span(
        tables.shape(accounts, tables.Spans).sort("account").collect(),
        tables.shape(devices, tables.SpanDevices).sort("account", "device").collect(),
    )
