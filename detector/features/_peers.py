"""Whom an account is compared with: those of the same plan, country or class of device."""

from collections.abc import Sequence
from typing import Literal

import polars as pl

from detector.features._feature import Window

Trait = Literal["plan_streams", "country", "device_type"]


def peers_of(window: Window, traits: Sequence[Trait]) -> pl.DataFrame:
    """`account, peer`: the peer group of each account, in words; null where one of its traits is not known.

    The plan is the largest of the window, the country the one with most plays, the class of device the one that most of
    its days began with.
    """
    of_each = {"plan_streams": _plan, "country": _country, "device_type": _device_type}
    accounts = window.days.select("account").unique().lazy()
    for trait in traits:
        accounts = accounts.join(of_each[trait](window), on="account", how="left")
    peer = pl.concat_str(traits, separator=", ") if traits else pl.lit(None, pl.String)
    return accounts.select("account", peer=peer).collect()


def _plan(window: Window) -> pl.LazyFrame:
    plan = pl.col("plan_streams").max()
    plural = pl.when(plan == 1).then(pl.lit("")).otherwise(pl.lit("s"))
    return (
        window.days.lazy()
        .group_by("account")
        .agg(plan_streams=pl.when(plan.is_not_null()).then(pl.format("a plan of {} stream{}", plan, plural)))
    )


def _country(window: Window) -> pl.LazyFrame:
    return _most(window.contexts, "country", pl.col("plays").sum())


def _device_type(window: Window) -> pl.LazyFrame:
    return _most(window.days, "device_type", pl.len())


def _most(frame: pl.DataFrame, name: str, often: pl.Expr) -> pl.LazyFrame:
    """The value that an account has most often; of two as often the first by name."""
    return (
        frame.lazy()
        .filter(pl.col(name).is_not_null())
        .group_by("account", name)
        .agg(often=often)
        .sort("account", "often", name, descending=[False, True, False])
        .group_by("account", maintain_order=True)
        .agg(pl.col(name).first())
    )
