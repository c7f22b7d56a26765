"""Whoever wants to hear of a night is told, and a night never fails for it: against a real server."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from support import TRAINED_UNTIL, clock

from detector import config, webhook
from detector.nightly import night
from detector.runs import open_doors


@dataclass
class Listener:
    """A server that answers with these statuses, the last one again and again, and what it was told."""

    statuses: list[int]
    url: str = ""
    told: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)


@pytest.fixture
def listen() -> Iterator[Callable[..., Listener]]:
    servers: list[ThreadingHTTPServer] = []

    def start(*statuses: int) -> Listener:
        listener = Listener(list(statuses))

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                listener.told.append(json.loads(body))
                listener.keys.append(self.headers["Idempotency-Key"])
                status = listener.statuses[min(len(listener.told), len(listener.statuses)) - 1]
                self.send_response(status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Nothing on the tests' output."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        listener.url = f"http://127.0.0.1:{server.server_port}/hook/secret"
        return listener

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def _settings(url: str) -> config.Webhook:
    return config.Webhook(url=url, timeout_s=5, attempts=3)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ((204,), {"sent": True, "status": 204, "attempts": 1}),
        ((500, 429, 200), {"sent": True, "status": 200, "attempts": 3}),
        ((503,), {"sent": False, "error": "HTTP 503", "attempts": 3}),
        ((404, 200), {"sent": False, "error": "HTTP 404", "attempts": 1}),
        ((302, 200), {"sent": False, "error": "HTTP 302", "attempts": 1}),
    ],
)
def test_what_may_pass_is_tried_again_and_what_may_not_is_not(
    listen: Callable[..., Listener], statuses: tuple[int, ...], expected: dict[str, Any]
) -> None:
    """Failures of the server and its "later" are retried, so many times; refusals and redirects are not."""
    listener = listen(*statuses)
    assert webhook.post({"flags": 3}, _settings(listener.url), key="r1", wait_s=0.01) == expected
    assert listener.told == [{"flags": 3}] * expected["attempts"]
    assert set(listener.keys) == {"r1"}


def test_nobody_there_is_an_outcome_and_no_exception(listen: Callable[..., Listener]) -> None:
    """The record names the kind of trouble, not the address, which may hold a secret."""
    found = webhook.post({}, _settings("http://127.0.0.1:9/hook/secret"), key="r1", wait_s=0.01)
    assert found == {"sent": False, "error": "ConnectionRefusedError", "attempts": 3}


def test_a_night_tells_counts_and_case_numbers_and_no_ids(
    home: Path, settings: config.Settings, listen: Callable[..., Listener]
) -> None:
    """What is told has no pseudonym in it; a hook that fails leaves the night published, and both are on record."""
    with open_doors(home, settings) as doors:
        for statuses, sent in (((200,), True), ((400,), False)):
            listener = listen(*statuses)
            hooked = settings.model_copy(update={"webhook": _settings(listener.url)})
            retold = hooked.model_copy(update={"decision": hooked.decision.model_copy(update={"rest_days": int(sent)})})
            done = night(doors, TRAINED_UNTIL, settings=retold, clock=clock)
            (told,) = listener.told
            cases = doors.ledger.cases.queue()
            assert sorted(told["case_numbers"]) == sorted(case.id for case in cases if case.last_day == TRAINED_UNTIL)
            assert told["flags"] == done.record["flags"] > 0
            assert not any(case.account in json.dumps(told) for case in cases)
            run = doors.ledger.published(TRAINED_UNTIL)
            assert run is not None
            assert run.id == done.run_id == listener.keys[0]
            assert run.record["webhook"]["sent"] is sent
            assert "secret" not in json.dumps(run.record)
