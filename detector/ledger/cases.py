"""Cases in the state database: opened by the transaction that publishes a night, changed by what reviewers do.

Whatever a reviewer does or looks at is a line of the audit log, written in the same transaction.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, update

from detector import cases
from detector.cases import Act, Case, Shown, Verdict
from detector.errors import InputError
from detector.ledger import schema
from detector.ledger.connection import Database

NIGHTLY = "nightly"  # who acts where no person does
_TABLE = schema.review_case


class Cases:
    """The cases of one ledger. Every method is one transaction; see `Ledger` for what all of them raise."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def queue(self) -> list[Case]:
        """The open cases, those of the latest night first, by score."""
        return self._all(
            select(_TABLE)
            .where(_TABLE.c.status == "open")
            .order_by(_TABLE.c.last_day.desc(), _TABLE.c.score.desc().nulls_last(), _TABLE.c.id)
        )

    def of(self, account: str) -> list[Case]:
        """The cases of one account, the newest first."""
        return self._all(select(_TABLE).where(_TABLE.c.account == account).order_by(_TABLE.c.id.desc()))

    def decided(self, until: dt.date | None = None) -> list[Case]:
        """The latest decided case of each account, of those decided by the end of the UTC date `until`."""
        query = select(_TABLE).where(_TABLE.c.status == "decided").order_by(_TABLE.c.decided_at, _TABLE.c.id)
        if until is not None:
            midnight = dt.datetime.combine(until + dt.timedelta(days=1), dt.time(), dt.UTC)
            query = query.where(_TABLE.c.decided_at < midnight)
        return list({case.account: case for case in self._all(query)}.values())

    def counts(self) -> dict[str, int]:
        """How many cases there are of each status."""
        query = select(_TABLE.c.status, func.count()).group_by(_TABLE.c.status).order_by(_TABLE.c.status)
        with self._database.reading() as connection:
            return {status: count for status, count in connection.execute(query)}

    def acts(self, case_id: int) -> list[Act]:
        """What was done to a case, the first thing first."""
        query = select(schema.act).where(schema.act.c.case_id == case_id).order_by(schema.act.c.id)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [Act(**{name: row[name] for name in ("case_id", "at", "actor", "action", "detail")}) for row in rows]

    def decide(self, verdicts: Sequence[tuple[str, Verdict]], *, actor: str, now: dt.datetime) -> list[Case]:
        """Close the open cases of some accounts with their verdicts: all of them or none.

        Raises:
            InputError: one of the accounts has no open case.
        """
        with self._database.writing() as connection:
            return [
                _change(
                    connection,
                    account,
                    partial(cases.decide, verdict=verdict, actor=actor, now=now),
                    "decided",
                    {name: value for name, value in asdict(verdict).items() if value},
                    actor,
                    now,
                )
                for account, verdict in verdicts
            ]

    def undo(self, account: str, note: str = "", *, actor: str, now: dt.datetime) -> Case:
        """Take the verdict of an account's newest case back.

        Raises:
            InputError: there is none.
        """
        with self._database.writing() as connection:
            return _change(connection, account, cases.undo, "undone", {"note": note} if note else {}, actor, now)

    def assign(self, account: str, assignee: str | None, *, actor: str, now: dt.datetime) -> Case:
        """Put an account's open case into somebody's hands, or back into nobody's.

        Raises:
            InputError: the account has no open case.
        """
        change = partial(cases.assign, assignee=assignee)
        with self._database.writing() as connection:
            return _change(connection, account, change, "assigned", {"to": assignee}, actor, now)

    def note(self, account: str, text: str, *, actor: str, now: dt.datetime) -> Case:
        """Add a note to an account's newest case.

        Raises:
            InputError: the account has no case.
        """
        with self._database.writing() as connection:
            return _change(connection, account, lambda case: case, "noted", {"note": text}, actor, now)

    def _all(self, query: Select[Any]) -> list[Case]:
        with self._database.reading() as connection:
            return [Case(**row) for row in connection.execute(query).mappings()]


