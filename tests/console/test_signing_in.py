"""Sessions: how they begin, what they say, when they end, and a proxy that vouches."""

from pathlib import Path

import pytest
from desks import Desk
from fastapi.testclient import TestClient
from support import PASSWORD


def test_the_cookie_says_nothing_and_is_out_of_reach(desk: Desk) -> None:
    """A random id, for this site and not for scripts; the database has a digest of it only."""
    desk.add("ana", "analyst")
    client = desk.client()
    answer = client.post("/sign-in", data={"name": " Ana ", "password": PASSWORD})
    said = answer.headers["set-cookie"]
    token = client.cookies["detector"]
    assert len(token) >= 43
    assert "HttpOnly" in said
    assert "SameSite=lax" in said
    assert "Secure" not in said
    url = desk.doors.ledger._database.engine.url
    kept = Path(str(url.database)).read_bytes() + Path(f"{url.database}-wal").read_bytes()
    assert token.encode() not in kept
    assert PASSWORD.encode() not in kept


def test_over_https_the_cookie_is_for_https_only(desk: Desk) -> None:
    """With the prefix that makes browsers insist on it."""
    desk.add("ana", "analyst")
    console = desk.settings.console.model_copy(update={"public_url": "https://localhost"})
    client = desk.client(desk.settings.model_copy(update={"console": console}))
    said = client.post("/sign-in", data={"name": "ana", "password": PASSWORD}).headers["set-cookie"]
    assert said.startswith("__Host-detector=")
    assert "Secure" in said
    assert "Path=/" in said


def test_a_session_id_from_before_is_not_taken_over(desk: Desk) -> None:
    """Whoever plants an id in a browser does not share the session that is opened in it (fixation)."""
    desk.add("ana", "analyst")
    client = desk.client()
    client.cookies.set("detector", "planted")
    client.post("/sign-in", data={"name": "ana", "password": PASSWORD})
    thief = desk.client()
    thief.cookies.set("detector", "planted")
    assert thief.get("/queue").status_code == 303


def test_signing_in_again_ends_the_session_before(desk: Desk) -> None:
    """One browser, one session."""
    client = desk.signed_in("analyst")
    before = client.cookies["detector"]
    client.post("/sign-in", data={"name": "analyst", "password": PASSWORD})
    assert client.cookies["detector"] != before
    thief = desk.client()
    thief.cookies.set("detector", before)
    assert thief.get("/queue").status_code == 303


def test_a_session_ends_when_idle(desk: Desk) -> None:
    """A request now and then keeps it; half an hour without one ends it."""
    client = desk.signed_in("analyst")
    for _ in range(3):
        desk.clock.pass_s(1700)
        assert client.get("/queue").status_code == 200
    desk.clock.pass_s(1801)
    assert client.get("/queue").status_code == 303


def test_a_session_ends_when_old(desk: Desk) -> None:
    """However busy it is."""
    client = desk.signed_in("analyst")
    for _ in range(28):
        desk.clock.pass_s(1500)
        assert client.get("/log/mine").status_code == 200
    desk.clock.pass_s(1500)
    assert client.get("/log/mine").status_code == 303


@pytest.mark.parametrize("how", ["revoke", "remove", "sign out", "password"])
def test_a_session_that_was_ended_opens_nothing(desk: Desk, how: str, hashed: str) -> None:
    """Revoked, its person forgotten, signed out, or the password changed: the same cookie is nobody."""
    client = desk.signed_in("analyst")
    token, people = client.cookies["detector"], desk.doors.ledger.people
    if how == "revoke":
        assert people.revoke("analyst", actor="test", now=desk.clock()) == 1
    elif how == "remove":
        people.remove("analyst", actor="test", now=desk.clock())
    elif how == "password":
        people.set_password("analyst", hashed, actor="test", now=desk.clock())
    else:
        assert client.post("/sign-out").status_code == 303
    again = desk.client()
    again.cookies.set("detector", token)
    assert again.get("/queue").status_code == 303


def test_wrong_names_and_wrong_passwords_are_answered_alike(desk: Desk) -> None:
    """Nobody learns who is named."""
    desk.add("ana", "analyst")
    desk.doors.ledger.people.add("bare", "analyst", None, actor="test", now=desk.clock())
    answers = {
        desk.client().post("/sign-in", data={"name": name, "password": "x"}).text.replace(name, "NAME")
        for name in ("ana", "eve", "bare")
    }
    assert len(answers) == 1


def test_after_five_failures_a_name_is_held_back(desk: Desk) -> None:
    """Even the right password is not tried until a quarter of an hour has passed; others are not held back."""
    desk.add("ana", "analyst")
    desk.add("ben", "analyst")
    client = desk.client()
    tried = [client.post("/sign-in", data={"name": "ana", "password": "x"}).status_code for _ in range(6)]
    assert tried == [401] * 5 + [429]
    assert client.post("/sign-in", data={"name": "ana", "password": PASSWORD}).status_code == 429
    assert client.post("/sign-in", data={"name": "ben", "password": PASSWORD}).status_code == 303
    desk.clock.pass_s(901)
    assert client.post("/sign-in", data={"name": "ana", "password": PASSWORD}).status_code == 303


def test_an_address_that_tries_many_names_is_held_back(desk: Desk) -> None:
    """Twenty names once each."""
    desk.add("ana", "analyst")
    client = desk.client()
    people = desk.doors.ledger.people
    limits = client.app.state.desk.limits  # type: ignore[attr-defined]
    for number in range(20):
        assert people.may_try(f"n{number}", "testclient", limits=limits, now=desk.clock())
    assert client.post("/sign-in", data={"name": "ana", "password": PASSWORD}).status_code == 429
    assert people.may_try("ana", "another address", limits=limits, now=desk.clock())


@pytest.fixture
def proxied(desk: Desk) -> TestClient:
    console = desk.settings.console.model_copy(
        update={"proxy_header": "X-Remote-User", "proxy_addresses": ("testclient",)}
    )
    desk.add("ana", "analyst")
    return desk.client(desk.settings.model_copy(update={"console": console}))


def test_a_trusted_proxy_vouches_for_people_who_are_named(proxied: TestClient) -> None:
    """Without a session of ours; the role is the one that is kept here."""
    assert proxied.get("/api/me", headers={"X-Remote-User": "Ana"}).json()["role"] == "analyst"
    assert proxied.get("/api/me", headers={"X-Remote-User": "eve"}).status_code == 403
    assert proxied.get("/api/me").status_code == 401


def test_the_header_from_elsewhere_is_refused(desk: Desk) -> None:
    """Whoever is not the proxy can say what they want; without the setting the header is nothing."""
    desk.add("ana", "analyst")
    console = desk.settings.console.model_copy(update={"proxy_header": "X-Remote-User"})
    client = desk.client(desk.settings.model_copy(update={"console": console}))
    assert client.get("/api/me", headers={"X-Remote-User": "ana"}).status_code == 403
    assert desk.client().get("/api/me", headers={"X-Remote-User": "ana"}).status_code == 401
