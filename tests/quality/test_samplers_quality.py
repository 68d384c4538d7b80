"""A sampler that learns must beat random search; a broken one would not.

Seeds are fixed, so the outcome is the same every time. Where a change of a sampler or of Optuna makes these fail, look
at the figures before moving a bar.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import fmean, stdev

import pytest

from search.objectives import best_so_far
from search.parameters import ParamValue
from search.samplers import get_sampler
from search.space import parse_space
from search.types import PastTrial, SuggestRequest

SPACE = parse_space(
    {
        "learning_rate": {"type": "float", "low": 1e-5, "high": 1.0, "log": True},
        "dropout": {"type": "float", "low": 0.0, "high": 0.8},
        "hidden_units": {"type": "int", "low": 16, "high": 256, "step": 16},
        "activation": {"type": "categorical", "choices": ["relu", "tanh", "swish", "sigmoid"]},
    }
)
SEEDS = range(14)
N_TRIALS = 50
# 0.999 quantile of Student's t with 13 degrees of freedom: a sampler no better than random passes once in a thousand.
T_QUANTILE = 3.852


def mixed(params: dict[str, ParamValue]) -> float:
    """Return a loss >= 0 with one optimum, where numbers interact and the choice shifts the level; like a network's."""
    rate, dropout, units = params["learning_rate"], params["dropout"], params["hidden_units"]
    assert isinstance(rate, float)
    assert isinstance(dropout, float)
    assert isinstance(units, int)
    off_rate = math.log10(rate) + 2.5 + units / 256
    off_units = (units - 176) / 128
    level = {"relu": 0.3, "tanh": 0.6, "swish": 0.0, "sigmoid": 1.0}[str(params["activation"])]
    return off_rate**2 + off_units**2 + 4 * (dropout - 0.2) ** 2 + level


def heavy_tailed(params: dict[str, ParamValue]) -> float:
    """Return `mixed`, exploding for large rates, and NaN beyond: what a diverging training reports."""
    rate = params["learning_rate"]
    assert isinstance(rate, float)
    return math.nan if rate > 0.3 else mixed(params) + math.exp(40 * rate) - 1


def search(name: str, loss: Callable[[dict[str, ParamValue]], float], seed: int, n_parallel: int) -> float:
    """Run a study whose trials overlap, `n_parallel` at a time; return the best loss."""
    sampler, history = get_sampler(name), dict[int, PastTrial]()
    for number in range(N_TRIALS):
        request = SuggestRequest(SPACE, ("minimize",), seed, number, number, list(history.values()))
        suggestion = sampler.suggest(request)
        assert suggestion is not None
        history[number] = PastTrial(number, "RUNNING", suggestion.params)
        oldest = number - n_parallel + 1
        if oldest >= 0:
            history[oldest] = finish(history[oldest], loss)
    done = [finish(trial, loss) for trial in history.values()]
    return best_so_far(done, "minimize")[-1][1]


def finish(trial: PastTrial, loss: Callable[[dict[str, ParamValue]], float]) -> PastTrial:
    return PastTrial(trial.number, "COMPLETE", trial.params, (loss(dict(trial.params)),))


def t_statistic(better: list[float], worse: list[float]) -> float:
    """Return the paired one-sided statistic of log losses: how surely `better` has the lower ones."""
    gains = [math.log(w + 1e-3) - math.log(b + 1e-3) for b, w in zip(better, worse, strict=True)]
    return fmean(gains) / (stdev(gains) / math.sqrt(len(gains)))


@pytest.mark.parametrize("n_parallel", [1, 8])
@pytest.mark.parametrize("loss", [mixed, heavy_tailed])
def test_bayesian_beats_random(loss: Callable[[dict[str, ParamValue]], float], n_parallel: int) -> None:
    learned = [search("bayesian", loss, seed, n_parallel) for seed in SEEDS]
    drawn = [search("random", loss, seed, n_parallel) for seed in SEEDS]
    assert t_statistic(learned, drawn) > T_QUANTILE, (learned, drawn)


def test_random_does_not_beat_itself_on_other_seeds() -> None:
    """The twin of the test above: what does not learn does not pass it."""
    drawn = [search("random", mixed, seed, 1) for seed in SEEDS]
    others = [search("random", mixed, seed + 1000, 1) for seed in SEEDS]
    assert abs(t_statistic(others, drawn)) < T_QUANTILE
