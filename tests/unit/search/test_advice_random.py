"""Advice on anything: it never raises, and what it advises can be done."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.advice import AdviceRequest, advise
from search.advice.positions import as_numeric, is_at_edge, position, positions, widen
from search.advice.statistics import binomial_tail, contemporary_ranks, midranks, rank_test
from search.parameters import FloatParameter, IntParameter, Parameter
from search.samplers.random import draw_params
from search.space import SearchSpace, parse_space
from search.types import PastTrial
from tests.unit.search.spaces import parameters, search_spaces

VALUES = st.one_of(st.floats(), st.integers(0, 3).map(float))
KINDS = st.frozensets(st.sampled_from(["overfitting", "still_improving", "good_fit", "made_up"]))
LIMITS = st.tuples(st.floats(-1e9, 1), st.floats(0, 1e9))
ANYWHERE = (-math.inf, math.inf)


@st.composite
def requests(draw: st.DrawFn) -> AdviceRequest:
    """Draw a study over any space with any values, where some trials fit and some don't."""
    space = draw(search_spaces(max_size=3))
    n_objectives, n_trials = draw(st.integers(1, 2)), draw(st.sampled_from([0, 5, 25, 70]))
    # A few values, drawn often: ties are where ranks go wrong, and long lists take Hypothesis long.
    values, lot = draw(st.lists(VALUES, min_size=1, max_size=8)), draw(st.randoms(use_true_random=False))
    history = [
        PastTrial(i, "COMPLETE", draw_params(space, 1, i), tuple(lot.choices(values, k=n_objectives)))
        for i in range(n_trials)
    ]
    odd = [
        PastTrial(n_trials, "COMPLETE", {"other": None}, (1.0,)),
        PastTrial(n_trials + 1, "COMPLETE", draw_params(space, 1, 0), ()),
        PastTrial(n_trials + 2, "FAIL", {}),
    ]
    names = st.sampled_from([*space, "epochs"])
    return AdviceRequest(
        space,
        tuple(draw(st.sampled_from(["minimize", "maximize"])) for _ in range(n_objectives)),
        [*history, *odd],
        draw(st.dictionaries(st.integers(0, 70), KINDS)),
        draw(st.dictionaries(st.sampled_from(["epochs", "dropout"]), st.integers(0, 10**6) | st.text(max_size=3))),
        draw(st.dictionaries(names, LIMITS)),
    )


@given(requests())
@settings(max_examples=100, deadline=None)
def test_any_study(request: AdviceRequest) -> None:
    changed = []
    for advice in advise(request):
        shape = advice.to_json()
        assert json.loads(json.dumps(shape, allow_nan=False)) == shape
        changed += [change.field for change in advice.changes]
        for change in advice.changes:
            name = change.field.split(".", 1)[1]
            if change.field.startswith("search_space.") and change.value is not None:
                parse_space({name: change.value})
            elif change.field == f"fixed.{name}" and name in request.space:
                request.space[name].check(change.value)
    assert len(changed) == len(set(changed))


@given(parameters(), st.sampled_from(["low", "high"]), LIMITS | st.just(ANYWHERE))
@settings(deadline=None)
def test_a_wider_range_holds_the_old_one(declared: Parameter, side: str, limits: tuple[float, float]) -> None:
    parameter = as_numeric(declared)
    if parameter is None:
        return
    wider = widen(parameter, "low" if side == "low" else "high", limits)
    if wider is None:
        return
    assert wider.low <= parameter.low
    assert wider.last >= parameter.last
    assert (wider.low, wider.last) != (parameter.low, parameter.last)
    assert wider.low == parameter.low if side == "high" else wider.high == parameter.high
    assert min(limits[0], parameter.low) <= wider.low
    assert wider.last <= max(limits[1], parameter.last)
    for value in (parameter.low, parameter.last):
        wider.check(value)


@given(parameters())
def test_positions_run_from_0_to_1(declared: Parameter) -> None:
    parameter = as_numeric(declared)
    if parameter is None:
        return
    assert position(parameter, parameter.low) == 0
    assert position(parameter, parameter.last) == pytest.approx(1)
    inside = [parameter.low, (parameter.low + parameter.last) / 2, parameter.last]
    assert positions(parameter, inside).tolist() == [position(parameter, value) for value in inside]
    assert is_at_edge(parameter, parameter.low, "low")
    assert is_at_edge(parameter, parameter.last, "high")
    assert not is_at_edge(parameter, parameter.low, "high")


@pytest.mark.parametrize(
    ("parameter", "side", "expected"),
    [
        (FloatParameter(1e-4, 0.1, log=True), "high", 1.0),
        (FloatParameter(1e-4, 0.1, log=True), "low", 1e-5),
        (FloatParameter(0.0, 0.5), "high", 0.7),
        (FloatParameter(-1.0, 0.5), "low", -1.5),
        (FloatParameter(0.0, 0.5, step=0.1), "high", 0.7),
        (FloatParameter(0.1, 0.35, step=0.1), "high", 0.3 + 0.1),
        (IntParameter(16, 128, step=16), "high", 160),
        (IntParameter(1, 3), "high", 4),
        (IntParameter(8, 512, log=True), "high", 2000),
        (IntParameter(8, 512, log=True), "low", 2),
        (FloatParameter(100.001, 100.002), "high", 100.0023),
    ],
)
def test_how_far_ranges_are_widened(parameter: FloatParameter | IntParameter, side: str, expected: float) -> None:
    wider = widen(parameter, "low" if side == "low" else "high", ANYWHERE)
    assert wider is not None
    assert (wider.low if side == "low" else wider.last) == pytest.approx(expected, rel=1e-9)


def test_statistics_against_worked_examples() -> None:
    # Three groups without ties: H = 12 / (n (n + 1)) sum(R^2 / n_j) - 3 (n + 1) = 7.2, whose exact chance is 0.0273.
    ranks, groups = np.arange(1.0, 10.0), np.repeat([0, 1, 2], 3)
    chance, share = rank_test(ranks, groups)
    assert chance == pytest.approx(0.0273, abs=0.002)
    assert share == pytest.approx((7.2 - 2) / 6)
    assert rank_test(np.ones(9), groups) == (1.0, 0.0)
    assert rank_test(ranks, np.zeros(9, np.int64)) == (1.0, 0.0)
    assert midranks([3.0, 1.0, 3.0, math.inf]).tolist() == [2.5, 1.0, 2.5, 4.0]
    assert binomial_tail(5, 3, 0.1) == pytest.approx(0.00856)
    assert binomial_tail(4, 0, 0.3) == pytest.approx(1.0)


def test_contemporary_ranks_forget_the_trend() -> None:
    trend = [float(-i) for i in range(40)]
    bumped = [value + (5 if i in (10, 30) else 0) for i, value in enumerate(trend)]
    assert set(np.argsort(contemporary_ranks(bumped))[-2:].tolist()) == {10, 30}


def test_an_empty_space_needs_no_advice() -> None:
    empty = SearchSpace(())
    history = [PastTrial(i, "COMPLETE", {}, (float(i),)) for i in range(100)]
    assert advise(AdviceRequest(empty, ("minimize",), history)) == ()
