"""Evidence of families becomes a score: causes, weights, and what nobody lives like."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from detector import combining
from detector.forests import Values

ALONE = {"habits": "habits", "screens": "screens", "travel": "travel"}
IN_FULL = dict.fromkeys(ALONE, 1.0)


def _total(
    evidence: Mapping[str, Sequence[float]],
    *,
    causes: Mapping[str, str] = ALONE,
    weights: Mapping[str, float] = IN_FULL,
    in_full_from: Mapping[str, float] | None = None,
    shows_sharing: Collection[str] = (),
    shared: Any = False,
) -> list[float]:
    found: Values = combining.total(
        {family: np.array(values) for family, values in evidence.items()},
        causes=causes,
        weights=weights,
        in_full_from=in_full_from or {},
        shows_sharing=shows_sharing,
        shared=shared,
    )
    return [float(value) for value in found]


def test_the_two_strongest_causes_count() -> None:
    """A third adds nothing."""
    assert _total({"habits": [1.0], "screens": [3.0], "travel": [2.0]}) == [5.0]


def test_families_that_show_the_same_cause_count_once() -> None:
    """A big household shows in its devices and in its streams: the stronger of the two counts, not their sum,
    and the other for a little."""
    evidence = {"habits": [1.0], "screens": [3.0], "travel": [2.0]}
    same = {"habits": "a", "screens": "b", "travel": "b"}
    assert _total(evidence, causes=same) == pytest.approx([4.6])
    less = IN_FULL | {"screens": 0.5, "travel": 0.5}
    assert _total(evidence, causes=same, weights=less) == pytest.approx([2.8])


def test_what_nobody_lives_like_counts_in_full_whatever_the_weight() -> None:
    """The weight fades over a decade and a half before, so that more evidence never counts for less."""
    rising = [1.0, 3.5, 4.25, 4.99, 5.0, 5.01, 9.0]
    none = [0.0] * len(rising)
    evidence = {"habits": rising, "screens": none, "travel": none}
    found = _total(evidence, weights=IN_FULL | {"habits": 0.5}, in_full_from={"habits": 5.0})
    assert found == sorted(found)
    assert [found[nth] for nth in (0, 1, 2, 4, 6)] == pytest.approx([0.5, 1.75, 3.375, 5.0, 9.0])


def test_that_two_homes_are_apart_counts_for_less() -> None:
    """A family in two places, or friends who share, show strangers as resale does; their habits count as ever."""
    evidence = {family: [2.0, 2.0] for family in ALONE}
    for weight, expected in ((0.1, [4.0, 2.8]), (1.0, [4.0, 3.4])):
        found = _total(
            evidence,
            weights=IN_FULL | {"habits": weight},
            shows_sharing=("screens", "travel"),
            shared=np.array([False, True]),
        )
        assert found == pytest.approx(expected)
