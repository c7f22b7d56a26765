"""Reaching the state database: one engine, one writer at a time, and a sentence for everything that can go wrong."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import tenacity
from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, inspect, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection

from detector.errors import BusyError, DetectorError, InputError, IntegrityError, SettingsError
from detector.ledger import schema

_DRIVERS = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}

# Both make writers queue before they read, so that what a transaction reads still holds when it writes.
# The lock's number is arbitrary and must never change.
_ENTER = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(7102943651)"}

# SQLite's primary result codes; PostgreSQL's SQLSTATEs by their beginning.
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_DENIED = {
    sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_AUTH,
    sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
}  # fmt: skip
_PG_AWAY = ("08", "40", "53", "55P03", "57")
_PG_DAMAGED = ("XX001", "XX002")
_PG_DENIED = ("25006", "28", "3D", "3F", "42501")
# A refused PostgreSQL connection carries no SQLSTATE, only words.
_PG_DENIED_WORDS = (
    "authentication failed",
    "does not exist",
    "no pg_hba.conf entry",
    "no password",
    "permission denied",
)


@dataclass(frozen=True)
class Database:
    """An engine and how long to wait for it, in seconds."""

    engine: Engine
    timeout_s: int

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for one statement that reads."""
        with self._translated(), self._entered(None) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that no other writer shares: committed at the end, nothing of it kept after an error."""
        with self._translated(), self._entered(_ENTER[self.engine.dialect.name]) as connection:
            yield connection
            connection.commit()

    def _entered(self, statement: str | None) -> Connection:
        """A connection on which `statement` has run, tried again while the database is locked or away."""
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(BusyError),
            stop=tenacity.stop_after_delay(self.timeout_s),
            wait=tenacity.wait_random_exponential(multiplier=0.05, max=1),
            reraise=True,
        )
        return retrying(self._enter, statement)

    def _enter(self, statement: str | None) -> Connection:
        with self._translated(connecting=True):
            connection = self.engine.connect()
            try:
                if statement:
                    connection.exec_driver_sql(statement)
            except BaseException:
                connection.close()
                raise
            return connection

    @contextmanager
    def _translated(self, *, connecting: bool = False) -> Iterator[None]:
        try:
            yield
        except exc.DBAPIError as error:
            refusal = _refusal(error, self.engine.url, self.timeout_s, connecting=connecting)
            if refusal is None:
                raise
            raise refusal from None


def sqlite_or_postgresql(url: str, timeout_s: int) -> Database:
    """Nothing is opened yet.

    Raises:
        SettingsError: `url` is not one of a SQLite or PostgreSQL database, or the driver is not installed.
    """
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise _unreadable() from None
    backend = parsed.get_backend_name()
    if backend not in _DRIVERS or (backend == "postgresql" and "@" in f"{parsed.host}{parsed.database}"):
        raise _unreadable()
    parsed = parsed.set(drivername=_DRIVERS[backend])
    try:
        engine = create_engine(
            parsed,
            connect_args={"timeout" if backend == "sqlite" else "connect_timeout": max(timeout_s, 1)},
            hide_parameters=True,  # an unforeseen error must not carry what was written
            json_serializer=partial(json.dumps, sort_keys=True, separators=(",", ":"), allow_nan=False),
            pool_pre_ping=True,  # minutes pass between a run's start and its end
        )
    except ModuleNotFoundError:
        raise SettingsError(
            "expected the PostgreSQL driver psycopg, found none installed;"
            " install this package with its extra 'postgres'"
        ) from None
    event.listen(engine, "connect", _prepare_sqlite if backend == "sqlite" else partial(_prepare_postgresql, timeout_s))
    return Database(engine, timeout_s)


def bring_to_head(database: Database) -> None:
    """Migrate if the schema is not the newest; two processes may do so at once."""
    with database.reading() as connection:
        if _version(connection) == schema.HEAD:
            return
    with database.writing() as connection:
        found = _version(connection)
        if found != schema.HEAD:
            from detector.ledger import migrations  # noqa: PLC0415 - Alembic costs half a second

            migrations.upgrade(connection, found)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(schema.VERSION_TABLE):
        return None
    version: str | None = connection.scalar(text(f"SELECT version_num FROM {schema.VERSION_TABLE}"))
    return version


def _prepare_sqlite(connection: DBAPIConnection, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where `_ENTER` says so, and nowhere else
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.close()


def _prepare_postgresql(timeout_s: int, connection: DBAPIConnection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"SET lock_timeout = '{max(timeout_s, 1)}s'")
    cursor.close()
    connection.commit()


def _unreadable() -> SettingsError:
    # Says nothing of what was found: there is a password in it somewhere.
    return SettingsError(
        "expected [state] database_url like sqlite:////folder/ledger.db or postgresql://user:password@host/database,"
        " found something else; write characters such as @ in the password as %40"
    )


def _refusal(error: exc.DBAPIError, url: URL, timeout_s: int, *, connecting: bool) -> DetectorError | None:
    """The sentence for `error`; None if it is a bug of ours."""
    where, reason = _where(url), _reason(error, url)
    code = getattr(error.orig, "sqlite_errorcode", -1) & 0xFF
    state = getattr(error.orig, "sqlstate", None) or ""
    unanswered = connecting and not state and isinstance(error, exc.OperationalError) and "psycopg" in url.drivername
    denied = (
        code in _DENIED
        or state.startswith(_PG_DENIED)
        or (unanswered and any(word in reason for word in _PG_DENIED_WORDS))
    )
    if denied or (connecting and isinstance(error, exc.ProgrammingError)):
        return InputError(
            f"expected a state database that can be written at {where}, found: {reason};"
            " check that the folder or database exists, who may write to it, and that there is room"
        )
    if code in _LOCKED or state.startswith(_PG_AWAY) or unanswered or error.connection_invalidated:
        return BusyError(
            f"expected the state database at {where} to answer within {timeout_s} s, found: {reason};"
            " try again later, or raise lock_timeout_s under [state]"
        )
    if code in _DAMAGED or state.startswith(_PG_DAMAGED):
        return IntegrityError(f"expected a state database at {where}, found: {reason}; restore it from a copy")
    if isinstance(error, exc.IntegrityError):
        return IntegrityError(
            f"expected a record that keeps the rules of the state database, found: {reason}; nothing was written"
        )
    return None


def _where(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return url.database or "memory"
    host = url.host or url.query.get("host") or "the default host"
    return f"{host if isinstance(host, str) else ','.join(host)}:{url.port or 5432}/{url.database or ''}"


def _reason(error: exc.DBAPIError, url: URL) -> str:
    """The driver's own first line, which names rules and hosts but no values, unless a secret is in it."""
    words = str(error.orig).splitlines() or [""]
    secrets = [url.password, *(value for key, value in url.normalized_query.items() if "pass" in key)]
    given = [secret if isinstance(secret, str) else "".join(secret) for secret in secrets if secret]
    return type(error.orig).__name__ if any(secret in words[0] for secret in given) else words[0]
