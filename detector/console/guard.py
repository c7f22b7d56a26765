"""Who makes a request, and whether the role allows it: asked before every route, denied where nothing is said."""

from typing import Any

from fastapi import Request
from starlette.datastructures import URL

from detector import access
from detector.access import Person
from detector.console.desk import Desk, Visit, desk_of
from detector.errors import DeniedError


class SignInNeededError(Exception):
    """Nobody has signed in, or the session has ended."""


def admit(request: Request) -> None:
    """Let a request through to its route, as somebody who may make it.

    Raises:
        SignInNeededError: nobody has signed in.
        DeniedError: somebody has, whose role does not allow it.
    """
    right = access.ROUTES[(request.method, request.scope["route"].path)]
    if right is None:
        return
    desk = desk_of(request)
    person = who(request, desk)
    if person is None:
        raise SignInNeededError
    request.state.person = person
    access.require(person, right)
    request.state.visit = Visit(desk, person, desk.clock())


def who(request: Request, desk: Desk) -> Person | None:
    """Whoever makes a request: by a trusted proxy's word, else by the session of the browser.

    Raises:
        DeniedError: a proxy that is not trusted vouches for somebody, or a trusted one for somebody who is not named.
    """
    console = desk.settings.console
    vouched = request.headers.get(console.proxy_header) if console.proxy_header else None
    if vouched is not None:
        if peer(request) not in console.proxy_addresses:
            raise DeniedError(
                f"expected {console.proxy_header} from a trusted proxy only, found it from {peer(request)}; "
                "ask the proxy, or add its address to proxy_addresses under [console]"
            )
        person = desk.doors.ledger.people.of(vouched.strip().lower())
        if person is None:
            raise DeniedError(
                "expected somebody who is named in this home, found nobody of the name that the proxy gives; "
                "ask an admin to add you"
            )
        return person
    token = request.cookies.get(cookie_name(request, desk))
    if not token:
        return None
    session = desk.doors.ledger.people.session(token, limits=desk.limits, now=desk.clock())
    return None if session is None else session.person


def peer(request: Request) -> str:
    """The address at the other end of the connection."""
    return request.client.host if request.client else "unknown"


def address(request: Request, desk: Desk) -> str:
    """Where a request comes from: the other end, or whom a trusted proxy there names last."""
    other = peer(request)
    forwarded = request.headers.get("x-forwarded-for", "")
    if desk.settings.console.proxy_header and other in desk.settings.console.proxy_addresses and forwarded:
        return forwarded.rsplit(",", 1)[-1].strip()
    return other


def base_url(request: Request, desk: Desk) -> URL:
    """How browsers reach the console."""
    return URL(desk.settings.console.public_url or str(request.base_url))


def cookie_name(request: Request, desk: Desk) -> str:
    """Over https a name that browsers take only with Secure, of this host and for all of it."""
    return "__Host-detector" if base_url(request, desk).scheme == "https" else "detector"


def cookie(request: Request, desk: Desk, *, same_site: str = "lax") -> dict[str, Any]:
    """How a cookie is set: out of reach of scripts and of other sites."""
    secure = base_url(request, desk).scheme == "https"
    return {"httponly": True, "samesite": same_site, "secure": secure, "path": "/"}
