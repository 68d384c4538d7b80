"""A sampler that learns must beat random search; a broken one would not.

Seeds are fixed, so the outcome is the same every time. Where a change of a sampler or of Optuna makes these fail, look
at the figures before moving a bar. Random search is cheap: it runs with many more seeds than what it is compared with,
so that the luck of its runs is no part of the outcome. Its points are drawn from one generator a run rather than by the
sampler `random`, whose generator for each parameter costs ten times as much; its draws are tested elsewhere.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from functools import cache

import numpy as np
import pytest

from search.objectives import best_so_far
from search.parameters import ParamValue
from search.samplers import get_sampler
from search.samplers.gaussian.acquisition import Promise
from search.samplers.gaussian.encoding import Array
from search.space import SearchSpace
from search.types import PastTrial, SuggestRequest
from tests.quality.functions import (
    CONDITIONAL,
    MIXED,
    NUMERIC,
    conditional,
    heavy_tailed,
    hypervolume,
    mixed,
    two,
    valley,
)

N_SEEDS = 10
N_RANDOM_SEEDS = 60
# 0.999 quantile of the normal distribution: a sampler no better than random search passes once in a thousand.
QUANTILE = 3.09

Loss = Callable[[dict[str, ParamValue]], float]


def search(name: str, space: SearchSpace, loss: Loss, seed: int, n_trials: int, n_parallel: int = 1) -> float:
    """Run a study whose trials overlap, `n_parallel` at a time; return the best loss."""
    return least(run(name, space, loss, seed, n_trials, n_parallel), loss)


def run(name: str, space: SearchSpace, told: Loss, seed: int, n_trials: int, n_parallel: int) -> list[PastTrial]:
    """Return the trials of a study that is told `told` of each."""
    sampler, history = get_sampler(name), dict[int, PastTrial]()
    for number in range(n_trials):
        request = SuggestRequest(space, ("minimize",), seed, number, number, list(history.values()))
        suggestion = sampler.suggest(request)
        assert suggestion is not None
        history[number] = PastTrial(number, "RUNNING", suggestion.params)
        oldest = number - n_parallel + 1
        if oldest >= 0:
            history[oldest] = finish(history[oldest], told)
    return list(history.values())


def least(trials: Sequence[PastTrial], loss: Loss) -> float:
    """Return the best loss among trials, NaN being none."""
    return best_so_far([finish(trial, loss) for trial in trials], "minimize")[-1][1]


def finish(trial: PastTrial, loss: Loss) -> PastTrial:
    return PastTrial(trial.number, "COMPLETE", trial.params, (loss(dict(trial.params)),))


@cache
def learned_by(name: str, space: SearchSpace, loss: Loss, n_trials: int, n_parallel: int = 1) -> list[float]:
    """Return the best losses of a sampler, `N_SEEDS` of them; what several tests ask for is searched once."""
    return [search(name, space, loss, seed, n_trials, n_parallel) for seed in range(N_SEEDS)]


@cache
def drawn(space: SearchSpace, loss: Loss, n_trials: int) -> list[float]:
    """Return the best losses of random search."""
    losses = ([loss(params) for params in draw(space, seed, n_trials)] for seed in range(N_RANDOM_SEEDS))
    return [min(value for value in run_losses if not math.isnan(value)) for run_losses in losses]


def draw(space: SearchSpace, seed: int, n: int) -> list[dict[str, ParamValue]]:
    """Return `n` points, independent and uniform over a space without constraints."""
    units = np.random.default_rng(seed).random((n, len(space)))
    return [
        space.active({name: space[name].from_unit(float(unit)) for name, unit in zip(sorted(space), row, strict=True)})
        for row in units
    ]


def superiority(lower: Sequence[float], others: Sequence[float]) -> float:
    """Return Mann and Whitney's statistic as a standard normal one: how surely `lower` has the lower numbers."""
    n, m = len(lower), len(others)
    wins = sum((a < b) + 0.5 * (a == b) for a in lower for b in others)
    return (wins - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)


def nonsense(params: dict[str, ParamValue]) -> float:
    """Return a number that has nothing to do with how good parameters are."""
    return int.from_bytes(hashlib.sha256(repr(sorted(params.items())).encode()).digest()[:4]) / 2**32


