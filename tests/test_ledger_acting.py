"""Acts on cases in the state database: verdicts, second persons, contests, and who holds what."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from flagged import DAY, NOW, ONE_DAY, A, B, C, publish, shown

from detector.cases import Verdict
from detector.errors import InputError
from detector.ledger import Ledger, schema
from detector.views import Filters


def test_verdicts_are_all_stored_or_none(ledger: Ledger) -> None:
    """One account without an open case among many: nobody is decided."""
    publish(ledger, "r1", shown(A), shown(B))
    with pytest.raises(InputError, match=C):
        ledger.cases.decide([(A, Verdict("confirmed")), (C, Verdict("confirmed"))], actor="ana", now=NOW)
    assert ledger.cases.counts() == {"open": 2}
    assert ledger.cases.decided() == []


def test_every_act_is_in_the_audit_log_and_in_the_case(ledger: Ledger, ledger_url: str) -> None:
    """Who did what, when, on which account; what was undone stays on record."""
    publish(ledger, "r1", shown(A))
    ledger.cases.assign(A, "ben", actor="ana", now=NOW)
    ledger.cases.note(A, "a TV and a phone", actor="ben", now=NOW)
    ledger.cases.decide([(A, Verdict("false alarm", cause="guests", note="asked"))], actor="ben", now=NOW)
    (case,) = ledger.cases.decided()
    assert (case.outcome, case.cause, case.decided_by, case.assignee) == ("false alarm", "guests", "ben", "ben")
    ledger.cases.undo(A, "too early", actor="ana", now=NOW)
    assert ledger.cases.decided() == []
    acts = ledger.cases.acts(case.id)
    assert [(act.actor, act.action, act.detail) for act in acts] == [
        ("ana", "assigned", {"to": "ben"}),
        ("ben", "noted", {"note": "a TV and a phone"}),
        ("ben", "decided", {"outcome": "false alarm", "cause": "guests", "note": "asked"}),
        ("ana", "undone", {"note": "too early"}),
    ]
    engine = sa.create_engine(ledger_url)
    with engine.connect() as connection:
        audit = connection.execute(sa.select(schema.audit.c.actor, schema.audit.c.action, schema.audit.c.account)).all()
    engine.dispose()
    assert [tuple(row) for row in audit] == [
        ("ana", "review: assigned", A),
        ("ben", "review: noted", A),
        ("ben", "review: decided", A),
        ("ana", "review: undone", A),
    ]


def test_verdicts_count_from_their_date_on(ledger: Ledger) -> None:
    """`decided(until=...)` knows what was decided by the end of that UTC date, and the latest of each account."""
    publish(ledger, "r1", shown(A), shown(B))
    ledger.cases.decide([(A, Verdict("undecided"))], actor="ana", now=NOW)
    ledger.cases.decide([(B, Verdict("confirmed"))], actor="ana", now=NOW + ONE_DAY)
    publish(ledger, "r2", shown(A), day=NOW.date())
    ledger.cases.decide([(A, Verdict("confirmed"))], actor="ana", now=NOW + 2 * ONE_DAY)
    outcomes = [
        {case.account: case.outcome for case in ledger.cases.decided(until=NOW.date() + n * ONE_DAY)}
        for n in (-1, 0, 1, 2)
    ]
    assert outcomes == [{}, {A: "undecided"}, {A: "undecided", B: "confirmed"}, {A: "confirmed", B: "confirmed"}]


def test_of_two_who_decide_at_once_one_is_told(ledger: Ledger) -> None:
    """The second verdict is refused, with the name of who was first."""
    publish(ledger, "r1", shown(A))

    def decide(actor: str) -> str:
        try:
            return str(ledger.cases.decide([(A, Verdict("confirmed"))], actor=actor, now=NOW)[0].decided_by)
        except InputError as error:
            return str(error)

    with ThreadPoolExecutor(2) as pool:
        said = sorted(pool.map(decide, ("ana", "ben")), key=len)
    assert said[0] in ("ana", "ben")
    assert f"decided by {said[0]}" in said[1]


def test_a_proposed_verdict_counts_once_a_second_person_agrees(ledger: Ledger) -> None:
    """Until then it teaches nothing, its account gets no second case, and new nights add to it; who disagreed and who
    agreed stays on record."""
    publish(ledger, "r1", shown(A))
    severe = Verdict("confirmed", response="limit streams")
    (proposed,) = ledger.cases.decide([(A, severe)], actor="ana", now=NOW)
    publish(ledger, "r2", shown(A), day=DAY + ONE_DAY)
    assert ledger.cases.decided() == []
    (waiting,) = ledger.cases.queue(Filters(status="proposed"))
    assert (waiting.id, waiting.nights, waiting.status) == (proposed.id, 2, "proposed")
    ledger.cases.second(A, agrees=False, note="a family", actor="ben", now=NOW)
    assert [case.id for case in ledger.cases.queue()] == [proposed.id]
    ledger.cases.decide([(A, severe)], actor="ana", now=NOW)
    ledger.cases.second(A, agrees=True, actor="ben", now=NOW)
    (decided,) = ledger.cases.decided()
    assert (decided.response, decided.decided_by, decided.seconded_by) == ("limit streams", "ana", "ben")
    acts = [(act.actor, act.action) for act in ledger.cases.acts(proposed.id)]
    assert acts == [
        ("ana", "proposed"),
        ("ben", "disagreed"),
        ("ana", "proposed"),
        ("ben", "agreed"),
    ]


def test_a_contest_is_of_the_verdict_that_stands(ledger: Ledger) -> None:
    """Also while a newer case of the account is open, for that has none."""
    publish(ledger, "r1", shown(A))
    (first,) = ledger.cases.decide([(A, Verdict("confirmed"))], actor="ana", now=NOW)
    publish(ledger, "r2", shown(A), day=NOW.date())
    assert ledger.cases.contest(A, "it is us", actor="ana", now=NOW).id == first.id
    settled = ledger.cases.settle(A, overturned=True, actor="ben", now=NOW)
    assert (settled.id, settled.contest) == (first.id, "overturned")
    assert [case.status for case in ledger.cases.of(A)] == ["open", "decided"]
    assert [case.taught for case in ledger.cases.decided()] == ["false alarm"]


def test_closed_cases_do_not_sleep(ledger: Ledger) -> None:
    """An account that does not count until a day is out of the queue, and what was decided of it is listed."""
    publish(ledger, "r1", shown(A))
    ledger.suppressions.make(A, "everything", None, ends_on=DAY + 90 * ONE_DAY, why="a lab", actor="ana", now=NOW)
    assert ledger.cases.queue(today=NOW.date()) == []
    ledger.cases.decide([(A, Verdict("false alarm"))], actor="ana", now=NOW)
    assert [case.account for case in ledger.cases.queue(Filters(status="decided"), today=NOW.date())] == [A]


def test_every_verdict_can_be_asked_for(ledger: Ledger) -> None:
    """The latest of each account teaches; what came of all of them is counted."""
    for nth, outcome in enumerate(("false alarm", "confirmed")):
        publish(ledger, f"r{nth}", shown(A), day=NOW.date() + nth * ONE_DAY)
        ledger.cases.decide([(A, Verdict(outcome))], actor="ana", now=NOW + nth * ONE_DAY)  # type: ignore[arg-type]
    assert [case.outcome for case in ledger.cases.decided()] == ["confirmed"]
    assert [case.outcome for case in ledger.cases.decided(every=True)] == ["false alarm", "confirmed"]


def test_the_database_itself_refuses_one_person_for_two(ledger: Ledger, ledger_url: str) -> None:
    """Behind the program's back, nobody seconds or reviews a contest of the own verdict."""
    publish(ledger, "r1", shown(A))
    ledger.cases.decide([(A, Verdict("confirmed"))], actor="ana", now=NOW)
    engine = sa.create_engine(ledger_url)
    for column in ("seconded_by", "contest_by"):
        with pytest.raises(sa.exc.IntegrityError), engine.begin() as connection:
            connection.execute(sa.update(schema.review_case).values({column: "ana"}))
    engine.dispose()


