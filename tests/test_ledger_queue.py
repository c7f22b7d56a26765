"""What the queue offers to whom, and what people keep beside it."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flagged import NOW, ONE_DAY, A, B, C, publish, shown

from detector.cases import Shown
from detector.errors import InputError, SettingsError
from detector.ledger import Ledger
from detector.suppressed import Scope
from detector.views import Filters


def test_reviewers_are_offered_their_own_cases_then_calibration_by_turns(ledger: Ledger) -> None:
    """Own first, others' last; within a group the families take turns, the highest score of each first. Page by page
    it is the same order."""
    flagged = [
        Shown(f"{n:016x}", "resale", score, family)
        for n, score, family in ((1, 9.0, "groups"), (2, 8.0, "groups"), (3, 1.0, "rhythm"), (5, 2.0, "groups"))
    ]
    offered = [Shown(f"{4:016x}", "unclear", None, "rhythm"), Shown(f"{6:016x}", "unclear", 99.0, "groups")]
    publish(ledger, "r1", *flagged, offered=offered)
    ledger.cases.assign(f"{5:016x}", "ana", actor="ana", now=NOW)
    ledger.cases.assign(f"{6:016x}", "ben", actor="ben", now=NOW)
    expected = [f"{n:016x}" for n in (5, 4, 1, 3, 2, 6)]
    assert [case.account for case in ledger.cases.queue(reviewer="ana")] == expected
    pages = [ledger.cases.queue(reviewer="ana", limit=2, offset=n) for n in (0, 2, 4, 6)]
    assert [case.account for page in pages for case in page] == expected


def test_of_two_who_take_the_next_at_once_each_gets_another(ledger: Ledger) -> None:
    """Eight reviewers and eight cases: nobody shares one, and asked again everybody has the same."""
    publish(ledger, "r1", *(shown(f"{n:016x}", score=float(n)) for n in range(8)))
    names = [f"reviewer-{n}" for n in range(8)]

    def take(name: str) -> int:
        case = ledger.cases.take_next(actor=name, now=NOW)
        assert case is not None
        return case.id

    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(take, names))
    assert len(set(taken)) == 8
    assert [take(name) for name in names] == taken
    assert ledger.cases.take_next(actor="one more", now=NOW) is None


def test_filters_and_pages_find_what_they_say(ledger: Ledger) -> None:
    """By kind, origin, family, score, hands and sleep; counts agree with what is listed."""
    publish(ledger, "r1", shown(A, score=4.0), Shown(B, "ring", 6.0, "rings"), offered=[shown(C, "unclear", None)])
    ledger.cases.assign(A, "ana", actor="ana", now=NOW)
    ledger.cases.snooze(B, NOW.date() + ONE_DAY, actor="ana", now=NOW)
    for filters, expected in (
        (Filters(), [A, C]),
        (Filters(snoozed=True), [A, C, B]),
        (Filters(kind="ring", snoozed=True), [B]),
        (Filters(origin="calibration"), [C]),
        (Filters(family="rings", snoozed=True), [B]),
        (Filters(least_score=5.0, snoozed=True), [B]),
        (Filters(mine=True), [A]),
        (Filters(free=True), [C]),
        (Filters(status="decided"), []),
    ):
        found = ledger.cases.queue(filters, reviewer="ana", today=NOW.date())
        assert [case.account for case in found] == expected, filters
        assert ledger.cases.count(filters, reviewer="ana", today=NOW.date()) == len(expected)
    tomorrow = NOW.date() + ONE_DAY
    assert [case.account for case in ledger.cases.queue(reviewer="ana", today=tomorrow)] == [A, C, B]


def test_views_are_kept_by_person(ledger: Ledger) -> None:
    """Under a name of one's own; kept again it is another, and it can be forgotten."""
    ledger.views.keep("ana", "rings", Filters(kind="ring"))
    ledger.views.keep("ana", "rings", Filters(kind="ring", mine=True))
    ledger.views.keep("ben", "rings", Filters())
    assert ledger.views.of("ana") == {"rings": Filters(kind="ring", mine=True)}
    assert ledger.views.of("ben") == {"rings": Filters()}
    ledger.views.keep("ana", "rings", None)
    assert ledger.views.of("ana") == {}


def test_suppressions_are_made_listed_and_lifted(ledger: Ledger) -> None:
    """With or without a case; each is an audit line, and an act of the case; one that is over can not be lifted."""
    publish(ledger, "r1", shown(A))
    ends = NOW.date() + ONE_DAY
    asked: list[tuple[str, Scope, str | None]] = [(A, "everything", None), (C, "device", B)]
    made = [
        ledger.suppressions.make(account, scope, value, ends_on=ends, why="a lab", actor="ana", now=NOW)
        for account, scope, value in asked
    ]
    assert [one.id for one in ledger.suppressions.on(ends)] == [one.id for one in made]
    assert ledger.suppressions.on(ends + ONE_DAY) == []
    assert ledger.suppressions.all(C) == [made[1]]
    for account, scope, value in asked:  # a second one would say another end, and which of the two holds?
        with pytest.raises(InputError, match="lift that one first"):
            ledger.suppressions.make(account, scope, value, ends_on=ends, why="a lab", actor="ana", now=NOW)
    ledger.suppressions.lift(made[0].id, actor="ben", now=NOW)
    with pytest.raises(InputError, match="an ended one"):
        ledger.suppressions.lift(made[0].id, actor="ben", now=NOW)
    with pytest.raises(InputError, match="found none"):
        ledger.suppressions.lift(99, actor="ben", now=NOW)
    with pytest.raises(SettingsError, match="name a later day"):
        ledger.suppressions.make(A, "everything", None, ends_on=NOW.date(), why="x", actor="ana", now=NOW)
    (case,) = ledger.cases.of(A)
    assert [act.action for act in ledger.cases.acts(case.id)] == ["suppressed", "lifted"]
    assert case.snoozed_until is None
    assert [look.action for look in ledger.looks(account=C, limit=9)] == ["review: suppressed"]
