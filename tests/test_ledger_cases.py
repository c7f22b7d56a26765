"""Cases in the state database, on SQLite and on PostgreSQL: opened by nights, one an account, nothing half-done."""

import datetime as dt

import pytest
import sqlalchemy as sa
from alembic import command
from flagged import DAY, NOW, ONE_DAY, A, B, C, publish, shown

from detector.aftermath import LaterNight
from detector.cases import Verdict
from detector.errors import IntegrityError
from detector.ledger import Ledger, migrations


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
