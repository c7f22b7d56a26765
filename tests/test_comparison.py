"""Champion and challenger on nights that have been."""

import datetime as dt
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from test_cases import CASE

from detector import comparison, config
from detector.comparison import Comparison, PastNight

SETTINGS = config.load().settings
DAY = dt.date(2025, 6, 30)


class _ByColumn:
    """A model that scores by one column; all that a comparison asks of a model."""

    def __init__(self, column: str) -> None:
        self.column = column


@pytest.fixture(autouse=True)
def _score_by_column(monkeypatch: pytest.MonkeyPatch) -> None:
    def score(model: Any, features: pl.DataFrame) -> pl.DataFrame:
        return features.select("account", score=model.column, p_value=pl.lit(0.5), score_groups=model.column)

    monkeypatch.setattr(comparison, "score", score)


def _night(ago: int = 0, status: str = "scored") -> PastNight:
    """Ten accounts: `one` rises with the account, `other` falls."""
    accounts = pl.Series("account", range(10), dtype=pl.UInt64)
    features = pl.DataFrame({"account": accounts}).with_columns(
        one=pl.col("account").cast(pl.Float64),
        other=9 - pl.col("account").cast(pl.Float64),
        peer=pl.when(pl.col("account") < 5).then(pl.lit("BR")).otherwise(pl.lit("US")),
    )
    return PastNight(
        DAY - dt.timedelta(days=ago), features, pl.DataFrame({"account": accounts, "status": [status] * 10})
    )


def _compare(one: str, other: str, verdicts: dict[int, Any], *nights: PastNight) -> Comparison:
    decided = [
        replace(CASE, account=f"{account:016x}", status="decided", outcome=outcome)
        for account, outcome in verdicts.items()
    ]
    policy = SETTINGS.decision.model_copy(update={"capacity_share": 0.2})
    return comparison.compare(_ByColumn(one), _ByColumn(other), nights, decided, policy)  # type: ignore[arg-type]


def test_flags_are_kept_gained_and_lost() -> None:
    """Two models that agree keep all flags; two that are opposed keep none, and cost reviewers the gained ones."""
    same = _compare("one", "one", {}, _night(1), _night())
    assert same.nights.rows() == [(DAY - dt.timedelta(days=1), 2, 0, 0), (DAY, 2, 0, 0)]
    assert (same.lost_share, same.cases_gained) == (0.0, 0)
    opposed = _compare("one", "other", {}, _night(1), _night())
    assert opposed.nights.select("kept", "gained", "lost").rows() == [(0, 2, 2)] * 2
    assert (opposed.lost_share, opposed.cases_gained) == (1.0, 2)
    assert opposed.peers.rows(named=True) == [
        {"peer": "BR", "accounts": 5, "champion": 0.0, "challenger": 40.0},
        {"peer": "US", "accounts": 5, "champion": 40.0, "challenger": 0.0},
    ]


def test_accounts_without_a_score_are_flagged_by_nobody() -> None:
    """Of whom too little had been seen, neither model says anything."""
    found = _compare("one", "other", {}, _night(status="short history"))
    assert found.nights.select("kept", "gained", "lost").rows() == [(0, 0, 0)]


def test_a_challenger_that_is_worse_on_verdicts_is_refused() -> None:
    """Confirmed accounts below false alarms: the sentence has both figures. The other way round it may come."""
    verdicts = {9: "confirmed", 8: "confirmed", 1: "false alarm", 2: "undecided"}
    worse = _compare("one", "other", verdicts, _night())
    assert worse.verdicts.row(0, named=True) == {
        "model": "champion", "confirmed": 2, "confirmed_flagged": 2, "false_alarms": 1, "false_alarms_flagged": 0,
        "average_precision": 1.0,
    }  # fmt: skip
    assert worse.verdicts["false_alarms_flagged"][1] == 1
    lenient = SETTINGS.promotion.model_copy(update={"lost_share": 1.0})
    (sentence,) = worse.refusals(lenient)
    assert "1.000" in sentence
    assert _compare("other", "one", verdicts, _night()).refusals(lenient) == []


def test_what_policy_keeps_from_reviewers_is_no_fault_of_a_challenger() -> None:
    """Who was confirmed to share a household counts neither way, wherever a model puts it."""
    night = _night()
    decided = [
        replace(CASE, account=f"{9:016x}", status="decided", outcome="confirmed", verdict_kind="resale"),
        replace(CASE, account=f"{0:016x}", status="decided", outcome="confirmed", verdict_kind="household sharing"),
        replace(CASE, account=f"{5:016x}", status="decided", outcome="false alarm"),
    ]
    model: Any = _ByColumn("one")
    said = comparison.compare(model, model, [night], decided, SETTINGS.decision).verdicts
    assert said["confirmed"].to_list() == [1, 1]
    assert said["average_precision"].to_list() == [1.0, 1.0]


def test_a_challenger_that_swings_the_flags_is_refused() -> None:
    """More than the allowed share of flags gone, even without a verdict."""
    found = _compare("one", "other", {}, _night())
    assert found.verdicts["average_precision"].to_list() == [None, None]
    assert len(found.refusals(SETTINGS.promotion)) == 1
    assert _compare("one", "one", {}, _night()).refusals(SETTINGS.promotion) == []


def test_the_report_says_it_in_words_and_tables() -> None:
    """Markdown with the nights, the verdicts and the peer groups."""
    text = comparison.report(_compare("one", "other", {9: "confirmed"}, _night()), "1", "2")
    assert "100% of the champion's flags would be gone" in text
    assert "| 2025-06-30 | 0 | 2 | 2 |" in text
    assert "| BR | 5 | 0.0 | 40.0 |" in text
