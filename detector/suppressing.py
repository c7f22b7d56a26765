"""What follows for a night from what is suppressed: rules without a database."""

from collections.abc import Iterable, Mapping

import polars as pl

from detector.suppressed import Scope, Suppressed


def accounts(suppressed: Iterable[Suppressed], scope: Scope | None = None) -> pl.Series:
    """The accounts (u64) for which something does not count, or something of one scope."""
    found = {int(one.account, 16) for one in suppressed if scope in (None, one.scope)}
    return pl.Series("account", sorted(found), dtype=pl.UInt64)


def left_out(suppressed: Iterable[Suppressed]) -> dict[str, pl.DataFrame]:
    """By column, `device` and `network`, the accounts and what of theirs is left out; a column without any is not
    there."""
    frames = {}
    for column in ("device", "network"):
        pairs = sorted({(int(o.account, 16), int(o.value or "", 16)) for o in suppressed if o.scope == column})
        if pairs:
            frames[column] = pl.DataFrame(pairs, schema={"account": pl.UInt64, column: pl.UInt64}, orient="row")
    return frames


def whose(out: Mapping[str, pl.DataFrame]) -> pl.Series:
    """The accounts of which something is `left_out`."""
    nobody = pl.Series("account", [], dtype=pl.UInt64)
    return pl.concat([nobody, *(pairs["account"] for pairs in out.values())]).unique().sort()


def without(rows: pl.LazyFrame, out: Mapping[str, pl.DataFrame]) -> pl.LazyFrame:
    """Rows with `account`, `device` and `network`, but for those `left_out`.

    >>> rows = pl.LazyFrame({"account": [1, 1, 2], "device": [7, None, 7]}, schema_overrides={"account": pl.UInt64})
    >>> out = {"device": pl.DataFrame({"account": [1], "device": [7]}, schema_overrides={"account": pl.UInt64})}
    >>> without(rows, out).collect().rows()
    [(1, None), (2, 7)]
    """
    for column, pairs in out.items():
        rows = rows.join(pairs.lazy(), on=["account", column], how="anti", maintain_order="left")
    return rows


def told(explained: pl.DataFrame, suppressed: Iterable[Suppressed]) -> pl.DataFrame:
    """What is said of accounts (`model.explain`), but for the features that do not count of them: what is typical
    stands in for these, and is nothing to be told."""
    silent = [(int(one.account, 16), one.value) for one in suppressed if one.scope == "feature"]
    pairs = pl.DataFrame(silent, schema={"account": pl.UInt64, "feature": pl.String}, orient="row")
    return explained.join(pairs, on=["account", "feature"], how="anti", maintain_order="left")


def made_typical(features: pl.DataFrame, typical: pl.DataFrame, suppressed: Iterable[Suppressed]) -> pl.DataFrame:
    """Features with what is typical in place of those that do not count.

    `typical` says what that is: `account, feature, typical` (see `model.explain`); what is not known stays so.
    """
    by_feature: dict[str, list[int]] = {}
    for one in suppressed:
        if one.scope == "feature" and one.value in features.columns:
            by_feature.setdefault(str(one.value), []).append(int(one.account, 16))
    for feature, whose in by_feature.items():
        mine = pl.col("account").is_in(pl.Series(whose, dtype=pl.UInt64).implode())
        usual = typical.filter(mine, pl.col("feature") == feature).select("account", usual="typical")
        features = (
            features.join(usual, on="account", how="left", maintain_order="left")
            .with_columns(pl.coalesce("usual", feature).alias(feature))
            .drop("usual")
        )
    return features
