"""Functional ANOVA on studies whose decomposition is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from search.insight.fanova import N_TREES, decompose
from search.insight.sample import MAX_TRIALS, MIN_TRIALS, Decomposition, Sample, sample_of
from search.insight.table import InsightRequest, TooFew
from search.space import parse_space
from tests.unit.search.insight.studies import CONDITIONAL, UNIT, Params, number, random_history, request_of, unit_space


def decomposed(request: InsightRequest, objective: int = 0) -> Decomposition:
    """Decompose a study that has trials enough."""
    sample = sample_of(request, objective)
    assert isinstance(sample, Sample)
    return decompose(sample, lambda done, total: None)


def singles(found: Decomposition) -> dict[str, float]:
    """Return shares by name."""
    return {one.name: one.share for one in found.shares}


def pairs(found: Decomposition) -> dict[str, float]:
    """Return shares by the names of two, joined."""
    return {one.first + one.second: one.share for one in found.pairs}


def test_a_weighted_sum_is_explained_by_its_weights() -> None:
    # The variance of a uniform number is 1/12, so a + 10 b has 1/101 of its variance from a.
    found = decomposed(request_of(lambda p: number(p, "a") + 10 * number(p, "b"), 500, unit_space("abc")))
    assert singles(found) == pytest.approx({"b": 100 / 101, "a": 1 / 101, "c": 0}, abs=0.005)
    assert [one.name for one in found.shares] == ["b", "a", "c"]
    assert max(pairs(found).values()) < 0.01
    assert found.fit > 0.95


def test_a_product_is_an_interaction() -> None:
    found = decomposed(request_of(lambda p: (number(p, "a") - 0.5) * (number(p, "b") - 0.5), 800, unit_space("abc")))
    assert found.pairs[0].share == pytest.approx(1, abs=0.05)
    assert (found.pairs[0].first, found.pairs[0].second) == ("a", "b")
    assert max(singles(found).values()) < 0.03


def test_three_together_are_beyond_pairs() -> None:
    def objective(params: Params) -> float:
        return float((number(params, "a") < 0.5) ^ (number(params, "b") < 0.5) ^ (number(params, "c") < 0.5))

    found = decomposed(request_of(objective, 2_000, unit_space("abc")))
    assert found.beyond > 0.8
    assert sum(singles(found).values()) + sum(pairs(found).values()) + found.beyond == pytest.approx(1)


def test_choices_without_order_are_as_good_as_numbers() -> None:
    space = parse_space({"k": {"type": "categorical", "choices": list("uvwxyz")}, "a": UNIT, "b": UNIT})
    found = decomposed(request_of(lambda p: float(str(p["k"]) in "vxz") + 3 * number(p, "a"), 400, space))
    assert singles(found) == pytest.approx({"k": 0.25, "a": 0.75, "b": 0}, abs=0.01)


def test_numbers_count_on_their_own_scale() -> None:
    space = parse_space({"r": {"type": "float", "low": 1e-6, "high": 1, "log": True}, "a": UNIT})
    found = decomposed(request_of(lambda p: math.log10(number(p, "r")) / 6 + number(p, "a"), 400, space))
    assert singles(found) == pytest.approx({"r": 0.5, "a": 0.5}, abs=0.03)


def test_a_conditional_parameter_interacts_with_its_condition() -> None:
    # Over the whole space: sgd gives momentum's value, adam a constant in its middle.
    def objective(params: Params) -> float:
        return number(params, "momentum") / 0.9 if params["optimizer"] == "sgd" else 0.5

    found = decomposed(request_of(objective, 1_000, CONDITIONAL))
    # With m uniform and s = +-1 for the optimizer, f = (1 + s)/2 * (m - 1/2) + 1/2: half alone, half with s.
    assert singles(found)["momentum"] == pytest.approx(0.5, abs=0.12)
    assert singles(found)["optimizer"] < 0.02
    assert (found.pairs[0].first, found.pairs[0].second) == ("momentum", "optimizer")
    assert found.pairs[0].share == pytest.approx(0.5, abs=0.12)
    assert singles(found)["beta"] < 0.01


def test_noise_is_called_noise() -> None:
    rng = np.random.default_rng(0)
    found = decomposed(request_of(lambda _: rng.normal(), 200, unit_space("abc")))
    assert found.fit < 0.1


def test_one_diverged_trial_does_not_explain_everything() -> None:
    request = request_of(lambda p: number(p, "a"), 200, unit_space("ab"))
    spoilt = [replace(t, values=(1e30,)) if t.number in (7, 8) else t for t in request.history]
    spoilt[9] = replace(spoilt[9], values=(math.nan,))
    found = decomposed(replace(request, history=spoilt))
    assert singles(found)["a"] > 0.9


@pytest.mark.parametrize("value", [1.0, 1e308, math.inf])
def test_without_differences_there_is_nothing_to_explain(value: float) -> None:
    found = decomposed(request_of(lambda _: value, 50, unit_space("ab")))
    assert {*singles(found).values(), *pairs(found).values(), found.beyond, found.fit} == {0.0}


def test_pruned_trials_are_left_out() -> None:
    history = random_history(lambda p: number(p, "a"), 100, unit_space("ab"))
    cut = [replace(t, state="PRUNED", values=None) if t.number % 2 else t for t in history]
    found = decomposed(InsightRequest(unit_space("ab"), ("minimize",), cut))
    assert (found.n_trials, found.n_pruned) == (50, 50)


def test_too_few_trials_is_an_answer() -> None:
    short = sample_of(request_of(lambda p: number(p, "a"), MIN_TRIALS - 1, unit_space("ab")))
    assert isinstance(short, TooFew)
    assert (short.n_trials, short.n_needed) == (MIN_TRIALS - 1, MIN_TRIALS)
    assert isinstance(sample_of(request_of(lambda p: number(p, "a"), MIN_TRIALS, unit_space("ab"))), Sample)


def test_of_very_many_trials_some_are_drawn() -> None:
    space = unit_space("a")
    history = random_history(lambda p: number(p, "a"), 10, space)
    many = [replace(history[i % 10], number=i) for i in range(MAX_TRIALS + 50)]
    sample = sample_of(InsightRequest(space, ("minimize",), many))
    assert isinstance(sample, Sample)
    assert len(sample.losses) == MAX_TRIALS


def test_equal_requests_get_equal_answers_and_progress_is_told() -> None:
    sample = sample_of(request_of(lambda p: number(p, "a"), 60, unit_space("ab")))
    assert isinstance(sample, Sample)
    told: list[tuple[int, int]] = []
    first = decompose(sample, lambda done, total: told.append((done, total)))
    assert first == decompose(sample, lambda done, total: None)
    assert told == [(done, N_TREES) for done in range(1, N_TREES + 1)]
    assert first != decompose(replace(sample, seed=9), lambda done, total: None)
