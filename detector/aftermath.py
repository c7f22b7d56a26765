"""What came of a confirmed case: whether the pattern stopped, told by the nights after the verdict."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from detector.cases import Case

if TYPE_CHECKING:
    import polars as pl

NIGHTS = 7  # on so many nights in a row, on which the account was seen, it must be ordinary to have stopped
_FOLLOWED_DAYS = 90  # after the verdict; a window of four weeks has long left the old pattern by then
Came = Literal["stopped", "goes on", "unknown"]


@dataclass(frozen=True)
class LaterNight:
    """A confirmed account on a later night that saw it: its p-value, at most so large a share of held-out accounts
    scores as high, and whether so few do that it would be within what reviewers can take."""

    case_id: int
    day: dt.date
    p_value: float
    over_line: bool


def follow(
    decided: Iterable[Case], scores: "pl.DataFrame", *, day: dt.date, capacity_share: float, least_p_value: float
) -> list[LaterNight]:
    """The confirmed accounts on a night after their verdict, as far as it saw them (`tables.Scores`).

    Within what reviewers can take is a p-value of at most their capacity's share of the accounts; where there are too
    few held-out accounts to tell so little, the least that the model can tell.
    """
    line = max(capacity_share, least_p_value)
    followed = {
        int(case.account, 16): case.id
        for case in decided
        if case.taught == "confirmed"
        and case.decided_at is not None
        and 0 < (day - case.decided_at.date()).days <= _FOLLOWED_DAYS
    }
    seen = scores.select("account", "p_value").drop_nulls().sort("account").iter_rows()
    return [LaterNight(followed[account], day, p, p <= line) for account, p in seen if account in followed]


def came_of(nights: Sequence[LaterNight]) -> Came:
    """What later nights, the earliest first, say of a confirmed case.

    It stopped if the last nights that saw the account were all ordinary, and it goes on if one of them was not. Where
    too few saw it to tell, nobody knows.

    >>> quiet = [LaterNight(1, dt.date(2025, 7, n), 0.5, False) for n in range(1, 8)]
    >>> came_of(quiet), came_of(quiet[1:]), came_of([*quiet, LaterNight(1, dt.date(2025, 7, 8), 0.001, True)])
    ('stopped', 'unknown', 'goes on')
    """
    last = nights[-NIGHTS:]
    if any(night.over_line for night in last):
        return "goes on"
    return "stopped" if len(last) == NIGHTS else "unknown"
