"""What somebody does to a case, for the pages and the API alike. Each is one transaction with its line in the log."""

import datetime as dt
from typing import Any

from detector import typed
from detector.cases import Case, Verdict
from detector.console.desk import Visit
from detector.console.pages import case_of
from detector.errors import InputError, SettingsError
from detector.suppressed import SCOPES, Suppressed
from detector.typed import Meant


def verdict_of(verdict: str, kind: str | None, cause: str | None, note: str, response: str) -> Verdict:
    """What a form says, where a field that does not fit the verdict is left over from another choice."""
    outcome = typed.outcome_of(verdict)
    confirmed = outcome == "confirmed"
    return Verdict(
        outcome,
        kind=(kind or None) if confirmed else None,  # type: ignore[arg-type]
        cause=((cause or "").strip() or None) if outcome == "false alarm" else None,
        note=note.strip(),
        response=(response or "none") if confirmed else "none",  # type: ignore[arg-type]
    )


def decide(visit: Visit, number: int, verdict: Verdict, *, version: int | None) -> Case:
    """A verdict; who comes second is told who was first."""
    account = _account(visit, number, "newest")
    return visit.doors.ledger.cases.decide([(account, verdict)], version=version, **_who(visit))[0]


def second(visit: Visit, number: int, *, agrees: bool, note: str, version: int | None) -> Case:
    """A second person agrees with the verdict that waits, or does not."""
    account = _account(visit, number, "newest")
    return visit.doors.ledger.cases.second(account, agrees=agrees, note=note.strip(), version=version, **_who(visit))


def undo(visit: Visit, number: int, note: str) -> Case:
    """The verdict is taken back: it was a slip."""
    return visit.doors.ledger.cases.undo(_account(visit, number, "newest"), note.strip(), **_who(visit))


def reopen(visit: Visit, number: int, note: str) -> Case:
    """A closed case is open again: there is news."""
    return visit.doors.ledger.cases.reopen(_account(visit, number, "newest"), note.strip(), **_who(visit))


def contest(visit: Visit, number: int, note: str) -> Case:
    """The account's holder contests the verdict."""
    account = _account(visit, number, "standing")
    return visit.doors.ledger.cases.contest(account, _said(note, "the holder's words"), **_who(visit))


def settle(visit: Visit, number: int, *, overturned: bool, note: str) -> Case:
    """Somebody who had no part in the verdict says whether it holds."""
    account = _account(visit, number, "contested")
    return visit.doors.ledger.cases.settle(account, overturned=overturned, note=note.strip(), **_who(visit))


def snooze(visit: Visit, number: int, until: dt.date | None) -> Case:
    """Out of the queue until a day, or back in it."""
    return visit.doors.ledger.cases.snooze(_account(visit, number, "newest"), until, **_who(visit))


def suppress(visit: Visit, number: int, scope: str, value: str, *, ends_on: dt.date, why: str) -> Suppressed:
    """Something does not count for the account until a day.

    Raises:
        SettingsError: it is nothing that can be left out, or no reason is said.
    """
    if scope not in SCOPES:
        raise SettingsError(f"expected one of {', '.join(SCOPES)}, found {scope[:80]!r}; use one of these")
    if scope != "everything" and not value:
        raise SettingsError(f"expected a {scope}, found none; say which")
    kind, told = typed.scope_of(**({} if scope == "everything" else {scope: value}))
    return visit.doors.ledger.suppressions.make(
        case_of(visit, number).account,
        kind,
        told,
        ends_on=ends_on,
        why=_said(why, "a reason"),
        **_who(visit),
    )


def lift(visit: Visit, number: int, suppression: int) -> Suppressed:
    """It counts again.

    Raises:
        InputError: it is none of this case's account.
    """
    account = case_of(visit, number).account
    if suppression not in {one.id for one in visit.doors.ledger.suppressions.all(account)}:
        raise InputError("expected a suppression of this account, found none of that number; look at the case again")
    return visit.doors.ledger.suppressions.lift(suppression, **_who(visit))


def assign(visit: Visit, number: int, to: str) -> Case:
    """Into somebody's hands; empty: back into the queue.

    Raises:
        SettingsError: nobody of that name decides here.
    """
    return visit.doors.ledger.cases.assign(
        _account(visit, number, "newest"), typed.assignee_of(visit.doors, to) if to.strip() else None, **_who(visit)
    )


def note(visit: Visit, number: int, text: str) -> Case:
    """Something to remember."""
    return visit.doors.ledger.cases.note(_account(visit, number, "newest"), _said(text, "a note"), **_who(visit))


def _account(visit: Visit, number: int, meant: Meant) -> str:
    """The account of a case that is the one `meant` (see `typed.account_of`)."""
    case_of(visit, number)  # not found, in the desk's words
    return typed.account_of(visit.doors, str(number), meant)


def _said(text: str, what: str) -> str:
    if not text.strip():
        raise SettingsError(f"expected {what}, found nothing; write it down")
    return text.strip()


def _who(visit: Visit) -> dict[str, Any]:
    return {"actor": visit.person.name, "now": visit.now}
