"""A regression tree as boxes, and how much of its variance each parameter and each pair explains, exactly.

A tree is constant on the boxes of its leaves. Averaged over all other parameters, it is therefore a step function of
one parameter and constant on the cells of a grid in two; both are sums of the leaves' values, each weighed by how much
of the other parameters its box covers. Adding a value to a range of cells costs two writes, to a rectangle four;
running sums do the rest, so a tree costs what its leaves and grids count, not their product.

Source: Hutter, Hoos and Leyton-Brown, An Efficient Approach for Assessing Hyperparameter Importance, ICML 2014, section
4, for the quantities; the difference arrays are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search.insight.units import Floats


@dataclass(frozen=True, slots=True)
class Boxes:
    """The leaves of a tree over the unit cube; they fill it and do not overlap.

    Attributes:
        low: (n_leaves, d) least corner of each.
        high: (n_leaves, d) greatest corner of each.
        value: (n_leaves,) what the tree says there.
    """

    low: Floats
    high: Floats
    value: Floats

    @property
    def sizes(self) -> Floats:
        """Return (n_leaves, d) the boxes' sides."""
        return self.high - self.low


@dataclass(frozen=True, slots=True)
class Variances:
    """Where a function on the unit cube gets its variance from.

    Attributes:
        total: Its variance.
        single: (d,) of the mean given one parameter.
        pair: (d, d) what a pair explains beyond either alone; above the diagonal, 0 elsewhere.
    """

    total: float
    single: Floats
    pair: Floats


def boxes_of(
    children: npt.NDArray[np.int64], splits: npt.NDArray[np.int64], at: Floats, value: Floats, d: int
) -> Boxes:
    """Return the leaves' boxes of a binary tree.

    Args:
        children: (n_nodes, 2) left and right child; -1 of a leaf. The root is node 0.
        splits: (n_nodes,) the parameter that a node splits.
        at: (n_nodes,) where; left is what lies at or below.
        value: (n_nodes,) what a leaf says.
        d: How many parameters there are.
    """
    n_nodes = len(splits)
    low, high = np.zeros((n_nodes, d)), np.ones((n_nodes, d))
    level = np.array([0])
    while len(level):
        inner = level[children[level, 0] >= 0]  # (k,)
        left, right = children[inner].T
        for child in (left, right):
            low[child], high[child] = low[inner], high[inner]
        high[left, splits[inner]] = at[inner]
        low[right, splits[inner]] = at[inner]
        level = np.concatenate([left, right])
    is_leaf = children[:, 0] < 0
    return Boxes(low[is_leaf], high[is_leaf], value[is_leaf])


def variances_of(boxes: Boxes) -> Variances:
    """Decompose the variance of a tree under uniform parameters; exact but for rounding."""
    sizes, d = boxes.sizes, boxes.low.shape[1]
    volume = sizes.prod(axis=1)  # (n_leaves,)
    mean = float(volume @ boxes.value)
    value = boxes.value - mean  # (n_leaves,); the mean of the whole is then 0, and variances are mean squares
    total = float(volume @ value**2)
    axes = [_Axis(boxes.low[:, i], boxes.high[:, i]) for i in range(d)]
    single = np.array([axis.mean_square(_others(sizes, i) * value) for i, axis in enumerate(axes)])
    pair = np.zeros((d, d))
    for i in range(d):
        for j in range(i + 1, d):
            joint = _joint_mean_square(axes[i], axes[j], _others(sizes, i, j) * value)
            pair[i, j] = max(joint - single[i] - single[j], 0.0)
    return Variances(total, single, pair)


class _Axis:
    """One parameter cut where any leaf begins or ends."""

    def __init__(self, low: Floats, high: Floats) -> None:
        self.edges = np.unique(np.concatenate([low, high]))  # (k + 1,)
        self.sizes = np.diff(self.edges)  # (k,)
        self.first = np.searchsorted(self.edges, low)  # (n_leaves,)
        self.last = np.searchsorted(self.edges, high)  # (n_leaves,), the first cell beyond the leaf

    def mean_square(self, weights: Floats) -> float:
        """Return the mean square of the sum of (n_leaves,) weights, each spread over its leaf's cells."""
        n = len(self.edges)
        changes = np.bincount(self.first, weights, n) - np.bincount(self.last, weights, n)  # (k + 1,)
        heights = np.cumsum(changes)[:-1]  # (k,)
        return float(self.sizes @ heights**2)


def _joint_mean_square(one: _Axis, other: _Axis, weights: Floats) -> float:
    shape = len(one.edges), len(other.edges)
    changes = np.zeros(shape[0] * shape[1])
    corners = ((one.first, other.first, 1), (one.last, other.first, -1), (one.first, other.last, -1))
    for rows, columns, sign in (*corners, (one.last, other.last, 1)):
        changes += np.bincount(rows * shape[1] + columns, sign * weights, len(changes))
    heights = changes.reshape(shape).cumsum(axis=0).cumsum(axis=1)[:-1, :-1]  # (k, l)
    return float(one.sizes @ heights**2 @ other.sizes)


def _others(sizes: Floats, *but: int) -> Floats:
    """Return (n_leaves,) how much of all other parameters each leaf covers."""
    kept = [i for i in range(sizes.shape[1]) if i not in but]
    covered: Floats = sizes[:, kept].prod(axis=1)
    return covered
