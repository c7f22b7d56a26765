"""Which features are behind a score: several ways to name them, for the same forest and the same accounts.

In accounts of an invented service, whatever else they are, three features are raised, to *extreme* values (half as
high again as the highest account) or to *moderate* ones (between the 95th and the 99th percentile). Told is the share
of the three features named first that were raised, and how much of the oddness goes when those three are set to what is
typical, as a share of what goes when the raised ones are.

python -m benchmarks.attribution --accounts 6000
"""

import argparse
import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import IsolationForest

from benchmarks import services
from detector import config, model
from detector.features import CATALOGUE
from detector.model import AccountModel
from detector.tails import Tail

Values = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float32]
Way = Callable[[Matrix], Values]
_RAISED, _DAYS, _SEED = 3, 100, 600
_TREES, _SAMPLES = 300, 1_024


def _shap(forest: IsolationForest) -> Way:
    """Shapley values over trees (Lundberg et al. 2020)."""
    with warnings.catch_warnings(action="ignore"):
        import shap  # noqa: PLC0415  only here
    explainer = shap.TreeExplainer(forest)
    return lambda x: -np.asarray(explainer.shap_values(x, check_additivity=False))


def _paths(forest: IsolationForest) -> Way:
    """By node, how much shorter the mean path becomes on the side that is taken (Saabas 2014, for forests)."""
    trees = []
    for estimator, beyond in zip(forest.estimators_, forest._average_path_length_per_tree, strict=True):
        tree = estimator.tree_
        inner = np.flatnonzero(tree.children_left >= 0)
        mean = np.asarray(tree.compute_node_depths(), np.float64) - 1 + beyond
        for node in inner[::-1]:  # children come after their parent
            sides = [tree.children_left[node], tree.children_right[node]]
            mean[node] = np.average(mean[sides], weights=tree.n_node_samples[sides])
        trees.append((tree, mean))

    def attribute(x: Matrix) -> Values:
        shorter = np.zeros(x.shape)
        for tree, mean in trees:
            rows, at = np.arange(len(x)), np.zeros(len(x), np.intp)
            while len(rows := rows[tree.children_left[at[rows]] >= 0]):
                parent = at[rows]
                feature = tree.feature[parent]
                left = x[rows, feature] <= tree.threshold[parent]
                at[rows] = np.where(left, tree.children_left[parent], tree.children_right[parent])
                shorter[rows, feature] += mean[parent] - mean[at[rows]]
        return shorter

    return attribute


def _surprise(tails: list[Tail]) -> Way:
    """What `model.explain` orders by: the evidence of each feature's own tail."""
    return lambda x: np.stack(
        [tail.evidence(column.astype(np.float64)) for tail, column in zip(tails, x.T, strict=True)], axis=1
    )


def _raised(
    x: Matrix, everybody: Matrix, can: npt.NDArray[np.intp], *, extreme: bool, seed: int
) -> tuple[Matrix, npt.NDArray[np.intp]]:
    """The accounts with three features raised, and which."""
    rng = np.random.default_rng(seed)
    high, higher, highest = np.quantile(everybody, [0.95, 0.99, 1], axis=0)
    which = np.stack([rng.choice(can, _RAISED, replace=False) for _ in x])
    values = 1.5 * highest[which] if extreme else rng.uniform(high[which], higher[which])
    raised = x.copy()
    np.put_along_axis(raised, which, values.astype(np.float32), axis=1)
    return raised, which


def _without(forest: IsolationForest, x: Matrix, named: npt.NDArray[np.intp], typical: Matrix) -> Values:
    """How much of the oddness goes where the named features are set to what is typical."""
    put = x.copy()
    np.put_along_axis(put, named, typical[named], axis=1)
    gone: Values = forest.score_samples(put) - forest.score_samples(x)
    return gone


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--accounts", type=int, default=6_000)
    parser.add_argument("--explained", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    known = services.known([services.LAST], accounts=asked.accounts, days=_DAYS, seed=_SEED)
    features = known.features[services.LAST]
    fitted: AccountModel = model.fit(features, CATALOGUE, config.load(environ={}).settings.model)
    x = model.matrix(fitted, features)
    oddness = fitted.evidence(x)[model.OVERALL]
    everybody = x[oddness <= np.quantile(oddness, 0.99)]
    forest = IsolationForest(n_estimators=_TREES, max_samples=_SAMPLES, random_state=0).fit(everybody)
    # Features of which a moderate value is one, rather than what nearly everybody has.
    can = np.flatnonzero(np.diff(np.quantile(everybody, [0.5, 0.95, 0.99], axis=0), axis=0).min(axis=0) > 0)
    some = everybody[np.random.default_rng(1).choice(len(everybody), asked.explained, replace=False)]
    paths, surprise = _paths(forest), _surprise([fitted.feature_tails_[name] for name in fitted.names])
    ways = {
        "SHAP": _shap(forest),
        "path attribution": paths,
        "own tail (in use)": surprise,
        "path attribution, if positive, times own tail": lambda rows: paths(rows).clip(0) * surprise(rows),
    }
    typical = np.median(everybody, axis=0)
    cells: dict[str, list[str]] = {way: [] for way in ways}
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for extreme in (True, False):
        raised, which = _raised(some, everybody, can, extreme=extreme, seed=2)
        all_gone = _without(forest, raised, which, typical).mean()
        for _ in range(asked.rounds):
            named = {}
            for way, attribute in ways.items():
                begun = time.perf_counter()
                found = attribute(raised)
                taken[way].append((time.perf_counter() - begun) / len(raised) * 1_000)
                named[way] = np.argsort(-found, axis=1, kind="stable")[:, :_RAISED]
        for way, first in named.items():
            right = np.mean([len(set(one) & set(true)) / _RAISED for one, true in zip(first, which, strict=True)])
            cells[way] += [f"{right:.2f}", f"{_without(forest, raised, first, typical).mean() / all_gone:.2f}"]
    print(
        f"{asked.explained} accounts, {_RAISED} of {len(can)} features raised, of {len(typical)} that the forest sees\n"
    )
    print("| | extreme: right | oddness gone | moderate: right | oddness gone | seconds per 1,000 accounts |")
    print("|---|---|---|---|---|---|")
    for way in ways:
        seconds = f"{statistics.median(taken[way]):.3f} ({min(taken[way]):.3f} to {max(taken[way]):.3f})"
        print(f"| {way} | " + " | ".join(cells[way]) + f" | {seconds} |")


if __name__ == "__main__":
    main()
