"""Who may do what: roles, the rights they carry, and the right that each page and command asks for.

Everything that is not said here is denied. The rules know no database: `ledger.people` keeps people and sessions,
`console` and the command line ask here.
"""

import datetime as dt
import os
import pwd
import re
from dataclasses import dataclass
from typing import Literal, get_args

from detector.errors import DeniedError, SettingsError

Role = Literal["analyst", "senior analyst", "auditor", "privacy officer", "admin", "owner"]
Right = Literal["own", "look", "decide", "second", "unmask", "log", "stats", "people", "promote"]
ROLES: tuple[Role, ...] = get_args(Role)
ALL: frozenset[Right] = frozenset(get_args(Right))

# "own" is what everybody who is known may do: see what stands under the own name, and leave.
RIGHTS: dict[Role, frozenset[Right]] = {
    "analyst": frozenset({"own", "look", "decide", "stats"}),
    "senior analyst": frozenset({"own", "look", "decide", "second", "stats"}),
    "auditor": frozenset({"own", "log", "stats"}),
    "privacy officer": frozenset({"own", "look", "unmask", "log"}),
    "admin": frozenset({"own", "people", "promote"}),
    "owner": ALL,  # of a home of one's own: everything but being one's own second person
}
MEANING: dict[Right, str] = {
    "own": "see what stands in the log under the own name",
    "look": "look at cases and accounts",
    "decide": "decide cases, take and assign them, write notes",
    "second": "be the second person of a severe verdict, or review a contest",
    "unmask": "open names, for a purpose",
    "log": "read who looked at whom",
    "stats": "read what came of the cases",
    "people": "name people and their roles",
    "promote": "bring a model into use",
}
# Route of the console → the right it asks for; None: no sign-in needed. A route that is not here can not be served.
ROUTES: dict[tuple[str, str], Right | None] = {
    ("GET", "/static/{name}"): None,
    ("GET", "/sign-in"): None,
    ("POST", "/sign-in"): None,
    ("GET", "/oidc/start"): None,
    ("GET", "/oidc/back"): None,
    ("POST", "/sign-out"): "own",
    ("GET", "/"): "own",
    ("GET", "/queue"): "look",
    ("POST", "/views"): "look",
    ("POST", "/search"): "look",
    ("POST", "/take-next"): "decide",
    ("GET", "/cases/{number}"): "look",
    ("GET", "/cases/{number}/pictures"): "look",
    ("POST", "/cases/{number}/unmask"): "unmask",
    ("POST", "/cases/{number}/decide"): "decide",
    ("POST", "/cases/{number}/second"): "second",
    ("POST", "/cases/{number}/undo"): "decide",
    ("POST", "/cases/{number}/reopen"): "decide",
    ("POST", "/cases/{number}/contest"): "decide",
    ("POST", "/cases/{number}/settle"): "second",
    ("POST", "/cases/{number}/snooze"): "decide",
    ("POST", "/cases/{number}/suppress"): "decide",
    ("POST", "/cases/{number}/lift"): "decide",
    ("POST", "/cases/{number}/assign"): "decide",
    ("POST", "/cases/{number}/note"): "decide",
    ("GET", "/stats"): "stats",
    ("GET", "/log/mine"): "own",
    ("GET", "/log"): "log",
    ("POST", "/log"): "log",
    ("GET", "/people"): "people",
    ("POST", "/people"): "people",
    ("POST", "/people/role"): "people",
    ("POST", "/people/revoke"): "people",
    ("POST", "/people/remove"): "people",
    ("GET", "/api/openapi.json"): "own",
    ("GET", "/api/me"): "own",
    ("GET", "/api/cases"): "look",
    ("POST", "/api/search"): "look",
    ("POST", "/api/take-next"): "decide",
    ("GET", "/api/cases/{number}"): "look",
    ("GET", "/api/cases/{number}/pictures"): "look",
    ("POST", "/api/cases/{number}/unmask"): "unmask",
    ("POST", "/api/cases/{number}/decide"): "decide",
    ("POST", "/api/cases/{number}/second"): "second",
    ("POST", "/api/cases/{number}/undo"): "decide",
    ("POST", "/api/cases/{number}/reopen"): "decide",
    ("POST", "/api/cases/{number}/contest"): "decide",
    ("POST", "/api/cases/{number}/settle"): "second",
    ("POST", "/api/cases/{number}/snooze"): "decide",
    ("POST", "/api/cases/{number}/suppress"): "decide",
    ("POST", "/api/cases/{number}/lift"): "decide",
    ("POST", "/api/cases/{number}/assign"): "decide",
    ("POST", "/api/cases/{number}/note"): "decide",
    ("GET", "/api/stats"): "stats",
    ("GET", "/api/log/mine"): "own",
    ("POST", "/api/log"): "log",
    ("GET", "/api/people"): "people",
}

