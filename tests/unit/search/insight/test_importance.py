"""Importance at once, on studies whose truth is known, and beside Optuna's own evaluator."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import optuna
import pytest

from search.insight.importance import Importance, ped_anova
from search.insight.table import InsightRequest, TooFew
from search.samplers.seen import open_study, to_frozen_trials
from search.space import parse_space
from search.types import Direction, PastTrial
from tests.unit.search.insight.studies import CONDITIONAL, Params, number, random_history, request_of, unit_space

MIXED = parse_space(
    {
        "rate": {"type": "float", "low": 1e-4, "high": 1, "log": True},
        "drop": {"type": "float", "low": 0, "high": 1},
        "kind": {"type": "categorical", "choices": ["x", "y", "z"]},
        "layers": {"type": "int", "low": 1, "high": 6},
        "idle": {"type": "float", "low": 0, "high": 1},
    }
)


def loss(params: Params) -> float:
    """Depend on the rate most, then on dropout, kind and layers, never on `idle`."""
    rate = (math.log10(number(params, "rate")) + 4) / 4
    is_y = params["kind"] == "y"
    return 10 * (rate - 0.7) ** 2 + (number(params, "drop") - 0.3) ** 2 + is_y / 2 + number(params, "layers") / 20


def shares(found: Importance | TooFew) -> dict[str, float]:
    """Return shares by name."""
    assert isinstance(found, Importance)
    return {one.name: one.share for one in found.shares}


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_ten_times_the_weight_is_most_of_the_importance(direction: Direction) -> None:
    noise = np.random.default_rng(0)
    sign = 1 if direction == "minimize" else -1
    space = unit_space("ab")
    request = request_of(
        lambda p: sign * (number(p, "a") + 10 * number(p, "b") + 0.1 * noise.normal()), 200, space, (direction,)
    )
    found = ped_anova(request)
    assert isinstance(found, Importance)
    assert [one.name for one in found.shares] == ["b", "a"]
    assert found.shares[0].share > 0.9
    assert sum(one.share for one in found.shares) == pytest.approx(1)
    assert all(0 <= one.spread < 0.2 for one in found.shares)
    assert found.n_trials == 200


@pytest.mark.parametrize("n_trials", [50, 400])
def test_agrees_with_optuna(n_trials: int) -> None:
    request = request_of(loss, n_trials, MIXED)
    frozen = to_frozen_trials(MIXED, ("minimize",), request.history, -1)
    study = open_study(("minimize",), frozen, optuna.samplers.RandomSampler())
    evaluator = optuna.importance.PedAnovaImportanceEvaluator(target_quantile=0.1)
    theirs = optuna.importance.get_param_importances(study, evaluator=evaluator)
    ours = shares(ped_anova(request))
    for name, share in theirs.items():
        assert ours[name] == pytest.approx(share, abs=0.01)


def test_what_does_nothing_has_nothing() -> None:
    found = shares(ped_anova(request_of(loss, 1_000, MIXED)))
    assert min(found, key=lambda name: found[name]) == "idle"
    assert found["idle"] < 0.01


def test_spread_covers_the_answer_of_more_trials() -> None:
    few, many = (ped_anova(request_of(loss, n, MIXED, seed=5)) for n in (60, 5_000))
    truth = shares(many)
    assert isinstance(few, Importance)
    assert all(abs(one.share - truth[one.name]) < 4 * one.spread + 0.02 for one in few.shares)


def test_a_conditional_parameter_counts_where_it_is_active() -> None:
    def objective(params: Params) -> float:
        return abs(number(params, "momentum") - 0.6) if "momentum" in params else 2.0

    found = shares(ped_anova(request_of(objective, 300, CONDITIONAL)))
    assert found["momentum"] > 0.5
    assert found["beta"] == 0, "it was never active among the best"
    assert found["rate"] < found["optimizer"]
    assert sum(found.values()) == pytest.approx(1)


def test_pruned_trials_rank_behind_and_failed_ones_do_not_count() -> None:
    history = random_history(loss, 200, MIXED)
    cut = np.median([trial.values for trial in history if trial.values])
    pruned = [t if t.values and t.values[0] < cut else replace(t, state="PRUNED", values=None) for t in history]
    failed = [PastTrial(900 + i, "FAIL", {"rate": 1.0}) for i in range(5)]
    found = ped_anova(InsightRequest(MIXED, ("minimize",), [*pruned, *failed]))
    assert isinstance(found, Importance)
    assert (found.n_trials, found.n_pruned) == (200, 100)
    assert shares(found) == shares(ped_anova(InsightRequest(MIXED, ("minimize",), history)))


@pytest.mark.parametrize("n_trials", [0, 1, 19])
def test_too_few_trials_is_an_answer(n_trials: int) -> None:
    found = ped_anova(request_of(loss, n_trials, MIXED))
    assert isinstance(found, TooFew)
    assert (found.n_trials, found.n_needed) == (n_trials, 20)
    assert "at least 20" in found.reason
    assert isinstance(ped_anova(request_of(loss, 20, MIXED)), Importance)


def test_pruned_trials_alone_are_too_few() -> None:
    history = [replace(t, state="PRUNED", values=None) for t in random_history(loss, 40, MIXED)]
    assert isinstance(ped_anova(InsightRequest(MIXED, ("minimize",), history)), TooFew)


@pytest.mark.parametrize("value", [0.5, math.nan, math.inf, -math.inf])
def test_without_differences_nothing_matters(value: float) -> None:
    found = shares(ped_anova(request_of(lambda _: value, 50, MIXED)))
    assert set(found.values()) == {0.0}


def test_bad_numbers_and_constant_parameters_do_no_harm() -> None:
    space = parse_space({"a": {"type": "float", "low": 0, "high": 1}, "one": {"type": "fixed", "value": "x"}})
    history = random_history(lambda p: number(p, "a"), 60, space)
    history = [replace(t, values=(math.nan if t.number % 3 else math.inf,)) if t.number < 30 else t for t in history]
    assert shares(ped_anova(InsightRequest(space, ("minimize",), history))) == {"a": 1.0, "one": 0.0}


def test_trials_that_break_a_constraint_are_not_among_the_best() -> None:
    space = unit_space("ab")
    history = random_history(lambda p: number(p, "a"), 200, space)
    bound = [replace(t, constraints=(0.7 - number(t.params, "b"),)) for t in history]
    free = shares(ped_anova(InsightRequest(space, ("minimize",), history)))
    assert free["b"] < 0.1
    assert shares(ped_anova(InsightRequest(space, ("minimize",), bound)))["b"] > 0.3


def test_several_objectives_are_looked_at_one_by_one() -> None:
    directions: tuple[Direction, ...] = ("minimize", "maximize")
    request = request_of(lambda p: (number(p, "a"), number(p, "b")), 100, unit_space("abc"), directions)
    first, second = (next(iter(shares(ped_anova(request, objective)))) for objective in (0, 1))
    assert (first, second) == ("a", "b")
