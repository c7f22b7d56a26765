"""What a night found, added to the cases within the transaction that publishes it."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, delete, exists, insert, select

from detector import cases, handling
from detector.aftermath import LaterNight
from detector.cases import Case, Shown
from detector.ledger import schema
from detector.ledger.acting import OPEN, portions, store
from detector.ledger.queue import take_turns

NIGHTLY = "nightly"  # who acts where no person does
_TABLE = schema.review_case


def tell(
    connection: Connection,
    *,
    run_id: str,
    day: dt.date,
    flagged: Sequence[Shown],
    offered: Iterable[Shown],
    followed: Sequence[LaterNight],
    promised_share: float | None,
    now: dt.datetime,
) -> None:
    """Add what a night found to the cases.

    An account that is flagged gets a case, or its open case one more night; none where a verdict came after the night's
    day, for who gave it had seen as much. One that is `offered` for calibration gets a case if it never had one. Of the
    cases that nobody has touched two sorts are withdrawn: one that only an earlier run of the same night opened, when
    the night no longer shows it, and one for calibration that is no longer offered, as when another model has come into
    use. `followed` are confirmed accounts that the night saw again.
    """
    accounts = [shown.account for shown in flagged]
    open_now = {
        row["account"]: Case(**row)
        for part in portions(accounts)
        for row in connection.execute(
            select(_TABLE).where(_TABLE.c.status.in_(OPEN), _TABLE.c.account.in_(part))
        ).mappings()
    }
    acts: list[dict[str, Any]] = []

    def act(case: Case, action: cases.Action, detail: dict[str, Any]) -> None:
        acts.append({"case_id": case.id, "at": now, "actor": NIGHTLY, "action": action, "detail": detail})

    judged_since = _judged_since(connection, day, accounts)
    fresh = []
    for shown in flagged:
        case = open_now.get(shown.account)
        if case is None:
            if shown.account in judged_since:
                continue
            fresh.append(_opened(shown, "flag", promised_share, run_id, day, now))
            continue
        after = handling.shown_again(case, shown, day=day, run_id=run_id)
        if case.origin != after.origin:
            after = replace(after, promised_share=promised_share)
        if changed := handling.changes(case, after):
            after = replace(after, version=case.version + 1)
            act(case, "shown again", {"night": day.isoformat()} | changed)
        store(connection, case, after)
    shown_now = set(accounts)
    candidates = [shown for shown in offered if shown.account not in shown_now]
    seen_before = {
        account
        for part in portions(shown.account for shown in candidates)
        for account in connection.scalars(
            select(_TABLE.c.account).where(_TABLE.c.status != "withdrawn", _TABLE.c.account.in_(part))
        )
    }
    shown_now |= {shown.account for shown in candidates}
    fresh += [
        _opened(shown, "calibration", None, run_id, day, now)
        for shown in candidates
        if shown.account not in seen_before
    ]
    for case in _untouched(connection, day):
        if case.account not in shown_now:
            store(connection, case, replace(case, status="withdrawn", version=case.version + 1))
            act(case, "withdrawn", {"night": day.isoformat()})
    if fresh:
        connection.execute(insert(_TABLE), fresh)
    if acts:
        connection.execute(insert(schema.act), acts)
    connection.execute(delete(schema.later_night).where(schema.later_night.c.day == day))
    if followed:
        connection.execute(insert(schema.later_night), [asdict(night) for night in followed])
    take_turns(connection)


def _judged_since(connection: Connection, day: dt.date, accounts: Iterable[str]) -> set[str]:
    """Those of the accounts that had a verdict after the end of a night's UTC date."""
    midnight = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), dt.UTC)
    late = (_TABLE.c.status == "decided") & (_TABLE.c.decided_at >= midnight)
    return {
        account
        for part in portions(accounts)
        for account in connection.scalars(select(_TABLE.c.account).where(late, _TABLE.c.account.in_(part)))
    }


def _untouched(connection: Connection, day: dt.date) -> list[Case]:
    """The open cases on which no person has worked: those that only this night has shown, and those for calibration
    that it or an earlier one has opened."""
    touched = exists().where(schema.act.c.case_id == _TABLE.c.id, schema.act.c.actor != NIGHTLY)
    only_now = (_TABLE.c.first_day == day) & (_TABLE.c.last_day == day)
    calibrating = (_TABLE.c.origin == "calibration") & (_TABLE.c.last_day <= day)
    query = select(_TABLE).where(_TABLE.c.status == "open", only_now | calibrating, ~touched)
    return [Case(**row) for row in connection.execute(query).mappings()]


def _opened(
    shown: Shown, origin: cases.Origin, promised_share: float | None, run_id: str, day: dt.date, now: dt.datetime
) -> dict[str, Any]:
    return vars(shown) | {
        "reasons": [dict(reason) for reason in shown.reasons], "origin": origin, "status": "open", "opened_at": now,
        "first_day": day, "last_day": day, "nights": 1, "run_id": run_id, "promised_share": promised_share,
    }  # fmt: skip