_NAME = re.compile(r"[a-z0-9][a-z0-9._@+-]{0,63}")


@dataclass(frozen=True)
class Person:
    """Somebody who may do something. `has_password` says whether they can sign in at the console by themselves."""

    name: str
    role: Role
    has_password: bool = False

    def may(self, right: Right) -> bool:
        """Whether the role carries the right.

        >>> Person("ana", "analyst").may("look"), Person("ana", "analyst").may("unmask")
        (True, False)
        """
        return right in RIGHTS[self.role]


@dataclass(frozen=True)
class Limits:
    """How long a session lasts and how many failed sign-ins are borne, in seconds and counts; see `[console]`."""

    idle_s: int
    longest_s: int
    failures_window_s: int
    failures_per_name: int
    failures_per_address: int


@dataclass(frozen=True)
class Session:
    """A signed-in browser: whose it is, since when, and when it was last used."""

    person: Person
    opened_at: dt.datetime
    seen_at: dt.datetime


def user_name() -> str:
    """The name of the operating system's user whose process this is; its number where it has no name, as in containers.

    The environment is not asked: `LOGNAME` is whatever somebody sets.
    """
    number = os.geteuid()
    try:
        return pwd.getpwuid(number).pw_name.lower()
    except KeyError:
        return str(number)


def name_of(text: str) -> str:
    """A person's name as it is kept: lower case, so that one person has one name whoever vouches for them.

    >>> name_of(" Ana.Souza@Example.org ")
    'ana.souza@example.org'

    Raises:
        SettingsError: it is empty, too long, or has characters that names do not have.
    """
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise SettingsError(
            "expected a name of 1 to 64 letters, digits and . _ @ + - that begins with a letter or digit, found "
            f"{text[:80]!r}; choose another"
        )
    return name


def role_of(text: str) -> Role:
    """A role as it is typed; words may be joined by a hyphen.

    >>> role_of("senior-analyst")
    'senior analyst'

    Raises:
        SettingsError: it is none.
    """
    said = text.strip().lower().replace("-", " ")
    for role in ROLES:
        if said == role:
            return role
    raise SettingsError(
        f"expected a role ({', '.join(role.replace(' ', '-') for role in ROLES)}), found {text!r}; use one of these"
    )


def has_ended(session: Session, limits: Limits, now: dt.datetime) -> bool:
    """Whether a session has been idle too long, or is too old however busy it is (OWASP, Session Management)."""
    return (now - session.seen_at).total_seconds() >= limits.idle_s or (
        now - session.opened_at
    ).total_seconds() >= limits.longest_s


def is_held_back(by_name: int, by_address: int, limits: Limits) -> bool:
    """Whether no further sign-in is tried, after so many failures of a name and of an address lately."""
    return by_name >= limits.failures_per_name or by_address >= limits.failures_per_address


def in_terminal(name: str, known: Person | None, *, anybody_named: bool) -> Person:
    """Who the operating system's user is to a home.

    A home in which nobody is named is its owner's. Once anybody is named, only those who are named are known.

    >>> in_terminal("Ana", None, anybody_named=False).role
    'owner'

    Raises:
        DeniedError: others are named, and this one is not.
    """
    if known is not None:
        return known
    if anybody_named:
        raise DeniedError(
            f"expected somebody who is named in this home, found {name!r}; "
            "its owner or an admin can add you with `detector console add-user`"
        )
    return Person(name, "owner")


def require(person: Person, right: Right) -> None:
    """Nothing happens where the role carries the right.

    Raises:
        DeniedError: it does not.
    """
    if not person.may(right):
        raise DeniedError(
            f"expected somebody who may {MEANING[right]}, found {person.name}, who is {person.role}; "
            "ask somebody who may, or an admin for another role"
        )
