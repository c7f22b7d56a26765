"""The desk as a person uses it, in a real Chromium: by mouse, by keyboard, without JavaScript, in the dark, on a phone.

Whatever a test does, the browser's console stays silent and nothing is asked of another host.
"""

import os
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright
from support import PASSWORD, clock

from detector import config
from detector.access import Role
from detector.console.app import create_app
from detector.runs import Doors, open_doors

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PEOPLE: dict[str, Role] = {
    "ana": "analyst",
    "sam": "senior analyst",
    "pia": "privacy officer",
    "ada": "admin",
    "olu": "owner",
}

if not CHROMIUM and os.environ.get("CI") != "true":
    pytest.skip("no Chromium here", allow_module_level=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    assert CHROMIUM, "CI=true promises a Chromium"
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@dataclass
class Server:
    """A console that answers at `url`, over the home behind `doors`."""

    url: str
    doors: Doors


@pytest.fixture
def server(night_home: Path, tmp_path: Path, settings: config.Settings, hashed: str) -> Iterator[Server]:
    shutil.copytree(night_home, tmp_path / "home")
    with open_doors(tmp_path / "home", settings) as doors, socket.socket() as listening:
        for name, role in PEOPLE.items():
            doors.ledger.people.add(name, role, hashed, actor="test", now=clock())
        listening.bind(("127.0.0.1", 0))
        app = create_app(doors, settings, clock)
        serving = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))
        thread = threading.Thread(target=serving.run, args=([listening],))
        thread.start()
        while not serving.started:
            time.sleep(0.01)
        yield Server(f"http://127.0.0.1:{listening.getsockname()[1]}", doors)
        serving.should_exit = True
        thread.join()


@dataclass
class Watched:
    """What a page said and asked for."""

    said: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[Callable[..., Page]]:
    """Opens pages; at the end each was silent and kept to its host."""
    watched = Watched()

    def open_one(who: str = "", **options: Any) -> Page:
        page = browser.new_context(**options).new_page()
        page.set_default_timeout(20_000)
        page.on("console", lambda message: watched.said.append(message.text))
        page.on("pageerror", lambda error: watched.said.append(str(error)))
        page.on("request", lambda request: watched.asked.add(request.url.split("/", 3)[2]))
        page.goto(server.url)
        if who:
            page.get_by_label("Name").fill(who)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            page.get_by_role("button", name="Sign out").wait_for()
        return page

    yield open_one
    # A refusal is an answer the browser remarks upon; nothing else may be said.
    assert [words for words in watched.said if "status of 4" not in words] == []
    assert watched.asked == {server.url.split("/", 3)[2]}


def _pictures(page: Page) -> None:
    page.get_by_role("heading", name="A year, day by day").wait_for()


def test_from_signing_in_to_a_verdict_and_back(server: Server, open_page: Callable[..., Page]) -> None:
    """Sign in, take the next, read it, decide, undo; the ledger has what was clicked."""
    page = open_page("ana")
    assert page.url == f"{server.url}/queue"
    page.get_by_role("button", name="Take next").click()
    page.get_by_role("heading", name="What was seen").wait_for()
    number = int(page.url.rsplit("/", 1)[-1])
    assert page.locator(".reasons li").count() >= 1
    assert page.get_by_role("heading", name="What speaks against it").is_visible()
    _pictures(page)
    assert page.title().startswith(f"Case {number} ")
    assert not page.get_by_label("Innocent cause").is_visible()
    page.get_by_label("false alarm").check()
    page.get_by_label("Innocent cause").fill("a child's favourite")
    page.get_by_role("button", name="Decide").click()
    page.get_by_role("heading", name="Decided").wait_for()
    case = server.doors.ledger.cases.numbered(number)
    assert case is not None
    assert (case.outcome, case.cause, case.decided_by) == ("false alarm", "a child's favourite", "ana")
    page.get_by_role("button", name="Undo").click()
    page.get_by_role("heading", name="Decide", exact=True).wait_for()
    undone = server.doors.ledger.cases.numbered(number)
    assert undone is not None
    assert undone.status == "open"


def test_a_severe_verdict_takes_two(server: Server, open_page: Callable[..., Page]) -> None:
    """The analyst proposes and can not agree; the senior analyst finds it in the queue and agrees."""
    ana = open_page("ana")
    ana.goto(f"{server.url}/cases/1")
    ana.get_by_label("confirmed").check()
    ana.get_by_label("It is").select_option("resale")
    ana.get_by_label("Propose").select_option("refer")
    ana.get_by_role("button", name="Decide").click()
    ana.get_by_role("heading", name="Proposed").wait_for()
    assert ana.get_by_role("button", name="Agree", exact=True).count() == 0
    sam = open_page("sam")
    sam.get_by_label("Standing").select_option("proposed")
    sam.wait_for_url("**status=proposed**")
    sam.get_by_role("link", name="#1", exact=True).click()
    sam.get_by_text("proposes: confirmed, resale, refer").wait_for()
    sam.get_by_role("button", name="Agree", exact=True).click()
    sam.get_by_text("confirmed: resale, refer by ana and sam").wait_for()
    case = server.doors.ledger.cases.numbered(1)
    assert case is not None
    assert (case.status, case.decided_by, case.seconded_by) == ("decided", "ana", "sam")


