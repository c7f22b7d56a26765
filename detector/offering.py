"""Which accounts a night puts before reviewers when it wants to learn: the likely ones, and some of every sort."""

from collections.abc import Iterable

import polars as pl

OVERALL = "score_overall"


def dominant(columns: Iterable[str]) -> pl.Expr:
    """The family that shows the strongest evidence, among the columns `score_<family>`; not the one over all."""
    families = [name for name in columns if name.startswith("score_") and name != OVERALL]
    names = pl.lit(pl.Series([name.removeprefix("score_") for name in families], dtype=pl.String))
    return names.gather(pl.concat_list(pl.col(families).fill_null(0)).list.arg_max())


def offer(scored: pl.DataFrame, capacity: int) -> pl.DataFrame:
    """`account, dominant` of so many accounts, in the order in which they are offered: families take turns.

    Within a family (see `dominant`) the highest score comes first. Verdicts on accounts of every family teach more
    than those on the highest scores alone, which are much alike (docs/verdicts.md).

    >>> scored = pl.DataFrame({"account": [1, 2, 3], "score": [9.0, 8.0, 3.0],
    ...     "score_rhythm": [5.0, 5.0, 1.0], "score_places": [4.0, 3.0, 2.0]})
    >>> offer(scored, 2).rows()
    [(1, 'rhythm'), (3, 'places')]
    """
    return (
        scored.filter(pl.col("score").is_not_null())
        .with_columns(dominant=dominant(scored.columns))
        .sort("score", "account", descending=[True, False])
        .with_columns(turn=pl.int_range(pl.len()).over("dominant"))
        .sort("turn", "score", "account", descending=[False, True, False])
        .head(capacity)
        .select("account", "dominant")
    )


def choose(priority: pl.DataFrame, scored: pl.DataFrame, capacity: int, unexplained_share: float) -> pl.DataFrame:
    """`account, unexplained` of so many accounts: those of the highest `priority` (see `reranking`), then the rest.

    A share of the places, rounded up, is kept for the unexplained: accounts that the score alone would have offered,
    family by family, and that what was learned from verdicts does not put first. So a new kind of abuse, which no
    verdict resembles, is still shown. The first place is never among them, unless all are.
    """
    kept = -int(-round(unexplained_share * capacity, 9) // 1)
    kept = min(kept, capacity if unexplained_share == 1 else max(capacity - 1, 0))
    first = priority.sort("priority", "account", descending=[True, False]).head(capacity - kept).select("account")
    others = offer(scored.join(first, on="account", how="anti"), kept).select("account")
    return pl.concat([first.with_columns(unexplained=pl.lit(False)), others.with_columns(unexplained=pl.lit(True))])
