"""What a Gaussian process learns from: the trials of a request as numbers, lower is better."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from search.parameters import ParamValue
from search.samplers.gaussian.encoding import Array, Encoding, Mask, Places
from search.types import Direction, PastTrial, SuggestRequest

ParamKey: TypeAlias = tuple[tuple[str, ParamValue], ...]

# More points than these cost more time than they bring knowledge; see `thin`.
MAX_POINTS = 300


@dataclass(frozen=True, slots=True)
class Data:
    """Trials as numbers.

    Attributes:
        rows: (n, n_columns) points with an outcome, ordered by number.
        values: (n, n_objectives) lower is better; +inf for trials that failed or ended in NaN.
        constraints: (n, n_constraints) at most 0 where a constraint on outcomes holds; NaN where it is not known.
        running: (m, n_columns) points without an outcome yet.
        seen: The parameters of all trials, whatever became of them.
        n_finished: How many trials ended with a value of their own: those that failed have none.
    """

    rows: Array
    values: Array
    constraints: Array
    running: Array
    seen: frozenset[ParamKey]
    n_finished: int

    @property
    def is_feasible(self) -> Mask:
        """Return (n,) which points are known to hold every constraint on outcomes."""
        return np.asarray((self.constraints <= 0).all(axis=1))


@dataclass(frozen=True, slots=True)
class _Outcome:
    params: dict[str, ParamValue]
    values: tuple[float, ...]
    constraints: tuple[float, ...]
    state: str


def gather(encoding: Encoding, request: SuggestRequest) -> Data:
    """Return what the request's history says about its space.

    COMPLETE trials count by their values. PRUNED ones (with one objective) count by the last value they reported, but
    as no better than the median of the complete ones: they were given up for being bad, however early. FAIL counts as
    worse than everything. Trials that do not fit the space, and the one that is asked for, are left out.
    """
    outcomes: list[_Outcome] = []
    running: list[dict[str, ParamValue]] = []
    for trial in sorted(request.history, key=lambda trial: trial.number):
        params = encoding.space.project(trial.params) if trial.number != request.number else None
        if params is None:
            continue
        if trial.state == "RUNNING":
            running.append(params)
        elif (values := _values(trial, request.directions)) is not None:
            outcomes.append(_Outcome(params, values, trial.constraints, trial.state))
    n_constraints = max((len(one.constraints) for one in outcomes), default=0)
    limits = [
        one.constraints if len(one.constraints) == n_constraints else (math.nan,) * n_constraints for one in outcomes
    ]
    n = len(outcomes)
    return Data(
        rows=encoding.encode([one.params for one in outcomes]),
        values=_behind_the_median(outcomes, len(request.directions)),
        constraints=np.array(limits, dtype=float).reshape(n, n_constraints),
        running=encoding.encode(running),
        seen=frozenset(key_of(params) for params in [*(one.params for one in outcomes), *running]),
        n_finished=sum(one.state != "FAIL" for one in outcomes),
    )


def key_of(params: dict[str, ParamValue]) -> ParamKey:
    """Return what tells parameter sets of one space apart."""
    return tuple(sorted(params.items()))


def thin(ranking: Array) -> Places:
    """Return the places of at most `MAX_POINTS` points, ascending: half the best by `ranking`, half of all the rest.

    The best say where to look; the rest, evenly over the study's time, say where not.
    """
    n = len(ranking)
    if n <= MAX_POINTS:
        return np.arange(n, dtype=np.int64)
    order = np.argsort(ranking, kind="stable")
    best, rest = order[: MAX_POINTS // 2], np.sort(order[MAX_POINTS // 2 :])
    picked = rest[np.linspace(0, len(rest) - 1, MAX_POINTS - MAX_POINTS // 2).round().astype(int)]
    return np.sort(np.concatenate([best, picked]))


def _values(trial: PastTrial, directions: tuple[Direction, ...]) -> tuple[float, ...] | None:
    """Return a trial's values, lower is better; None for one that says nothing."""
    if trial.state == "FAIL":
        return (math.inf,) * len(directions)
    if trial.state == "PRUNED" and len(directions) == 1 and trial.intermediate:
        values: tuple[float, ...] = (trial.intermediate[max(trial.intermediate)],)
    elif trial.state == "COMPLETE" and trial.values is not None and len(trial.values) == len(directions):
        values = trial.values
    else:
        return None
    signed = (value if direction == "minimize" else -value for value, direction in zip(values, directions, strict=True))
    return tuple(math.inf if math.isnan(value) else value for value in signed)


def _behind_the_median(outcomes: Sequence[_Outcome], n_objectives: int) -> Array:
    values = np.array([one.values for one in outcomes], dtype=float).reshape(len(outcomes), n_objectives)
    complete = values[[one.state == "COMPLETE" for one in outcomes]]
    if len(complete):
        is_pruned = np.array([one.state == "PRUNED" for one in outcomes])
        values[is_pruned] = np.maximum(values[is_pruned], np.median(complete, axis=0))
    return values
