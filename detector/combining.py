"""How the evidence of families is put together into a score (docs/combinations.md).

The score is the sum of the evidence of the two strongest *causes*. Families that show the same cause count once, and
the second strongest of them for a little more, as somebody who is a stranger in two ways is rarer than in one: a
household of nine has many devices, many streams and long days, which is one thing and not three, and counts for less,
for most big households are just that. So does what shows that people live apart, where the year knows two homes and no
third, a family in two places or friends who share; and what repeats, for children and sleepers do that as well, but for
so much of it that nobody lives like that.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from detector.forests import Values

_CAUSES = 2  # that are added up
_ALSO = 0.3  # for how much the second strongest family of a cause counts
_SHARED = 0.7  # for how much it counts that two homes are apart
_FADES = 1.5  # decades of evidence before all of it counts, a family's weight fades


def total(
    evidence: Mapping[str, Values],
    *,
    causes: Mapping[str, str],
    weights: Mapping[str, float],
    in_full_from: Mapping[str, float],
    shows_sharing: Collection[str],
    shared: npt.NDArray[np.bool_] | bool = False,
) -> Values:
    """What the evidence of some accounts comes to: by family their evidence, what it shows, its weight and from where
    on it counts in full. Of accounts that are `shared` by two homes, the families that show sharing count for less."""
    by_cause: dict[str, list[Values]] = {}
    for family, cause in causes.items():
        of_shared = np.where(shared, _SHARED if family in shows_sharing else 1, 1)
        weighed = counted(evidence[family], weights[family], in_full_from.get(family))
        by_cause.setdefault(cause, []).append(of_shared * weighed)
    return strongest([strongest(shown, (_ALSO, 1.0)) for shown in by_cause.values()], (1.0,) * _CAUSES)


def counted(evidence: Values, weight: float, in_full_from: float | None = None) -> Values:
    """What counts of a family's evidence: its weight of it, and all of it from where nobody lives like that.

    >>> counted(np.array([2.0, 4.25, 6.0]), 0.5, 5.0).tolist()
    [1.0, 3.375, 6.0]
    """
    if in_full_from is None:
        return weight * evidence
    fades = in_full_from - _FADES
    below = np.interp(evidence, (0, fades, in_full_from), (0, weight * fades, in_full_from))
    return np.where(evidence < in_full_from, below, evidence)


def strongest(evidence: Sequence[Values], weights: Sequence[float]) -> Values:
    """The sum of the strongest, weighed; the last weight is that of the strongest of all.

    >>> strongest([np.array([1.0]), np.array([3.0]), np.array([2.0])], (0.5, 1.0))
    array([4.])
    """
    stacked = np.sort(np.stack(evidence), axis=0)[-len(weights) :]
    total: Values = (stacked * np.array(weights)[-len(stacked) :, None]).sum(axis=0)
    return total
