"""What does not count for an account until some day, in the state database."""

import datetime as dt
from dataclasses import replace

from sqlalchemy import Connection, insert, select, update

from detector import handling
from detector.cases import Action, Case
from detector.errors import InputError, SettingsError
from detector.ledger import schema
from detector.ledger.acting import change, write_audit
from detector.ledger.connection import Database
from detector.suppressed import Scope, Suppressed

_TABLE = schema.suppression


class Suppressions:
    """The suppressions of one ledger. Every method is one transaction; see `Ledger` for what all of them raise."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make(
        self, account: str, scope: Scope, value: str | None, *, ends_on: dt.date, why: str, actor: str, now: dt.datetime
    ) -> Suppressed:
        """Let something not count for an account until a day. Its open case, if it has one, is told, and is out of the
        queue meanwhile where nothing counts.

        Raises:
            SettingsError: that day is not to come.
            InputError: the same does not count already.
        """
        if ends_on <= now.date():
            raise SettingsError(f"expected an end after {now.date()}, found {ends_on}; name a later day")
        row = {
            "account": account, "scope": scope, "value": value, "why": why, "made_at": now, "made_by": actor,
            "ends_on": ends_on,
        }  # fmt: skip
        with self._database.writing() as connection:
            same = (
                (_TABLE.c.account == account) & (_TABLE.c.scope == scope) & _TABLE.c.value.is_not_distinct_from(value)
            )
            holds = _TABLE.c.lifted_at.is_(None) & (_TABLE.c.ends_on >= now.date())
            before = connection.scalar(select(_TABLE.c.id).where(same, holds).limit(1))
            if before is not None:
                raise InputError(
                    f"expected what still counts for {account}, found it suppressed by {before} already; to name "
                    f"another day, lift that one first: `detector review lift {before}`"
                )
            number = connection.execute(insert(_TABLE).values(**row)).inserted_primary_key
            made = Suppressed(id=number[0], **row)  # type: ignore[index, arg-type]
            _tell(connection, made, "suppressed", made.ends_on + dt.timedelta(days=1), actor, now)
            return made

    def lift(self, number: int, *, actor: str, now: dt.datetime) -> Suppressed:
        """Let it count again from now on.

        Raises:
            InputError: there is no such suppression, or it is over already.
        """
        with self._database.writing() as connection:
            row = connection.execute(select(_TABLE).where(_TABLE.c.id == number)).mappings().first()
            found = None if row is None else Suppressed(**row)
            if found is None or found.lifted_at is not None or found.ends_on < now.date():
                raise InputError(
                    f"expected a suppression that holds, found {'none' if found is None else 'an ended one'} of number "
                    f"{number}; `detector review suppressions` lists them"
                )
            connection.execute(update(_TABLE).where(_TABLE.c.id == number).values(lifted_at=now, lifted_by=actor))
            lifted = replace(found, lifted_at=now, lifted_by=actor)
            _tell(connection, lifted, "lifted", None, actor, now)
            return lifted

    def all(self, account: str | None = None) -> list[Suppressed]:
        """What was ever suppressed, the newest first; of one account where it is given."""
        query = select(_TABLE).order_by(_TABLE.c.id.desc())
        if account is not None:
            query = query.where(_TABLE.c.account == account)
        with self._database.reading() as connection:
            return [Suppressed(**row) for row in connection.execute(query).mappings()]

    def on(self, day: dt.date) -> list[Suppressed]:
        """What holds for a night, the oldest first."""
        return [one for one in reversed(self.all()) if one.holds(day)]

    def later(self, day: dt.date) -> list[Suppressed]:
        """What would hold for a night had it been made by then, the oldest first."""
        made = [one for one in reversed(self.all()) if one.made_at.date() > day]
        return [one for one in made if one.lifted_at is None and one.ends_on >= day]


def _tell(
    connection: Connection, made: Suppressed, action: Action, back_on: dt.date | None, actor: str, now: dt.datetime
) -> None:
    """The act with the account's newest case, which is out of the queue until `back_on` where nothing counts and it is
    open; the audit line alone where there is none."""
    detail = {"number": made.id, "scope": made.scope, "value": made.value, "until": made.ends_on.isoformat()}
    table = schema.review_case
    if connection.scalar(select(table.c.id).where(table.c.account == made.account).limit(1)) is None:
        write_audit(
            connection, account=made.account, action=f"review: {action}", actor=actor, purpose=None, now=now,
            detail=detail,
        )  # fmt: skip
        return

    def step(case: Case) -> Case:
        if made.scope != "everything" or case.status != "open":
            return case
        return handling.snooze(case, back_on, today=now.date())

    change(connection, made.account, step, action, detail | {"why": made.why}, actor, now)