@pytest.mark.parametrize(
    ("name", "space", "loss", "n_trials", "n_parallel"),
    [
        ("bayesian", MIXED, mixed, 25, 1),
        ("bayesian", MIXED, heavy_tailed, 25, 1),
        ("bayesian", MIXED, mixed, 35, 8),
        ("bayesian", CONDITIONAL, conditional, 35, 1),
        ("bayesian", NUMERIC, valley, 40, 1),
        ("tpe", MIXED, mixed, 40, 1),
        ("tpe", MIXED, heavy_tailed, 50, 8),
        ("tpe", CONDITIONAL, conditional, 60, 1),
        ("cmaes", NUMERIC, valley, 100, 1),
        ("cmaes", NUMERIC, valley, 150, 8),
        ("nsga2", MIXED, mixed, 120, 1),
    ],
)
def test_learning_beats_random(name: str, space: SearchSpace, loss: Loss, n_trials: int, n_parallel: int) -> None:
    learned = learned_by(name, space, loss, n_trials, n_parallel)
    assert superiority(learned, drawn(space, loss, n_trials)) > QUANTILE, learned


def test_bayesian_beats_random_with_twice_the_budget() -> None:
    learned = learned_by("bayesian", MIXED, mixed, 25)
    assert superiority(learned, drawn(MIXED, mixed, 50)) > QUANTILE, learned


@pytest.mark.parametrize(
    ("name", "space", "loss", "n_trials"),
    [
        ("tpe", MIXED, mixed, 40),
        ("cmaes", NUMERIC, valley, 100),
        ("nsga2", MIXED, mixed, 120),
    ],
)
def test_what_is_told_nonsense_does_not_pass(name: str, space: SearchSpace, loss: Loss, n_trials: int) -> None:
    """The twin: it is the values that make a sampler pass, not how it spreads its trials."""
    misled = [least(run(name, space, nonsense, seed, n_trials, 1), loss) for seed in range(N_SEEDS)]
    assert superiority(misled, drawn(space, loss, n_trials)) < QUANTILE, misled


def test_a_broken_gaussian_process_would_not_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin for `bayesian`: with its promises upside down it is no better than random search."""
    promise = Promise.__call__

    def upside_down(self: Promise, rows: Array) -> Array:
        return -promise(self, rows)

    monkeypatch.setattr(Promise, "__call__", upside_down)
    broken = [search("bayesian", MIXED, mixed, seed, 25) for seed in range(N_SEEDS)]
    assert superiority(broken, drawn(MIXED, mixed, 25)) < QUANTILE, broken


@pytest.mark.parametrize(("name", "n_trials"), [("bayesian", 25), ("tpe", 50), ("nsga2", 90), ("nsga3", 90)])
def test_fronts_are_better_than_random_ones(name: str, n_trials: int) -> None:
    learned = [front(name, seed, n_trials) for seed in range(N_SEEDS)]
    others = [hypervolume(map(two, draw(NUMERIC, seed, n_trials))) for seed in range(N_RANDOM_SEEDS)]
    assert superiority([-area for area in learned], [-area for area in others]) > QUANTILE, learned


def front(name: str, seed: int, n_trials: int) -> float:
    """Return the hypervolume that a study of two objectives reaches."""
    sampler, history = get_sampler(name), list[PastTrial]()
    for number in range(n_trials):
        suggestion = sampler.suggest(
            SuggestRequest(NUMERIC, ("minimize", "maximize"), seed, number, number, list(history))
        )
        assert suggestion is not None
        history.append(PastTrial(number, "COMPLETE", suggestion.params, two(suggestion.params)))
    return hypervolume([trial.values for trial in history if trial.values is not None])


@pytest.mark.parametrize(("name", "n_trials"), [("bayesian", 30), ("tpe", 60)])
def test_constraints_on_outcomes_are_kept(name: str, n_trials: int) -> None:
    """The best value lies where the constraint breaks; what counts is the best trial that holds it."""
    learned = [constrained(name, seed, n_trials) for seed in range(N_SEEDS)]
    others = [best_kept(map(limited, draw(NUMERIC, seed, n_trials))) for seed in range(N_RANDOM_SEEDS)]
    assert superiority(learned, others) > QUANTILE, learned


def constrained(name: str, seed: int, n_trials: int) -> float:
    """Return the best value that a study finds where the constraint holds."""
    sampler, history = get_sampler(name), list[PastTrial]()
    for number in range(n_trials):
        suggestion = sampler.suggest(SuggestRequest(NUMERIC, ("minimize",), seed, number, number, list(history)))
        assert suggestion is not None
        value, limit = limited(suggestion.params)
        history.append(PastTrial(number, "COMPLETE", suggestion.params, (value,), constraints=(limit,)))
    return best_kept(map(limited, (dict(trial.params) for trial in history)))


def limited(params: dict[str, ParamValue]) -> tuple[float, float]:
    """Return a value, and a constraint on it that holds at or below 0."""
    return valley(params), float(str(params["x0"])) + float(str(params["x1"])) - 0.5


def best_kept(outcomes: Iterable[tuple[float, float]]) -> float:
    """Return the least value whose constraint holds; 10, worse than any, without one."""
    return min((value for value, limit in outcomes if limit <= 0), default=10.0)
