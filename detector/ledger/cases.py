"""Cases in the state database: opened by the transaction that publishes a night, changed by what reviewers do.

Whatever a reviewer does or looks at is a line of the audit log, written in the same transaction.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select, update

from detector import cases, handling
from detector.aftermath import LaterNight
from detector.cases import Act, Case, Verdict
from detector.errors import InputError
from detector.ledger import queue, schema
from detector.ledger.acting import NEWEST, OPEN, change, portions, store, write_audit
from detector.ledger.connection import Database
from detector.views import Filters

_TABLE = schema.review_case


class Cases:
    """The cases of one ledger. Every method is one transaction; see `Ledger` for what all of them raise.

    Methods that change a case raise InputError where its account has none, and where the rules of `cases` forbid it.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def queue(
        self,
        filters: Filters = Filters(),  # noqa: B008 - it can not be changed
        *,
        reviewer: str | None = None,
        today: dt.date | None = None,
        limit: int | None = None,
        offset: int = 0,
    ) -> list[Case]:
        """Cases in the order in which `reviewer` is offered them, without what was measured (see `ledger.queue`).

        What is out of the queue beyond `today` is left out, null: nothing is.
        """
        return self._all(queue.listed(filters, reviewer=reviewer, today=today, limit=limit, offset=offset))

    def count(self, filters: Filters, *, reviewer: str | None = None, today: dt.date | None = None) -> int:
        """How many there are of them."""
        with self._database.reading() as connection:
            return int(connection.scalar(queue.counted(filters, reviewer=reviewer, today=today)) or 0)

    def decided(self, until: dt.date | None = None, *, measured: bool = True, every: bool = False) -> list[Case]:
        """The decided case of each account that there is to learn from, or `every` one, of those decided by the end of
        the UTC date `until`; without what was measured where that is not wanted.

        That is the latest one; one that was left undecided takes nothing back of what was said before it.
        """
        columns = _TABLE.c if measured else queue.LIGHT
        query = select(*columns).where(_TABLE.c.status == "decided").order_by(_TABLE.c.decided_at, _TABLE.c.id)
        if until is not None:
            midnight = dt.datetime.combine(until + dt.timedelta(days=1), dt.time(), dt.UTC)
            query = query.where(_TABLE.c.decided_at < midnight)
        found = self._all(query)
        if every:
            return found
        latest: dict[str, Case] = {}
        for case in found:
            if case.taught != "undecided" or case.account not in latest:
                latest[case.account] = case
        return list(latest.values())

    def counts(self) -> dict[str, int]:
        """How many cases there are of each status."""
        query = select(_TABLE.c.status, func.count()).group_by(_TABLE.c.status).order_by(_TABLE.c.status)
        with self._database.reading() as connection:
            return {status: count for status, count in connection.execute(query)}

    def acts_count(self) -> dict[str, int]:
        """How often each act was done, over all cases."""
        query = select(schema.act.c.action, func.count()).group_by(schema.act.c.action).order_by(schema.act.c.action)
        with self._database.reading() as connection:
            return {action: count for action, count in connection.execute(query)}

    def later_nights(self, case_id: int | None = None) -> dict[int, list[LaterNight]]:
        """By number, what nights after the verdict that stands saw of confirmed cases, the earliest first; of one or
        of all."""
        night = schema.later_night
        query = (
            select(night, _TABLE.c.decided_at)
            .join(_TABLE, _TABLE.c.id == night.c.case_id)
            .where(_TABLE.c.decided_at.is_not(None))
            .order_by(night.c.case_id, night.c.day)
        )
        if case_id is not None:
            query = query.where(night.c.case_id == case_id)
        found: dict[int, list[LaterNight]] = {}
        with self._database.reading() as connection:
            for row in connection.execute(query).mappings():
                if row["day"] > row["decided_at"].date():
                    seen = LaterNight(row["case_id"], row["day"], row["p_value"], row["over_line"])
                    found.setdefault(seen.case_id, []).append(seen)
        return found

    def of(self, account: str) -> list[Case]:
        """The cases of one account, the newest first."""
        return self._all(select(_TABLE).where(_TABLE.c.account == account).order_by(_TABLE.c.id.desc()))

    def numbered(self, number: int) -> Case | None:
        """The case of that number."""
        return next(iter(self._all(select(_TABLE).where(_TABLE.c.id == number))), None)

    def acts(self, case_id: int) -> list[Act]:
        """What was done to a case, the first thing first."""
        query = select(schema.act).where(schema.act.c.case_id == case_id).order_by(schema.act.c.id)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [Act(**{name: row[name] for name in ("case_id", "at", "actor", "action", "detail")}) for row in rows]

    def look(
        self, account: str, *, action: str, actor: str, purpose: str | None, now: dt.datetime, holds: bool = True
    ) -> list[Case]:
        """The cases of one account, the newest first, as `of`: for somebody who is about to be shown them.

        The look is on record, whether there is a case or not. Where it `holds`, which that of somebody who decides
        nothing does not, nobody else decides an open one for a while.
        """
        with self._database.writing() as connection:
            write_audit(connection, account=account, action=action, actor=actor, purpose=purpose, now=now)
            query = select(_TABLE).where(_TABLE.c.account == account).order_by(_TABLE.c.id.desc())
            found = [Case(**row) for row in connection.execute(query).mappings()]
            if found and holds:
                held = handling.hold(found[0], actor=actor, now=now)
                store(connection, found[0], held)
                found[0] = held
            return found

    def decide(
        self, verdicts: Sequence[tuple[str, Verdict]], *, actor: str, now: dt.datetime, version: int | None = None
    ) -> list[Case]:
        """Close the open cases of some accounts with their verdicts, or propose these to a second person: all of them
        or none. `version` is that of the sight that they were decided on, where it matters.

        Raises:
            InputError: an account has no case, or none that can be decided; of several the message has its row.
        """
        with self._database.writing() as connection:
            decided = []
            for row, (account, verdict) in enumerate(verdicts, start=1):
                step = partial(handling.decide, verdict=verdict, actor=actor, now=now, version=version)
                action: cases.Action = "proposed" if verdict.needs_second else "decided"
                said = {name: value for name, value in asdict(verdict).items() if value and value != "none"}
                try:
                    decided.append(change(connection, account, step, action, said, actor, now))
                except InputError as error:
                    raise InputError(f"row {row}: {error}" if len(verdicts) > 1 else str(error)) from None
            return decided

    def second(
        self, account: str, *, agrees: bool, note: str = "", actor: str, now: dt.datetime, version: int | None = None
    ) -> Case:
        """A second person agrees with the verdict that waits, or does not: then the case is open again."""
        step = partial(handling.second, agrees=agrees, actor=actor, now=now, version=version)
        return self._change(account, step, "agreed" if agrees else "disagreed", _noted(note), actor, now)

    def undo(self, account: str, note: str = "", *, actor: str, now: dt.datetime) -> Case:
        """Take the verdict of an account's newest case back."""
        return self._change(account, partial(handling.undo, actor=actor), "undone", _noted(note), actor, now)

    def reopen(self, account: str, note: str, *, actor: str, now: dt.datetime) -> Case:
        """Open an account's newest case again, because there is news of it."""
        return self._change(account, partial(handling.reopen, actor=actor), "reopened", _noted(note), actor, now)

    def contest(self, account: str, note: str, *, actor: str, now: dt.datetime) -> Case:
        """Record that the account's holder contests the newest verdict against it, in the holder's words."""
        step = partial(handling.contest, now=now)
        standing = and_(_TABLE.c.status == "decided", _TABLE.c.outcome == "confirmed")
        return self._change(account, step, "contested", _noted(note), actor, now, preferred=standing)

    def settle(self, account: str, *, overturned: bool, note: str = "", actor: str, now: dt.datetime) -> Case:
        """Whether the verdict that is contested holds, by somebody who had no part in it."""
        step = partial(handling.settle, result="overturned" if overturned else "upheld", actor=actor)
        action: cases.Action = "contest overturned" if overturned else "contest upheld"
        return self._change(account, step, action, _noted(note), actor, now, preferred=_TABLE.c.contest == "open")

    def snooze(self, account: str, until: dt.date | None, *, actor: str, now: dt.datetime) -> Case:
        """Take an open case out of the queue until a day, or bring it back."""
        step = partial(handling.snooze, until=until, today=now.date())
        return self._change(account, step, "snoozed", {"until": until and until.isoformat()}, actor, now)

    def assign(self, account: str, assignee: str | None, *, actor: str, now: dt.datetime) -> Case:
        """Put an account's open case into somebody's hands, or back into nobody's."""
        step = partial(handling.assign, assignee=assignee)
        return self._change(account, step, "assigned", {"to": assignee}, actor, now)

    def note(self, account: str, text: str, *, actor: str, now: dt.datetime) -> Case:
        """Add a note to an account's newest case."""
        return self._change(account, lambda case: case, "noted", {"note": text}, actor, now)

    def take_next(self, *, actor: str, now: dt.datetime) -> Case | None:
        """The case that a reviewer is offered first, now in the reviewer's hands: one that is there already, else one
        that is in nobody's and that nobody looks at. Two who ask at once get two. None where there is none."""
        with self._database.writing() as connection:
            for query in queue.first_for(actor, now):
                found = connection.execute(query).mappings().first()
                if found is not None and found["assignee"] == actor:
                    return Case(**found)
                if found is not None:
                    step = partial(handling.assign, assignee=actor)
                    return change(connection, found["account"], step, "assigned", {"to": actor}, actor, now)
        return None

    def to_file(self, day: dt.date) -> list[Case]:
        """The open cases that a night showed last, and those that have no case file; without what was measured."""
        due = or_(_TABLE.c.last_day == day, _TABLE.c.file_day.is_(None))
        return self._all(select(*queue.LIGHT).where(_TABLE.c.status.in_(OPEN), due).order_by(_TABLE.c.id))

    def on_file(self) -> list[Case]:
        """The cases that have a case file; without what was measured."""
        return self._all(select(*queue.LIGHT).where(_TABLE.c.file_day.is_not(None)).order_by(_TABLE.c.id))

    def filed(self, numbers: Iterable[int], day: dt.date | None) -> None:
        """These cases have their case file under a night, or none any more."""
        with self._database.writing() as connection:
            for part in portions(numbers):
                connection.execute(update(_TABLE).where(_TABLE.c.id.in_(part)).values(file_day=day))

    def _all(self, query: Select[Any]) -> list[Case]:
        with self._database.reading() as connection:
            return [Case(**row) for row in connection.execute(query).mappings()]

    def _change(
        self,
        account: str,
        step: Callable[[Case], Case],
        action: cases.Action,
        detail: Mapping[str, Any],
        actor: str,
        now: dt.datetime,
        preferred: ColumnElement[bool] = NEWEST,
    ) -> Case:
        with self._database.writing() as connection:
            return change(connection, account, step, action, detail, actor, now, preferred=preferred)


def _noted(note: str) -> dict[str, str]:
    return {"note": note} if note else {}
