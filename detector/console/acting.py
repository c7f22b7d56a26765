"""The forms of a case: each does one thing and leads back to the case."""

import datetime as dt
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from detector.console import acts
from detector.console.desk import Visiting
from detector.console.pages import Number, Text
from detector.errors import SettingsError

router = APIRouter(prefix="/cases/{number}", include_in_schema=False)

Version = Annotated[int | None, Form(ge=0, le=2**31 - 1)]


def _back(number: int) -> Response:
    return RedirectResponse(f"/cases/{number}", 303)


def _day(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text.strip())
    except ValueError:
        raise SettingsError(f"expected a day as YYYY-MM-DD, found {text[:80]!r}; write it like 2026-06-30") from None


@router.post("/decide")
def decide(
    visit: Visiting,
    number: Number,
    verdict: Text = "",
    kind: Text = "",
    cause: Text = "",
    response: Text = "",
    note: Text = "",
    version: Version = None,
) -> Response:
    """A verdict; who comes second is told who was first."""
    acts.decide(visit, number, acts.verdict_of(verdict, kind, cause, note, response), version=version)
    return _back(number)


@router.post("/second")
def second(visit: Visiting, number: Number, agrees: Text = "", note: Text = "", version: Version = None) -> Response:
    """A second person agrees, or does not."""
    if agrees not in ("yes", "no"):
        raise SettingsError("expected yes or no, found neither; say whether you agree")
    acts.second(visit, number, agrees=agrees == "yes", note=note, version=version)
    return _back(number)


@router.post("/undo")
def undo(visit: Visiting, number: Number, note: Text = "") -> Response:
    """The verdict is taken back."""
    acts.undo(visit, number, note)
    return _back(number)


@router.post("/reopen")
def reopen(visit: Visiting, number: Number, note: Text = "") -> Response:
    """The case is open again."""
    acts.reopen(visit, number, note)
    return _back(number)


@router.post("/contest")
def contest(visit: Visiting, number: Number, note: Text = "") -> Response:
    """The holder contests it."""
    acts.contest(visit, number, note)
    return _back(number)


@router.post("/settle")
def settle(visit: Visiting, number: Number, result: Text = "", note: Text = "") -> Response:
    """The contest is reviewed."""
    if result not in ("upheld", "overturned"):
        raise SettingsError("expected upheld or overturned, found neither; say which")
    acts.settle(visit, number, overturned=result == "overturned", note=note)
    return _back(number)


@router.post("/snooze")
def snooze(visit: Visiting, number: Number, until: Text = "") -> Response:
    """Out of the queue until a day; empty: back in it."""
    acts.snooze(visit, number, _day(until) if until.strip() else None)
    return _back(number)


@router.post("/suppress")
def suppress(visit: Visiting, number: Number, what: Text = "", ends_on: Text = "", why: Text = "") -> Response:
    """Something does not count until a day; `what` is `everything`, or a scope and its value joined by a colon."""
    scope, _, value = what.partition(":")
    acts.suppress(visit, number, scope, value, ends_on=_day(ends_on), why=why)
    return _back(number)


@router.post("/lift")
def lift(visit: Visiting, number: Number, suppression: Annotated[int, Form(ge=1, le=2**31 - 1)]) -> Response:
    """It counts again."""
    acts.lift(visit, number, suppression)
    return _back(number)


@router.post("/assign")
def assign(visit: Visiting, number: Number, to: Text = "") -> Response:
    """Into somebody's hands; empty: back into the queue."""
    acts.assign(visit, number, to)
    return _back(number)


@router.post("/note")
def note(visit: Visiting, number: Number, note: Text = "") -> Response:
    """Something to remember."""
    acts.note(visit, number, note)
    return _back(number)
