"""The page of who is named, for those who may name people."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from detector import access
from detector.console import passwords
from detector.console.desk import Visiting
from detector.console.rendering import page
from detector.errors import SettingsError

router = APIRouter(include_in_schema=False)

Text = Annotated[str, Form()]
_BACK = "/people"


@router.get("/people")
def people(request: Request, visit: Visiting) -> Response:
    """Everybody who is named."""
    return page(
        request,
        "people.html",
        people=visit.doors.ledger.people.all(),
        roles={
            role: [access.MEANING[right] for right in access.MEANING if right in access.RIGHTS[role]]
            for role in access.ROLES
        },
        shortest=passwords.SHORTEST,
    )


@router.post("/people")
def add(visit: Visiting, name: Text = "", role: Text = "", password: Text = "") -> Response:
    """Somebody more; without a password they sign in by other means."""
    kept = passwords.hashed(password) if password else None
    visit.doors.ledger.people.add(name, access.role_of(role), kept, actor=visit.person.name, now=visit.now)
    return RedirectResponse(_BACK, 303)


@router.post("/people/role")
def set_role(visit: Visiting, name: Text = "", role: Text = "") -> Response:
    """Another role."""
    _not_oneself(visit, name)
    visit.doors.ledger.people.set_role(name, access.role_of(role), actor=visit.person.name, now=visit.now)
    return RedirectResponse(_BACK, 303)


@router.post("/people/revoke")
def revoke(visit: Visiting, name: Text = "") -> Response:
    """All sessions of somebody end."""
    visit.doors.ledger.people.revoke(name, actor=visit.person.name, now=visit.now)
    return RedirectResponse(_BACK, 303)


@router.post("/people/remove")
def remove(visit: Visiting, name: Text = "") -> Response:
    """Somebody less."""
    _not_oneself(visit, name)
    visit.doors.ledger.people.remove(name, actor=visit.person.name, now=visit.now)
    return RedirectResponse(_BACK, 303)


def _not_oneself(visit: Visiting, name: str) -> None:
    if name == visit.person.name:
        raise SettingsError(
            "expected somebody else, found your own name; have another admin do it, so that nobody raises or locks "
            "out themselves"
        )
