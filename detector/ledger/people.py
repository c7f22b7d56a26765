"""People in the state database: who is named with which role, their sessions, and failed sign-ins.

Whatever changes who may do what is a line of the audit log, written in the same transaction.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, func, insert, select, update

from detector import access
from detector.access import Limits, Person, Role, Session
from detector.errors import InputError, SettingsError
from detector.ledger import schema
from detector.ledger.connection import Database

_PERSON, _SESSION, _FAILED = schema.person, schema.session, schema.failed_sign_in
_SEEN_EVERY = dt.timedelta(seconds=30)  # a page of ten requests writes once


class People:
    """The people of one ledger. Every method is one transaction; see `Ledger` for what all of them raise."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[Person]:
        """Everybody who is named, by name."""
        with self._database.reading() as connection:
            rows = connection.execute(select(_PERSON).order_by(_PERSON.c.name)).mappings().all()
        return [_person(row) for row in rows]

    def of(self, name: str) -> Person | None:
        """The person of that name."""
        with self._database.reading() as connection:
            row = connection.execute(select(_PERSON).where(_PERSON.c.name == name.lower())).mappings().first()
        return None if row is None else _person(row)

    def anybody(self) -> bool:
        """Whether anybody is named."""
        with self._database.reading() as connection:
            return connection.scalar(select(_PERSON.c.name).limit(1)) is not None

    def password_hash(self, name: str) -> str | None:
        """What a person's password is compared with; null where there is no such person or no password."""
        with self._database.reading() as connection:
            found: str | None = connection.scalar(select(_PERSON.c.password_hash).where(_PERSON.c.name == name))
        return found

    def add(self, name: str, role: Role, password_hash: str | None, *, actor: str, now: dt.datetime) -> None:
        """Name somebody.

        Raises:
            SettingsError: the name is none, or taken.
        """
        name = access.name_of(name)
        with self._database.writing() as connection:
            if connection.scalar(select(_PERSON.c.name).where(_PERSON.c.name == name)) is not None:
                raise SettingsError(
                    f"expected a new name, found {name} named already; "
                    "`detector console set-role` and `set-password` change what is known of somebody"
                )
            row = {"name": name, "role": role, "password_hash": password_hash, "added_at": now}
            connection.execute(insert(_PERSON).values(**row))
            _tell(connection, "people: add", {"name": name, "role": role}, actor, now)

    def set_role(self, name: str, role: Role, *, actor: str, now: dt.datetime) -> None:
        """Give somebody another role; it holds from the next request on.

        Raises:
            InputError: nobody has that name.
        """
        with self._database.writing() as connection:
            _must_be(connection, name)
            connection.execute(update(_PERSON).where(_PERSON.c.name == name).values(role=role))
            _tell(connection, "people: role", {"name": name, "role": role}, actor, now)

    def set_password(self, name: str, password_hash: str, *, actor: str, now: dt.datetime) -> None:
        """Give somebody another password, and end their sessions.

        Raises:
            InputError: nobody has that name.
        """
        with self._database.writing() as connection:
            _must_be(connection, name)
            connection.execute(update(_PERSON).where(_PERSON.c.name == name).values(password_hash=password_hash))
            connection.execute(delete(_SESSION).where(_SESSION.c.name == name))
            _tell(connection, "people: password", {"name": name}, actor, now)

    def revoke(self, name: str, *, actor: str, now: dt.datetime) -> int:
        """End all sessions of somebody; how many those were.

        Raises:
            InputError: nobody has that name.
        """
        with self._database.writing() as connection:
            _must_be(connection, name)
            ended = connection.execute(delete(_SESSION).where(_SESSION.c.name == name)).rowcount
            _tell(connection, "people: revoke", {"name": name, "sessions": ended}, actor, now)
            return ended

    def remove(self, name: str, *, actor: str, now: dt.datetime) -> None:
        """Forget somebody and their sessions; what they did stays in the log.

        Raises:
            InputError: nobody has that name.
        """
        with self._database.writing() as connection:
            _must_be(connection, name)
            connection.execute(delete(_SESSION).where(_SESSION.c.name == name))
            connection.execute(delete(_PERSON).where(_PERSON.c.name == name))
            _tell(connection, "people: remove", {"name": name}, actor, now)

    def open_session(
        self, token: str, name: str, *, by: str, address: str = "", limits: Limits, now: dt.datetime
    ) -> None:
        """Sign somebody in; `by` says how, `address` where `may_try` was asked. Ended sessions are forgotten here."""
        tried = select(func.max(_FAILED.c.id)).where(_FAILED.c.subject == _digest(f"address {address}"))
        with self._database.writing() as connection:
            _forget(connection, limits, now)
            connection.execute(
                insert(_SESSION).values(digest=_digest(token), name=name, opened_at=now, seen_at=now, detail={})
            )
            connection.execute(delete(_FAILED).where(_FAILED.c.subject == _digest(f"name {name}")))
            connection.execute(delete(_FAILED).where(_FAILED.c.id == connection.scalar(tried)))
            _tell(connection, "sign in", {"by": by}, name, now)

    def session(self, token: str, *, limits: Limits, now: dt.datetime) -> Session | None:
        """Whose browser it is; None where the session is unknown, has ended or was revoked."""
        mine = _SESSION.c.digest == _digest(token)
        query = select(_PERSON, _SESSION.c.opened_at, _SESSION.c.seen_at).join(_PERSON).where(mine)
        with self._database.reading() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            return None
        found = Session(_person(row), row["opened_at"], row["seen_at"])
        if access.has_ended(found, limits, now):
            return None
        if now - found.seen_at >= _SEEN_EVERY:
            with self._database.writing() as connection:
                connection.execute(update(_SESSION).where(mine).values(seen_at=now))
        return found

    def close_session(self, token: str, *, actor: str, now: dt.datetime) -> None:
        """Sign a browser out."""
        with self._database.writing() as connection:
            if connection.execute(delete(_SESSION).where(_SESSION.c.digest == _digest(token))).rowcount:
                _tell(connection, "sign out", {}, actor, now)

    def begin_elsewhere(self, token: str, detail: Mapping[str, Any], *, limits: Limits, now: dt.datetime) -> None:
        """Remember what was asked of an identity provider, until the browser comes back with its answer."""
        with self._database.writing() as connection:
            _forget(connection, limits, now)
            connection.execute(
                insert(_SESSION).values(digest=_digest(token), opened_at=now, seen_at=now, detail=dict(detail))
            )

    def end_elsewhere(self, token: str, *, limits: Limits, now: dt.datetime) -> dict[str, Any]:
        """What `begin_elsewhere` remembered, once; nothing where it is unknown or too long ago."""
        mine = (_SESSION.c.digest == _digest(token)) & _SESSION.c.name.is_(None)
        with self._database.writing() as connection:
            row = connection.execute(select(_SESSION.c.detail, _SESSION.c.seen_at).where(mine)).first()
            connection.execute(delete(_SESSION).where(mine))
        if row is None or (now - row.seen_at).total_seconds() >= limits.idle_s:
            return {}
        return dict(row.detail)

    def may_try(self, name: str, address: str, *, limits: Limits, now: dt.datetime) -> bool:
        """Whether one more sign-in of that name from that address is tried, after those that failed lately.

        The try counts as failed until `open_session` says otherwise, so that many at once get no more than their share.
        """
        since = now - dt.timedelta(seconds=limits.failures_window_s)
        subjects = (_digest(f"name {name}"), _digest(f"address {address}"))
        with self._database.writing() as connection:
            connection.execute(delete(_FAILED).where(_FAILED.c.at < since))
            by_name, by_address = (
                connection.scalar(select(func.count()).where(_FAILED.c.subject == subject)) or 0 for subject in subjects
            )
            if access.is_held_back(by_name, by_address, limits):
                return False
            connection.execute(insert(_FAILED), [{"at": now, "subject": subject} for subject in subjects])
            return True


def _person(row: RowMapping) -> Person:
    return Person(row["name"], row["role"], row["password_hash"] is not None)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _must_be(connection: Connection, name: str) -> None:
    if connection.scalar(select(_PERSON.c.name).where(_PERSON.c.name == name)) is None:
        raise InputError(
            f"expected somebody who is named, found nobody called {name}; `detector console list-users` shows who is"
        )


def _forget(connection: Connection, limits: Limits, now: dt.datetime) -> None:
    idle, longest = now - dt.timedelta(seconds=limits.idle_s), now - dt.timedelta(seconds=limits.longest_s)
    connection.execute(delete(_SESSION).where((_SESSION.c.seen_at < idle) | (_SESSION.c.opened_at < longest)))


def _tell(connection: Connection, action: str, detail: dict[str, Any], actor: str, now: dt.datetime) -> None:
    connection.execute(insert(schema.audit).values(at=now, actor=actor, action=action, detail=detail))
