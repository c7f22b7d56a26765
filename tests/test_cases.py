"""What a reviewer can say of a case, and what follows."""

import datetime as dt
from dataclasses import replace

import pytest

from detector import cases
from detector.cases import Case, Shown, Verdict
from detector.errors import InputError, SettingsError

NOW = dt.datetime(2025, 6, 30, 9, tzinfo=dt.UTC)
DAY = dt.date(2025, 6, 28)
CASE = Case(
    1, "00" * 8, "flag", "open", NOW, DAY, DAY, 1, "r1", "resale", 5.0, "groups", promised_share=None, assignee=None
)  # fmt: skip


def test_a_confirmed_case_takes_the_kind_it_looks_like_unless_another_is_said() -> None:
    """The verdict names the kind; what the case looked like stays on it."""
    assert cases.decide(CASE, Verdict("confirmed"), actor="ana", now=NOW).verdict_kind == "resale"
    other = cases.decide(CASE, Verdict("confirmed", kind="ring"), actor="ana", now=NOW)
    assert (other.kind, other.verdict_kind, other.status, other.decided_by) == ("resale", "ring", "decided", "ana")


def test_a_false_alarm_has_a_cause_and_no_kind() -> None:
    """A false alarm is of no kind."""
    decided = cases.decide(CASE, Verdict("false alarm", cause="a child"), actor="ana", now=NOW)
    assert (decided.outcome, decided.verdict_kind, decided.cause) == ("false alarm", None, "a child")


@pytest.mark.parametrize(
    "said",
    [
        {"outcome": "guilty"},
        {"outcome": "confirmed", "kind": "theft"},
        {"outcome": "false alarm", "kind": "resale"},
        {"outcome": "undecided", "kind": "resale"},
        {"outcome": "confirmed", "cause": "a child"},
    ],
)
def test_a_verdict_that_contradicts_itself_is_refused(said: dict[str, str]) -> None:
    """Kinds go with confirmations, causes with false alarms."""
    with pytest.raises(SettingsError, match="expected"):
        Verdict(**said)  # type: ignore[arg-type]


def test_a_case_is_decided_once_and_can_be_taken_back() -> None:
    """A second verdict is refused and names who gave the first; after undo the case is as it was."""
    decided = cases.decide(CASE, Verdict("undecided"), actor="ana", now=NOW)
    with pytest.raises(InputError, match="decided by ana"):
        cases.decide(decided, Verdict("confirmed"), actor="ben", now=NOW)
    with pytest.raises(InputError, match="only open"):
        cases.assign(decided, "ben")
    assert cases.undo(decided) == CASE
    with pytest.raises(InputError, match="no verdict"):
        cases.undo(CASE)


def test_the_latest_night_tells_what_a_case_looks_like() -> None:
    """A back-fill of an earlier night makes a case older, and changes nothing of how it looks."""
    shown = Shown(CASE.account, "ring", 7.0, "rings")
    later = cases.shown_again(CASE, shown, day=DAY + dt.timedelta(days=1), run_id="r2")
    assert (later.kind, later.score, later.nights, later.run_id) == ("ring", 7.0, 2, "r2")
    earlier = cases.shown_again(CASE, shown, day=DAY - dt.timedelta(days=1), run_id="r0")
    assert (earlier.kind, earlier.nights, earlier.run_id) == ("resale", 2, "r1")
    assert (earlier.first_day, earlier.last_day) == (DAY - dt.timedelta(days=1), DAY)
    assert cases.shown_again(CASE, shown, day=DAY, run_id="r1b").nights == 1


def test_a_calibration_case_that_a_night_flags_is_a_flagged_one() -> None:
    """From then on it counts among what nights flag."""
    shown = Shown(CASE.account, "ring", 7.0, "rings")
    assert cases.shown_again(replace(CASE, origin="calibration"), shown, day=DAY, run_id="r1").origin == "flag"
