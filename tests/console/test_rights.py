"""Who may do what, on every route."""

import pytest
import sqlalchemy as sa
from desks import PERSON, Desk
from fastapi.testclient import TestClient
from support import PASSWORD

from detector.access import ROLES, ROUTES, Role
from detector.ledger import schema


def _ask(client: TestClient, method: str, path: str) -> int:
    """A route with a case that is there, and nothing said where something would change."""
    address = path.replace("{number}", "1").replace("{name}", "desk.css")
    said: dict[str, str] | None = {} if path.startswith("/api/") and method == "POST" else None
    return client.request(method, address, json=said).status_code


@pytest.mark.parametrize("role", ROLES)
def test_every_role_on_every_route(desk: Desk, role: Role) -> None:
    """A route answers 403 exactly where the table of rights says no."""
    client = desk.signed_in(role)
    person = desk.doors.ledger.people.of(PERSON[role])
    assert person is not None
    for (method, path), right in ROUTES.items():
        if path == "/sign-out":
            continue  # would end the walk
        refused = _ask(client, method, path) == 403
        assert refused == (right is not None and not person.may(right)), (method, path)


def test_nobody_on_every_route(desk: Desk) -> None:
    """Without a session every page leads to signing in, and every API route says so."""
    client = desk.client()
    for (method, path), right in ROUTES.items():
        if right is not None:
            assert _ask(client, method, path) == (401 if path.startswith("/api/") else 303), (method, path)


def test_what_is_refused_shows_and_writes_nothing_of_the_account(desk: Desk) -> None:
    """An auditor who asks for a case gets a sentence; nothing of the case is in it."""
    account = desk.first_flag()
    answer = desk.signed_in("auditor").get("/cases/1")
    assert answer.status_code == 403
    assert "look at cases and accounts" in answer.text
    assert account not in answer.text
    assert not [look for look in desk.looks() if look[2]]


def test_a_role_that_changes_holds_at_once(desk: Desk) -> None:
    """The next request of the same session is answered under the new role."""
    client = desk.signed_in("analyst")
    assert client.get("/queue").status_code == 200
    desk.doors.ledger.people.set_role("analyst", "auditor", actor="test", now=desk.clock())
    assert client.get("/queue").status_code == 403


def test_nobody_changes_their_own_role(desk: Desk) -> None:
    """Neither up nor out; another admin has to."""
    client = desk.signed_in("admin", "ada")
    assert client.post("/people/role", data={"name": "ada", "role": "owner"}).status_code == 422
    assert client.post("/people/remove", data={"name": "ada"}).status_code == 422
    assert client.post("/people", data={"name": "eve", "role": "auditor", "password": "short"}).status_code == 422
    assert client.post("/people", data={"name": "Eve", "role": "auditor", "password": PASSWORD}).status_code == 303
    assert client.post("/people/role", data={"name": "eve", "role": "analyst"}).status_code == 303
    assert client.post("/people/revoke", data={"name": "nobody"}).status_code == 409
    eve = desk.doors.ledger.people.of("eve")
    assert eve is not None
    assert (eve.role, eve.has_password) == ("analyst", True)
    assert [action for actor, action, _ in desk.looks() if actor == "ada"] == ["sign in", "people: add", "people: role"]


def test_tables_of_people_are_whole(desk: Desk) -> None:
    """A name is there once, in lower case."""
    desk.add("Ana", "analyst")
    with desk.doors.ledger._database.reading() as connection:
        assert connection.scalars(sa.select(schema.person.c.name)).all() == ["ana"]
