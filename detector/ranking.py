"""Measures of a ranking: how much of a group is found how early, when some accounts count more often than others.

A bootstrap draws accounts anew; a draw is no more than a weight for each, so that the ranking is sorted once.
"""

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

_Z = 1.959964  # of the normal distribution, for 95 %

Array = npt.NDArray[Any]


class Ranking:
    """Accounts from the highest score to the lowest, which of them are abusive and which innocent, and how many of
    all are put before a reviewer."""

    def __init__(self, score: Array, bad: Array, good: Array, capacity: int) -> None:
        self.score, self.bad, self.good, self.capacity = score, bad, good, capacity
        # Equal scores are one step of the ranking: the last account of each.
        self.ends = np.searchsorted(-score, -score, side="right") - 1

    def drawn(self, weight: Array) -> "Draw":
        """The ranking with so many of each account."""
        return Draw(self, weight)


class Draw:
    """A ranking in which each account counts as often as its weight says. Groups are positions, in order."""

    def __init__(self, ranking: Ranking, weight: Array) -> None:
        self.ranking, self.weight = ranking, weight

    @cached_property
    def _alarms(self) -> Array:
        """How many of the innocent stand at or above each place."""
        return np.cumsum(np.where(self.ranking.good, self.weight, 0))

    @cached_property
    def _flagged(self) -> Array:
        """How much of each account is within the capacity."""
        before = np.cumsum(self.weight) - self.weight
        flagged: Array = np.clip(self.ranking.capacity - before, 0, self.weight)
        return flagged

    def average_precision(self, group: Array) -> float:
        """Mean over the group of the precision at each one's place, others of the abusive left out."""
        weight = self.weight[group]
        if not weight.sum() or not self._alarms.size or not self._alarms[-1]:
            return np.nan
        end = self.ranking.ends[group]
        caught = np.append(0, np.cumsum(weight))[np.searchsorted(group, end, side="right")]
        at_or_above = caught + self._alarms[end]
        precision = np.divide(caught, at_or_above, out=np.zeros_like(caught), where=at_or_above > 0)
        return float((weight * precision).sum() / weight.sum())

    def above(self, group: Array, share: float) -> float:
        """Share of the group that scores higher than all but `share` of the innocent."""
        weight = self.weight[group]
        if not weight.sum() or not self._alarms.size or not self._alarms[-1]:
            return np.nan
        allowed = np.floor(share * self._alarms[-1] + 1e-9)
        line = self.ranking.score[np.searchsorted(self._alarms, allowed, side="right")]
        return float(weight[self.ranking.score[group] > line].sum() / weight.sum())

    def within(self, group: Array) -> float:
        """Share of the group that is put before a reviewer."""
        total = self.weight[group].sum()
        return float(self._flagged[group].sum() / total) if total else np.nan

    def precision(self) -> float:
        """Share of the abusive among the abusive and innocent put before a reviewer."""
        right, wrong = self._flagged[self.ranking.bad].sum(), self._flagged[self.ranking.good].sum()
        return float(right / (right + wrong)) if right + wrong else np.nan

    def judged(self) -> int:
        """How many of those put before a reviewer are abusive or innocent, and not something between."""
        return int(self._flagged[self.ranking.bad | self.ranking.good].sum())


def interval(found: Array, n: int) -> tuple[float | None, float | None, float | None]:
    """The first figure, which is of the accounts as they are, and a 95 % interval that contains it.

    The interval is the bootstrap's, by the other figures; for a share of `n` accounts (0: no share) at least Wilson's.
    """
    value, drawn = float(found[0]), found[np.isfinite(found)]
    if np.isnan(value):
        return None, None, None
    bounds = [value, *np.quantile(drawn, [0.025, 0.975]), *(wilson(value, n) if n else ())]
    return value, float(min(bounds)), float(max(bounds))


def wilson(share: float, n: int) -> tuple[float, float]:
    """The 95 % interval of a share among `n` accounts, at least one (Wilson 1927).

    >>> [round(bound, 3) for bound in wilson(1.0, 5)]
    [0.566, 1.0]
    >>> {wilson(0.0, n)[0] for n in range(1, 1_000)}
    {0.0}
    """
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    # At 0 and 1 the last digit of the difference would put the share outside.
    return min(share, max(0.0, float(centre - half))), max(share, min(1.0, float(centre + half)))


def share_of(true: pl.Series) -> dict[str, Any]:
    """Of how many `accounts` it is true, as share (`value`) with its 95 % interval (`low`, `high`); null of nobody.

    >>> share_of(pl.Series([True] * 5))["value"], share_of(pl.Series([], dtype=pl.Boolean))["value"]
    (1.0, None)
    """
    n = len(true)
    value = int(true.sum()) / n if n else None
    low, high = wilson(value, n) if value is not None else (None, None)
    return {"accounts": n, "value": value, "low": low, "high": high}
