"""How rare a value is, told from the accounts that were held out."""

from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator

from detector.features import Shape
from detector.forests import Values

_HIGH, _HIGHER = 0.90, 0.99  # beyond the second the tail is extrapolated, by how it fell from the first

_POWER_MOST = 12.0  # decades


class Tail(BaseEstimator):  # type: ignore[misc]
    """How rare a value is from above, against held-out accounts.

    By rank: nothing is rarer than the rarest of them, for nobody knows how such a tail goes on; what lies beyond them
    gains at most one decade, so that it keeps its order. An *exponential* tail is followed beyond the 99th
    percentile, as it fell from the 90th to the 99th (peaks over threshold, Pickands 1975; both quantiles are little
    moved by the few abusive accounts that the held-out ones contain). Where the two coincide, the mean excess serves.
    A *power* tail is an exponential one of the values' logarithms, and is followed over twelve decades at most: where
    it is steep, a screen in a bar or a series left on would else stand before a title viewed on 365 days in a row.
    """

    def __init__(self, shape: Shape = "rank") -> None:
        self.shape = shape

    def fit(self, values: Values) -> Self:
        """Learn from finite values of held-out accounts."""
        self.sorted_ = np.sort(self._scaled(values))
        high, self.threshold_ = np.quantile(self.sorted_, [_HIGH, _HIGHER])
        excess = self.sorted_[self.sorted_ > self.threshold_] - self.threshold_
        if self.threshold_ > high:
            self.per_decade_ = float(self.threshold_ - high)
        else:
            self.per_decade_ = float(excess.mean() * np.log(10)) if len(excess) else 1.0
        return self

    def _scaled(self, values: Values) -> Values:
        return np.log1p(values.clip(0)) if self.shape == "power" else values

    def evidence(self, values: Values, *, own: npt.NDArray[np.bool_] | bool = False) -> Values:
        """-log10 of the share of accounts at least as high. `own` values were learned from: the others judge them."""
        values = self._scaled(values)
        n, largest = len(self.sorted_) - np.asarray(own, int), self.sorted_[-1]
        at_least = len(self.sorted_) - np.searchsorted(self.sorted_, values, side="left") - np.asarray(own, int)
        by_rank: Values = -np.log10((1 + at_least) / (n + 1))
        if self.shape == "rank":
            if len(self.sorted_) > 1:
                largest = np.where(own & (at_least == 0), self.sorted_[-2], largest)
            beyond = np.maximum(values - largest, 0)
            further: Values = by_rank + beyond / (beyond + abs(largest) + 1)
            return further
        followed = -np.log10(1 - _HIGHER) + (values - self.threshold_) / self.per_decade_
        if self.shape == "power":
            followed = np.minimum(followed, _POWER_MOST)
        evidence: Values = np.where(values > self.threshold_, followed, np.minimum(by_rank, -np.log10(1 - _HIGHER)))
        return evidence
