"""Isolation forests as a few flat arrays."""

import pickle
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest

from detector import forests
from detector.forests import Forest, Matrix


def _rows(seed: int, n: int, columns: int) -> Matrix:
    """Counts, measures and constants, as features are; many rows are equal in some columns."""
    rng = np.random.default_rng(seed)
    x = rng.lognormal(0, 2, (n, columns))
    x[:, ::2] = np.floor(x[:, ::2])
    return x.astype(np.float32)


@pytest.fixture(params=["compiled", "plain"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are walked by machine code, however few, or as without numba, however many."""
    if request.param == "compiled":
        assert forests._compiled() is not None
        monkeypatch.setattr(forests, "_WORTH_COMPILING", 0)
    else:
        monkeypatch.setattr(forests, "_compiled", lambda: None)


@pytest.mark.usefixtures("way")
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**16), n=st.integers(2, 400), columns=st.integers(1, 6), samples=st.integers(2, 300))
def test_scores_are_those_of_scikit_learn_to_the_last_bit(seed: int, n: int, columns: int, samples: int) -> None:
    """Whatever it was grown on, and for rows that it has not seen, beyond its thresholds and on them."""
    x = _rows(seed, n, columns)
    forest = Forest(trees=7, samples=samples, seed=seed).fit(x)
    theirs = IsolationForest(n_estimators=7, max_samples=min(samples, n), random_state=seed).fit(x)
    others = _rows(seed + 1, 50, columns)
    on_edge = np.full((1, columns), 0, np.float32) + forest.threshold_[0]
    for rows in (x, others, others * 1e6, on_edge, np.full((1, columns), np.inf, np.float32)):
        finite = np.minimum(rows, np.finfo(np.float32).max)  # which scikit-learn asks for
        assert (forest.oddness(rows) == -theirs.score_samples(finite)).all()


@pytest.mark.usefixtures("way")
def test_rows_are_scored_as_if_alone() -> None:
    """Cutting many rows into pieces for several cores changes nothing."""
    x = _rows(3, 70_000, 3)
    forest = Forest(trees=5, samples=256, seed=1).fit(x)
    whole = forest.oddness(x)
    assert (
        whole == np.concatenate([forest.oddness(x[:9]), forest.oddness(x[9:40_000]), forest.oddness(x[40_000:])])
    ).all()


def test_few_rows_compile_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small home does not wait for a compiler; a large night is walked by machine code."""
    asked = []
    monkeypatch.setattr(forests, "_compiled", lambda: asked.append(1))
    x = _rows(1, 50_000, 2)
    forest = Forest(trees=2, samples=64, seed=1).fit(x)
    forest.oddness(x[:-1])
    assert not asked
    forest.oddness(x)
    assert asked


def test_without_numba_scores_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the extra is not installed, scikit-learn's trees are walked."""
    monkeypatch.setitem(sys.modules, "numba", None)
    assert forests._compiled.__wrapped__() is None


def test_a_stored_forest_is_the_same() -> None:
    """What comes back scores alike."""
    x = _rows(1, 500, 4)
    forest = Forest(trees=5, samples=128, seed=1).fit(x)
    assert (pickle.loads(pickle.dumps(forest)).oddness(x) == forest.oddness(x)).all()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("left_", 0),
        ("left_", 10**6),
        ("right_", 10**6),
        ("right_", -1),
        ("left_", -2),
        ("left_", 2),
        ("feature_", 4),
        ("feature_", -2),
    ],
)
def test_a_way_that_leads_out_of_the_forest_is_refused(name: str, value: int) -> None:
    """One altered index would crash the process when a row comes by: it is refused when loaded."""
    forest = Forest(trees=3, samples=64, seed=1).fit(_rows(1, 200, 4))
    state = dict(vars(forest))
    state[name] = state[name].copy()
    state[name][0] = value  # the first node is no leaf
    with pytest.raises(ValueError, match="leads out"):
        Forest(trees=3, samples=64, seed=1).__setstate__(state)


@pytest.mark.parametrize("name", ["feature_", "threshold_", "left_", "right_", "path_", "first_node_"])
def test_a_torn_forest_is_refused(name: str) -> None:
    """An array that is shorter than the others is no forest."""
    forest = Forest(trees=3, samples=64, seed=1).fit(_rows(1, 200, 4))
    state = dict(vars(forest)) | {name: getattr(forest, name)[:-1]}
    with pytest.raises(ValueError, match="leads out"):
        Forest(trees=3, samples=64, seed=1).__setstate__(state)
