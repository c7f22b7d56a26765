"""The pages as JSON, for programs: the same acts, the same rights, the same lines in the log."""

import datetime as dt
from dataclasses import asdict
from typing import Annotated, Any, Literal

import pydantic
from fastapi import APIRouter, Body, Query, Request
from starlette.responses import JSONResponse

from detector import explaining, reviewing, tallying
from detector.access import MEANING
from detector.cases import Case, Kind, Origin, Outcome, Response, Status, Verdict
from detector.console import acts, pages, queue
from detector.console.desk import Visiting
from detector.console.pages import Number
from detector.suppressed import Scope
from detector.views import Filters

_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"description": "Nobody has signed in."},
    403: {"description": "The role does not allow it, or the request comes from another site."},
    404: {"description": "There is no such case."},
    409: {"description": "The case is not as it was, such as decided by somebody else."},
    422: {"description": "The request says something that can not be."},
}
router = APIRouter(prefix="/api", responses=_REFUSALS)

Line = Annotated[str, pydantic.StringConstraints(max_length=2_000)]


Said = Annotated[Line, Body(embed=True)]
Id = Annotated[int, pydantic.Field(ge=1, le=2**31 - 1)]


class Sought(pydantic.BaseModel):
    """Which cases are asked for (see `views.Filters`), and the page of them, counted from 1."""

    model_config = pydantic.ConfigDict(extra="forbid")

    status: Status = "open"
    kind: Kind | None = None
    origin: Origin | None = None
    family: str | None = None
    least_score: pydantic.FiniteFloat | None = None
    mine: bool = False
    free: bool = False
    snoozed: bool = False
    page: Annotated[int, pydantic.Field(ge=1, le=100_000)] = 1


class Decision(pydantic.BaseModel):
    """A verdict with its kind and proposed action (confirmed) or its innocent cause (false alarm). `version` is that of
    the sight it was decided on: a case that has changed since is not decided."""

    verdict: Outcome
    kind: Kind | None = None
    cause: Line | None = None
    response: Response = "none"
    note: Line = ""
    version: Annotated[int, pydantic.Field(ge=0, le=2**31 - 1)] | None = None


class Second(pydantic.BaseModel):
    """What a second person says of a verdict that waits."""

    agrees: bool
    note: Line = ""
    version: Annotated[int, pydantic.Field(ge=0, le=2**31 - 1)] | None = None


class Settled(pydantic.BaseModel):
    """What came of a contest."""

    result: Literal["upheld", "overturned"]
    note: Line = ""


class Suppression(pydantic.BaseModel):
    """What does not count: a feature by name, a device or network by its 16 hex digits, or everything."""

    scope: Scope
    value: Line = ""
    ends_on: dt.date
    why: Line


def _case(case: Case) -> dict[str, Any]:
    return {name: value for name, value in asdict(case).items() if name != "measured"}


@router.get("/openapi.json", include_in_schema=False)
def openapi(request: Request, visit: Visiting) -> JSONResponse:
    """What can be asked, as OpenAPI."""
    return JSONResponse(request.app.openapi())


@router.get("/me")
def me(visit: Visiting) -> dict[str, Any]:
    """Who you are, and what your role lets you do."""
    may = [meaning for right, meaning in MEANING.items() if visit.person.may(right)]
    return {"name": visit.person.name, "role": visit.person.role, "may": may}


@router.get("/cases")
def list_cases(visit: Visiting, asked: Annotated[Sought, Query()]) -> dict[str, Any]:
    """One page of the cases asked for, else of the open ones, in the order in which they are offered to you."""
    found = queue.page_of(visit, queue.Asked(Filters(**asked.model_dump(exclude={"page"})), asked.page))
    rows = [_case(case) | {"why": queue.why(case)} for case in found.cases]
    return {"cases": rows, "total": found.total, "page": asked.page, "pages": found.pages}


@router.post("/search")
def search(visit: Visiting, wanted: Annotated[Line, Body(embed=True)]) -> dict[str, Any]:
    """The newest case of an account by the service's own id or 16 hex digits, or a case by #number."""
    return _case(pages.found_by(visit, wanted))


@router.post("/take-next")
def take_next(visit: Visiting) -> dict[str, Any]:
    """Take the next case into your hands."""
    return _case(reviewing.take_next(visit.doors, reviewer=visit.person.name, now=visit.now))


@router.get("/cases/{number}")
def show(visit: Visiting, number: Number) -> dict[str, Any]:
    """A case with its evidence."""
    return pages.shown(visit, number)


