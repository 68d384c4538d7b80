"""Hypervolumes beside formulas and counting."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from search.insight.fronts import box_of, front_of, hypervolume, progress


def test_one_objective_is_a_length() -> None:
    assert hypervolume(np.array([[3.0], [1.0], [9.0]]), np.array([5.0])) == 4


def test_two_objectives_are_an_area_of_steps() -> None:
    losses = np.array([[0.0, 2.0], [1.0, 1.0], [2.0, 0.0], [1.5, 1.5], [5.0, 0.0], [0.0, 2.0]])
    assert hypervolume(losses, np.array([3.0, 3.0])) == 3 * 1 + 2 * 1 + 1 * 1


def test_three_boxes_overlap_as_inclusion_and_exclusion_say() -> None:
    losses = np.array([[0.0, 0.5, 0.5], [0.5, 0.0, 0.5], [0.5, 0.5, 0.0]])
    assert hypervolume(losses, np.ones(3)) == pytest.approx(3 * 0.25 - 3 * 0.125 + 0.125)


@pytest.mark.parametrize("m", [2, 3, 4])
def test_agrees_with_counting_random_places(m: int) -> None:
    rng = np.random.default_rng(m)
    losses = rng.random((30, m))
    places = rng.random((20_000, m)) * 1.1
    share = (losses[:, None] <= places).all(axis=2).any(axis=0).mean()
    assert hypervolume(losses, np.full(m, 1.1)) == pytest.approx(share * 1.1**m, abs=0.02)


def test_a_front_holds_each_undominated_point_once() -> None:
    losses = np.array([[2.0, 0.0], [0.0, 2.0], [2.0, 2.0], [0.0, 2.0], [0.0, 3.0]])
    assert front_of(losses).tolist() == [[0, 2], [2, 0]]
    assert front_of(losses[:0]).shape == (0, 2)


def test_nothing_beyond_the_reference_counts() -> None:
    assert hypervolume(np.array([[2.0, 0.0], [0.0, 1.0]]), np.ones(2)) == 0


def test_progress_ends_at_the_hypervolume_and_shuffles_exactly() -> None:
    rng = np.random.default_rng(0)
    losses = rng.random((8, 2))
    ideal, reference = box_of(losses)
    expected = rng.random((500, 2))
    study, random, shuffled = progress(losses, expected, np.arange(1, 9), seed=1)
    box = float((reference - ideal).prod())
    assert study[-1] == pytest.approx(hypervolume(losses, reference) / box, abs=0.04)
    for k in range(1, 9):
        subsets = [list(subset) for subset in combinations(range(8), k)]
        orders = [losses[subset + [place for place in range(8) if place not in subset]] for subset in subsets]
        reached = [progress(order, expected, np.array([k]), seed=1)[0][0] for order in orders]
        assert shuffled[k - 1] == pytest.approx(np.mean(reached))
    assert shuffled[-1] == pytest.approx(study[-1])
    assert 0 < random[0] < random[-1] < 1
