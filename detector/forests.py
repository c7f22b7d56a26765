"""An isolation forest whose trees are a few flat arrays: small at rest, checked when loaded, walked on every core.

scikit-learn grows the forest. What is kept of it gives the scores that scikit-learn would have given, to the last bit,
whether scikit-learn's own trees are walked or, for many rows and where numba is installed (the extra `fast`), arrays
by machine code.
"""

import functools
import os
from collections.abc import Callable, Iterator
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
_COMPILED_ROWS_AT_ONCE = 2_048  # ... and the rows too
_WORTH_COMPILING = 50_000  # rows: to load numba and compile takes longer than to walk so many
_SIDE_BY_SIDE = 64  # rows that the compiled walk takes down a tree together, so that none waits for the other's memory
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
        compiled = _compiled() if len(x) >= _WORTH_COMPILING else None
        walk = self._walk() if compiled is None else self._compiled_walk(compiled)
        at_once = _ROWS_AT_ONCE if compiled is None else _COMPILED_ROWS_AT_ONCE
        parts = np.array_split(
            np.ascontiguousarray(x), max(-(-len(x) // at_once), min(len(x) // 1000, os.cpu_count() or 1), 1)
        )
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # walks let go of the lock; a row is walked as if alone
            length = np.concatenate(list(pool.map(walk, parts)))
        return 2.0 ** (-length / self.longest_ if self.longest_ else -np.ones_like(length))

    def _walk(self) -> Callable[[Matrix], Values]:
        """The length of the paths of rows, added up over scikit-learn's own trees."""
        trees = [*self._trees()]

        def walk(rows: Matrix) -> Values:
            length = np.zeros(len(rows))
            for tree, path in trees:
                length += path[tree.apply(rows)]
            return length

        return walk

    def _compiled_walk(self, compiled: Callable[..., None]) -> Callable[[Matrix], Values]:
        """The same from machine code: `_descend` over nodes put in order of depth, siblings side by side."""
        first = self.first_node_[:-1]
        tree = np.repeat(np.arange(len(first)), np.diff(self.first_node_))
        left, right = (first[tree] + side for side in (self.left_, self.right_))
        depth = np.zeros(len(tree), np.int64)
        levels = [first]
        while len(parents := levels[-1][self.left_[levels[-1]] >= 0]):
            levels.append(np.stack([left[parents], right[parents]], axis=1).ravel())
            depth[levels[-1]] = len(levels) - 1
        order = np.concatenate(levels)
        order = order[np.argsort(tree[order], kind="stable")]
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        leaf = self.left_[order] < 0  # nothing is greater than its threshold, so that a row stays there
        nodes = (
            first.astype(np.uint32),
            np.maximum.reduceat(depth, first),
            np.where(leaf, 0, self.feature_[order]).astype(np.uint32),
            np.where(leaf, np.float32(np.inf), self.threshold_[order]),
            np.where(leaf, np.arange(len(order)), place[left[order]]).astype(np.uint32),
            self.path_[order],
        )

        def walk(rows: Matrix) -> Values:
            length = np.zeros(len(rows))
            compiled(rows.ravel(), np.uint32(rows.shape[1]), *nodes, length)
            return length

        return walk

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
        # Children come after their parent, so that no way turns round, and each has one.
        forward = all(((side > nth) & (side < size))[inner].all() for side in (self.left_, self.right_))
        child = np.concatenate([(side + np.arange(len(nth)) - nth)[inner] for side in (self.left_, self.right_)])
        forward = forward and np.array_equal(np.sort(child), np.flatnonzero(nth))
        looks = (self.feature_[inner] >= 0) & (self.feature_[inner] < self.n_features_in_)
        leaves = (self.left_[~inner] == TREE_LEAF) & (self.right_[~inner] == TREE_LEAF)
        return bool(forward and looks.all() and leaves.all())


@functools.cache
def _compiled() -> Callable[..., None] | None:
    """`_descend` as machine code that lets go of the lock; None where numba is not installed or does not fit numpy."""
    try:
        import numba  # noqa: PLC0415  takes half a second
    except ImportError:
        return None
    compiled: Callable[..., None] = numba.njit(nogil=True)(_descend)
    return compiled


def _descend(x, columns, first, steps, feature, threshold, child, path, length):  # type: ignore[no-untyped-def]
    """Add to `length`, by row of the flat `x`, the `path` of the node that it reaches, tree after tree.

    `child` is a node's left one, which its right one follows. All indices are unsigned: numba would allow for negative
    ones otherwise, which takes a third of the time.
    """
    at = np.empty(_SIDE_BY_SIDE, np.uint32)
    for tree in range(len(first)):
        for begin in range(0, len(length), _SIDE_BY_SIDE):
            rows = min(_SIDE_BY_SIDE, len(length) - begin)
            at[:] = first[tree]
            for _ in range(steps[tree]):
                for i in range(rows):
                    node = at[i]
                    value = x[np.uint32(begin + i) * columns + feature[node]]
                    at[i] = child[node] + np.uint32(value > threshold[node])
            for i in range(rows):
                length[begin + i] += path[at[i]]


def _rounded_down(thresholds: Values) -> Matrix:
    """The largest float32 that is at most the threshold: no float32 lies between the two."""
    near = thresholds.astype(np.float32)
    return np.where(near > thresholds, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)


def _average_path(samples: int) -> float:
    """Average path of an unsuccessful search in a binary tree of so many (Preiss 2000); 0 for one."""
    if samples <= 2:
        return float(samples - 1)
    return float(2.0 * (np.log(samples - 1.0) + np.euler_gamma) - 2.0 * (samples - 1.0) / samples)
