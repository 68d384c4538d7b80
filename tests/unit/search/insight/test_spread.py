"""Empirical distributions."""

from __future__ import annotations

import math

import pytest

from search.insight.spread import Distribution, distribution
from search.insight.table import InsightRequest, TooFew
from search.types import Direction, PastTrial
from tests.unit.search.insight.studies import unit_space


def of(values: list[float], direction: Direction = "minimize") -> Distribution:
    """Return the distribution of a study with these values."""
    history = [PastTrial(i, "COMPLETE", {"a": 0.5}, (value,)) for i, value in enumerate(values)]
    found = distribution(InsightRequest(unit_space("a"), (direction,), history))
    assert isinstance(found, Distribution)
    return found


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_each_value_has_the_share_at_or_below_it(direction: Direction) -> None:
    found = of([3.0, 1.0, 2.0, 2.0], direction)
    assert dict(zip(found.values, found.shares, strict=True)) == {1.0: 0.25, 2.0: 0.75, 3.0: 1.0}
    assert found.n_trials == 4


def test_what_has_no_number_lies_on_the_bad_side() -> None:
    assert of([1.0, math.nan]).shares == (0.5,)
    assert of([1.0, math.nan], "maximize").shares == (1.0,)


def test_many_values_are_thinned_and_the_ends_kept() -> None:
    found = of([float(i) for i in range(5_000)])
    assert len(found.values) == 200
    assert (found.values[0], found.values[-1], found.shares[-1]) == (0, 4_999, 1)


def test_without_trials_there_is_none() -> None:
    found = distribution(InsightRequest(unit_space("a"), ("minimize",)))
    assert isinstance(found, TooFew)
    assert (found.n_trials, found.n_needed) == (0, 1)
    assert of([1.0]).shares == (1.0,)
