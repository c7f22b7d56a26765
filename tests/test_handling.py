"""What may be done to a case, and what follows."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from test_cases import CASE, DAY, NOW

from detector import handling
from detector.cases import Case, Shown, Verdict
from detector.errors import InputError, SettingsError


def test_a_confirmed_case_takes_the_kind_it_looks_like_unless_another_is_said() -> None:
    """The verdict names the kind; what the case looked like stays on it."""
    assert handling.decide(CASE, Verdict("confirmed"), actor="ana", now=NOW).verdict_kind == "resale"
    other = handling.decide(CASE, Verdict("confirmed", kind="ring"), actor="ana", now=NOW)
    assert (other.kind, other.verdict_kind, other.status, other.decided_by) == ("resale", "ring", "decided", "ana")


def test_a_false_alarm_has_a_cause_and_no_kind() -> None:
    """A false alarm is of no kind."""
    decided = handling.decide(CASE, Verdict("false alarm", cause="a child"), actor="ana", now=NOW)
    assert (decided.outcome, decided.verdict_kind, decided.cause) == ("false alarm", None, "a child")


def test_a_case_is_decided_once_and_can_be_taken_back() -> None:
    """A second verdict is refused and names who gave the first; after undo the case is as it was."""
    decided = handling.decide(CASE, Verdict("undecided"), actor="ana", now=NOW)
    with pytest.raises(InputError, match="decided by ana"):
        handling.decide(decided, Verdict("confirmed"), actor="ben", now=NOW)
    with pytest.raises(InputError, match="only open"):
        handling.assign(decided, "ben")
    assert handling.undo(decided, actor="ana") == CASE
    with pytest.raises(InputError, match="no verdict"):
        handling.undo(CASE, actor="ana")


def test_the_latest_night_tells_what_a_case_looks_like() -> None:
    """A back-fill of an earlier night makes a case older, and changes nothing of how it looks."""
    shown = Shown(CASE.account, "ring", 7.0, "rings")
    later = handling.shown_again(CASE, shown, day=DAY + dt.timedelta(days=1), run_id="r2")
    assert (later.kind, later.score, later.nights, later.run_id) == ("ring", 7.0, 2, "r2")
    earlier = handling.shown_again(CASE, shown, day=DAY - dt.timedelta(days=1), run_id="r0")
    assert (earlier.kind, earlier.nights, earlier.run_id) == ("resale", 2, "r1")
    assert (earlier.first_day, earlier.last_day) == (DAY - dt.timedelta(days=1), DAY)
    assert handling.shown_again(CASE, shown, day=DAY, run_id="r1b").nights == 1


def test_who_comes_second_looks_at_what_the_first_decided_on() -> None:
    """A night that shows a proposed case again counts, and changes nothing of how it looks."""
    proposed = handling.decide(CASE, Verdict("confirmed", response="refer"), actor="ana", now=NOW)
    shown = Shown(CASE.account, "ring", 7.0, "rings")
    later = handling.shown_again(proposed, shown, day=DAY + dt.timedelta(days=1), run_id="r2")
    assert later == replace(proposed, nights=2, last_day=DAY + dt.timedelta(days=1))


def test_a_verdict_wakes_a_case_that_sleeps() -> None:
    """Or nobody would find the one that waits for a second person."""
    asleep = handling.snooze(CASE, NOW.date() + dt.timedelta(days=1), today=NOW.date())
    assert handling.decide(asleep, Verdict("confirmed"), actor="ana", now=NOW).snoozed_until is None


def test_a_calibration_case_that_a_night_flags_is_a_flagged_one() -> None:
    """From then on it counts among what nights flag."""
    shown = Shown(CASE.account, "ring", 7.0, "rings")
    assert handling.shown_again(replace(CASE, origin="calibration"), shown, day=DAY, run_id="r1").origin == "flag"


def test_a_severe_action_waits_for_a_second_person() -> None:
    """Proposed, not decided; the first person can not second it; agreed it counts from then on, else it is open."""
    proposed = handling.decide(CASE, Verdict("confirmed", response="limit streams"), actor="ana", now=NOW)
    assert (proposed.status, proposed.response, proposed.decided_by) == ("proposed", "limit streams", "ana")
    with pytest.raises(InputError, match="another person than ana"):
        handling.second(proposed, agrees=True, actor="ana", now=NOW)
    later = NOW + dt.timedelta(hours=1)
    agreed = handling.second(proposed, agrees=True, actor="ben", now=later)
    assert (agreed.status, agreed.decided_by, agreed.seconded_by, agreed.decided_at) == ("decided", "ana", "ben", later)
    assert handling.second(proposed, agrees=False, actor="ben", now=later) == CASE
    assert handling.undo(proposed, actor="ana") == CASE
    with pytest.raises(InputError, match="one that ben agreed with; open the case again"):
        handling.undo(agreed, actor="ana")
    assert handling.reopen(agreed, actor="ana") == CASE
    with pytest.raises(InputError, match="waits for a second person"):
        handling.second(CASE, agrees=True, actor="ben", now=NOW)


@pytest.mark.parametrize("response", ["none", "message", "ask to verify"])
def test_a_mild_action_needs_nobody_else(response: Any) -> None:
    """One person decides, and the action stands with the verdict."""
    decided = handling.decide(CASE, Verdict("confirmed", response=response), actor="ana", now=NOW)
    assert (decided.status, decided.response) == ("decided", response)


def test_a_verdict_on_an_old_sight_is_refused() -> None:
    """Whoever decides on what has changed since is told so, the second person too."""
    with pytest.raises(InputError, match="changed since"):
        handling.decide(replace(CASE, version=3), Verdict("confirmed"), actor="ana", now=NOW, version=2)
    assert handling.decide(CASE, Verdict("confirmed"), actor="ana", now=NOW, version=0).status == "decided"
    proposed = handling.decide(replace(CASE, version=3), Verdict("confirmed", response="refer"), actor="ana", now=NOW)
    with pytest.raises(InputError, match="changed since"):
        handling.second(proposed, agrees=True, actor="ben", now=NOW, version=2)


def test_nobody_decides_while_another_looks() -> None:
    """A hold lapses; until then the holder alone decides, and a second look does not take it away."""
    held = handling.hold(CASE, actor="ana", now=NOW)
    assert handling.hold(held, actor="ben", now=NOW) == held
    with pytest.raises(InputError, match="ana at it until 09:10 UTC"):
        handling.decide(held, Verdict("confirmed"), actor="ben", now=NOW)
    assert handling.decide(held, Verdict("confirmed"), actor="ana", now=NOW).held_by is None
    lapsed = NOW + dt.timedelta(seconds=handling.HOLD_S)
    assert handling.decide(held, Verdict("confirmed"), actor="ben", now=lapsed).decided_by == "ben"
    assert handling.hold(held, actor="ben", now=lapsed).held_by == "ben"


def test_a_contest_is_reviewed_by_somebody_else() -> None:
    """Neither who decided nor who agreed; overturned, it teaches as a false alarm, and the verdict stays."""
    proposed = handling.decide(CASE, Verdict("confirmed", response="refer"), actor="ana", now=NOW)
    decided = handling.second(proposed, agrees=True, actor="ben", now=NOW)
    with pytest.raises(InputError, match="open contest"):
        handling.settle(decided, "upheld", actor="eva")
    contested = handling.contest(decided, now=NOW)
    assert contested.taught == "confirmed"
    for actor in ("ana", "ben"):
        with pytest.raises(InputError, match=f"found {actor}"):
            handling.settle(contested, "overturned", actor=actor)
    overturned = handling.settle(contested, "overturned", actor="eva")
    assert (overturned.outcome, overturned.taught, overturned.contest_by) == ("confirmed", "false alarm", "eva")
    assert handling.settle(contested, "upheld", actor="eva").taught == "confirmed"
    with pytest.raises(InputError, match="not contested yet"):
        handling.contest(overturned, now=NOW)
    innocent = handling.decide(CASE, Verdict("false alarm"), actor="ana", now=NOW)
    with pytest.raises(InputError, match="nothing to contest"):
        handling.contest(innocent, now=NOW)


def test_a_closed_case_is_opened_again_and_nothing_of_its_verdict_stays() -> None:
    """Decided, contested or withdrawn; one that is open already is not."""
    decided = handling.decide(CASE, Verdict("confirmed"), actor="ana", now=NOW)
    contested = handling.settle(handling.contest(decided, now=NOW), "upheld", actor="eva")
    for closed in (decided, contested, replace(CASE, status="withdrawn")):
        assert handling.reopen(closed, actor="eva") == CASE
    with pytest.raises(InputError, match="worked on as is"):
        handling.reopen(CASE, actor="eva")


@pytest.mark.parametrize("step", [handling.undo, handling.reopen])
def test_whose_verdict_was_contested_does_not_take_that_back(step: Callable[..., Case]) -> None:
    """Nobody does while the contest is open; after it somebody who had no part in the verdict may."""
    decided = handling.decide(CASE, Verdict("confirmed"), actor="ana", now=NOW)
    contested = handling.contest(decided, now=NOW)
    for actor in ("ana", "eva"):
        with pytest.raises(InputError, match="found it open"):
            step(contested, actor=actor)
    overturned = handling.settle(contested, "overturned", actor="eva")
    with pytest.raises(InputError, match="no part in the verdict"):
        step(overturned, actor="ana")
    assert step(overturned, actor="eva") == CASE


def test_a_case_sleeps_until_a_day_to_come() -> None:
    """Past days are refused; no day wakes it."""
    today = NOW.date()
    asleep = handling.snooze(CASE, today + dt.timedelta(days=1), today=today)
    assert asleep.snoozed_until == today + dt.timedelta(days=1)
    assert handling.snooze(asleep, None, today=today) == CASE
    with pytest.raises(SettingsError, match="name a later one"):
        handling.snooze(CASE, today, today=today)


def test_what_a_new_night_changed_is_said() -> None:
    """Kind, strongest family, a score a decade away, reasons that are new or gone; no news where nothing is."""
    before = replace(CASE, reasons=[{"feature": "devices", "sentence": "many"}])
    assert handling.changes(before, replace(before, score=5.5)) == {}
    assert handling.changes(before, replace(before, score=6.0)) == {"score": [5.0, 6.0]}
    assert handling.changes(before, replace(before, score=None)) == {"score": [5.0, None]}
    after = replace(before, kind="ring", family="rings", reasons=[{"feature": "ring_accounts", "sentence": "a ring"}])
    assert handling.changes(before, after) == {
        "kind": ["resale", "ring"],
        "family": ["groups", "rings"],
        "reasons_new": ["ring_accounts"],
        "reasons_gone": ["devices"],
    }
