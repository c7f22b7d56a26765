"""How the queue is asked for: filtered, in order, page by page, without reading what was measured of each case.

Those already in the reviewer's hands come first. Then calibration cases, because every one of them brings a stated
error rate nearer, and then what nights have flagged; those in somebody else's hands come last. Within each, the
families take turns, the highest score of each first: what is labelled teaches more when it is of many kinds. Whose turn
it is each publication works out anew (`take_turns`), so that a page costs one look at an index.
"""

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, literal, or_, select, union_all, update

from detector.ledger import schema
from detector.ledger.acting import OPEN
from detector.views import Filters

_TABLE = schema.review_case
LIGHT = [column for column in _TABLE.c if column.name != "measured"]


def listed(
    filters: Filters, *, reviewer: str | None, today: dt.date | None, limit: int | None, offset: int
) -> Select[Any]:
    """A page of the cases that the filters want, in the order in which `reviewer` is offered them; closed ones the
    newest first."""
    wanted = _wanted(filters, reviewer, today)
    if filters.status not in OPEN:
        order = [_TABLE.c.id.desc()]
        return select(*LIGHT).where(*wanted).order_by(*order).limit(limit).offset(offset)
    # Of each group no more than could be on the page, so that the index is left as soon as that is full.
    parts = [
        select(_TABLE.c.id, _TABLE.c.turn, literal(place).label("place"))
        .where(*wanted, *group)
        .order_by(_TABLE.c.turn, _TABLE.c.id)
        .limit(None if limit is None else limit + offset)
        .subquery()
        for place, group in enumerate(_groups(reviewer))
    ]
    every = union_all(*(select(part) for part in parts)).subquery()
    page = select(every).order_by(every.c.place, every.c.turn, every.c.id).limit(limit).offset(offset).subquery()
    return select(*LIGHT).join(page, page.c.id == _TABLE.c.id).order_by(page.c.place, page.c.turn, page.c.id)


def counted(filters: Filters, *, reviewer: str | None, today: dt.date | None) -> Select[int]:
    """How many cases the filters want."""
    return select(func.count()).select_from(_TABLE).where(*_wanted(filters, reviewer, today))


def first_for(reviewer: str, now: dt.datetime) -> list[Select[Any]]:
    """The case that is offered first, whole: that of the first of these that finds one. Of the reviewer's own, then of
    those that are in nobody's hands and that nobody looks at."""
    own, *free, _ = _groups(reviewer)
    unseen = or_(_TABLE.c.held_until.is_(None), _TABLE.c.held_until <= now, _TABLE.c.held_by == reviewer)
    return [
        select(_TABLE)
        .where(*_wanted(Filters(), reviewer, now.date()), *group)
        .order_by(_TABLE.c.turn, _TABLE.c.id)
        .limit(1)
        for group in (own, *([*group, unseen] for group in free))
    ]


def take_turns(connection: Connection) -> None:
    """Give every open case its place among those of its origin: family by family, the highest score first."""
    by_score = [func.coalesce(_TABLE.c.score, 0).desc(), _TABLE.c.id]
    turn = func.row_number().over(partition_by=[_TABLE.c.origin, _TABLE.c.family], order_by=by_score)
    families = (
        select(_TABLE.c.id, _TABLE.c.origin, func.coalesce(_TABLE.c.score, 0).label("score"), turn.label("turn"))
        .where(_TABLE.c.status.in_(OPEN))
        .subquery()
    )
    order = [families.c.turn, families.c.score.desc(), families.c.id]
    place = func.row_number().over(partition_by=families.c.origin, order_by=order).label("place")
    ranked = select(families.c.id, place).subquery()
    connection.execute(
        update(_TABLE).where(_TABLE.c.id == ranked.c.id, _TABLE.c.turn != ranked.c.place).values(turn=ranked.c.place)
    )


def _wanted(filters: Filters, reviewer: str | None, today: dt.date | None) -> list[ColumnElement[bool]]:
    said = [_TABLE.c.status == filters.status]
    said += [
        _TABLE.c[name] == value
        for name, value in (("kind", filters.kind), ("origin", filters.origin), ("family", filters.family))
        if value is not None
    ]
    if filters.least_score is not None:
        said.append(_TABLE.c.score >= filters.least_score)
    if filters.mine:
        said.append(_TABLE.c.assignee == (reviewer or ""))
    if filters.free:
        said.append(_TABLE.c.assignee.is_(None))
    if today is not None and filters.status == "open" and not filters.snoozed:
        said.append(or_(_TABLE.c.snoozed_until.is_(None), _TABLE.c.snoozed_until <= today))
    return said


def _groups(reviewer: str | None) -> list[list[ColumnElement[bool]]]:
    """The reviewer's own, calibration cases, flagged ones, those in somebody else's hands."""
    me = reviewer or ""  # nobody's name: a null would compare as "in nobody's hands"
    nobodys = _TABLE.c.assignee.is_(None)
    return [
        [_TABLE.c.assignee == me],
        [nobodys, _TABLE.c.origin == "calibration"],
        [nobodys, _TABLE.c.origin == "flag"],
        [_TABLE.c.assignee != me],
    ]
