"""Scores + capacity → flags."""

import polars as pl

from detector import config, decisions, tables
from detector.decisions import Chosen
from detector.features import CATALOGUE

POLICY = config.load().settings.decision.model_copy(update={"capacity_share": 0.1, "unexplained_share": 0.5})
NOBODY = pl.Series([], dtype=pl.UInt64)


def _night(n: int = 20) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores that fall with the account, from n to 1, and kinds: account 1 shares, all others are unclear."""
    account = pl.int_range(n, dtype=pl.UInt64, eager=True).alias("account")
    scores = pl.DataFrame({"account": account}).with_columns(
        score=n - pl.col("account").cast(pl.Float64),
        rank=(pl.col("account") + 1).cast(pl.UInt32),
        p_value=(pl.col("account") + 1) / (n + 1),
        score_groups=pl.lit(1.0),
    )
    sharing = pl.when(pl.col("account") == 1).then(pl.lit("household sharing")).otherwise(pl.lit("unclear"))
    return scores, pl.DataFrame({"account": account}).with_columns(kind=sharing)


def _chosen(**changes: object) -> Chosen:
    scores, kinds = _night()
    asked: dict[str, object] = {"resting": NOBODY, "promised": False, "settings": POLICY} | changes
    return decisions.put_before_reviewers(scores, kinds, **asked)  # type: ignore[arg-type]


def test_what_is_kept_back_gives_its_place_to_the_next() -> None:
    """By policy, or after a verdict: counted, and not put before reviewers."""
    found = _chosen(resting=pl.Series([0], dtype=pl.UInt64))
    assert found.accounts["account"].to_list() == [2, 3]
    assert found.kept_back == {"decided lately": 1, "household sharing": 1}


def test_a_promise_keeps_back_what_is_beyond_it() -> None:
    """With 20 accounts against 20 nothing is rare enough for a promise of one in ten."""
    found = _chosen(promised=True)
    assert found.accounts.is_empty()
    assert found.kept_back == {"beyond the promised error rate": 1, "household sharing": 1}


def test_verdicts_order_what_is_shown_and_leave_places_for_the_unexplained() -> None:
    """Half of the places here go by what was learned, the other half by the score alone."""
    account = pl.int_range(20, dtype=pl.UInt64, eager=True).alias("account")
    priority = pl.DataFrame({"account": account}).with_columns(priority=pl.col("account").cast(pl.Float64))
    found = _chosen(priority=priority)
    assert found.accounts.select("account", "unexplained").rows() == [(19, False), (0, True)]
    assert found.accounts["q_value"].null_count() == 0


def test_a_home_of_one_account_is_not_flagged_for_being_first() -> None:
    """Where the capacity is less than one account, it takes a rare score."""
    scores, kinds = _night(2)
    usual = decisions.put_before_reviewers(scores, kinds, resting=NOBODY, promised=False, settings=POLICY)
    assert usual.accounts.is_empty()
    rare = scores.with_columns(p_value=pl.lit(0.05))
    flagged = decisions.put_before_reviewers(rare, kinds, resting=NOBODY, promised=False, settings=POLICY)
    assert flagged.accounts["account"].to_list() == [0]


def test_an_account_of_which_nothing_stands_out_has_no_reason() -> None:
    """The least ordinary of ordinary features is none, even if it is all that there is; the others still are."""
    columns = ("feature", "value", "typical", "percentile", "surprise", "peer")
    explained = pl.DataFrame(
        [(1, "longest_streak", 2.0, 2.0, 60.0, 0.5, None), (2, "longest_streak", 9.0, 2.0, 99.0, 5.0, None)],
        schema=["account", *columns],
        orient="row",
    ).cast({"account": pl.UInt64, "peer": pl.String})
    nothing = pl.DataFrame(schema=tables.columns(tables.Playbacks))
    argued = decisions.argue(explained, nothing, CATALOGUE)
    assert [len(reasons) for reasons in argued["reasons"]] == [0, 1]