@router.get("/cases/{number}/pictures")
def pictures(visit: Visiting, number: Number) -> dict[str, Any] | None:
    """The tables behind its pictures; null where its night has none."""
    portrait, since = pages.portrait_of(visit, number)
    return None if portrait is None else explaining.plain(portrait) | {"since": since}


@router.post("/cases/{number}/unmask")
def unmask(visit: Visiting, number: Number, purpose: Annotated[Line, Body(embed=True)]) -> dict[str, Any]:
    """The same with names, for a purpose that is on record first."""
    return pages.shown(visit, number, pages.stated(purpose))


@router.post("/cases/{number}/decide")
def decide(visit: Visiting, number: Number, said: Decision) -> dict[str, Any]:
    """Close a case with a verdict, or propose it to a second person where its action is severe."""
    cause = (said.cause or "").strip() or None
    verdict = Verdict(said.verdict, kind=said.kind, cause=cause, note=said.note.strip(), response=said.response)
    return _case(acts.decide(visit, number, verdict, version=said.version))


@router.post("/cases/{number}/second")
def second(visit: Visiting, number: Number, said: Second) -> dict[str, Any]:
    """Agree or disagree, as the second person, with a verdict that waits."""
    return _case(acts.second(visit, number, agrees=said.agrees, note=said.note, version=said.version))


@router.post("/cases/{number}/undo")
def undo(visit: Visiting, number: Number, note: Said = "") -> dict[str, Any]:
    """Take the verdict back: it was a slip."""
    return _case(acts.undo(visit, number, note))


@router.post("/cases/{number}/reopen")
def reopen(visit: Visiting, number: Number, note: Said = "") -> dict[str, Any]:
    """Open a closed case again: there is news."""
    return _case(acts.reopen(visit, number, note))


@router.post("/cases/{number}/contest")
def contest(visit: Visiting, number: Number, note: Said) -> dict[str, Any]:
    """Record that the account's holder contests the verdict, in the holder's words."""
    return _case(acts.contest(visit, number, note))


@router.post("/cases/{number}/settle")
def settle(visit: Visiting, number: Number, said: Settled) -> dict[str, Any]:
    """Say whether a contested verdict holds."""
    return _case(acts.settle(visit, number, overturned=said.result == "overturned", note=said.note))


@router.post("/cases/{number}/snooze")
def snooze(visit: Visiting, number: Number, until: Annotated[dt.date | None, Body(embed=True)]) -> dict[str, Any]:
    """Out of the queue until a day; null: back in it."""
    return _case(acts.snooze(visit, number, until))


@router.post("/cases/{number}/suppress")
def suppress(visit: Visiting, number: Number, said: Suppression) -> dict[str, Any]:
    """Let something not count for the account until a day."""
    return asdict(acts.suppress(visit, number, said.scope, said.value, ends_on=said.ends_on, why=said.why))


@router.post("/cases/{number}/lift")
def lift(visit: Visiting, number: Number, suppression: Annotated[Id, Body(embed=True)]) -> dict[str, Any]:
    """Let it count again."""
    return asdict(acts.lift(visit, number, suppression))


@router.post("/cases/{number}/assign")
def assign(visit: Visiting, number: Number, to: Annotated[Line | None, Body(embed=True)] = None) -> dict[str, Any]:
    """Put a case into somebody's hands; null: back into the queue."""
    return _case(acts.assign(visit, number, to or ""))


@router.post("/cases/{number}/note")
def note(visit: Visiting, number: Number, note: Said) -> dict[str, Any]:
    """Add a note."""
    return _case(acts.note(visit, number, note))


@router.get("/stats")
def stats(visit: Visiting) -> dict[str, Any]:
    """What came of the cases."""
    return tallying.tally(visit.doors)


@router.get("/log/mine")
def log_mine(visit: Visiting) -> list[dict[str, Any]]:
    """What stands in the log under your own name, newest first."""
    return [asdict(look) for look in visit.doors.ledger.looks(actor=visit.person.name, limit=pages.LONGEST_LOG)]


@router.post("/log")
def log_of(visit: Visiting, wanted: Annotated[Line, Body(embed=True)]) -> list[dict[str, Any]]:
    """Who looked at an account, newest first."""
    return pages.looks_at(visit, wanted)


@router.get("/people")
def people(visit: Visiting) -> list[dict[str, Any]]:
    """Who is named, with which role."""
    return [asdict(person) for person in visit.doors.ledger.people.all()]
