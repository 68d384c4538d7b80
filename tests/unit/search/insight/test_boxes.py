"""Trees as boxes: what their variance is made of, beside integration cell by cell."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from sklearn.tree import DecisionTreeRegressor

from search.insight.boxes import Boxes, boxes_of, variances_of
from search.insight.units import Floats


def grown(d: int, seed: int, n: int = 40) -> tuple[DecisionTreeRegressor, Boxes]:
    """Fit a tree to noise, and return it with its boxes."""
    rng = np.random.default_rng(seed)
    tree = DecisionTreeRegressor(min_samples_leaf=2, random_state=0).fit(rng.random((n, d)), rng.normal(size=n))
    inner = tree.tree_
    children = np.stack([inner.children_left, inner.children_right], axis=1)
    return tree, boxes_of(children, inner.feature, inner.threshold, inner.value[:, 0, 0], d)


def test_the_boxes_say_what_the_tree_says() -> None:
    tree, boxes = grown(3, seed=1)
    points = np.random.default_rng(9).random((500, 3))
    inside = ((boxes.low < points[:, None]) & (points[:, None] <= boxes.high)).all(axis=2)  # (500, n_leaves)
    assert (inside.sum(axis=1) == 1).all()
    assert inside @ boxes.value == pytest.approx(tree.predict(points))
    assert boxes.sizes.prod(axis=1).sum() == pytest.approx(1)


def integrated(boxes: Boxes, kept: tuple[int, ...]) -> float:
    """Return the variance of the mean given some parameters, by visiting every cell of the grid of all edges."""
    d = boxes.low.shape[1]
    edges = [np.unique(np.concatenate([boxes.low[:, i], boxes.high[:, i]])) for i in range(d)]
    sides = [np.diff(one) for one in edges]
    heights = np.zeros([len(one) for one in sides])
    for cell in product(*(range(len(one)) for one in sides)):
        middle = np.array([edges[i][place] + sides[i][place] / 2 for i, place in enumerate(cell)])
        heights[cell] = boxes.value[((boxes.low < middle) & (middle < boxes.high)).all(axis=1)][0]
    for axis in range(d):
        if axis not in kept:
            heights = np.moveaxis(heights, axis, -1) @ sides[axis]
            heights = np.expand_dims(heights, axis)
    weights: Floats = np.ones(())
    for axis in range(d):
        weights = np.multiply.outer(weights, sides[axis] if axis in kept else np.ones(1))
    mean = (heights * weights).sum()
    return float(((heights - mean) ** 2 * weights).sum())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_variances_are_those_of_integration(seed: int) -> None:
    _, boxes = grown(3, seed)
    found = variances_of(boxes)
    assert found.total == pytest.approx(integrated(boxes, (0, 1, 2)))
    for i in range(3):
        assert found.single[i] == pytest.approx(integrated(boxes, (i,)))
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert found.pair[i, j] + found.single[i] + found.single[j] == pytest.approx(integrated(boxes, (i, j)))
        assert found.pair[j, i] == 0
    assert found.single.sum() + found.pair.sum() <= found.total + 1e-9


def test_of_two_parameters_nothing_is_left_over() -> None:
    found = variances_of(grown(2, seed=4, n=200)[1])
    assert found.single.sum() + found.pair.sum() == pytest.approx(found.total)


def test_a_single_leaf_has_no_variance() -> None:
    found = variances_of(Boxes(np.zeros((1, 2)), np.ones((1, 2)), np.array([3.0])))
    assert (found.total, found.single.sum(), found.pair.sum()) == (0, 0, 0)
