"""People, sessions and failed sign-ins in the state database, on SQLite and on PostgreSQL."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest

from detector.access import Limits, Person
from detector.errors import InputError, SettingsError
from detector.ledger import Ledger

NOW = dt.datetime(2026, 3, 1, 8, tzinfo=dt.UTC)
LIMITS = Limits(idle_s=600, longest_s=3600, failures_window_s=900, failures_per_name=5, failures_per_address=20)


def at(seconds: float) -> dt.datetime:
    return NOW + dt.timedelta(seconds=seconds)


@pytest.fixture
def ana(ledger: Ledger) -> str:
    ledger.people.add("Ana", "analyst", "a hash", actor="root", now=NOW)
    return "ana"


def test_who_is_named_is_known(ledger: Ledger, ana: str) -> None:
    """By a name in lower case, once; each change is on record with who made it."""
    people = ledger.people
    assert people.of("ANA") == Person("ana", "analyst", has_password=True)
    with pytest.raises(SettingsError, match="found ana named already"):
        people.add("ANA", "admin", None, actor="root", now=NOW)
    people.set_role(ana, "auditor", actor="root", now=NOW)
    people.add("ben", "admin", None, actor="root", now=NOW)
    assert people.all() == [Person("ana", "auditor", has_password=True), Person("ben", "admin")]
    people.remove(ana, actor="ben", now=NOW)
    assert people.of(ana) is None
    told = [(look.actor, look.action, look.detail.get("name")) for look in reversed(ledger.looks(limit=10))]
    assert told == [
        ("root", "people: add", "ana"),
        ("root", "people: role", "ana"),
        ("root", "people: add", "ben"),
        ("ben", "people: remove", "ana"),
    ]


@pytest.mark.parametrize("act", ["set_role", "set_password", "revoke", "remove"])
def test_nobody_can_be_changed_who_is_not_named(ledger: Ledger, act: str) -> None:
    """A refusal, and nothing on record."""
    said = {"set_role": ("admin",), "set_password": ("hash",)}.get(act, ())
    with pytest.raises(InputError, match="nobody called eve"):
        getattr(ledger.people, act)("eve", *said, actor="root", now=NOW)
    assert ledger.looks(limit=1) == []


def test_a_session_is_its_persons_until_it_ends(ledger: Ledger, ana: str) -> None:
    """Idle time is told from the last request, age from the first."""
    people = ledger.people
    people.open_session("token", ana, by="password", limits=LIMITS, now=NOW)
    for moment in (0, 599, 1190, 1780):
        session = people.session("token", limits=LIMITS, now=at(moment))
        assert session is not None
        assert session.person.name == ana
    assert people.session("token", limits=LIMITS, now=at(1780 + 600)) is None
    assert people.session("another", limits=LIMITS, now=NOW) is None


def test_ended_sessions_are_forgotten(ledger: Ledger, ana: str) -> None:
    """The next sign-in clears them away; a session that goes on stays."""
    people = ledger.people
    people.open_session("old", ana, by="password", limits=LIMITS, now=NOW)
    people.open_session("new", ana, by="password", limits=LIMITS, now=at(500))
    people.open_session("newest", ana, by="oidc", limits=LIMITS, now=at(700))
    assert people.revoke(ana, actor="root", now=at(700)) == 2


def test_what_was_asked_elsewhere_is_answered_once(ledger: Ledger) -> None:
    """The first half of a sign-in elsewhere is nobody's session, and good for one answer in time."""
    people = ledger.people
    people.begin_elsewhere("token", {"state": "s"}, limits=LIMITS, now=NOW)
    assert people.session("token", limits=LIMITS, now=NOW) is None
    assert people.end_elsewhere("token", limits=LIMITS, now=at(599)) == {"state": "s"}
    assert people.end_elsewhere("token", limits=LIMITS, now=at(599)) == {}
    people.begin_elsewhere("late", {"state": "s"}, limits=LIMITS, now=NOW)
    assert people.end_elsewhere("late", limits=LIMITS, now=at(600)) == {}


def test_a_session_is_no_answer_from_elsewhere(ledger: Ledger, ana: str) -> None:
    """A signed-in browser's id, offered as the other, ends nothing."""
    ledger.people.open_session("token", ana, by="password", limits=LIMITS, now=NOW)
    assert ledger.people.end_elsewhere("token", limits=LIMITS, now=NOW) == {}
    assert ledger.people.session("token", limits=LIMITS, now=NOW) is not None


def test_many_tries_at_once_get_no_more_than_their_share(ledger: Ledger, ana: str) -> None:
    """Twenty threads that guess the same name: five are tried."""
    with ThreadPoolExecutor(20) as pool:
        allowed = pool.map(lambda n: ledger.people.may_try(ana, f"a{n}", limits=LIMITS, now=NOW), range(20))
    assert sum(allowed) == 5


def test_a_sign_in_that_succeeds_counts_no_longer(ledger: Ledger, ana: str) -> None:
    """Neither for the name nor for the address; other failures of the address still do."""
    people = ledger.people
    for _ in range(30):
        assert people.may_try(ana, "here", limits=LIMITS, now=NOW)
        people.open_session("token", ana, by="password", address="here", limits=LIMITS, now=NOW)
        people.close_session("token", actor=ana, now=NOW)
    for number in range(20):
        assert people.may_try(f"n{number}", "here", limits=LIMITS, now=NOW)
    assert not people.may_try("n20", "here", limits=LIMITS, now=NOW)
    assert people.may_try("n20", "here", limits=LIMITS, now=at(901))
