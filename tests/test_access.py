"""Roles, rights and the table of routes."""

import datetime as dt
import os

import pytest

from detector import access
from detector.access import ALL, RIGHTS, ROLES, ROUTES, Limits, Person, Session
from detector.errors import DeniedError, SettingsError

NOW = dt.datetime(2026, 3, 1, 8, tzinfo=dt.UTC)
LIMITS = Limits(idle_s=600, longest_s=3600, failures_window_s=900, failures_per_name=5, failures_per_address=20)


def test_each_role_has_the_rights_that_the_privacy_page_states() -> None:
    """Who decides never opens names; who manages people or reads the log sees no viewing data."""
    who = {right: {role for role in ROLES if right in RIGHTS[role]} for right in ALL}
    assert who == {
        "own": set(ROLES),
        "look": {"analyst", "senior analyst", "privacy officer", "owner"},
        "decide": {"analyst", "senior analyst", "owner"},
        "second": {"senior analyst", "owner"},
        "unmask": {"privacy officer", "owner"},
        "log": {"auditor", "privacy officer", "owner"},
        "stats": {"analyst", "senior analyst", "auditor", "owner"},
        "people": {"admin", "owner"},
        "promote": {"admin", "owner"},
    }


def test_the_environment_does_not_say_who_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """`LOGNAME` is whatever somebody sets, and a second person is another one."""
    before = access.user_name()
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "mallory")
    assert access.user_name() == before != "mallory"


def test_who_has_no_name_has_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container, whose list of users knows nobody of that number."""
    monkeypatch.setattr(os, "geteuid", lambda: 2_000_000_111)
    assert access.user_name() == "2000000111"


def test_every_right_is_said_in_words() -> None:
    """A refusal can name what was asked for."""
    assert set(access.MEANING) == ALL


def test_only_signing_in_and_files_are_open() -> None:
    """Everything else asks for a right."""
    assert {path for (_, path), right in ROUTES.items() if right is None} == {
        "/static/{name}", "/sign-in", "/oidc/start", "/oidc/back",
    }  # fmt: skip


def test_what_changes_something_is_no_get() -> None:
    """A link or a picture of another site can change nothing."""
    verbs = (
        "decide",
        "undo",
        "assign",
        "note",
        "unmask",
        "take-next",
        "search",
        "sign-out",
        "role",
        "revoke",
        "remove",
    )
    assert not [path for method, path in ROUTES if method == "GET" and path.rsplit("/", 1)[-1] in verbs]


def test_a_refusal_names_the_right_and_the_role() -> None:
    """Whoever is refused can tell whom to ask for what."""
    with pytest.raises(DeniedError, match="open names, for a purpose, found ana, who is analyst"):
        access.require(Person("ana", "analyst"), "unmask")
    access.require(Person("pia", "privacy officer"), "unmask")


def test_a_home_without_names_is_its_owners() -> None:
    """Once anybody is named, who is not named is nobody."""
    assert access.in_terminal("ana", None, anybody_named=False) == Person("ana", "owner")
    ana = Person("ana", "auditor")
    assert access.in_terminal("ana", ana, anybody_named=True) is ana
    with pytest.raises(DeniedError, match="named in this home, found 'eve'"):
        access.in_terminal("eve", None, anybody_named=True)


@pytest.mark.parametrize("name", ["", " ", "-x", "a b", "a/b", "a" * 65, "<b>", "ana\u202e", "ä"])
def test_what_is_no_name_is_refused(name: str) -> None:
    """Nothing that could hide or imitate another name."""
    with pytest.raises(SettingsError, match="letters, digits"):
        access.name_of(name)


def test_a_role_is_one_of_those_there_are() -> None:
    """With a hyphen or a space; nothing else."""
    assert [access.role_of(role.replace(" ", "-")) for role in ROLES] == list(ROLES)
    with pytest.raises(SettingsError, match="expected a role"):
        access.role_of("root")


@pytest.mark.parametrize(
    ("opened_s", "seen_s", "ended"),
    [(0, 0, False), (599, 599, False), (600, 600, True), (3599, 1, False), (3600, 0, True)],
)
def test_a_session_ends_when_idle_or_old(opened_s: int, seen_s: int, ended: bool) -> None:
    """After ten minutes without a request, and after an hour however many there were."""
    session = Session(
        Person("ana", "analyst"), NOW - dt.timedelta(seconds=opened_s), NOW - dt.timedelta(seconds=seen_s)
    )
    assert access.has_ended(session, LIMITS, NOW) is ended


@pytest.mark.parametrize(
    ("by_name", "by_address", "held"), [(0, 0, False), (4, 19, False), (5, 0, True), (0, 20, True)]
)
def test_failures_hold_a_name_or_an_address_back(by_name: int, by_address: int, held: bool) -> None:
    """Either alone is enough."""
    assert access.is_held_back(by_name, by_address, LIMITS) is held
