"""Cases in the state database, on SQLite and on PostgreSQL: one open an account, nothing half-done."""

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from detector.aftermath import LaterNight
from detector.cases import Shown, Verdict
from detector.errors import InputError, IntegrityError
from detector.ledger import Ledger, migrations, schema
from detector.suppressed import Scope
from detector.views import Filters

NOW = dt.datetime(2025, 7, 1, 4, tzinfo=dt.UTC)
DAY = dt.date(2025, 6, 29)
ONE_DAY = dt.timedelta(days=1)
A, B, C = (f"{n:016x}" for n in (10, 11, 12))


def shown(account: str, kind: Any = "resale", score: float | None = 5.0) -> Shown:
    return Shown(account, kind, score, "groups")


def publish(ledger: Ledger, run_id: str, *flagged: Shown, day: dt.date = DAY, **more: Any) -> None:
    ledger.start_run(run_id, command="nightly", day=day, key_id="k", now=NOW)
    ledger.publish(
        run_id, fingerprint=run_id, directory=f"runs/{run_id}", manifest={}, model_version="1", record={}, now=NOW,
        flagged=flagged, **more,
    )  # fmt: skip


def test_publishing_a_night_opens_cases(ledger: Ledger) -> None:
    """What is flagged is a case, what is offered a calibration case, which comes first; then the highest score."""
    publish(ledger, "r1", shown(A, score=4.0), shown(B), offered=[shown(C, "unclear", None)], promised_share=0.1)
    queue = ledger.cases.queue()
    assert [(case.account, case.origin, case.promised_share) for case in queue] == [
        (C, "calibration", None),
        (B, "flag", 0.1),
        (A, "flag", 0.1),
    ]
    assert {(case.first_day, case.last_day, case.nights, case.run_id) for case in queue} == {(DAY, DAY, 1, "r1")}
    assert ledger.cases.counts() == {"open": 3}


def test_a_night_that_is_not_published_opens_nothing(ledger: Ledger) -> None:
    """A run that has no day can not be served, and leaves no case behind."""
    ledger.start_run("r1", command="nightly", day=None, key_id="k", now=NOW)
    with pytest.raises(IntegrityError, match="run_published_whole"):
        ledger.publish(
            "r1", fingerprint="f", directory="d", manifest={}, model_version="1", record={}, now=NOW, flagged=[shown(A)]
        )
    assert ledger.cases.queue() == []


def test_one_open_case_an_account_and_new_nights_add_to_it(ledger: Ledger) -> None:
    """The next night changes how the case looks and says so; after a verdict a new night opens a new case."""
    publish(ledger, "r1", shown(A))
    publish(ledger, "r2", shown(A, "ring", 6.0), day=DAY + ONE_DAY)
    (case,) = ledger.cases.queue()
    assert (case.kind, case.score, case.nights, case.run_id) == ("ring", 6.0, 2, "r2")
    assert [(act.actor, act.action, act.detail) for act in ledger.cases.acts(case.id)] == [
        ("nightly", "shown again", {"night": "2025-06-30", "kind": ["resale", "ring"], "score": [5.0, 6.0]})
    ]
    ledger.cases.decide([(A, Verdict("confirmed"))], actor="ana", now=NOW)
    publish(ledger, "r3", shown(A), day=DAY + 2 * ONE_DAY)
    assert [case.status for case in ledger.cases.of(A)] == ["open", "decided"]


def test_a_night_published_anew_takes_back_what_nobody_touched(ledger: Ledger) -> None:
    """A case that only the superseded run showed is withdrawn, unless a person has worked on it."""
    publish(ledger, "r1", shown(A), shown(B), shown(C))
    ledger.cases.note(B, "look here", actor="ana", now=NOW)
    publish(ledger, "r1b", shown(C))
    assert {case.account: case.status for account in (A, B, C) for case in ledger.cases.of(account)} == {
        A: "withdrawn",
        B: "open",
        C: "open",
    }
    assert ledger.cases.of(C)[0].run_id == "r1b"


def test_an_account_is_offered_once(ledger: Ledger) -> None:
    """A calibration account that has had a case is not offered again."""
    publish(ledger, "r1", offered=[shown(A)])
    ledger.cases.decide([(A, Verdict("false alarm"))], actor="ana", now=NOW)
    publish(ledger, "r2", day=DAY + ONE_DAY, offered=[shown(A), shown(B)])
    assert [case.account for case in ledger.cases.queue()] == [B]


def test_a_verdict_given_before_the_night_was_run_is_not_asked_for_again(ledger: Ledger) -> None:
    """The night of a day runs on the next: a case that was decided that morning is not opened anew by it."""
    publish(ledger, "r1", shown(A), shown(B))
    morning = dt.datetime.combine(DAY + 2 * ONE_DAY, dt.time(9), dt.UTC)
    ledger.cases.decide([(A, Verdict("false alarm"))], actor="ana", now=morning)
    publish(ledger, "r2", shown(A), shown(B), day=DAY + ONE_DAY)
    assert [case.status for case in ledger.cases.of(A)] == ["decided"]
    assert ledger.cases.of(B)[0].nights == 2
    publish(ledger, "r3", shown(A), day=DAY + 2 * ONE_DAY)  # this one has seen more than who gave it
    assert [case.status for case in ledger.cases.of(A)] == ["open", "decided"]


