"""The quasi-random sequence: exact where Sobol's is, even where random numbers are not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import qmc

from search.samplers import quasi
from search.samplers.quasi import MAX_DIMENSIONS, sobol_point, sobol_points
from search.samplers.sobol import sobol_params
from tests.unit.search.spaces import MIXED

FIRST = np.arange(256, dtype=np.uint32)


def test_without_scrambling_it_is_sobols_sequence() -> None:
    """SciPy walks the same points in the order of Gray codes."""
    ours = quasi._sobol(FIRST, MAX_DIMENSIONS) / 2**32
    theirs = qmc.Sobol(MAX_DIMENSIONS, scramble=False).random(256)
    assert sorted(map(tuple, ours)) == sorted(map(tuple, theirs))


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_each_slice_of_each_dimension_is_hit_once(seed: int) -> None:
    points = sobol_points(FIRST, MAX_DIMENSIONS + 3, seed)
    assert points.shape == (256, MAX_DIMENSIONS + 3)
    counts = np.array([np.bincount((column * 256).astype(int), minlength=256) for column in points.T])
    assert (counts == 1).all()


def test_it_fills_a_cube_more_evenly_than_random_numbers() -> None:
    for seed in range(5):
        random = np.random.default_rng(seed).random((256, 8))
        assert qmc.discrepancy(sobol_points(FIRST, 8, seed)) < 0.5 * qmc.discrepancy(random)


def test_blocks_of_dimensions_are_independent() -> None:
    points = sobol_points(FIRST, 2 * MAX_DIMENSIONS, 3)
    correlations = np.asarray(np.corrcoef(points.T))[:MAX_DIMENSIONS, MAX_DIMENSIONS:]
    assert np.abs(correlations).max() < 0.35  # of 4,096 pairs; random numbers reach 0.24


def test_a_point_does_not_depend_on_those_before() -> None:
    assert (sobol_point(100, 5, 7) == sobol_points(FIRST, 5, 7)[100]).all()
    assert (sobol_point(100, 5, 7) != sobol_point(100, 5, 8)).all()
    assert (sobol_point(2**31, 5, 7) > 0).all()


def test_trials_are_spread_over_the_values_of_each_parameter() -> None:
    drawn = [sobol_params(MIXED, 5, number) for number in range(64)]
    layers = [params["hidden_layers"] for params in drawn]
    units = [params["hidden_units"] for params in drawn]
    assert all(20 <= layers.count(value) <= 23 for value in (1, 2, 3))
    assert all(units.count(value) == 8 for value in range(16, 129, 16))
