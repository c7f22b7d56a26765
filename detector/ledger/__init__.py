"""The door to the state database: which runs there were, which one is served for a day, and who did what.

SQLite beside the data, or PostgreSQL by URL; both behave alike. Writers take turns. Times go in as aware datetimes
and come back in UTC; JSON is written with sorted keys.
"""

import datetime as dt
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Select, insert, select, update

from detector.aftermath import LaterNight
from detector.cases import Shown
from detector.errors import IntegrityError
from detector.ledger import schema
from detector.ledger.acting import write_audit, write_audits
from detector.ledger.cases import Cases
from detector.ledger.connection import Database, bring_to_head, sqlite_or_postgresql
from detector.ledger.people import People
from detector.ledger.saved_views import SavedViews
from detector.ledger.schema import Ending, Status
from detector.ledger.suppressions import Suppressions
from detector.ledger.telling import tell

__all__ = ["Ending", "Ledger", "Look", "Run", "Status", "sqlite_url"]


@dataclass(frozen=True)
class Run:
    """One execution of one command.

    `day` is the local day it was for, null where a command has none; `ended_at` is null while it runs. `manifest`
    maps each file of `directory` (POSIX path relative to home) to its SHA-256; `fingerprint` stands for the inputs,
    settings and model that it came from. These and `model_version` are null, the manifest empty, until it publishes.
    `record` holds whatever was counted or noted.
    """

    id: str
    command: str
    day: dt.date | None
    status: Status
    started_at: dt.datetime
    ended_at: dt.datetime | None
    key_id: str
    model_version: str | None
    fingerprint: str | None
    directory: str | None
    manifest: dict[str, str]
    record: dict[str, Any]


@dataclass(frozen=True)
class Look:
    """A line of the audit log: who did what and when, on which account (16 hex digits; null: on none in particular),
    and for which purpose where one had to be said."""

    at: dt.datetime
    actor: str
    action: str
    account: str | None
    purpose: str | None
    detail: dict[str, Any]


def sqlite_url(path: Path) -> str:
    """The URL of the SQLite file at `path`, whatever characters its folders have.

    >>> sqlite_url(Path("/srv/50% off?/ledger.db"))
    'sqlite:////srv/50%25%20off%3F/ledger.db'
    """
    return f"sqlite:///{urllib.parse.quote(path.as_posix())}"