def _change(
    connection: Connection,
    account: str,
    change: Callable[[Case], Case],
    action: cases.Action,
    detail: Mapping[str, Any],
    actor: str,
    now: dt.datetime,
) -> Case:
    newest = select(_TABLE).where(_TABLE.c.account == account).order_by(_TABLE.c.id.desc()).limit(1)
    row = connection.execute(newest).mappings().first()
    if row is None:
        raise InputError(f"expected an account with a case, found none of {account}; `detector review list` shows them")
    case = change(Case(**row))
    _store(connection, case)
    connection.execute(
        insert(schema.act).values(case_id=case.id, at=now, actor=actor, action=action, detail=dict(detail))
    )
    connection.execute(
        insert(schema.audit).values(
            at=now, actor=actor, action=f"review: {action}", account=account, detail={"case": case.id}
        )
    )
    return case


def _store(connection: Connection, case: Case) -> None:
    values = {name: value for name, value in asdict(case).items() if name != "id"}
    connection.execute(update(_TABLE).where(_TABLE.c.id == case.id).values(**values))


def tell(
    connection: Connection,
    *,
    run_id: str,
    day: dt.date,
    flagged: Sequence[Shown],
    offered: Iterable[Shown],
    promised_share: float | None,
    now: dt.datetime,
) -> None:
    """Add what a night found to the cases, within the transaction that publishes it.

    An account that is flagged gets a case, or its open case one more night; one that is `offered` for calibration gets
    a case if it never had one. A case that only an earlier run of the same night opened, and that nobody has touched,
    is withdrawn when the night no longer shows it.
    """
    rows = connection.execute(select(_TABLE).where(_TABLE.c.status == "open")).mappings().all()
    open_now = {row["account"]: Case(**row) for row in rows}
    acts: list[dict[str, Any]] = []

    def act(case: Case, action: cases.Action, detail: dict[str, Any]) -> None:
        acts.append({"case_id": case.id, "at": now, "actor": NIGHTLY, "action": action, "detail": detail})

    fresh = []
    for shown in flagged:
        case = open_now.get(shown.account)
        if case is None:
            fresh.append(_opened(shown, "flag", promised_share, run_id, day, now))
            continue
        after = cases.shown_again(case, shown, day=day, run_id=run_id)
        if case.origin != after.origin:
            after = replace(after, promised_share=promised_share)
        _store(connection, after)
        if after.kind != case.kind:
            act(case, "kind changed", {"from": case.kind, "to": after.kind, "night": day.isoformat()})
    shown_now = {shown.account for shown in flagged}
    candidates = [shown for shown in offered if shown.account not in shown_now]
    seen_before = set(
        connection.scalars(select(_TABLE.c.account).where(_TABLE.c.status != "withdrawn").distinct())
        if candidates
        else ()
    )
    shown_now |= {shown.account for shown in candidates}
    fresh += [
        _opened(shown, "calibration", None, run_id, day, now)
        for shown in candidates
        if shown.account not in seen_before
    ]
    touched = set(connection.scalars(select(schema.act.c.case_id).where(schema.act.c.actor != NIGHTLY).distinct()))
    for account, case in open_now.items():
        if case.first_day == case.last_day == day and account not in shown_now and case.id not in touched:
            _store(connection, replace(case, status="withdrawn"))
            act(case, "withdrawn", {"night": day.isoformat()})
    if fresh:
        connection.execute(insert(_TABLE), fresh)
    if acts:
        connection.execute(insert(schema.act), acts)


def _opened(
    shown: Shown, origin: cases.Origin, promised_share: float | None, run_id: str, day: dt.date, now: dt.datetime
) -> dict[str, Any]:
    return asdict(shown) | {
        "origin": origin, "status": "open", "opened_at": now, "first_day": day, "last_day": day, "nights": 1,
        "run_id": run_id, "promised_share": promised_share,
    }  # fmt: skip
