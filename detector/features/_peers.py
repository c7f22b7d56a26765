"""Whom an account is compared with: those of the same plan and country."""

from collections.abc import Sequence
from typing import Literal

import polars as pl

from detector.features._feature import Window

Trait = Literal["plan_streams", "country"]


def peers_of(window: Window, traits: Sequence[Trait]) -> pl.DataFrame:
    """`account, peer`: the peer group of each account, in words; null where one of its traits is not known.

    The plan is the largest of the window, the country the one with most plays.
    """
    of_each = {"plan_streams": _plan, "country": _country}
    accounts = window.days.select("account").unique().lazy()
    for trait in traits:
        accounts = accounts.join(of_each[trait](window), on="account", how="left")
    peer = pl.concat_str(traits, separator=", ") if traits else pl.lit(None, pl.String)
    return accounts.select("account", peer=peer).collect()


def _plan(window: Window) -> pl.LazyFrame:
    plan = pl.col("plan_streams").max()
    return (
        window.days.lazy()
        .group_by("account")
        .agg(plan_streams=pl.when(plan.is_not_null()).then(pl.format("a plan of {} streams", plan)))
    )


def _country(window: Window) -> pl.LazyFrame:
    return (
        window.visits.lazy()
        .filter(pl.col("country").is_not_null())
        .group_by("account", "country")
        .agg(pl.col("plays").sum())
        .sort("account", "plays", "country", descending=[False, True, False])
        .group_by("account", maintain_order=True)
        .agg(pl.col("country").first())
    )
