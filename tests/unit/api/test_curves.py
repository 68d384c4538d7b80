"""Thinned curves keep what the eye looks for."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from api.services.curves import thin

VALUES = st.lists(st.floats(), min_size=1, max_size=300)


def is_same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


@given(VALUES, st.integers(4, 60))
def test_a_thinned_curve_is_part_of_the_curve_and_keeps_its_ends_and_extremes(
    values: list[float], max_points: int
) -> None:
    steps = [3 * place for place in range(len(values))]
    kept_steps, kept = thin(steps, values, max_points)
    assert kept_steps == sorted(set(kept_steps))
    assert all(is_same(value, values[step // 3]) for step, value in zip(kept_steps, kept, strict=True))
    assert (kept_steps[0], kept_steps[-1]) == (steps[0], steps[-1])
    finite = [value for value in values if math.isfinite(value)]
    if finite:
        assert min(finite) in kept
        assert max(finite) in kept
    assert len(kept) <= 2.5 * max_points + 2


@given(VALUES)
def test_a_short_curve_is_left_whole(values: list[float]) -> None:
    steps = list(range(len(values)))
    kept_steps, kept = thin(steps, values, max(4, len(values)))
    assert kept_steps == steps
    assert all(is_same(one, other) for one, other in zip(kept, values, strict=True))


@given(st.integers(5, 400), st.data())
def test_a_lone_value_that_is_not_finite_is_never_lost(n: int, data: st.DataObject) -> None:
    values = [float(place) for place in range(n)]
    place = data.draw(st.integers(0, n - 1))
    values[place] = data.draw(st.sampled_from([math.nan, math.inf, -math.inf]))
    kept_steps, kept = thin(list(range(n)), values, 4)
    assert is_same(dict(zip(kept_steps, kept, strict=True))[place], values[place])
