"""Signing in through an identity provider: a small real one, over HTTP, with signed tokens."""

import base64
import dataclasses
import hashlib
import json
import socket
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI, Form
from fastapi.testclient import TestClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.responses import RedirectResponse, Response
from support import clock

from detector import config
from detector.console.app import create_app
from detector.ledger import Ledger
from detector.runs import Doors, open_doors

SECRET = "a secret of the two"


@dataclass
class Provider:
    """An identity provider that vouches for one person and tells what it was asked."""

    url: str = ""
    claims: dict[str, Any] = field(default_factory=lambda: {"email": "Ana@Example.org", "email_verified": True})
    audience: str = "desk"
    signed_with: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k"}))
    published: RSAKey | None = None
    asked: dict[str, str] = field(default_factory=dict)
    challenge_held: bool = False

    def app(self) -> FastAPI:
        app = FastAPI()
        codes: dict[str, dict[str, str]] = {}

        @app.get("/.well-known/openid-configuration")
        def metadata() -> dict[str, Any]:
            return {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "id_token_signing_alg_values_supported": ["RS256"],
            }

        @app.get("/authorize")
        def authorize(
            redirect_uri: str, state: str, nonce: str, code_challenge: str, code_challenge_method: str
        ) -> Response:
            self.asked = {"nonce": nonce, "challenge": code_challenge, "method": code_challenge_method}
            codes["code"] = self.asked
            return RedirectResponse(f"{redirect_uri}?{urllib.parse.urlencode({'code': 'code', 'state': state})}")

        @app.post("/token")
        def token(code: str = Form(), code_verifier: str = Form()) -> dict[str, Any]:
            asked = codes.pop(code)
            digest = base64.urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()
            self.challenge_held = digest == asked["challenge"]
            claims = {
                "iss": self.url, "sub": "1", "aud": self.audience, "nonce": asked["nonce"],
                "iat": int(time.time()), "exp": int(time.time()) + 60,
            }  # fmt: skip
            signed = jwt.encode({"alg": "RS256", "kid": "k"}, claims | self.claims, self.signed_with)
            return {"access_token": "a", "token_type": "Bearer", "id_token": signed}

        @app.get("/keys")
        def keys() -> dict[str, Any]:
            return {"keys": [(self.published or self.signed_with).as_dict(private=False)]}

        return app


@pytest.fixture
def provider() -> Iterator[Provider]:
    one = Provider()
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        one.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        server = uvicorn.Server(uvicorn.Config(one.app(), log_level="error", access_log=False, lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield one
        server.should_exit = True
        thread.join()


@pytest.fixture
def desk(provider: Provider, tmp_path: Path) -> Iterator[tuple[TestClient, Ledger]]:
    (tmp_path / "secret").write_text(SECRET + "\n")
    settings = config.load().settings
    oidc = config.Oidc(
        issuer=provider.url, client_id="desk", client_secret_file=str(tmp_path / "secret"), name_claim="email"
    )
    settings = settings.model_copy(update={"console": settings.console.model_copy(update={"oidc": oidc})})
    with open_doors(tmp_path / "home", settings) as doors:
        app = create_app(doors, settings, clock)
        yield TestClient(app, base_url="http://localhost", follow_redirects=False), doors.ledger


def _there_and_back(client: TestClient) -> Any:
    """Off to the provider as a browser goes, and back with its answer."""
    away = client.get("/oidc/start")
    assert away.status_code == 302
    answer = httpx2.get(away.headers["location"])
    back = urllib.parse.urlsplit(answer.headers["location"])
    return client.get(f"{back.path}?{back.query}")


def test_who_is_named_is_signed_in(desk: tuple[TestClient, Ledger], provider: Provider) -> None:
    """By the verified address, in lower case; the role is the one kept here, and PKCE was used."""
    client, ledger = desk
    ledger.people.add("ana@example.org", "auditor", None, actor="test", now=clock())
    back = _there_and_back(client)
    assert (back.status_code, back.headers["location"]) == (303, "/")
    assert client.get("/api/me").json()["role"] == "auditor"
    assert provider.asked["method"] == "S256"
    assert provider.challenge_held
    assert ledger.looks(limit=1)[0].detail == {"by": "oidc"}
    assert SECRET not in json.dumps([dataclasses.asdict(look) for look in ledger.looks(limit=9)], default=str)


def test_who_is_not_named_is_refused(desk: tuple[TestClient, Ledger]) -> None:
    """Being somebody elsewhere is no right here."""
    client, _ = desk
    back = _there_and_back(client)
    assert back.status_code == 403
    assert "named in this home" in back.text
    assert client.get("/api/me").status_code == 401


WRONG: dict[str, Callable[[Provider], object]] = {
    "not verified": lambda provider: provider.claims.update(email_verified=False),
    "verified or not is not said": lambda provider: provider.claims.pop("email_verified"),
    "for another": lambda provider: setattr(provider, "audience", "another"),
    "signed by another": lambda provider: setattr(provider, "published", RSAKey.generate_key(2048, {"kid": "k"})),
    "over": lambda provider: provider.claims.update(exp=int(time.time()) - 3600),
    "another issuer": lambda provider: provider.claims.update(iss="https://evil.example"),
    "another nonce": lambda provider: provider.claims.update(nonce="x"),
}


@pytest.mark.parametrize("how", WRONG)
def test_an_answer_that_does_not_hold_is_refused(desk: tuple[TestClient, Ledger], provider: Provider, how: str) -> None:
    """Whatever is wrong with the token, nobody is signed in."""
    client, ledger = desk
    ledger.people.add("ana@example.org", "auditor", None, actor="test", now=clock())
    WRONG[how](provider)
    assert _there_and_back(client).status_code == 403
    assert client.get("/api/me").status_code == 401


def test_an_answer_to_another_browser_is_refused(desk: tuple[TestClient, Ledger]) -> None:
    """A link with somebody's code and state signs in nobody who did not ask for it (sign-in CSRF)."""
    client, ledger = desk
    ledger.people.add("ana@example.org", "auditor", None, actor="test", now=clock())
    away = client.get("/oidc/start")
    back = urllib.parse.urlsplit(httpx2.get(away.headers["location"]).headers["location"])
    victim = TestClient(client.app, base_url="http://localhost", follow_redirects=False)
    assert victim.get(f"{back.path}?{back.query}").status_code == 403
    assert client.get(f"{back.path}?{back.query}").status_code == 303
    assert client.get(f"{back.path}?{back.query}").status_code == 403


def test_a_provider_that_is_away_is_said(desk: tuple[TestClient, Ledger], provider: Provider) -> None:
    """A sentence, not an error of ours."""
    client, _ = desk
    state = client.app.state.desk  # type: ignore[attr-defined]
    oidc = state.settings.console.oidc.model_copy(update={"issuer": "http://127.0.0.1:9"})
    console = state.settings.console.model_copy(update={"oidc": oidc})
    client.app.state.desk = dataclasses.replace(state, settings=state.settings.model_copy(update={"console": console}))  # type: ignore[attr-defined]
    answer = client.get("/oidc/start")
    assert answer.status_code == 404
    assert "identity provider at http://127.0.0.1:9" in answer.text


def test_without_a_provider_there_is_no_such_page(tmp_path: Path) -> None:
    """Neither way."""
    settings = config.load().settings
    with open_doors(tmp_path / "home", settings) as doors:
        client = TestClient(create_app(doors, settings, clock), base_url="http://localhost", follow_redirects=False)
        assert client.get("/oidc/start").status_code == 404
        assert client.get("/oidc/back?code=x&state=y").status_code == 404
        assert isinstance(doors, Doors)
