"""Better, best, and best so far."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from search.objectives import best_so_far, best_trial, best_value, is_better
from search.types import Direction, PastTrial

NAN, INF = math.nan, math.inf


def complete(number: int, *values: float) -> PastTrial:
    return PastTrial(number, "COMPLETE", {}, values)


@pytest.mark.parametrize(
    ("value", "other", "minimize", "maximize"),
    [
        (1, 2, True, False),
        (2, 1, False, True),
        (1, 1, False, False),
        (NAN, 1, False, False),
        (1, NAN, True, True),
        (NAN, NAN, False, False),
        (INF, NAN, True, True),
        (INF, 1, False, True),
        (-INF, 1, True, False),
    ],
)
def test_is_better(value: float, other: float, minimize: bool, maximize: bool) -> None:
    assert is_better(value, other, "minimize") is minimize
    assert is_better(value, other, "maximize") is maximize


def test_the_best_of_equals_has_the_lower_number_whatever_the_order() -> None:
    trials = [complete(3, 0.9), complete(1, 0.9), complete(2, 0.5)]
    for history in (trials, trials[::-1]):
        best = best_trial(history, ("maximize",))
        assert best is not None
        assert best.number == 1


def test_only_completed_trials_with_a_number_can_be_best() -> None:
    history = [
        complete(0, NAN),
        PastTrial(1, "PRUNED", {}, (9.0,)),
        PastTrial(2, "RUNNING", {}, None, {0: 9.0}),
        PastTrial(3, "FAIL", {}),
    ]
    assert best_trial(history, ("maximize",)) is None
    best = best_trial([*history, complete(4, -5.0)], ("maximize",))
    assert best is not None
    assert best.number == 4


def test_several_objectives_have_no_single_best() -> None:
    assert best_trial([complete(0, 1.0, 2.0)], ("minimize", "maximize")) is None


@pytest.mark.parametrize(("direction", "best"), [("minimize", 1.0), ("maximize", 3.0)])
def test_best_value_skips_nan(direction: Direction, best: float) -> None:
    assert best_value([NAN, 2.0, best], direction) == best
    assert best_value([NAN], direction) is None
    assert best_value([], direction) is None


def test_best_so_far_skips_what_has_no_number() -> None:
    history = [complete(2, 3.0), complete(0, 1.0), complete(1, NAN), PastTrial(3, "FAIL", {}), complete(4, 2.0)]
    assert best_so_far(history, "maximize") == [(0, 1.0), (2, 3.0), (4, 3.0)]
    assert best_so_far(history, "minimize") == [(0, 1.0), (2, 1.0), (4, 1.0)]


@given(st.lists(st.floats()), st.sampled_from(["minimize", "maximize"]))
def test_the_curve_ends_at_the_best_trial(values: list[float], direction: Direction) -> None:
    history = [complete(number, value) for number, value in enumerate(values)]
    curve, best = best_so_far(history, direction), best_trial(history, (direction,))
    assert (best is None) == (not curve)
    if best is not None and best.values is not None:
        assert curve[-1][1] == best.values[0]
        assert not any(is_better(a[1], b[1], direction) for a, b in pairwise(curve))


def test_a_trial_that_breaks_a_constraint_is_not_best() -> None:
    broken = replace(complete(0, 9.0), constraints=(-1.0, 0.25))
    kept = replace(complete(1, 5.0), constraints=(-1.0, 0.0))
    assert best_trial([broken, kept], ("maximize",)) == kept
    assert best_trial([broken], ("maximize",)) is None
    assert best_so_far([broken, kept], "maximize") == [(1, 5.0)]
