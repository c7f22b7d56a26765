"""A console over a home of its own, for the tests of pages, roles and records."""

import datetime as dt
from dataclasses import dataclass, field

from fastapi.testclient import TestClient
from support import PASSWORD, clock

from detector import config
from detector.access import ROLES, Role
from detector.console.app import create_app
from detector.runs import Doors

PERSON = {role: role.replace(" ", ".") for role in ROLES}


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
