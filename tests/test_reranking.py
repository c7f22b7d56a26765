"""What verdicts teach about the order of cases."""

import datetime as dt
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from detector.cases import Case
from detector.reranking import fit, labelled, rerank, rerank_by_others

NAMES = ["score", "score_places", "streams", "tired"]


def _night(seed: int, n: int) -> pl.DataFrame:
    """Accounts whose score says little: those with many streams are abusive, tired ones are not; some unknown."""
    rng = np.random.default_rng(seed)
    abusive = rng.random(n) < 0.3
    return pl.DataFrame(
        {
            "account": pl.Series(rng.choice(2**40, n, replace=False), dtype=pl.UInt64),
            "score": 6 + rng.normal(0, 1, n) + 0.3 * abusive,
            "score_places": rng.exponential(1, n),
            "streams": rng.lognormal(3 + 2 * abusive, 0.5),
            "tired": np.where(rng.random(n) < 0.2, np.nan, rng.poisson(np.where(abusive, 1, 4))),
            "confirmed": abusive,
        }
    ).with_columns(pl.col("tired").fill_nan(None))


def _precision(ranking: pl.DataFrame, night: pl.DataFrame, n: int) -> float:
    first = ranking.sort(ranking.columns[1], descending=True).head(n)
    return float(first.join(night, on="account")["confirmed"].sum() / n)


@pytest.mark.parametrize("wrong", [0.0, 0.1])
@pytest.mark.parametrize("seed", range(5))
def test_verdicts_improve_the_order_even_if_one_in_ten_is_wrong(seed: int, wrong: float) -> None:
    """Sixty verdicts on other accounts put more of the abusive first than the score does."""
    labelled, night = _night(seed, 60), _night(seed + 100, 3_000)
    flipped = pl.Series(np.random.default_rng(seed).random(60) < wrong)
    reranker = fit(labelled.with_columns(pl.col("confirmed") ^ flipped), NAMES, seed=0)
    learned = _precision(rerank(reranker, night), night, 60)
    assert learned > _precision(night.select("account", "score"), night, 60) + 0.1


def test_verdicts_push_down_further_than_they_raise() -> None:
    """Four hundred verdicts: who is like a false alarm loses more than twice what who is like a confirmed case gains.

    So a kind that nobody has judged yet, which neither gains nor loses, keeps its place before the accounts whose
    score is lower by more than that.
    """
    night = _night(10, 4_000)
    learned = rerank(fit(_night(11, 400), NAMES, seed=0), night).join(night.select("account", "score"), on="account")
    moved = learned.top_k(400, by="score").select(pl.col("priority") - pl.col("score")).to_numpy()
    assert 0 < moved.max() < -moved.min() / 2


@pytest.mark.parametrize("confirmed", [True, False, None])
def test_verdicts_of_one_class_teach_nothing(confirmed: bool | None) -> None:
    """Twenty cases confirmed, refused or undecided leave the order to the score."""
    labelled = _night(1, 20).with_columns(confirmed=pl.lit(confirmed, pl.Boolean))
    reranker = fit(labelled, NAMES, seed=0)
    assert reranker is None
    night = _night(2, 50)
    assert rerank(reranker, night).rows() == night.select("account", "score").rows()


def test_only_the_unusual_are_put_in_another_order() -> None:
    """Nine tenths of the accounts keep the order of their scores and stay below; none is lost but who has no score."""
    night = _night(3, 1_000)
    ranked = rerank(fit(_night(4, 80), NAMES, seed=0), night).join(night, on="account").sort("score", descending=True)
    usual = ranked.tail(899)
    assert usual["priority"].is_sorted(descending=True)
    assert ranked.height == 1_000
    assert not ranked.head(100)["priority"].is_sorted(descending=True)
    unscored = night.with_columns(score=pl.lit(None, pl.Float64))
    assert rerank(fit(_night(4, 80), NAMES, seed=0), unscored).is_empty()


def test_more_verdicts_move_the_order_more() -> None:
    """The weight of what is learned grows with labels of both classes, up to a limit; more of one class add little."""
    night = _night(5, 4_000)
    yes, no = night.filter("confirmed"), night.filter(~pl.col("confirmed"))
    weights = []
    for positive, negative in ((5, 5), (15, 15), (50, 50), (400, 400)):
        reranker = fit(pl.concat([yes.head(positive), no.head(negative)]), NAMES, seed=0)
        assert reranker is not None
        weights.append(reranker.weight)
    assert weights == sorted(weights)
    assert weights[-1] < 4
    one_sided = fit(pl.concat([yes.head(5), no.head(200)]), NAMES, seed=0)
    assert one_sided is not None
    assert one_sided.weight < weights[1]
    assert fit(pl.concat([yes.head(1), no.head(200)]), NAMES, seed=0) is None


@pytest.mark.parametrize("seed", range(5))
def test_verdicts_that_contradict_each_other_move_little(seed: int) -> None:
    """As many labels thrown by a coin teach nothing, or weigh less than a third of those that follow what was measured;
    where three in ten are, they weigh less than where none is."""
    judged = _night(seed + 40, 120)
    rng = np.random.default_rng(seed)
    coin = judged.with_columns(confirmed=pl.Series(rng.random(120) < 0.5))
    mixed = judged.with_columns(pl.col("confirmed") ^ pl.Series(rng.random(120) < 0.3))
    following, thrown, partly = (fit(labels, NAMES, seed=0) for labels in (judged, coin, mixed))
    assert following is not None
    assert thrown is None or thrown.weight < following.weight / 3
    assert partly is None or partly.weight < following.weight


