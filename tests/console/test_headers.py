"""What a browser is told, and what it never gets to run."""

import re

import pytest
from desks import Desk

from detector.access import ROUTES

ELSEWHERE = {"sec-fetch-site": "cross-site", "origin": "https://evil.example"}


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