def test_who_looks_holds_the_case(ledger: Ledger, ledger_url: str) -> None:
    """The next is not one that somebody looks at; the look is on record even where there is no case."""
    publish(ledger, "r1", shown(A, score=9.0), shown(B, score=1.0))
    (held,) = ledger.cases.look(A, action="review: show", actor="ana", purpose=None, now=NOW)
    assert held.held_by == "ana"
    assert ledger.cases.of(A)[0].held_until == held.held_until
    with pytest.raises(InputError, match="ana at it"):
        ledger.cases.decide([(A, Verdict("confirmed"))], actor="ben", now=NOW)
    taken = ledger.cases.take_next(actor="ben", now=NOW)
    assert taken is not None
    assert taken.account == B
    lapsed = NOW + dt.timedelta(hours=1)
    taken = ledger.cases.take_next(actor="eva", now=lapsed)
    assert taken is not None
    assert taken.account == A
    assert ledger.cases.look(C, action="review: show", actor="ana", purpose="appeal", now=NOW) == []
    (look,) = ledger.looks(account=C, limit=5)
    assert (look.actor, look.action, look.purpose) == ("ana", "review: show", "appeal")


def test_every_act_makes_older_sights_old(ledger: Ledger) -> None:
    """A note, an assignment, a night that changed something: a verdict on what was seen before is refused."""
    publish(ledger, "r1", shown(A))
    steps: list[Callable[[], object]] = [
        lambda: ledger.cases.note(A, "asked", actor="ben", now=NOW),
        lambda: ledger.cases.assign(A, "ben", actor="ben", now=NOW),
        lambda: publish(ledger, "r2", shown(A, "ring"), day=DAY + ONE_DAY),
    ]
    for step in steps:
        seen = ledger.cases.of(A)[0].version
        step()
        with pytest.raises(InputError, match="changed since"):
            ledger.cases.decide([(A, Verdict("confirmed"))], actor="ana", now=NOW, version=seen)
    ledger.cases.decide([(A, Verdict("confirmed"))], actor="ana", now=NOW, version=ledger.cases.of(A)[0].version)


def test_a_contest_goes_from_record_to_result(ledger: Ledger) -> None:
    """Its words and its result are acts; overturned, the latest verdict of the account teaches a false alarm."""
    publish(ledger, "r1", shown(A))
    ledger.cases.decide([(A, Verdict("confirmed"))], actor="ana", now=NOW)
    ledger.cases.contest(A, "we are a family of five", actor="ben", now=NOW)
    with pytest.raises(InputError, match="no part in the verdict"):
        ledger.cases.settle(A, overturned=True, actor="ana", now=NOW)
    ledger.cases.settle(A, overturned=True, note="shown a lease", actor="ben", now=NOW)
    (case,) = ledger.cases.decided()
    assert (case.outcome, case.contest, case.taught) == ("confirmed", "overturned", "false alarm")
    assert [(act.action, act.detail) for act in ledger.cases.acts(case.id)][1:] == [
        ("contested", {"note": "we are a family of five"}),
        ("contest overturned", {"note": "shown a lease"}),
    ]
