"""How fast a forest scores, and whether its scores are scikit-learn's: alternating, in one run.

python -m benchmarks.forests --accounts 500000
"""

import argparse
import statistics
import time
from collections.abc import Callable
from unittest import mock

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import IsolationForest

from detector import forests
from detector.forests import Forest, Matrix

_FEATURES, _TREES, _SAMPLES = 40, 300, 1_024
_OURS, _PLAIN, _THEIRS = "this forest", "... without numba", "scikit-learn"


def _accounts(n: int) -> Matrix:
    """Counts and measures, as features are."""
    rng = np.random.default_rng(0)
    x = rng.lognormal(0, 1, (n, _FEATURES)).astype(np.float32)
    x[:, ::2] = np.floor(3 * x[:, ::2])
    return x


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    x = _accounts(asked.accounts)
    learned = x[:50_000]
    ours = Forest(trees=_TREES, samples=_SAMPLES, seed=0).fit(learned)
    theirs = IsolationForest(n_estimators=_TREES, max_samples=min(_SAMPLES, len(learned)), random_state=0).fit(learned)

    def plain() -> npt.NDArray[np.float64]:
        with mock.patch.object(forests, "_compiled", return_value=None):
            return ours.oddness(x)

    ways: dict[str, Callable[[], npt.NDArray[np.float64]]] = {
        _OURS: lambda: ours.oddness(x), _PLAIN: plain, _THEIRS: lambda: -theirs.score_samples(x),
    }  # fmt: skip
    begun = time.perf_counter()
    first = ours.oddness(x[: forests._WORTH_COMPILING])
    print(f"the first {len(first)} accounts, with what is compiled once: {time.perf_counter() - begun:.1f} s")
    taken: dict[str, list[float]] = {way: [] for way in ways}
    scores = {}
    for _ in range(asked.rounds):
        for way, run in ways.items():
            begun = time.perf_counter()
            scores[way] = run()
            taken[way].append(time.perf_counter() - begun)
    print(f"{asked.accounts} accounts, {_FEATURES} features, {_TREES} trees of {_SAMPLES}; {asked.rounds} rounds")
    print("| | seconds: median (least to most) | times as fast | largest difference of scores |\n|---|---|---|---|")
    for way, seconds in taken.items():
        faster = statistics.median(slow / fast for slow, fast in zip(taken[_THEIRS], seconds, strict=True))
        apart = float(np.abs(scores[way] - scores[_THEIRS]).max())
        median = f"{statistics.median(seconds):.1f} ({min(seconds):.1f} to {max(seconds):.1f})"
        print(f"| {way} | {median} | {faster:.1f} | {apart} |")


if __name__ == "__main__":
    main()
