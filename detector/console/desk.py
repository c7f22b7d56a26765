"""What every request is handed: the doors, the settings and the clock."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from detector import config
from detector.access import Limits, Person
from detector.errors import InputError
from detector.runs import Doors


class NoSuchCaseError(InputError):
    """There is no case of that number."""


@dataclass(frozen=True)
class Desk:
    """The home behind the console."""

    doors: Doors
    settings: config.Settings
    clock: Callable[[], dt.datetime]

    @property
    def limits(self) -> Limits:
        """How long sessions last and how many failed sign-ins are borne."""
        console = self.settings.console
        return Limits(
            console.idle_s,
            console.longest_s,
            console.failures_window_s,
            console.failures_per_name,
            console.failures_per_address,
        )


@dataclass(frozen=True)
class Visit:
    """One request of somebody who may make it."""

    desk: Desk
    person: Person
    now: dt.datetime

    @property
    def doors(self) -> Doors:
        """The doors of the home."""
        return self.desk.doors


def desk_of(request: Request) -> Desk:
    """The desk that answers a request."""
    desk: Desk = request.app.state.desk
    return desk


def _visit(request: Request) -> Visit:
    visit: Visit = request.state.visit  # put there by `guard.admit`; without it nothing is answered
    return visit


Here = Annotated[Desk, Depends(desk_of)]
Visiting = Annotated[Visit, Depends(_visit)]