def test_equal_verdicts_give_equal_orders() -> None:
    """Whatever the order of the verdicts, and of the accounts: a re-ranker is learned anew each night."""
    labelled, night = _night(6, 60), _night(7, 400)
    again = rerank(fit(labelled.sample(fraction=1, shuffle=True, seed=1), NAMES, seed=3), night.reverse())
    expected = rerank(fit(labelled, NAMES, seed=3), night)
    assert_frame_equal(again.sort("account"), expected.sort("account"), check_exact=True)


def test_only_what_was_confirmed_or_a_false_alarm_teaches() -> None:
    """As measured when the case was opened. Undecided ones teach nothing, nor do those confirmed as a kind that policy
    keeps back: they would take down with them the abuse that they resemble. A verdict that a contest overturned was a
    false alarm."""
    day, at = dt.date(2025, 6, 28), dt.datetime(2025, 6, 30, 9, tzinfo=dt.UTC)
    resold = Case(
        1, f"{1:016x}", "flag", "decided", at, day, day, 1, "r1", "resale", 5.0, "groups", promised_share=None,
        assignee=None, outcome="confirmed", verdict_kind="resale", measured={"score": 5.0, "gone": 1.0},
    )  # fmt: skip
    others = [
        replace(resold, account=f"{2:016x}", outcome="false alarm", verdict_kind=None),
        replace(resold, account=f"{3:016x}", outcome="undecided", verdict_kind=None),
        replace(resold, account=f"{4:016x}", verdict_kind="household sharing"),
        replace(resold, account=f"{5:016x}", contest="overturned"),
    ]
    found = labelled([resold, *others], ["score", "streams"], unwanted=["household sharing"])
    assert found.columns == ["account", "confirmed", "score", "streams"]
    assert found["confirmed"].to_list() == [True, False, None, None, False]
    assert found["score"].to_list() == [5.0] * 5
    assert found["streams"].null_count() == 5


def _gap(priority: pl.DataFrame, night: pl.DataFrame, labelled: pl.DataFrame) -> float:
    """By how much the confirmed gained more than the others of the labelled."""
    gained = priority.join(night.select("account", "score"), on="account").join(
        labelled.select("account", "confirmed"), on="account"
    )
    means = gained.group_by("confirmed").agg((pl.col("priority") - pl.col("score")).mean()).sort("confirmed")
    return float(means[1, 1] - means[0, 1])


@pytest.mark.parametrize("seed", range(3))
def test_what_verdicts_are_worth_is_told_by_those_on_others(seed: int) -> None:
    """Who has a wrong label is placed by what it looks like, and not by its own; others stand as they do nightly.

    Of labels that mean something, nearly as much is left.
    """
    night = _night(seed + 20, 2_000)
    judged = night.top_k(200, by="score").sample(120, seed=seed)
    is_wrong = pl.Series(np.random.default_rng(seed).random(120) < 0.15)
    said = judged.with_columns(pl.col("confirmed") ^ is_wrong)
    learned, by_others = rerank(fit(said, NAMES, seed=0), night), rerank_by_others(said, night, NAMES, seed=0)
    assert by_others is not None
    wrong = said.filter(is_wrong)
    assert _gap(by_others, night, wrong) < min(0, _gap(learned, night, wrong))
    unjudged = learned.join(said, on="account", how="anti").sort("account")
    assert_frame_equal(by_others.join(said, on="account", how="anti"), unjudged, check_exact=True)
    assert by_others["account"].to_list() == sorted(night["account"])
    told = rerank_by_others(judged, night, NAMES, seed=0)
    assert told is not None
    assert _gap(told, night, judged) > _gap(rerank(fit(judged, NAMES, seed=0), night), night, judged) / 2


def test_one_verdict_of_a_class_tells_nothing_of_what_it_is_worth() -> None:
    """Without it there would be none to learn from; with some of either class there is. Undecided ones do not count."""
    night = _night(30, 500)
    yes, no = night.filter("confirmed"), night.filter(~pl.col("confirmed"))
    undecided = no.slice(20, 5).with_columns(confirmed=pl.lit(None, pl.Boolean))
    assert rerank_by_others(pl.concat([yes.head(1), no.head(9), undecided]), night, NAMES, seed=0) is None
    assert rerank_by_others(night.clear(), night, NAMES, seed=0) is None
    several = rerank_by_others(pl.concat([yes.head(8), no.head(8), undecided]), night, NAMES, seed=0)
    assert several is not None
    assert several.height == night.height


def test_a_column_that_nobody_knows_is_no_trouble() -> None:
    """Unknown in all verdicts, or in all accounts of the night."""
    unknown = pl.lit(None, pl.Float64).alias("tired")
    night, labelled = _night(8, 200), _night(9, 40)
    for learned_from, ranked in ((labelled.with_columns(unknown), night), (labelled, night.with_columns(unknown))):
        assert rerank(fit(learned_from, NAMES, seed=0), ranked)["priority"].is_finite().all()
