"""The pages of review: the queue, a case, what is done to it, what came of it, and who looked."""

import datetime as dt
import re
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from detector import casefiles, cases, explaining, identity, reviewing, tallying
from detector.cases import Case
from detector.console import drawings, evidence, queue
from detector.console.desk import NoSuchCaseError, Visit, Visiting
from detector.console.rendering import page
from detector.errors import SettingsError
from detector.portrait import Portrait

router = APIRouter(include_in_schema=False)

Number = Annotated[int, Path(ge=1, le=2**31 - 1)]
Text = Annotated[str, Form()]
FIRST_PAGES = (("look", "/queue"), ("log", "/log"), ("people", "/people"), ("own", "/log/mine"))
LONGEST_LOG = 200


@router.get("/")
def start(visit: Visiting) -> Response:
    """The first page of a role."""
    return RedirectResponse(next(path for right, path in FIRST_PAGES if visit.person.may(right)), 303)  # type: ignore[arg-type]


@router.get("/queue")
def show_queue(request: Request, visit: Visiting, asked: queue.Wanted) -> Response:
    """The open cases, in the order in which they are offered."""
    found = queue.page_of(visit, asked)
    return page(
        request,
        "queue.html",
        found=found,
        asked=asked,
        now=visit.now,
        kinds=cases.KINDS,
        statuses=cases.CASE_STATUSES,
        why=queue.why,
        views=visit.doors.ledger.views.of(visit.person.name),
    )


@router.post("/views")
def keep_view(visit: Visiting, asked: queue.Kept, name: Text = "", forget: Text = "") -> Response:
    """The filters that stand in the form are kept under a name, or a name is forgotten."""
    kept = name.strip()[:40]
    if not kept:
        raise SettingsError("expected a name for the view, found none; give it one")
    visit.doors.ledger.views.keep(visit.person.name, kept, None if forget else asked.wanted)
    return RedirectResponse("/queue" if forget else f"/queue?{asked.query()}", 303)


def case_of(visit: Visit, number: int) -> Case:
    """The case of that number.

    Raises:
        NoSuchCaseError: there is none.
    """
    case = visit.doors.ledger.cases.numbered(number)
    if case is None:
        raise NoSuchCaseError(
            f"expected the number of a case, found none that is {number}; the queue shows the open ones"
        )
    return case


def found_by(visit: Visit, text: str) -> Case:
    """The case of a number (#17), of 16 hex digits, or of an account by the service's own id, newest first.

    The look for it is on record before it is looked up. An id that nobody has and an account without a case are
    answered alike.

    Raises:
        NoSuchCaseError: there is none.
    """
    typed = text.strip()
    if re.fullmatch(r"#[0-9]{1,9}", typed):  # without the mark it may be the service's own id
        return case_of(visit, int(typed[1:]))
    account = _account(visit, typed)
    visit.doors.ledger.write_audit(
        actor=visit.person.name, action="review: search", account=f"{account:016x}", now=visit.now
    )
    found = visit.doors.ledger.cases.of(f"{account:016x}")
    if not found:
        raise NoSuchCaseError("expected an account with a case, found none; only what was put before reviewers has one")
    return found[0]


def _account(visit: Visit, typed: str) -> int:
    if not typed:
        raise SettingsError("expected a case number, 16 hex digits or the service's own id of an account, found none")
    try:
        return identity.from_hex(typed)
    except SettingsError:
        return identity.pseudonym_of(typed, visit.doors.keys)


@router.post("/search")
def search(visit: Visiting, wanted: Text = "") -> Response:
    """To the case that is looked for; what was typed never stands in an address."""
    return RedirectResponse(f"/cases/{found_by(visit, wanted).id}", 303)


@router.post("/take-next")
def take_next(visit: Visiting) -> Response:
    """The next case, in one's own hands."""
    case = reviewing.take_next(visit.doors, reviewer=visit.person.name, now=visit.now)
    return RedirectResponse(f"/cases/{case.id}", 303)


def shown(visit: Visit, number: int, purpose: str | None = None) -> dict[str, Any]:
    """A case as `reviewing.show` has it; on record before it is read."""
    account = identity.from_hex(case_of(visit, number).account)
    return reviewing.show(
        visit.doors,
        account,
        settings=visit.desk.settings,
        reviewer=visit.person.name,
        purpose=purpose,
        now=visit.now,
        holds=visit.person.may("decide") or visit.person.may("second"),
        dated=False,  # told beside the pictures, which come after the sentences
    )


