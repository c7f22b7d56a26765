"""The console: who may do what, what a browser is told, and what goes on record before anything is shown."""

import datetime as dt
import json
import random
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from support import KEY, TRAINED_UNTIL, clock

from detector import config, explaining, identity, published, terminal
from detector.access import ROLES, ROUTES, Role
from detector.console import passwords
from detector.console.app import create_app
from detector.ledger import schema
from detector.runs import Doors, open_doors
from detector.views import Filters

PASSWORD = "correct horse battery staple"
PERSON = {role: role.replace(" ", ".") for role in ROLES}
ELSEWHERE = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}


@pytest.fixture(scope="module")
def known_hash() -> str:
    return passwords.hashed(PASSWORD)


@dataclass
class Clock:
    """A clock that tests move."""

    at: dt.datetime = field(default_factory=clock)

    def __call__(self) -> dt.datetime:
        return self.at

    def pass_s(self, seconds: float) -> None:
        self.at += dt.timedelta(seconds=seconds)


@dataclass
class Desk:
    """A console over a home of one's own."""

    doors: Doors
    settings: config.Settings
    clock: Clock
    hash: str

    def add(self, name: str, role: Role) -> None:
        self.doors.ledger.people.add(name, role, self.hash, actor="test", now=self.clock())

    def client(self, settings: config.Settings | None = None) -> TestClient:
        app = create_app(self.doors, settings or self.settings, self.clock)
        return TestClient(app, base_url="http://localhost", follow_redirects=False)

    def signed_in(self, role: Role, name: str | None = None) -> TestClient:
        name = name or PERSON[role]
        self.add(name, role)
        client = self.client()
        answer = client.post("/sign-in", data={"name": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return client

    def first_flag(self) -> str:
        return next(case.account for case in self.doors.ledger.cases.queue() if case.origin == "flag")

    def looks(self) -> list[tuple[str, str, str | None]]:
        return [(look.actor, look.action, look.account) for look in reversed(self.doors.ledger.looks(limit=1000))]


@pytest.fixture
def desk(night_home: Path, tmp_path: Path, settings: config.Settings, known_hash: str) -> Iterator[Desk]:
    shutil.copytree(night_home, tmp_path / "home")
    (tmp_path / "key").write_text(KEY)
    with open_doors(tmp_path / "home", settings) as doors:
        yield Desk(doors, settings, Clock(), known_hash)


def _ask(client: TestClient, method: str, path: str) -> int:
    """A route with a case that is there, and nothing said where something would change."""
    address = path.replace("{number}", "1").replace("{name}", "desk.css")
    said: dict[str, str] | None = {} if path.startswith("/api/") and method == "POST" else None
    return client.request(method, address, json=said).status_code


# Roles and routes


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


# What a browser is told


def test_every_answer_has_its_headers(desk: Desk) -> None:
    """Pages, refusals, redirects and files: nothing from elsewhere, no frames, and nothing is kept but files."""
    client = desk.signed_in("analyst")
    for path in ("/queue", "/cases/1", "/cases/999999", "/nowhere", "/", "/api/me", "/static/desk.css", "/people"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == ("public, max-age=3600" if path.startswith("/static") else "no-store")


def test_no_page_has_script_or_style_of_its_own(desk: Desk) -> None:
    """What the policy would stop is not there in the first place."""
    client = desk.signed_in("owner")
    for path in ("/queue", "/cases/1", "/cases/1/pictures", "/stats", "/log", "/log/mine", "/people", "/sign-in"):
        text = client.get(path).text
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|hx-on|<script(?! src=\"/static/htmx)", text), (
            path
        )


def test_another_host_name_is_refused(desk: Desk) -> None:
    """A name that somebody else points at this address (DNS rebinding) reaches nothing."""
    assert desk.client().get("/sign-in", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("path", [path for (method, path), _ in ROUTES.items() if method == "POST"])
def test_a_post_of_another_site_is_refused(desk: Desk, path: str) -> None:
    """By Fetch Metadata, and by Origin where a browser has none; nothing is done."""
    client = desk.signed_in("owner")
    before = desk.looks()
    for headers in (ELSEWHERE, {"origin": "https://evil.example"}, {"sec-fetch-site": "same-site"}):
        answer = client.post(path.replace("{number}", "1"), data={"verdict": "confirmed"}, headers=headers)
        assert answer.status_code == 403, headers
    assert desk.looks() == before


def test_a_long_body_is_refused(desk: Desk) -> None:
    """Forms here are short."""
    answer = desk.signed_in("analyst").post("/cases/1/note", data={"note": "x" * 100_000})
    assert answer.status_code == 413


# Sessions


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
def test_a_session_that_was_ended_opens_nothing(desk: Desk, how: str, known_hash: str) -> None:
    """Revoked, its person forgotten, signed out, or the password changed: the same cookie is nobody."""
    client = desk.signed_in("analyst")
    token, people = client.cookies["detector"], desk.doors.ledger.people
    if how == "revoke":
        assert people.revoke("analyst", actor="test", now=desk.clock()) == 1
    elif how == "remove":
        people.remove("analyst", actor="test", now=desk.clock())
    elif how == "password":
        people.set_password("analyst", known_hash, actor="test", now=desk.clock())
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


# On record first


def test_what_a_reviewer_did_stands_in_the_log(desk: Desk) -> None:
    """Sign-in, queue, search, case, pictures, verdict, undo: each with who, and on which account, in order."""
    client = desk.signed_in("analyst", "ana")
    account = desk.first_flag()
    number = desk.doors.ledger.cases.of(account)[0].id
    client.get("/queue")
    assert client.post("/search", data={"wanted": account}).headers["location"] == f"/cases/{number}"
    client.get(f"/cases/{number}")
    client.get(f"/cases/{number}/pictures")
    assert client.post(f"/cases/{number}/decide", data={"verdict": "undecided"}).status_code == 303
    assert client.post(f"/cases/{number}/undo").status_code == 303
    mine = [(action, about) for actor, action, about in desk.looks() if actor == "ana"]
    assert mine == [
        ("sign in", None),
        ("review: list", None),
        ("review: search", account),
        ("review: show", account),
        ("review: pictures", account),
        ("review: decided", account),
        ("review: undone", account),
    ]


@pytest.mark.parametrize("path", ["/queue", "/cases/1", "/cases/1/pictures", "/api/cases", "/api/cases/1"])
def test_no_log_no_data(desk: Desk, path: str) -> None:
    """Where the line of the log can not be written, nothing is shown."""
    client = desk.signed_in("analyst")
    case = desk.doors.ledger.cases.queue()[0]
    with desk.doors.ledger._database.writing() as connection:
        connection.execute(
            sa.text("CREATE TRIGGER no_log BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no log'); END")
        )
    answer = client.get(path)
    assert answer.status_code == 500
    assert case.account not in answer.text
    assert case.kind not in answer.text


def test_pictures_show_the_whole_year(desk: Desk) -> None:
    """Though a case file holds titles and visits of the window alone: what is told is what the terminal tells."""
    client, run = desk.signed_in("analyst"), published.run_of(desk.doors, None)
    for case in desk.doors.ledger.cases.queue(Filters(origin="flag"))[:3]:
        account = identity.from_hex(case.account)
        told = client.get(f"/api/cases/{case.id}/pictures").json()
        portrait = explaining.portray(desk.doors, run, account, desk.settings)
        plain = json.loads(terminal.as_json(explaining.plain(portrait)))
        explained = explaining.explain(desk.doors, run, account, settings=desk.settings)
        assert told.pop("since") == (explained["since"] and explained["since"].isoformat())
        assert told == plain
        assert explained["first_seen"] < TRAINED_UNTIL - dt.timedelta(days=28)


def test_no_name_of_the_service_is_on_any_page(desk: Desk) -> None:
    """Ids of accounts and names of titles, as the service has them, stand on no page and in no answer of the API."""
    client = desk.signed_in("owner")
    names = _names(desk)
    assert len(names) > 100
    numbers = [case.id for case in desk.doors.ledger.cases.queue()][:3]
    for method, path in ROUTES:
        if method == "GET" and not path.startswith(("/static", "/oidc")):
            for number in numbers if "{number}" in path else numbers[:1]:
                text = client.get(path.replace("{number}", str(number))).text
                assert not [name for name in names if name in text], path


def test_after_a_week_who_looked_is_what_was_done(desk: Desk) -> None:
    """Three reviewers, seven days, drawn acts in browser and API: the log of each account is what the test did."""
    drawn = random.Random(7)
    clients = {name: desk.signed_in("owner", name) for name in ("ana", "ben", "sam")}
    cases = {case.id: case.account for case in desk.doors.ledger.cases.queue()[:6]}
    did: dict[str, list[tuple[str, str]]] = {account: [] for account in cases.values()}
    ways = {
        "review: show": ("GET", "/cases/{}", {}),
        "review: pictures": ("GET", "/api/cases/{}/pictures", {}),
        "review: unmask": ("POST", "/cases/{}/unmask", {"data": {"purpose": "a week"}}),
        "review: noted": ("POST", "/cases/{}/note", {"data": {"note": "seen"}}),
        "review: decided": ("POST", "/api/cases/{}/decide", {"json": {"verdict": "undecided"}}),
        "review: undone": ("POST", "/cases/{}/undo", {}),
        "audit who": ("POST", "/log", {}),
    }
    for _ in range(7):
        for _ in range(12):
            name, number = drawn.choice(sorted(clients)), drawn.choice(sorted(cases))
            action = drawn.choice(sorted(ways))
            method, path, said = ways[action]
            said = {"data": {"wanted": cases[number]}} if action == "audit who" else said
            answer = clients[name].request(method, path.format(number), **said)  # type: ignore[arg-type]
            assert answer.status_code < 500
            assert answer.headers.get("location") != "/sign-in"
            if answer.status_code < 400:
                did[cases[number]].append((name, action))
            desk.clock.pass_s(60)
        desk.clock.pass_s(20 * 3600)
        for name, client in clients.items():
            client.post("/sign-in", data={"name": name, "password": PASSWORD})
    assert sum(len(acts) for acts in did.values()) > 40
    for account, acts in did.items():
        looks = desk.doors.ledger.looks(account=account, limit=1000)
        assert [(look.actor, look.action) for look in reversed(looks)] == acts


def test_names_are_opened_for_a_purpose_only(desk: Desk) -> None:
    """By whom may, after the purpose is on record; without one nothing is opened."""
    pia = desk.signed_in("privacy officer", "pia")
    account = desk.first_flag()
    number = desk.doors.ledger.cases.of(account)[0].id
    names = {name for name in _names(desk) if name}
    masked = pia.get(f"/cases/{number}").text
    assert not [name for name in names if name in masked]
    assert pia.post(f"/cases/{number}/unmask", data={"purpose": " "}).status_code == 422
    shown = pia.post(f"/cases/{number}/unmask", data={"purpose": "the holder asked"})
    assert [name for name in names if name in shown.text]
    look = desk.doors.ledger.looks(account=account, limit=1)[0]
    assert (look.actor, look.action, look.purpose) == ("pia", "review: unmask", "the holder asked")


def _names(desk: Desk) -> set[str]:
    """Every account id and title name that the home has sealed (canaries)."""
    from detector import lookback

    first = TRAINED_UNTIL - dt.timedelta(days=27)
    return set(lookback.names_of(desk.doors.home, desk.doors.keys, first, TRAINED_UNTIL)["name"].to_list())


def test_an_unknown_id_and_an_account_without_a_case_are_answered_alike(desk: Desk) -> None:
    """Nobody can find out who is a member."""
    client = desk.signed_in("analyst")
    scores = published.frame(desk.doors, published.run_of(desk.doors, None), "scores")
    cases = {case.account for case in desk.doors.ledger.cases.queue()}
    seen = next(digits for digits in identity.to_hex(scores["account"]) if digits not in cases)
    known = {identity.from_hex(seen)}
    names = {identity.pseudonym_of(name, desk.doors.keys): name for name in _names(desk)}
    own_ids = [names[number] for number in known if number in names]
    assert own_ids
    answers = [
        client.post("/search", data={"wanted": wanted}) for wanted in (seen, *own_ids, "nobody at all", "f" * 16)
    ]
    assert {answer.status_code for answer in answers} == {409}
    assert len({answer.text for answer in answers}) == 1


def test_what_is_typed_stands_in_no_address_and_no_refusal(desk: Desk) -> None:
    """An id typed into the search reaches neither a URL nor the page that refuses it."""
    answer = desk.signed_in("analyst").post("/search", data={"wanted": "member-canary-4711"})
    assert "canary" not in answer.text
    assert "canary" not in str(answer.headers)


# Hostile text


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \x1b[31mred \u202eltr \x00 {{7*7}} 'q' \"d\""


def test_hostile_notes_are_shown_escaped(desk: Desk) -> None:
    """Tags, terminal escapes, right-to-left overrides and template marks are text, or a replacement for it."""
    client = desk.signed_in("analyst")
    number = desk.doors.ledger.cases.queue()[0].id
    assert client.post(f"/cases/{number}/note", data={"note": HOSTILE}).status_code == 303
    text = client.get(f"/cases/{number}").text
    assert "&lt;script&gt;alert(1)" in text
    assert "<img src=x" not in text
    assert "{{7*7}}" in text
    assert not [character for character in text if not character.isprintable() and character != "\n"]


@pytest.mark.parametrize("name", ["<b>x</b>", "ana\u202egpj", "\x1b[2J", "a\x00b"])
def test_hostile_names_are_refused_and_shown_escaped(desk: Desk, name: str) -> None:
    """As a person's name they are refused; the refusal shows nothing that a browser would act on."""
    answer = desk.signed_in("admin").post("/people", data={"name": name, "role": "analyst"})
    assert answer.status_code == 422
    assert "<b>x" not in answer.text
    assert not [character for character in answer.text if not character.isprintable() and character != "\n"]


def test_titles_are_strangers_text(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hostile title name in an opened case is text."""
    import polars as pl

    from detector import lookback

    real = lookback.names_of

    def hostile(*arguments: object) -> pl.DataFrame:
        names = real(*arguments)  # type: ignore[arg-type]
        return names.with_columns(name=pl.when(pl.col("kind") == "title").then(pl.lit(HOSTILE)).otherwise("name"))

    monkeypatch.setattr(lookback, "names_of", hostile)
    number = desk.doors.ledger.cases.of(desk.first_flag())[0].id
    text = desk.signed_in("privacy officer").post(f"/cases/{number}/unmask", data={"purpose": "x"}).text
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text
    assert not [character for character in text if not character.isprintable() and character != "\n"]


# Deciding


def test_the_second_of_two_is_told_who_was_first(desk: Desk) -> None:
    """One verdict stands; the other reviewer reads who gave it."""
    ana, ben = desk.signed_in("analyst", "ana"), desk.signed_in("analyst", "ben")
    number = desk.doors.ledger.cases.queue()[0].id
    for client in (ana, ben):
        assert client.get(f"/cases/{number}").status_code == 200
    assert ana.post(f"/cases/{number}/decide", data={"verdict": "false alarm"}).status_code == 303
    late = ben.post(f"/cases/{number}/decide", data={"verdict": "undecided"})
    assert late.status_code == 409
    assert "ana" in late.text
    case = desk.doors.ledger.cases.numbered(number)
    assert case is not None
    assert (case.decided_by, case.outcome) == ("ana", "false alarm")


def test_who_decides_nothing_holds_nobody_up(desk: Desk) -> None:
    """A case that the privacy officer looks at can be decided meanwhile; one that a colleague looks at can not."""
    ana, pia = desk.signed_in("analyst", "ana"), desk.signed_in("privacy officer", "pia")
    first, second = [case.id for case in desk.doors.ledger.cases.queue()[:2]]
    assert pia.get(f"/cases/{first}").status_code == 200
    assert ana.post(f"/cases/{first}/decide", data={"verdict": "undecided"}).status_code == 303
    assert desk.signed_in("senior analyst").get(f"/cases/{second}").status_code == 200
    assert "is looking at this case" in ana.get(f"/cases/{second}").text
    held = ana.post(f"/cases/{second}/decide", data={"verdict": "undecided"})
    assert (held.status_code, "senior.analyst" in held.text) == (409, True)


def test_of_two_who_decide_at_the_same_moment_one_is_told(desk: Desk) -> None:
    """Twenty pairs at once: each case has one verdict, and the other of the pair a refusal."""
    ana, ben = desk.signed_in("analyst", "ana"), desk.signed_in("analyst", "ben")
    numbers = [case.id for case in desk.doors.ledger.cases.queue()[:20]]
    desk.doors.registry()  # MLflow warns as it is first imported; what silences it there is no thread's own

    def decide(at: tuple[TestClient, int]) -> int:
        return at[0].post(f"/cases/{at[1]}/decide", data={"verdict": "undecided"}).status_code

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(decide, [(client, number) for number in numbers for client in (ana, ben)]))
    assert [sorted(answers[n : n + 2]) for n in range(0, 40, 2)] == [[303, 409]] * 20


def test_what_goes_wrong_is_told_by_kind_and_place_alone(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error whose words hold an id: neither the page nor the log repeats them, and the page has its headers."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("member-canary-4711")

    client = desk.signed_in("analyst")
    monkeypatch.setattr("detector.reviewing.queue", broken)
    answer = client.get("/queue")
    assert answer.status_code == 500
    assert "unexpected RuntimeError" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "test_console.py" in caplog.text
    assert "canary" not in answer.text + caplog.text


def test_a_verdict_on_an_old_sight_is_refused(desk: Desk) -> None:
    """Whoever decides with the page of before somebody else's act is told to look again."""
    ana = desk.signed_in("analyst", "ana")
    number = desk.doors.ledger.cases.queue()[0].id
    page = ana.get(f"/cases/{number}").text
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version
    assert ana.post(f"/cases/{number}/note", data={"note": "news"}).status_code == 303
    said = {"verdict": "undecided", "version": version[1]}
    late = ana.post(f"/cases/{number}/decide", data=said)
    assert late.status_code == 409
    assert "look at it again" in late.text
    assert ana.post(f"/cases/{number}/decide", data=said | {"version": str(int(version[1]) + 1)}).status_code == 303


def test_a_severe_action_waits_for_a_second_person(desk: Desk) -> None:
    """An analyst proposes; nobody agrees with themselves, an analyst not at all, a senior analyst does."""
    ana, sam = desk.signed_in("analyst", "ana"), desk.signed_in("senior analyst", "sam")
    first, second = [case.id for case in desk.doors.ledger.cases.queue()[:2]]
    severe = {"verdict": "confirmed", "kind": "resale", "response": "refer"}
    assert ana.post(f"/cases/{first}/decide", data=severe).status_code == 303
    assert "waits for a second person" in ana.get(f"/cases/{first}").text
    assert ana.post(f"/cases/{first}/second", data={"agrees": "yes"}).status_code == 403
    assert sam.post(f"/cases/{second}/decide", data=severe).status_code == 303
    assert sam.post(f"/cases/{second}/second", data={"agrees": "yes"}).status_code == 409
    assert sam.post(f"/cases/{second}/second", data={}).status_code == 422
    assert {case["id"] for case in sam.get("/api/cases?status=proposed").json()["cases"]} == {first, second}
    desk.clock.pass_s(700)  # until nobody looks at it any more
    assert sam.post(f"/cases/{first}/second", data={"agrees": "yes", "note": "so do I"}).status_code == 303
    case = desk.doors.ledger.cases.numbered(first)
    assert case is not None
    assert (case.status, case.decided_by, case.seconded_by) == ("decided", "ana", "sam")


def test_contest_snooze_and_suppression(desk: Desk) -> None:
    """What the terminal can, the browser can: each act leads back to the case, which tells it."""
    ana, sam = desk.signed_in("analyst", "ana"), desk.signed_in("senior analyst", "sam")
    case = next(case for case in desk.doors.ledger.cases.queue() if case.origin == "flag")
    at = f"/cases/{case.id}"
    later = (desk.clock().date() + dt.timedelta(days=20)).isoformat()
    assert ana.post(f"{at}/snooze", data={"until": later}).status_code == 303
    assert case.id not in _numbers(ana)
    assert case.id in _numbers(ana, "snoozed=true")
    assert ana.post(f"{at}/snooze", data={"until": ""}).status_code == 303
    feature = case.reasons[0]["feature"]
    said = {"what": f"feature:{feature}", "ends_on": later, "why": "a known habit"}
    assert ana.post(f"{at}/suppress", data=said | {"what": "feature:no such"}).status_code == 422
    assert ana.post(f"{at}/suppress", data=said | {"what": "device:no such"}).status_code == 422
    assert ana.post(f"{at}/suppress", data=said | {"ends_on": "soon"}).status_code == 422
    assert ana.post(f"{at}/suppress", data=said).status_code == 303
    assert "a known habit" in ana.get(at).text
    (held,) = desk.doors.ledger.suppressions.all(case.account)
    assert ana.post(f"/cases/{case.id + 1}/lift", data={"suppression": str(held.id)}).status_code == 409
    assert ana.post(f"{at}/lift", data={"suppression": str(held.id)}).status_code == 303
    assert ana.post(f"{at}/decide", data={"verdict": "confirmed"}).status_code == 303
    assert ana.post(f"{at}/contest", data={"note": "it was my son"}).status_code == 303
    assert ana.post(f"{at}/settle", data={"result": "overturned"}).status_code == 403
    assert sam.post(f"{at}/settle", data={"result": "overturned"}).status_code == 303
    assert "it was my son" in sam.get(at).text
    assert sam.post(f"{at}/reopen", data={"note": "to be sure"}).status_code == 303


def _numbers(client: TestClient, query: str = "") -> set[int]:
    pages = client.get(f"/api/cases?{query}").json()["pages"]
    return {
        case["id"] for n in range(1, pages + 1) for case in client.get(f"/api/cases?{query}&page={n}").json()["cases"]
    }


def test_views_are_kept_by_person(desk: Desk) -> None:
    """Under a name, with what the form said; another person has none of them."""
    ana, ben = desk.signed_in("analyst", "ana"), desk.signed_in("analyst", "ben")
    kept = ana.post("/views", data={"name": "mine <b>", "origin": "flag", "mine": "True"})
    assert kept.headers["location"] == "/queue?origin=flag&mine=True"
    assert "mine &lt;b&gt;" in ana.get("/queue").text
    assert "mine &lt;b&gt;" not in ben.get("/queue").text
    ana.post("/views", data={"name": "mine <b>", "forget": "yes"})
    assert "mine &lt;b&gt;" not in ana.get("/queue").text


def test_a_form_says_what_fits_its_verdict(desk: Desk) -> None:
    """The kind counts where confirmed, the cause where innocent; what was left over from another choice does not."""
    client = desk.signed_in("analyst")
    first, second = [case.id for case in desk.doors.ledger.cases.queue()[:2]]
    said = {"kind": "ring", "cause": "a child's favourite", "note": "seen"}
    client.post(f"/cases/{first}/decide", data={"verdict": "confirmed"} | said)
    client.post(f"/cases/{second}/decide", data={"verdict": "false alarm"} | said)
    cases = [desk.doors.ledger.cases.numbered(number) for number in (first, second)]
    assert [(case.verdict_kind, case.cause) for case in cases if case] == [
        ("ring", None),
        (None, "a child's favourite"),
    ]


def test_the_queue_is_filtered_and_paged(desk: Desk) -> None:
    """By kind, origin and whose hands; each page has its part, and together they are the queue."""
    client = desk.signed_in("analyst", "ana")
    total = client.get("/api/cases").json()["total"]
    pages = client.get("/api/cases").json()["pages"]
    seen = [
        case["id"] for page in range(1, pages + 1) for case in client.get(f"/api/cases?page={page}").json()["cases"]
    ]
    assert len(seen) == len(set(seen)) == total == len(desk.doors.ledger.cases.queue())
    flags = client.get("/api/cases?origin=flag").json()
    assert {case["origin"] for case in flags["cases"]} == {"flag"}
    assert client.get("/api/cases?mine=true").json()["total"] == 0
    taken = client.post("/api/take-next").json()
    assert [case["id"] for case in client.get("/api/cases?mine=true").json()["cases"]] == [taken["id"]]
    assert "measured" not in taken


# People


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


# A proxy that vouches


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


# The API


def test_no_request_of_the_api_is_an_error_of_ours(desk: Desk) -> None:
    """Schemathesis walks what OpenAPI says, and whatever it asks, no answer is of the 500s."""
    import hypothesis
    import schemathesis

    client = desk.signed_in("owner")
    schema = schemathesis.openapi.from_dict(client.get("/api/openapi.json").json())
    asked = set()
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]

        @hypothesis.settings(max_examples=8, database=None, suppress_health_check=list(hypothesis.HealthCheck))
        @hypothesis.seed(20260301)
        @hypothesis.given(case=operation.as_strategy())
        def walk(case: Any) -> None:
            said = case.as_transport_kwargs(base_url="http://localhost")
            sent = {
                name: said[name]
                for name in ("method", "url", "params", "json", "headers")
                if said.get(name) is not None
            }
            sent["headers"] = {name: str(value) for name, value in dict(sent.get("headers") or {}).items()}
            answer = client.request(**sent)
            assert answer.status_code < 500, (case.method, case.path, answer.text)

        walk()
        asked.add(operation.label)
    assert len(asked) == len([path for _, path in ROUTES if path.startswith("/api/") and "openapi" not in path])


def test_tables_of_people_are_whole(desk: Desk) -> None:
    """A name is there once, in lower case."""
    desk.add("Ana", "analyst")
    with desk.doors.ledger._database.reading() as connection:
        assert connection.scalars(sa.select(schema.person.c.name)).all() == ["ana"]
