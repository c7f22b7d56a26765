"""The stated error rate: kept where it can be, and stated only once it is earned."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from test_cases import CASE

from detector import error_rate
from detector.cases import Outcome
from detector.error_rate import Calibration


def _case(account: int, outcome: Outcome, **changes: Any) -> Any:
    return replace(CASE, account=f"{account:016x}", status="decided", outcome=outcome, **changes)


def test_q_values_are_benjamini_and_hochbergs() -> None:
    """Flagging q at most a target is the step-up procedure at that target, on random p-values."""
    rng = np.random.default_rng(0)
    for n in (1, 5, 200):
        p = rng.uniform(size=n) ** 2
        q = error_rate.q_values(pl.Series(p)).to_numpy()
        for target in (0.05, 0.2, 0.5):
            passing = np.flatnonzero(np.sort(p) <= target * np.arange(1, n + 1) / n)
            limit = np.sort(p)[passing[-1]] if len(passing) else -1.0
            assert ((q <= target) == (p <= limit)).all()


def test_the_promise_is_earned_when_every_one_that_can_be_looked_at_has_been() -> None:
    """Undecided ones have been looked at; those that the service no longer has can not be."""
    decided = [_case(1, "confirmed"), _case(2, "false alarm"), _case(3, "undecided")]
    found = error_rate.calibration([4, 1, 3, 2, 9], seen=[1, 2, 3, 4], decided=decided)
    assert found == Calibration(open=[4], confirmed=[1], looked_at_share=0.6)
    assert not found.earned
    assert error_rate.calibration([1, 3, 2, 9], seen=[1, 2, 3, 4], decided=decided).earned


def test_against_accounts_that_nobody_can_look_at_nothing_is_promised() -> None:
    """Those of an invented service, or gone, can not be reviewed: no verdict, no promise."""
    assert not error_rate.calibration([7, 8, 9], seen=[1, 2], decided=[]).earned
    assert not error_rate.calibration([1, 7, 8, 9], seen=[1, 2], decided=[_case(1, "false alarm")]).earned
    assert not error_rate.calibration([], seen=[1, 2], decided=[]).earned


def test_what_came_of_the_promise_is_measured_on_what_was_flagged_under_it() -> None:
    """Cases without a promise, and undecided ones, count neither way; one promise is not mixed up with another."""
    assert error_rate.measured([_case(1, "false alarm")]) == []
    decided = [_case(n, "confirmed", promised_share=0.1) for n in range(9)]
    decided += [_case(10, "false alarm", promised_share=0.1), _case(11, "undecided", promised_share=0.1)]
    other = _case(13, "false alarm", promised_share=0.05)
    strict, found = error_rate.measured([*decided, _case(12, "false alarm"), other])
    assert (strict.promised_share, strict.decided, strict.false_alarm_share) == (0.05, 1, 1.0)
    assert (found.promised_share, found.decided, found.false_alarm_share) == (0.1, 10, 0.1)
    # Wilson's interval of 1 in 10, from the formula
    assert found.low_share == pytest.approx(0.0179, abs=1e-4)
    assert found.high_share == pytest.approx(0.4042, abs=1e-4)


def test_a_verdict_that_a_contest_overturned_is_a_false_alarm() -> None:
    """It stays among those that calibrate, and counts against the promise; one that was upheld does not."""
    overturned = _case(1, "confirmed", promised_share=0.1, contest="overturned")
    upheld = _case(2, "confirmed", promised_share=0.1, contest="upheld")
    assert error_rate.calibration([1, 2], seen=[1, 2], decided=[overturned, upheld]).confirmed == [2]
    assert [one.false_alarm_share for one in error_rate.measured([overturned, upheld])] == [0.5]


def test_the_share_of_false_alarms_stays_below_the_target_on_clean_calibration() -> None:
    """Over many services, the mean share of innocent ones among the flagged is at most the target (Bates et al.)."""
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(300):
        held_out = np.sort(rng.normal(size=1_000))
        night = np.concatenate([rng.normal(size=950), rng.normal(4, 1, size=50)])
        p = (1 + len(held_out) - np.searchsorted(held_out, night, side="left")) / (len(held_out) + 1)
        flagged = error_rate.q_values(pl.Series(p)).to_numpy() <= 0.2
        shares.append(flagged[:950].sum() / max(1, flagged.sum()))
    assert np.mean(shares) <= 0.2 + 2 * np.std(shares) / np.sqrt(len(shares))
