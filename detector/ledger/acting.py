"""One act on one case, within a transaction under way: the case changed, the act kept, the audit line written."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, case, insert, select, true, update

from detector.cases import Action, Case, Status
from detector.errors import InputError
from detector.ledger import schema

OPEN: tuple[Status, ...] = ("open", "proposed")  # an account has one such case at most
_TABLE = schema.review_case
_Value = TypeVar("_Value")
NEWEST = true()
_AT_ONCE = 10_000  # values that one statement of either database surely takes


def change(
    connection: Connection,
    account: str,
    step: Callable[[Case], Case],
    action: Action,
    detail: Mapping[str, Any],
    actor: str,
    now: dt.datetime,
    *,
    preferred: ColumnElement[bool] = NEWEST,
) -> Case:
    """The account's newest case after `step`, of those `preferred` where there are any.

    Raises:
        InputError: the account has no case, or the step is not allowed.
    """
    order = [case((preferred, 0), else_=1), _TABLE.c.id.desc()]
    newest = select(_TABLE).where(_TABLE.c.account == account).order_by(*order).limit(1)
    row = connection.execute(newest).mappings().first()
    if row is None:
        raise InputError(f"expected an account with a case, found none of {account}; `detector review list` shows them")
    before = Case(**row)
    after = replace(step(before), version=before.version + 1)
    store(connection, before, after)
    act = {"case_id": after.id, "at": now, "actor": actor, "action": action, "detail": dict(detail)}
    connection.execute(insert(schema.act).values(**act))
    write_audit(
        connection, account=account, action=f"review: {action}", actor=actor, purpose=None, now=now,
        detail={"case": after.id},
    )  # fmt: skip
    return after


def write_audit(
    connection: Connection,
    *,
    account: str | None,
    action: str,
    actor: str,
    purpose: str | None,
    now: dt.datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add a line to the audit log."""
    write_audits(connection, [account], action=action, actor=actor, purpose=purpose, now=now, detail=detail)


def write_audits(
    connection: Connection,
    accounts: Iterable[str | None],
    *,
    action: str,
    actor: str,
    purpose: str | None,
    now: dt.datetime,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Add a line to the audit log for each account."""
    row = {"at": now, "actor": actor, "action": action, "purpose": purpose, "detail": dict(detail or {})}
    for some in portions(accounts):
        connection.execute(insert(schema.audit), [row | {"account": account} for account in some])


def store(connection: Connection, before: Case, after: Case) -> None:
    """Write what has changed about a case."""
    old, new = vars(before), vars(after)  # asdict would copy all that was measured
    values = {name: value for name, value in new.items() if value != old[name]}
    if values:
        connection.execute(update(_TABLE).where(_TABLE.c.id == after.id).values(**values))


def portions(values: Iterable[_Value]) -> Iterator[Sequence[_Value]]:
    """The values, so many at a time as one statement takes."""
    rest = list(values)
    while rest:
        yield rest[:_AT_ONCE]
        rest = rest[_AT_ONCE:]