def test_by_keyboard_alone(server: Server, open_page: Callable[..., Page]) -> None:
    """Tab, arrows, space and Enter are enough; the focus is always seen."""
    page = open_page()

    def tab_to(name: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            here = page.evaluate(
                "() => { const e = document.activeElement; return "
                "(e.labels && e.labels[0] ? e.labels[0].innerText : e.innerText || '').trim() }"
            )
            assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") != "none", here
            if here.startswith(name):
                return
        raise AssertionError(f"{name} is not reached")

    page.locator("input[name=name]:focus").wait_for()  # given when the page is drawn, which may be after it is loaded
    page.keyboard.type("ana")
    tab_to("Password")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/queue")
    tab_to("Take next")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cases/*")
    _pictures(page)
    tab_to("confirmed")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")  # undecided
    tab_to("Decide")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Decided").wait_for()
    case = server.doors.ledger.cases.numbered(int(page.url.rsplit("/", 1)[-1]))
    assert case is not None
    assert case.outcome == "undecided"


def test_without_javascript(server: Server, open_page: Callable[..., Page]) -> None:
    """The same way; the pictures are a link away, the filters have a button."""
    page = open_page("ana", java_script_enabled=False)
    page.get_by_label("Put here by").select_option("flag")
    page.get_by_role("button", name="Show").click()
    assert "origin=flag" in page.url
    page.locator("tbody a").first.click()
    number = int(page.url.rsplit("/", 1)[-1])
    page.get_by_role("link", name="Pictures of the account").click()
    _pictures(page)
    page.go_back()
    page.locator("form[action$=note] input").fill("seen without scripts")
    page.get_by_role("button", name="Add").click()
    assert "seen without scripts" in page.locator("#done").inner_text()
    page.get_by_label("undecided").check()
    page.get_by_role("button", name="Decide").click()
    case = server.doors.ledger.cases.numbered(number)
    assert case is not None
    assert case.outcome == "undecided"


def test_filters_and_notes_without_a_new_page(server: Server, open_page: Callable[..., Page]) -> None:
    """With JavaScript the queue follows its filters and a note appears where it belongs; Back leads back."""
    page = open_page("ana")
    page.evaluate("window.kept = true")
    page.get_by_label("Put here by").select_option("flag")
    page.wait_for_url("**origin=flag**")
    page.locator("#queue .tag").first.wait_for(state="detached")
    assert page.evaluate("window.kept")
    page.locator("tbody a").first.click()
    _pictures(page)
    page.evaluate("window.kept = true")
    page.locator("form[action$=note] input").fill("a note")
    page.get_by_role("button", name="Add").click()
    page.locator("#done q", has_text="a note").wait_for()
    assert page.evaluate("window.kept")


def test_names_for_a_purpose(server: Server, open_page: Callable[..., Page]) -> None:
    """The privacy officer says why, sees names, and hides them again; the analyst has no such form."""
    page = open_page("pia")
    page.locator("tbody a").first.click()
    _pictures(page)
    page.get_by_label("Show names, in order to").fill("answer the holder's request")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("Names are shown for a purpose").wait_for()
    _pictures(page)
    page.get_by_role("link", name="Hide them").click()
    assert page.get_by_text("Names are shown for a purpose").count() == 0
    _pictures(page)
    assert open_page("ana").goto(page.url) is not None


def test_what_the_desk_keeps_in_the_browser(server: Server, open_page: Callable[..., Page]) -> None:
    """One cookie that scripts can not read, and in its storage nothing but the path of the page."""
    page = open_page("ana")
    page.locator("tbody a").first.click()
    _pictures(page)
    page.go_back()
    page.wait_for_url("**/queue")
    assert page.evaluate("document.cookie") == ""
    assert [cookie.get("name") for cookie in page.context.cookies()] == ["detector"]
    assert page.evaluate("Object.keys(localStorage)") == []
    assert page.evaluate("Object.values(sessionStorage)") in ([], ["/queue"])


PATHS = ("/queue", "/cases/1", "/cases/1/pictures", "/stats", "/log", "/log/mine", "/people", "/cases/999999")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])  # colours know nothing of widths
def test_every_page_is_accessible_and_fits(open_page: Callable[..., Page], scheme: str, width: int) -> None:
    """axe-core finds nothing against WCAG 2.2 AA, in either scheme and width; nothing is cut off at the side."""
    page = open_page("olu", color_scheme=scheme, viewport={"width": width, "height": 800})
    server = page.url.rsplit("/", 1)[0]
    page.goto(f"{server}/cases/1")
    page.get_by_label("confirmed").check()
    _check(page)
    for path in PATHS:
        page.goto(server + path)
        if path == "/cases/1":
            _pictures(page)
            for summary in page.locator("summary").all():
                summary.click()
        _check(page)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/sign-in")  # loaded: the page that is left goes away under the checks
    _check(page)


def _check(page: Page) -> None:
    options = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    found = Axe().run(page, options=options).response["violations"]
    told = [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found]
    assert told == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url
