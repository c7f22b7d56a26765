"""The queue as a page of it: filters, order, and why each case is there, in one line."""

import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Form, Query

from detector import reviewing
from detector.cases import CASE_STATUSES, KINDS, ORIGINS, Case
from detector.console.desk import Visit
from detector.views import Filters

ROWS = 25


@dataclass(frozen=True)
class Asked:
    """What is asked for: filters, and a page counted from 1."""

    wanted: Filters
    page: int = 1

    def query(self, page: int = 1) -> str:
        """The same as it stands in an address, for another page.

        >>> Asked(Filters(kind="ring", mine=True)).query(2)
        'kind=ring&mine=True&page=2'
        """
        return urllib.parse.urlencode(self.wanted.said() | ({"page": page} if page > 1 else {}))


def _asked(status: str, kind: str, origin: str, mine: bool, snoozed: bool, page: int) -> Asked:
    # What is no status, kind or origin leaves nothing out rather than everything.
    wanted = Filters(
        status=status if status in CASE_STATUSES else "open",  # type: ignore[arg-type]
        kind=kind if kind in KINDS else None,
        origin=origin if origin in ORIGINS else None,  # type: ignore[arg-type]
        mine=mine,
        snoozed=snoozed,
    )
    return Asked(wanted, page)


def _of_query(
    status: Annotated[str, Query()] = "open",
    kind: Annotated[str, Query()] = "",
    origin: Annotated[str, Query()] = "",
    mine: Annotated[bool, Query()] = False,
    snoozed: Annotated[bool, Query()] = False,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> Asked:
    return _asked(status, kind, origin, mine, snoozed, page)


def _of_form(
    status: Annotated[str, Form()] = "open",
    kind: Annotated[str, Form()] = "",
    origin: Annotated[str, Form()] = "",
    mine: Annotated[bool, Form()] = False,
    snoozed: Annotated[bool, Form()] = False,
) -> Asked:
    return _asked(status, kind, origin, mine, snoozed, 1)


Wanted = Annotated[Asked, Depends(_of_query)]
Kept = Annotated[Asked, Depends(_of_form)]


@dataclass(frozen=True)
class Page:
    """One page of the queue: its cases, how many there are in all, and on how many pages."""

    cases: Sequence[Case]
    total: int
    pages: int


def page_of(visit: Visit, asked: Asked) -> Page:
    """The page that is asked for; on record before it is read."""
    found = reviewing.queue(
        visit.doors,
        asked.wanted,
        reviewer=visit.person.name,
        now=visit.now,
        limit=ROWS,
        offset=(asked.page - 1) * ROWS,
    )
    return Page(found.cases, found.total, max(1, -(-found.total // ROWS)))


def why(case: Case) -> str:
    """The strongest reason of its night, without what is typical; else the side of life that is most unusual."""
    first = next((reason["sentence"] for reason in case.reasons), None)
    return first.split(";", 1)[0] if first else f"most unusual in {case.family}"
