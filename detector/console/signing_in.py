"""Signing in with a password or through an identity provider, and out again; and the files every page needs."""

import functools
import secrets
from importlib import resources
from typing import Annotated

from fastapi import APIRouter, Form, HTTPException, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import RedirectResponse, Response

from detector.access import Person
from detector.console import guard, oidc, passwords
from detector.console.desk import Desk, Here, Visiting
from detector.console.rendering import page
from detector.errors import DeniedError

router = APIRouter(include_in_schema=False)

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "txt": "text/plain"}
_REFUSED = "expected a name and its password, found something else; try again"
_HELD_BACK = "expected fewer sign-ins that fail, found too many lately; try again in {} minutes"


@functools.cache
def _files() -> dict[str, bytes]:
    folder = resources.files("detector.console") / "static"
    return {file.name: file.read_bytes() for file in folder.iterdir()}


@router.get("/static/{name}")
def static(name: str) -> Response:
    """A file that pages load; there is a fixed list of them."""
    if name not in _files():
        raise HTTPException(404)
    kind = _TYPES.get(name.rsplit(".", 1)[-1], "text/plain")
    return Response(_files()[name], media_type=kind, headers={"cache-control": "public, max-age=3600"})


@router.get("/sign-in")
def sign_in(request: Request, desk: Here) -> Response:
    """The form."""
    return _form(request, desk)


def _form(request: Request, desk: Desk, status: int = 200, sentence: str = "", name: str = "") -> Response:
    elsewhere = bool(desk.settings.console.oidc.issuer)
    nobody = not desk.doors.ledger.people.anybody()
    return page(
        request, "sign_in.html", status=status, sentence=sentence, name=name, elsewhere=elsewhere, nobody=nobody
    )


@router.post("/sign-in")
def signed_in(
    request: Request, desk: Here, name: Annotated[str, Form()] = "", password: Annotated[str, Form()] = ""
) -> Response:
    """A session for whoever knows the password, under a new id; whatever went wrong, the answer is the same."""
    people, now = desk.doors.ledger.people, desk.clock()
    typed, address = name.strip().lower(), guard.address(request, desk)
    if not people.may_try(typed, address, limits=desk.limits, now=now):
        return _form(request, desk, 429, _HELD_BACK.format(-(-desk.limits.failures_window_s // 60)), name)
    if not passwords.is_right(password, people.password_hash(typed)):
        return _form(request, desk, 401, _REFUSED, name)
    return _open(request, desk, typed, by="password", address=address)


def _open(request: Request, desk: Desk, name: str, *, by: str, address: str = "") -> Response:
    people, now, token = desk.doors.ledger.people, desk.clock(), secrets.token_urlsafe(32)
    cookie = guard.cookie_name(request, desk)
    if before := request.cookies.get(cookie):
        people.close_session(before, actor=name, now=now)
    people.open_session(token, name, by=by, address=address, limits=desk.limits, now=now)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(cookie, token, max_age=desk.limits.longest_s, **guard.cookie(request, desk))
    return answer


@router.post("/sign-out")
def signed_out(request: Request, visit: Visiting) -> Response:
    """The session ends, here and in the database."""
    cookie = guard.cookie_name(request, visit.desk)
    if token := request.cookies.get(cookie):
        visit.doors.ledger.people.close_session(token, actor=visit.person.name, now=visit.now)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(cookie, **guard.cookie(request, visit.desk))
    return answer


@router.get("/oidc/start")
async def oidc_start(request: Request, desk: Here) -> Response:
    """Off to the identity provider."""
    token = secrets.token_urlsafe(32)
    answer, asked = await oidc.ask(request, desk)
    begin = desk.doors.ledger.people.begin_elsewhere
    await run_in_threadpool(begin, token, asked, limits=desk.limits, now=desk.clock())
    answer.set_cookie(f"{guard.cookie_name(request, desk)}-oidc", token, max_age=600, **guard.cookie(request, desk))
    return answer


@router.get("/oidc/back")
async def oidc_back(request: Request, desk: Here) -> Response:
    """Back from there, with somebody whom it vouches for; who is not named here is refused."""
    cookie = f"{guard.cookie_name(request, desk)}-oidc"
    end = desk.doors.ledger.people.end_elsewhere
    token = request.cookies.get(cookie, "")
    asked = await run_in_threadpool(end, token, limits=desk.limits, now=desk.clock())
    name = await oidc.answered(request, desk, asked)
    person: Person | None = await run_in_threadpool(desk.doors.ledger.people.of, name)
    if person is None:
        raise DeniedError(
            "expected somebody who is named in this home, found nobody of the name that the identity provider gives; "
            "ask an admin to add you"
        )
    answer = await run_in_threadpool(_open, request, desk, person.name, by="oidc")
    answer.delete_cookie(cookie, **guard.cookie(request, desk))
    return answer
