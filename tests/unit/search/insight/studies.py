"""Made studies whose truth is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from search.insight.table import InsightRequest
from search.parameters import ParamValue
from search.samplers.random import draw_params
from search.space import SearchSpace, parse_space
from search.types import Direction, PastTrial

Params = Mapping[str, ParamValue]
UNIT = {"type": "float", "low": 0, "high": 1}
CONDITIONAL = parse_space(
    {
        "optimizer": {"type": "categorical", "choices": ["sgd", "adam"]},
        "momentum": {"type": "float", "low": 0, "high": 0.9, "when": {"optimizer": ["sgd"]}},
        "beta": {"type": "float", "low": 0.5, "high": 1, "when": {"optimizer": ["adam"]}},
        "rate": {"type": "float", "low": 1e-4, "high": 1, "log": True},
    }
)


def unit_space(names: str) -> SearchSpace:
    """Return a space of one uniform number a letter."""
    return parse_space(dict.fromkeys(names, UNIT))


def number(params: Params, name: str) -> float:
    """Return a numeric parameter's value."""
    value = params[name]
    assert isinstance(value, int | float)
    return value


def random_history(
    objective: Callable[[Params], float | tuple[float, ...]], n_trials: int, space: SearchSpace, seed: int = 1
) -> list[PastTrial]:
    """Run a random search."""
    history = []
    for i in range(n_trials):
        params = draw_params(space, seed, i)
        found = objective(params)
        history.append(PastTrial(i, "COMPLETE", params, found if isinstance(found, tuple) else (found,)))
    return history


def request_of(
    objective: Callable[[Params], float | tuple[float, ...]],
    n_trials: int,
    space: SearchSpace,
    directions: tuple[Direction, ...] = ("minimize",),
    seed: int = 1,
) -> InsightRequest:
    """Return what a random search leaves to look at."""
    return InsightRequest(space, directions, random_history(objective, n_trials, space, seed))
