"""What goes on record before anything is shown."""

import datetime as dt
import json
import random

import pytest
import sqlalchemy as sa
from desks import Desk
from support import PASSWORD, TRAINED_UNTIL

from detector import explaining, identity, published, terminal
from detector.access import ROUTES
from detector.views import Filters


def _names(desk: Desk) -> set[str]:
    """Every account id and title name that the home has sealed (canaries)."""
    from detector import lookback

    first = TRAINED_UNTIL - dt.timedelta(days=27)
    return set(lookback.names_of(desk.doors.home, desk.doors.keys, first, TRAINED_UNTIL)["name"].to_list())


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
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1


def test_what_is_typed_stands_in_no_address_and_no_refusal(desk: Desk) -> None:
    """An id typed into the search reaches neither a URL nor the page that refuses it."""
    answer = desk.signed_in("analyst").post("/search", data={"wanted": "member-canary-4711"})
    assert "canary" not in answer.text
    assert "canary" not in str(answer.headers)
