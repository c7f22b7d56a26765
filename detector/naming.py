"""How cases are named beside what the accounts are: people who share are to be told apart from those who resell."""

from typing import Any

import polars as pl

from detector import likeness
from detector.ranking import share_of

SHARING, RESALE = "household sharing", "resale"
NAMED_SHARING, NAMED_RESALE, NAMED_OTHERWISE = f"named {SHARING}", f"named {RESALE}", "named otherwise"
WITHIN_ONE = "households within one"
HIGHEST, ALL_SCORED = "the highest", "all scored"
_TOLD_APART = ("sharing", "abuse")
_SCHEMA = {
    "measure": pl.String, "label": pl.String, "kind": pl.String, "among": pl.String, "accounts": pl.Int64,
    "value": pl.Float64, "low": pl.Float64, "high": pl.Float64,
}  # fmt: skip


def naming(scored: pl.DataFrame, truth: pl.DataFrame, features: pl.DataFrame, highest: pl.Series) -> pl.DataFrame:
    """One row per measure, kind of the sharing and abusive, and whom of it: the highest, or all that have a score.

    `scored` are those with a score (`tables.Scores` and the family scores), `highest` the accounts that a night would
    put before reviewers if policy kept none back. All are named as if they were put before a reviewer
    (`likeness.kinds`), and the shares named household sharing, resale and otherwise are measured, each with its 95 %
    interval (Wilson 1927). So is the share whose number of households found, the feature `lived_in_homes_365d` or one
    where none lasts, for somebody watched, is within one of the true number (`households` in truth), where both are
    known. Null where there is nobody to measure it on.
    """
    found = _or_null(features, "lived_in_homes_365d").select("account", found="lived_in_homes_365d")
    known = (
        _or_null(truth, "households")
        .filter(pl.col("label").is_in(_TOLD_APART))
        .join(likeness.kinds(scored, features).rename({"kind": "named"}), on="account")
        .join(found, on="account", how="left")
        .with_columns(
            high=pl.col("account").is_in(highest.implode()),
            off=(pl.col("found").cast(pl.Int64).clip(lower_bound=1) - pl.col("households").cast(pl.Int64)).abs(),
        )
        .sort("label", "kind", descending=[True, False])
    )
    rows: list[dict[str, Any]] = []
    for (label, kind), members in known.group_by("label", "kind", maintain_order=True):
        for among, part in ((HIGHEST, members.filter("high")), (ALL_SCORED, members)):
            of_whom = {"label": label, "kind": kind, "among": among}
            rows += [{"measure": measure} | of_whom | share_of(true) for measure, true in _measured(part).items()]
    return pl.DataFrame(rows, schema=_SCHEMA)


def _or_null(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    return frame if name in frame.columns else frame.with_columns(pl.lit(None, pl.Int64).alias(name))


def _measured(accounts: pl.DataFrame) -> dict[str, pl.Series]:
    """By measure, of whom it is true."""
    sharing, resale = ((accounts["named"] == kind) for kind in (SHARING, RESALE))
    return {
        NAMED_SHARING: sharing,
        NAMED_RESALE: resale,
        NAMED_OTHERWISE: ~(sharing | resale),
        WITHIN_ONE: accounts["off"].drop_nulls() <= 1,
    }