def test_what_is_no_longer_offered_for_calibration_is_withdrawn(ledger: Ledger) -> None:
    """As when another model has come into use: its own accounts take the places. What somebody has worked on stays."""
    publish(ledger, "r1", offered=[shown(A), shown(B), shown(C)])
    ledger.cases.note(B, "look here", actor="ana", now=NOW)
    publish(ledger, "r2", day=DAY + ONE_DAY, offered=[shown(C)])
    assert {account: ledger.cases.of(account)[0].status for account in (A, B, C)} == {
        A: "withdrawn",
        B: "open",
        C: "open",
    }
    publish(ledger, "r0", day=DAY - ONE_DAY)  # an earlier night, made up for, says nothing of it
    assert ledger.cases.of(C)[0].status == "open"
    publish(ledger, "r3", day=DAY + 2 * ONE_DAY, offered=[shown(A)])
    assert [case.status for case in ledger.cases.of(A)] == ["open", "withdrawn"]


def test_what_is_left_undecided_takes_nothing_back(ledger: Ledger) -> None:
    """Of an account that was confirmed and could not be decided on later, the confirmation teaches."""
    for n, outcome in enumerate(("undecided", "confirmed", "undecided")):
        publish(ledger, f"r{n}", shown(A), day=NOW.date() + n * ONE_DAY)
        ledger.cases.decide([(A, Verdict(outcome))], actor="ana", now=NOW + n * ONE_DAY)  # type: ignore[arg-type]
    (case,) = ledger.cases.decided()
    assert (case.outcome, case.decided_at) == ("confirmed", NOW + ONE_DAY)
    assert [case.outcome for case in ledger.cases.decided(every=True)] == ["undecided", "confirmed", "undecided"]


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


def test_cases_and_acts_of_the_version_before_are_kept(ledger_url: str) -> None:
    """A database of schema 0002 with a decided case and its acts comes to the newest schema with all of them."""
    engine = sa.create_engine(ledger_url)
    with engine.begin() as connection:
        config = migrations.settings()
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        for statement in (
            "INSERT INTO run (id, command, day, status, started_at, ended_at, key_id, fingerprint, directory, manifest,"
            " record) VALUES ('r1', 'nightly', '2025-06-29', 'published', '2025-07-01 04:00:00',"
            " '2025-07-01 04:00:00', 'k', 'f', 'd', '{}', '{}')",
            "INSERT INTO review_case (account, origin, status, opened_at, first_day, last_day, nights, run_id, kind,"
            f" score, family, measured, outcome, decided_at, decided_by) VALUES ('{A}', 'flag', 'decided',"
            " '2025-07-01 04:00:00', '2025-06-29', '2025-06-29', 1, 'r1', 'ring', 5.0, 'rings', '{\"devices\": 3.0}',"
            " 'confirmed', '2025-07-01 09:00:00', 'ana')",
            "INSERT INTO act (case_id, at, actor, action, detail) VALUES (1, '2025-07-01 09:00:00', 'ana', 'decided',"
            ' \'{"outcome": "confirmed"}\')',
        ):
            connection.execute(sa.text(statement.replace(":", "\\:")))
    engine.dispose()
    with Ledger.open(ledger_url, lock_timeout_s=5) as ledger:
        (case,) = ledger.cases.decided()
        assert (case.account, case.kind, case.measured, case.decided_by) == (A, "ring", {"devices": 3.0}, "ana")
        assert (case.version, case.reasons, case.response) == (0, [], None)
        assert [(act.actor, act.detail) for act in ledger.cases.acts(case.id)] == [("ana", {"outcome": "confirmed"})]
        undone = ledger.cases.undo(A, actor="ana", now=NOW)
        assert [act.action for act in ledger.cases.acts(undone.id)] == ["decided", "undone"]


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


def test_later_nights_are_kept_once_a_day(ledger: Ledger) -> None:
    """A night published anew takes the place of what it said before. Where a case was decided on again, only nights
    after that verdict count."""
    publish(ledger, "r1", shown(A))
    (case,) = ledger.cases.decide([(A, Verdict("confirmed"))], actor="ana", now=NOW)
    later = NOW.date() + ONE_DAY
    for run, p_value in (("r2", 0.001), ("r2b", 0.4)):
        night = LaterNight(case.id, later, p_value, p_value <= 0.01)
        publish(ledger, run, day=later, followed=[night])
    assert ledger.cases.later_nights() == {case.id: [night]} == ledger.cases.later_nights(case.id)
    ledger.cases.reopen(A, "it is back", actor="ana", now=NOW + ONE_DAY)
    assert ledger.cases.later_nights() == {}
    ledger.cases.decide([(A, Verdict("confirmed"))], actor="ana", now=NOW + ONE_DAY)
    assert ledger.cases.later_nights(case.id) == {}


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
    with pytest.raises(InputError, match="name a later day"):
        ledger.suppressions.make(A, "everything", None, ends_on=NOW.date(), why="x", actor="ana", now=NOW)
    (case,) = ledger.cases.of(A)
    assert [act.action for act in ledger.cases.acts(case.id)] == ["suppressed", "lifted"]
    assert case.snoozed_until is None
    assert [look.action for look in ledger.looks(account=C, limit=9)] == ["review: suppressed"]
