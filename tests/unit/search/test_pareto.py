"""The Pareto front and its hypervolume against their definitions."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.pareto import Volume, hypervolume, pareto_places, thin
from search.types import Direction

BOTH: tuple[Direction, ...] = ("minimize", "maximize")
DIRECTIONS = st.lists(st.sampled_from(BOTH), min_size=1, max_size=4)


@st.composite
def outcomes(draw: st.DrawFn) -> tuple[list[tuple[float, ...]], list[Direction]]:
    """Draw few distinct numbers, so that ties and equal outcomes come about."""
    directions = draw(DIRECTIONS)
    row = st.tuples(*[st.integers(-3, 3).map(float)] * len(directions))
    return draw(st.lists(row, max_size=30)), directions


def beats(one: tuple[float, ...], other: tuple[float, ...], directions: list[Direction]) -> bool:
    signs = [-1.0 if direction == "maximize" else 1.0 for direction in directions]
    pairs = [(sign * a, sign * b) for sign, a, b in zip(signs, one, other, strict=True)]
    return all(a <= b for a, b in pairs) and any(a < b for a, b in pairs)


@given(outcomes())
def test_the_front_is_what_nothing_dominates(drawn: tuple[list[tuple[float, ...]], list[Direction]]) -> None:
    values, directions = drawn
    front = pareto_places(values, directions)
    wanted = {at for at, one in enumerate(values) if not any(beats(other, one, directions) for other in values)}
    assert set(front) == wanted
    assert len(front) == len(wanted)
    sign = -1 if directions[0] == "maximize" else 1
    firsts = [sign * values[place][0] for place in front]
    assert firsts == sorted(firsts)


def test_equal_outcomes_are_on_the_front_in_the_order_given() -> None:
    assert pareto_places([(1.0, 5.0), (2.0, 4.0), (1.0, 5.0), (2.0, 6.0)], ["minimize", "minimize"]) == [0, 2, 1]


def test_a_hypervolume_is_the_area_under_the_stairs() -> None:
    values = [(1.0, 2.0), (3.0, 1.0), (11.0, 11.0)]
    # The worst values are 11 and 11 and the spreads 10 and 10, so the corner is at 12, 12.
    found = hypervolume(values, [0, 1], ["minimize", "minimize"])
    assert found is not None
    assert found.reference == (12.0, 12.0)
    assert found.value == pytest.approx(11.0 * 10.0 + 9.0 * 1.0)
    flipped = hypervolume([(-a, b) for a, b in values], [0, 1], ["maximize", "minimize"])
    assert flipped == Volume(found.value, (-12.0, 12.0))
    assert hypervolume([], [], ["minimize", "minimize"]) is None


def test_of_a_long_front_the_ends_stay() -> None:
    assert thin([5, 6, 7], 3) == [5, 6, 7]
    few = thin(list(range(1000)), 200)
    assert (few[0], few[-1], len(set(few))) == (0, 999, 200)


def test_of_ten_thousand_outcomes_on_an_arc_all_are_on_the_front() -> None:
    angles = np.random.default_rng(0).random(10_000) * np.pi / 2
    arc = [(float(np.cos(angle)), float(np.sin(angle))) for angle in angles]
    assert sorted(pareto_places(arc, ["maximize", "maximize"])) == list(range(10_000))


@pytest.mark.parametrize("n_objectives", [2, 3, 4])
def test_the_hypervolume_is_exact(n_objectives: int) -> None:
    values = np.random.default_rng(n_objectives).integers(0, 4, (6, n_objectives)).astype(float).tolist()
    directions: list[Direction] = ["minimize"] * n_objectives
    found = hypervolume(values, pareto_places(values, directions), directions)
    assert found is not None
    edges = [sorted({row[at] for row in values} | {found.reference[at]}) for at in range(n_objectives)]
    whole = 0.0
    for cell in itertools.product(*[list(itertools.pairwise(one)) for one in edges]):
        if any(all(row[at] <= low for at, (low, _) in enumerate(cell)) for row in values):
            whole += float(np.prod([high - low for low, high in cell]))
    assert found.value == pytest.approx(whole)
