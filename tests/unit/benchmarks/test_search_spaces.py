"""Spaces of the search benchmark: their cells, where a proposal falls, and how likely random search is to hit each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.search.catalogue import TABLES
from benchmarks.search.spaces import INACTIVE, Space, choices, floats, ints
from search.samplers import get_sampler
from search.space import parse_space
from search.types import SuggestRequest

KERNELS = Space(
    (
        floats("C", 0.01, 100.0, 4, log=True),
        choices("kernel", "linear", "rbf", "poly"),
        floats("gamma", 0.0, 1.0, 5).given("kernel", "rbf", "poly"),
        ints("degree", 2, 3).given("kernel", "poly"),
    )
)


def test_a_parameter_that_is_not_active_makes_no_cells() -> None:
    assert len(KERNELS.cells) == 4 * (1 + 5 + 5 * 2)
    linear = [cell for cell in KERNELS.cells if cell[1] == 0]
    assert len(linear) == 4
    assert all(cell[2:] == (INACTIVE, INACTIVE) for cell in linear)


def test_floats_are_cut_into_bins_of_equal_width() -> None:
    axis = floats("rate", 0.01, 100.0, 4, log=True)
    assert axis.levels == pytest.approx((10**-1.5, 10**-0.5, 10**0.5, 10**1.5), rel=1e-5)
    assert [axis.snap(value) for value in (0.01, 0.0999, 0.1001, 1.001, 99.9, 100.0)] == [0, 0, 1, 2, 3, 3]


def test_integers_fall_to_the_nearest_level_on_their_scale() -> None:
    axis = ints("units", 8, 16, 32, log=True)
    # The border between 8 and 16 is their geometric mean, 11.3.
    assert [axis.snap(value) for value in (8, 11, 12, 16, 22, 23, 32)] == [0, 0, 1, 1, 1, 2, 2]


@pytest.mark.parametrize("value", [0.0099, 101.0, float("nan")])
def test_a_proposal_outside_the_range_is_refused(value: float) -> None:
    assert KERNELS.axes[0].snap(100.0 * (1 + 1e-12)) == 3  # rounding is not outside
    with pytest.raises(ValueError, match=r"C must lie from 0\.01 to 100\.0"):
        KERNELS.axes[0].snap(value)


def test_what_is_not_a_choice_is_refused() -> None:
    assert KERNELS.axes[1].snap("rbf") == 1
    with pytest.raises(ValueError, match="kernel must be one of linear, rbf, poly, got 'sigmoid'"):
        KERNELS.axes[1].snap("sigmoid")


def test_values_of_parameters_that_are_not_active_are_ignored() -> None:
    assert KERNELS.place({"C": 1.5, "kernel": "linear", "gamma": 0.3, "degree": 2}) == KERNELS.place(
        {"C": 1.5, "kernel": "linear"}
    )
    with pytest.raises(KeyError, match="gamma"):
        KERNELS.place({"C": 1.5, "kernel": "rbf"})


@pytest.mark.parametrize("name", TABLES)
def test_every_cell_is_where_its_own_levels_are(name: str) -> None:
    space = TABLES[name].space
    assert [space.place(space.params_of(cell)) for cell in space.cells] == list(range(len(space.cells)))
    assert space.weights.sum() == pytest.approx(1.0)
    assert space.weights.min() > 0


@pytest.mark.parametrize("axis", [ints("n", 1, 2, 4, 9, log=True), ints("n", 1, 4, 9), floats("x", 0.1, 2.0, 3)])
def test_weights_are_the_shares_of_random_draws(axis: object) -> None:
    space = Space((axis,))  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    hits = np.bincount([space.place(space.draw(rng)) for _ in range(20_000)], minlength=len(space.cells))
    assert hits / 20_000 == pytest.approx(space.weights, abs=0.015)


@pytest.mark.parametrize("name", TABLES)
def test_our_samplers_read_the_space_and_their_proposals_have_a_cell(name: str) -> None:
    space = TABLES[name].space
    parsed = parse_space(space.to_json())
    assert sorted(parsed) == sorted(axis.name for axis in space.axes)
    for number in range(20):
        suggestion = get_sampler("random").suggest(SuggestRequest(parsed, ("minimize",), seed=3, number=number))
        assert suggestion is not None
        assert 0 <= space.place(dict(suggestion.params)) < len(space.cells)  # type: ignore[arg-type]


@given(st.integers(0, 2**31))
def test_draws_have_the_active_parameters_and_no_others(seed: int) -> None:
    params = KERNELS.draw(np.random.default_rng(seed))
    expected = {"C", "kernel"} | ({"gamma"} if params["kernel"] != "linear" else set())
    assert set(params) == expected | ({"degree"} if params["kernel"] == "poly" else set())
