"""How the queue is asked for: filtered, in order, page by page, without reading what was measured of each case.

Those already in the reviewer's hands come first. Then calibration cases, because every one of them brings a stated
error rate nearer, and then what nights have flagged; those in somebody else's hands come last. Within each, the
families take turns, the highest score of each first: what is labelled teaches more when it is of many kinds. Whose turn
it is each publication works out anew (`take_turns`), so that a page costs one look at an index.
"""

import datetime as dt
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, or_, select, update

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
    order = _in_order(reviewer) if filters.status in OPEN else [_TABLE.c.id.desc()]
    page = select(_TABLE.c.id, func.row_number().over(order_by=order).label("place"))
    page = page.where(*_wanted(filters, reviewer, today)).order_by(*order).limit(limit).offset(offset)
    places = page.subquery()
    return select(*LIGHT).join(places, places.c.id == _TABLE.c.id).order_by(places.c.place)


def counted(filters: Filters, *, reviewer: str | None, today: dt.date | None) -> Select[int]:
    """How many cases the filters want."""
    return select(func.count()).select_from(_TABLE).where(*_wanted(filters, reviewer, today))


def first_for(reviewer: str, now: dt.datetime) -> Select[Any]:
    """All of the case that is offered first: one of the reviewer's own, else one in nobody's hands or sight."""
    held = and_(_TABLE.c.held_by != reviewer, _TABLE.c.held_until > now)
    free = and_(_TABLE.c.assignee.is_(None), or_(_TABLE.c.held_until.is_(None), ~held))
    first = (
        select(_TABLE.c.id)
        .where(*_wanted(Filters(), reviewer, now.date()), or_(_TABLE.c.assignee == reviewer, free))
        .order_by(*_in_order(reviewer))
        .limit(1)
    )
    return select(_TABLE).where(_TABLE.c.id == first.scalar_subquery())


def take_turns(connection: Connection) -> None:
    """Give every open case its place among those of its origin and family, the highest score first."""
    by_score = [func.coalesce(_TABLE.c.score, 0).desc(), _TABLE.c.id]
    turn = func.row_number().over(partition_by=[_TABLE.c.origin, _TABLE.c.family], order_by=by_score) - 1
    ranked = select(_TABLE.c.id, turn.label("turn")).where(_TABLE.c.status.in_(OPEN)).subquery()
    connection.execute(
        update(_TABLE).where(_TABLE.c.id == ranked.c.id, _TABLE.c.turn != ranked.c.turn).values(turn=ranked.c.turn)
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
    if today is not None and not filters.snoozed:
        said.append(or_(_TABLE.c.snoozed_until.is_(None), _TABLE.c.snoozed_until <= today))
    return said


def _in_order(reviewer: str | None) -> list[ColumnElement[Any]]:
    group = case(
        (_TABLE.c.assignee == (reviewer or ""), 0),  # nobody's name: a null would compare as "in nobody's hands"
        (_TABLE.c.assignee.is_not(None), 3),
        (_TABLE.c.origin == "calibration", 1),
        else_=2,
    )
    return [group, _TABLE.c.turn, func.coalesce(_TABLE.c.score, 0).desc(), _TABLE.c.id]
