"""Parameters whose best values lie at an end of their range: better ones may lie beyond."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.advice.positions import Numeric, Side, as_numeric, edge_share, is_at_edge, part_of, widen
from search.advice.statistics import Ranks, binomial_tail, chance_lower, contemporary_ranks
from search.advice.trials import MIN_TRIALS, Outcome, Study
from search.advice.values import Advice, Change

CHANCE = 0.01
"""Chance of so many best values at one edge, had they been drawn from the whole range, below which it is said."""
MOST = 0.3
"""Share of the best values that must lie there, at least; and no other part of the range may hold more."""
NO_BETTER = 0.1
"""Chance that trials at the edge are no better than those tried about the same time, below which they are. Without it a
learning sampler drifts to an end of what does not matter, and every fourth study of 100 trials was told to widen a
parameter without effect; with it 2-3 of 100, as with random search. A best value at the very bound was then seen in
two of ten random studies of 20 trials, eight of ten of 200, and six of ten that learn."""


def parameters_at_bounds(study: Study) -> tuple[Advice, ...]:
    """Name the numeric parameters whose best values sit at a bound, and what to widen it to.

    A bound that cannot move (the model's limit, or 0 for a number that is never negative) is not mentioned. Nothing is
    said of fewer than `MIN_TRIALS` completed trials.
    """
    if len(study.trials) < MIN_TRIALS:
        return ()
    sides: tuple[Side, Side] = ("low", "high")
    places = (
        _Edge(name, parameter, side)
        for name, declared in study.declared()
        for side in sides
        if (parameter := as_numeric(declared)) is not None
    )
    ranked = _ranks(study)
    found = (_look_at(study, edge, ranked) for edge in places)
    return tuple(advice for advice in found if advice is not None)


def _look_at(study: Study, edge: _Edge, ranked: list[Ranks]) -> Advice | None:
    """Judge an edge by the trials that have its parameter; `ranked` are the ranks of all."""
    part = study.having(edge.name)
    if len(part.trials) < MIN_TRIALS:
        return None
    return _at_bound(part, edge, ranked if part is study else _ranks(part))


def _ranks(study: Study) -> list[Ranks]:
    n_objectives = len(study.request.directions)
    return [contemporary_ranks([trial.losses[place] for trial in study.trials]) for place in range(n_objectives)]


@dataclass(frozen=True, slots=True)
class _Edge:
    """An end of a parameter's range."""

    name: str
    parameter: Numeric
    side: Side

    def value(self, trial: Outcome) -> float:
        """Return a trial's value of the parameter."""
        value = trial.params[self.name]
        assert isinstance(value, int | float), "a numeric parameter's value has passed its check"
        return value

    def holds(self, trial: Outcome) -> bool:
        """Tell whether a trial's value lies at this edge."""
        return is_at_edge(self.parameter, self.value(trial), self.side)


def _at_bound(study: Study, edge: _Edge, ranks: list[Ranks]) -> Advice | None:
    name, parameter, side, n_best = edge.name, edge.parameter, edge.side, len(study.best)
    n_edge = _count_at_edge(study.best, edge)
    if n_edge == 0 or n_edge < MOST * n_best or not _is_better_there(study, edge, ranks):
        return None
    if binomial_tail(n_best, n_edge, edge_share(parameter, side)) > CHANCE:
        return None
    wider = widen(parameter, side, study.request.limits.get(name, _sensible_limits(parameter)))
    if wider is None:
        return None
    word, old, new = ("lower", parameter.low, wider.low) if side == "low" else ("upper", parameter.last, wider.last)
    best_value = edge.value(study.best[0])
    return Advice(
        "parameter_at_bound",
        f"{name}: best at its {word} bound",
        f"Of the {n_best} best trials {n_edge} have a value of {name} at the {word} bound {old:g}; {study.best_words} "
        f"has {best_value:.4g}.",
        {"n_best": n_best, "n_at_bound": n_edge, "bound": old, "best_value": best_value},
        f"Widen {name}: search {'down' if side == 'low' else 'up'} to {new:g}.",
        (Change(f"search_space.{name}", study.request.space.shape(name, wider)),),
    )


def _count_at_edge(best: Sequence[Outcome], edge: _Edge) -> int:
    """Count the best values at an edge; 0 where another part of the range, as wide as the edge, holds more of them."""
    n_edge = sum(edge.holds(trial) for trial in best)
    elsewhere = Counter(part_of(edge.parameter, edge.value(trial)) for trial in best if not edge.holds(trial))
    return n_edge if n_edge >= max(elsewhere.values(), default=0) else 0


def _is_better_there(study: Study, edge: _Edge, ranks: list[Ranks]) -> bool:
    is_there = np.array([edge.holds(trial) for trial in study.trials])
    return min((chance_lower(of_objective, is_there) for of_objective in ranks), default=1.0) <= NO_BETTER


def _sensible_limits(parameter: Numeric) -> tuple[float, float]:
    # Who starts at 0 or above means a number that has no sign: a width, a share, a rate.
    return (0.0 if parameter.low >= 0 else -math.inf, math.inf)
