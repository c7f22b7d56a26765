"""Cases in the state database, on SQLite and on PostgreSQL: one open an account, nothing half-done."""

import datetime as dt
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from detector.cases import Shown, Verdict
from detector.errors import InputError, IntegrityError
from detector.ledger import Ledger, migrations, schema

NOW = dt.datetime(2025, 7, 1, 4, tzinfo=dt.UTC)
DAY = dt.date(2025, 6, 29)
ONE_DAY = dt.timedelta(days=1)
A, B, C = (f"{n:016x}" for n in (10, 11, 12))


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger.open(ledger_url, lock_timeout_s=5) as ledger:
        yield ledger


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
    publish(ledger, "r2", shown(A), day=DAY + ONE_DAY)
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