def _case_page(request: Request, visit: Visit, number: int, purpose: str | None = None) -> Response:
    found = shown(visit, number, purpose)
    case_now = Case(**found["case"])
    if case_now.id != number:  # an earlier one: what the account's newest shows is not what this one saw
        return RedirectResponse(f"/cases/{found['case']['id']}", 303)
    return page(
        request,
        "case.html",
        **found,
        evidence=evidence.of(found["night"]),
        now=visit.now,
        held=case_now.held_from(visit.person.name, visit.now),
        kinds=cases.KINDS,
        responses=cases.RESPONSES,
        severe=cases.SEVERE,
        purpose=purpose,
    )


@router.get("/cases/{number}")
def show_case(request: Request, visit: Visiting, number: Number) -> Response:
    """A case: first what was seen, then the score."""
    return _case_page(request, visit, number)


def portrait_of(visit: Visit, number: int) -> tuple[Portrait | None, dt.date | None]:
    """What the pictures of a case show, and since when a flagged account has looked so; None where its night has none.
    On record before it is read."""
    case = case_of(visit, number)
    visit.doors.ledger.write_audit(
        actor=visit.person.name, action="review: pictures", account=case.account, now=visit.now
    )
    run = visit.doors.ledger.run(case.run_id)
    if run is not None and run.status != "published":
        run = visit.doors.ledger.published(case.last_day)
    if run is None or "ties.parquet" not in run.manifest:
        return None, None
    account, settings = identity.from_hex(case.account), visit.desk.settings
    kept = casefiles.read(visit.doors, case)
    year = explaining.year_of(visit.doors, run, account, settings, kept)
    since = explaining.since(visit.doors, run, settings, year) if case.origin == "flag" else None
    return explaining.portray(visit.doors, run, account, settings, year=year, kept=kept), since


@router.get("/cases/{number}/pictures")
def pictures(request: Request, visit: Visiting, number: Number) -> Response:
    """The pictures of a case, each with its table; the case's page loads them after its sentences."""
    portrait, since = portrait_of(visit, number)
    case = case_of(visit, number)
    return page(request, "pictures.html", case=case, portrait=portrait, since=since, drawings=drawings)


@router.post("/cases/{number}/unmask")
def unmask(request: Request, visit: Visiting, number: Number, purpose: Text = "") -> Response:
    """The same case with names, for a purpose that is on record first."""
    return _case_page(request, visit, number, stated(purpose))


def stated(purpose: str) -> str:
    """A purpose that says something.

    Raises:
        SettingsError: it does not.
    """
    if not purpose.strip():
        raise SettingsError("expected a purpose, found none; say why names are needed")
    return purpose.strip()


@router.get("/stats")
def stats(request: Request, visit: Visiting) -> Response:
    """What came of the cases."""
    found = tallying.tally(visit.doors)
    return page(
        request, "stats.html", cases=found["cases"], verdicts=found["verdicts"], promised=found["promised"],
        shares=found,
    )  # fmt: skip


@router.get("/log/mine")
def log_mine(request: Request, visit: Visiting) -> Response:
    """What stands in the log under one's own name."""
    looks = visit.doors.ledger.looks(actor=visit.person.name, limit=LONGEST_LOG)
    return page(request, "log.html", looks=[asdict(look) for look in looks], of="mine", limit=LONGEST_LOG)


@router.get("/log")
def log_form(request: Request, visit: Visiting) -> Response:
    """Whose log is asked for."""
    return page(request, "log.html", looks=None, of="account", limit=LONGEST_LOG)


def looks_at(visit: Visit, typed: str) -> list[dict[str, Any]]:
    """Who looked at an account, newest first; this look is on record too."""
    digits = f"{_account(visit, typed.strip()):016x}"
    visit.doors.ledger.write_audit(actor=visit.person.name, action="audit who", account=digits, now=visit.now)
    return [asdict(look) for look in visit.doors.ledger.looks(account=digits, limit=LONGEST_LOG)]


@router.post("/log")
def log_of(request: Request, visit: Visiting, wanted: Text = "") -> Response:
    """Who looked at an account."""
    return page(request, "log.html", looks=looks_at(visit, wanted), of="account", limit=LONGEST_LOG)