class Ledger:
    """The state database, open. Every method is one transaction.

    Beside what they say themselves, all methods raise BusyError when the database stays locked or away for longer
    than `lock_timeout_s`, InputError when it may not be written, and IntegrityError when it is damaged.

    >>> now = dt.datetime(2026, 1, 2, 3, tzinfo=dt.UTC)
    >>> with Ledger.open("sqlite://", lock_timeout_s=1) as ledger:
    ...     ledger.start_run("r1", command="ingest", day=None, key_id="k", now=now)
    ...     ledger.end_run("r1", status="finished", record={"rows": 3}, now=now)
    ...     [(run.id, run.status, run.record) for run in ledger.runs(10)]
    [('r1', 'finished', {'rows': 3})]
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self.cases = Cases(database)
        self.people = People(database)
        self.suppressions = Suppressions(database)
        self.views = SavedViews(database)

    @classmethod
    def open(cls, url: str, *, lock_timeout_s: int) -> Self:
        """Connect, and bring the schema to the newest version; made from nothing where there is none.

        Raises:
            SettingsError: `url` is not one of SQLite or PostgreSQL, or the database belongs to another program.
            InputError: the folder or database is missing or may not be written.
            IntegrityError: a newer version of this program made it, or it is damaged.
            BusyError: it stays locked or away.
        """
        ledger = cls(sqlite_or_postgresql(url, lock_timeout_s))
        try:
            bring_to_head(ledger._database)
        except BaseException:
            ledger.close()
            raise
        return ledger

    def close(self) -> None:
        """Let go of the database."""
        self._database.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start_run(self, run_id: str, *, command: str, day: dt.date | None, key_id: str, now: dt.datetime) -> None:
        """Put a new run on record, 'running'.

        Raises:
            IntegrityError: there is a run of that id already.
        """
        row = {"id": run_id, "command": command, "day": day, "status": "running", "started_at": now, "key_id": key_id}
        with self._database.writing() as connection:
            connection.execute(insert(schema.run).values(**row, manifest={}, record={}))

    def end_run(self, run_id: str, *, status: Ending, record: Mapping[str, Any], now: dt.datetime) -> None:
        """A running run ends without publishing anything.

        Raises:
            IntegrityError: it is not on record as running.
        """
        with self._database.writing() as connection:
            _end(connection, run_id, status=status, record=dict(record), ended_at=now)

    def publish(
        self,
        run_id: str,
        *,
        fingerprint: str,
        directory: str,
        manifest: Mapping[str, str],
        model_version: str | None,
        record: Mapping[str, Any],
        now: dt.datetime,
        flagged: Sequence[Shown] = (),
        offered: Sequence[Shown] = (),
        followed: Sequence[LaterNight] = (),
        promised_share: float | None = None,
    ) -> None:
        """A running run ends by being what is served for its day; the one served until now becomes 'superseded'.

        What it `flagged`, and the calibration accounts it `offered`, become cases; what it saw of confirmed accounts
        is kept with theirs (see `ledger.telling`).

        All of it or nothing: after an error the old one is still served.

        Raises:
            IntegrityError: the run is not on record as running, or has no day.
        """
        this = schema.run.alias()
        day = select(this.c.day).where(this.c.id == run_id)
        served = (schema.run.c.status == "published") & (schema.run.c.day == day.scalar_subquery())
        with self._database.writing() as connection:
            connection.execute(update(schema.run).where(served).values(status="superseded"))
            _end(
                connection,
                run_id,
                status="published",
                fingerprint=fingerprint,
                directory=directory,
                manifest=dict(manifest),
                model_version=model_version,
                record=dict(record),
                ended_at=now,
            )
            served_day = connection.execute(select(schema.run.c.day).where(schema.run.c.id == run_id)).scalar_one()
            tell(
                connection, run_id=run_id, day=served_day, flagged=flagged, offered=offered,
                followed=followed, promised_share=promised_share, now=now,
            )  # fmt: skip

    def add_to_record(self, run_id: str, more: Mapping[str, Any]) -> None:
        """Note on a run's record what came after its end.

        Raises:
            IntegrityError: there is no such run.
        """
        mine = schema.run.c.id == run_id
        with self._database.writing() as connection:
            record = connection.scalar(select(schema.run.c.record).where(mine))
            if record is None:
                raise IntegrityError(f"expected run {run_id} to be on record, found it unknown; start a new run")
            connection.execute(update(schema.run).where(mine).values(record=record | dict(more)))

    def interrupt_stale(self, now: dt.datetime) -> int:
        """Every run still 'running' becomes 'interrupted'; how many those were.

        Only for a caller that holds the lock of the home and has not started its own run yet.
        """
        stale = update(schema.run).where(schema.run.c.status == "running")
        with self._database.writing() as connection:
            return connection.execute(stale.values(status="interrupted", ended_at=now)).rowcount

    def published(self, day: dt.date) -> Run | None:
        """The run that is served for `day`."""
        return self._one(_published().where(schema.run.c.day == day))

    def latest_published(self) -> Run | None:
        """The run that is served for the latest day that has one."""
        return self._one(_published().order_by(schema.run.c.day.desc()).limit(1))

    def publications(self) -> list[Run]:
        """The runs that are served, one a day, earliest day first."""
        return self._all(_published().order_by(schema.run.c.day))

    def runs(self, limit: int) -> list[Run]:
        """The `limit` runs started last, newest first."""
        return self._all(
            select(schema.run).order_by(schema.run.c.started_at.desc(), schema.run.c.id.desc()).limit(limit)
        )

    def run(self, run_id: str) -> Run | None:
        """The run of that id."""
        return self._one(select(schema.run).where(schema.run.c.id == run_id))

    def write_audit(
        self,
        *,
        actor: str,
        action: str,
        account: str | None = None,
        purpose: str | None = None,
        detail: Mapping[str, Any] | None = None,
        now: dt.datetime,
    ) -> None:
        """Add a line to the audit log: `actor` did `action`, on `account` (16 hex digits; null: on none in particular).

        Lines are only ever added.

        Raises:
            IntegrityError: `account` is not 16 lower-case hex digits.
        """
        with self._database.writing() as connection:
            write_audit(
                connection, account=account, action=action, actor=actor, purpose=purpose, now=now, detail=detail
            )

    def write_looks(
        self, accounts: Iterable[str], *, actor: str, action: str, detail: Mapping[str, Any], now: dt.datetime
    ) -> None:
        """Add a line to the audit log for each of many accounts (16 hex digits), all or none."""
        with self._database.writing() as connection:
            write_audits(connection, accounts, action=action, actor=actor, purpose=None, now=now, detail=detail)

    def looks(self, *, account: str | None = None, actor: str | None = None, limit: int) -> list[Look]:
        """The newest lines of the audit log, on one account (16 hex digits) or by one actor where these are given."""
        table = schema.audit
        query = select(table).order_by(table.c.id.desc()).limit(limit)
        if account is not None:
            query = query.where(table.c.account == account)
        if actor is not None:
            query = query.where(table.c.actor == actor)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [Look(**{name: value for name, value in row.items() if name != "id"}) for row in rows]

    def _all(self, query: Select[Any]) -> list[Run]:
        with self._database.reading() as connection:
            return [Run(**row) for row in connection.execute(query).mappings()]

    def _one(self, query: Select[Any]) -> Run | None:
        return next(iter(self._all(query)), None)


def _published() -> Select[Any]:
    return select(schema.run).where(schema.run.c.status == "published")


def _end(connection: Connection, run_id: str, **values: Any) -> None:
    mine = schema.run.c.id == run_id
    if connection.execute(update(schema.run).where(mine, schema.run.c.status == "running").values(**values)).rowcount:
        return
    found = connection.scalar(select(schema.run.c.status).where(mine))
    raise IntegrityError(f"expected run {run_id} to be running, found it {found or 'unknown'}; start a new run")
