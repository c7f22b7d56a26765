"""The pages as JSON, for programs: the same acts, the same rights, the same lines in the log."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

import pydantic
from fastapi import APIRouter, Body, Request
from starlette.responses import JSONResponse

from detector import published, reviewing
from detector.access import MEANING
from detector.cases import Case, Kind
from detector.console import pages, queue
from detector.console.desk import Visiting
from detector.console.pages import Number

_REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"description": "Nobody has signed in."},
    403: {"description": "The role does not allow it, or the request comes from another site."},
    404: {"description": "There is no such case."},
    409: {"description": "The case is not as it was, such as decided by somebody else."},
    422: {"description": "The request says something that can not be."},
}
router = APIRouter(prefix="/api", responses=_REFUSALS)

Line = Annotated[str, pydantic.StringConstraints(max_length=2_000)]


class Decision(pydantic.BaseModel):
    """A verdict with its kind (confirmed) or its innocent cause (false alarm)."""

    verdict: Literal["confirmed", "false alarm", "undecided"]
    kind: Kind | None = None
    cause: Line | None = None
    note: Line = ""


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
def list_cases(visit: Visiting, asked: queue.Asked) -> dict[str, Any]:
    """One page of the open cases, in the order in which they are offered to you."""
    found = queue.page_of(visit, asked)
    rows = [_case(case) | {"why": found.why[case.id]} for case in found.cases]
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
    portrait = pages.portrait_of(visit, number)
    return None if portrait is None else published.plain(portrait)


@router.post("/cases/{number}/unmask")
def unmask(visit: Visiting, number: Number, purpose: Annotated[Line, Body(embed=True)]) -> dict[str, Any]:
    """The same with names, for a purpose that is on record first."""
    return pages.shown(visit, number, pages.stated(purpose))


@router.post("/cases/{number}/decide")
def decide(visit: Visiting, number: Number, said: Decision) -> dict[str, Any]:
    """Close a case with a verdict."""
    verdict = pages.verdict_of(said.verdict, said.kind or "", said.cause or "", said.note)
    account = pages.case_of(visit, number).account
    return _case(visit.doors.ledger.cases.decide([(account, verdict)], actor=visit.person.name, now=visit.now)[0])


@router.post("/cases/{number}/undo")
def undo(visit: Visiting, number: Number, note: Annotated[Line, Body(embed=True)] = "") -> dict[str, Any]:
    """Take the verdict back."""
    account = pages.case_of(visit, number).account
    return _case(visit.doors.ledger.cases.undo(account, note, actor=visit.person.name, now=visit.now))


@router.post("/cases/{number}/assign")
def assign(visit: Visiting, number: Number, to: Annotated[Line | None, Body(embed=True)] = None) -> dict[str, Any]:
    """Put a case into somebody's hands; null: back into the queue."""
    account = pages.case_of(visit, number).account
    return _case(visit.doors.ledger.cases.assign(account, to or None, actor=visit.person.name, now=visit.now))


@router.post("/cases/{number}/note")
def note(visit: Visiting, number: Number, note: Annotated[Line, Body(embed=True)]) -> dict[str, Any]:
    """Add a note."""
    account = pages.case_of(visit, number).account
    return _case(visit.doors.ledger.cases.note(account, note, actor=visit.person.name, now=visit.now))


@router.get("/stats")
def stats(visit: Visiting) -> dict[str, Any]:
    """What came of the cases."""
    return reviewing.stats(visit.doors)


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
