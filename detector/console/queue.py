"""The queue as a page of it: filters, order, and why each case is there, in one line."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import polars as pl
from fastapi import Depends, Query

from detector import identity, published, reviewing
from detector.cases import KINDS, ORIGINS, Case
from detector.console.desk import Visit
from detector.runs import Doors

ROWS = 25


@dataclass(frozen=True)
class Filters:
    """What of the queue is asked for; empty: everything. `page` counts from 1."""

    kind: str = ""
    origin: str = ""
    mine: bool = False
    page: int = 1

    @property
    def any(self) -> bool:
        """Whether something is left out."""
        return bool(self.kind or self.origin or self.mine)


def _filters(
    kind: Annotated[str, Query()] = "",
    origin: Annotated[str, Query()] = "",
    mine: Annotated[bool, Query()] = False,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> Filters:
    # What is no kind or origin leaves nothing out rather than everything.
    return Filters(kind if kind in KINDS else "", origin if origin in ORIGINS else "", mine, page)


Asked = Annotated[Filters, Depends(_filters)]


@dataclass(frozen=True)
class Page:
    """One page of the queue: its cases, how many there are in all, and by case number why it is there."""

    cases: Sequence[Case]
    total: int
    pages: int
    why: dict[int, str]


def page_of(visit: Visit, asked: Filters) -> Page:
    """The page that is asked for; on record before it is read."""
    me = visit.person.name
    found = [
        case
        for case in reviewing.queue(visit.doors, reviewer=me, now=visit.now)
        if asked.kind in ("", case.kind)
        and asked.origin in ("", case.origin)
        and (not asked.mine or case.assignee == me)
    ]
    shown = found[(asked.page - 1) * ROWS : asked.page * ROWS]
    return Page(shown, len(found), max(1, -(-len(found) // ROWS)), why(visit.doors, shown))


def why(doors: Doors, shown: Sequence[Case]) -> dict[int, str]:
    """By case number, the strongest reason of its night, or the side of life whose evidence is strongest."""
    said = {case.id: f"unusual in {case.family}" for case in shown}
    for run_id in {case.run_id for case in shown if case.origin == "flag"}:
        run = doors.ledger.run(run_id)
        if run is None or "flags.parquet" not in run.manifest:
            continue
        of_run = {case.account: case.id for case in shown if case.run_id == run_id}
        flags = published.frame(doors, run, "flags").select("account", pl.col("reasons").list.first())
        wanted = flags.filter(pl.col("account").is_in([identity.from_hex(account) for account in of_run]))
        for digits, reason in zip(identity.to_hex(wanted["account"]), wanted["reasons"], strict=True):
            if reason:
                said[of_run[digits]] = reason["sentence"].split(";", 1)[0]
    return said
