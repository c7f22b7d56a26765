"""An isolation forest whose trees are a few flat arrays: small at rest, checked when loaded, walked on every core.

scikit-learn grows the forest. What is kept of it gives the scores that scikit-learn would have given, to the last bit.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator
from sklearn.ensemble import IsolationForest
from sklearn.tree._tree import NODE_DTYPE, TREE_LEAF, Tree

Matrix = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]

_ROWS_AT_ONCE = 32_768  # of a thread: the nodes of a tree stay in its cache
_NODES = ("feature_", "threshold_", "left_", "right_", "path_")


class Forest(BaseEstimator):  # type: ignore[misc]
    """Isolation forest (Liu, Ting and Zhou 2008) over float32 rows without gaps.

    Attributes:
        first_node_: where each tree begins among the nodes, and where the last one ends.
        feature_: by node, the column it looks at; -2 at a leaf.
        threshold_: rows that are at most this go left. float32, rounded down: for float32 rows that is the same.
        left_, right_: where they go, counted from the tree's first node; -1 at a leaf.
        path_: at a leaf, how long the path to it is, with what its accounts would still need to be told apart.
        longest_: the path length that every path is measured against, times the number of trees.
    """

    def __init__(self, *, trees: int, samples: int, seed: int) -> None:
        self.trees = trees
        self.samples = samples
        self.seed = seed

    def fit(self, x: Matrix, y: None = None) -> Self:
        """Grow the forest; the order of rows matters."""
        grown = IsolationForest(
            n_estimators=self.trees, max_samples=min(self.samples, len(x)), random_state=self.seed
        ).fit(x)
        trees = [estimator.tree_ for estimator in grown.estimators_]
        self.n_features_in_ = x.shape[1]
        self.first_node_ = np.cumsum([0, *(tree.node_count for tree in trees)])
        self.feature_ = np.concatenate([tree.feature for tree in trees]).astype(np.int16)
        self.threshold_ = _rounded_down(np.concatenate([tree.threshold for tree in trees]))
        self.left_ = np.concatenate([tree.children_left for tree in trees]).astype(np.int32)
        self.right_ = np.concatenate([tree.children_right for tree in trees]).astype(np.int32)
        # Added up in scikit-learn's own order, for the last bit.
        reached, beyond = map(np.concatenate, (grown._decision_path_lengths, grown._average_path_length_per_tree))
        self.path_ = np.where(self.left_ < 0, reached + beyond - 1.0, 0.0)
        self.longest_ = len(trees) * _average_path(int(grown.max_samples_))
        return self

    def oddness(self, x: Matrix) -> Values:
        """scikit-learn's anomaly score of each row, from 0 to 1; higher is odder."""
        trees = [*self._trees()]
        parts = np.array_split(
            np.ascontiguousarray(x), max(-(-len(x) // _ROWS_AT_ONCE), min(len(x) // 1000, os.cpu_count() or 1), 1)
        )

        def walk(rows: Matrix) -> Values:
            length = np.zeros(len(rows))
            for tree, path in trees:
                length += path[tree.apply(rows)]
            return length

        with ThreadPoolExecutor(os.cpu_count()) as pool:  # trees let go of the lock; a row is walked as if alone
            length = np.concatenate(list(pool.map(walk, parts)))
        return 2.0 ** (-length / self.longest_ if self.longest_ else -np.ones_like(length))

    def _trees(self) -> Iterator[tuple[Tree, Values]]:
        """scikit-learn's own trees, and the path of each of their nodes."""
        for begin, end in zip(self.first_node_[:-1], self.first_node_[1:], strict=True):
            nodes = np.zeros(end - begin, NODE_DTYPE)
            for name, values in (
                ("left_child", self.left_), ("right_child", self.right_), ("feature", self.feature_),
                ("threshold", self.threshold_),
            ):  # fmt: skip
                nodes[name] = values[begin:end]
            tree = Tree(self.n_features_in_, np.ones(1, np.intp), 1)
            unused = np.zeros((len(nodes), 1, 1))
            tree.__setstate__({"max_depth": 0, "node_count": len(nodes), "nodes": nodes, "values": unused})
            yield tree, self.path_[begin:end]

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what was stored, if every way through it ends at a leaf within it.

        Raises:
            ValueError: it does not; scikit-learn would read beyond its memory.
        """
        super().__setstate__(state)
        if not self._is_sound():
            raise ValueError("a way through the forest leads out of it")

    def _is_sound(self) -> bool:
        if self.first_node_[0] != 0 or any(len(getattr(self, name)) != self.first_node_[-1] for name in _NODES):
            return False
        sizes = np.diff(self.first_node_)
        if (sizes < 1).any():
            return False
        size, nth = np.repeat(sizes, sizes), np.arange(sizes.sum()) - np.repeat(self.first_node_[:-1], sizes)
        inner = self.left_ >= 0
        # Children come after their parent, so that no way turns round.
        forward = all(((side > nth) & (side < size))[inner].all() for side in (self.left_, self.right_))
        looks = (self.feature_[inner] >= 0) & (self.feature_[inner] < self.n_features_in_)
        leaves = (self.left_[~inner] == TREE_LEAF) & (self.right_[~inner] == TREE_LEAF)
        return bool(forward and looks.all() and leaves.all())


def _rounded_down(thresholds: Values) -> Matrix:
    """The largest float32 that is at most the threshold: no float32 lies between the two."""
    near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)


def _average_path(samples: int) -> float:
    """Average path of an unsuccessful search in a binary tree of so many (Preiss 2000); 0 for one."""
    if samples <= 2:
        return float(samples - 1)
    return float(2.0 * (np.log(samples - 1.0) + np.euler_gamma) - 2.0 * (samples - 1.0) / samples)
