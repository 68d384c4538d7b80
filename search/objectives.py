"""Which of two values is better, and which trial is best."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from search.types import Direction, PastTrial


def is_better(value: float, other: float, direction: Direction) -> bool:
    """Tell whether `value` beats `other`; equal values don't, NaN never does, and every number beats NaN."""
    if math.isnan(value) or math.isnan(other):
        return math.isnan(other) and not math.isnan(value)
    return value < other if direction == "minimize" else value > other


def best_value(values: Iterable[float], direction: Direction) -> float | None:
    """Return the best of `values`; None if there is no number among them."""
    numbers = [value for value in values if not math.isnan(value)]
    return (min if direction == "minimize" else max)(numbers, default=None)


def best_trial(history: Sequence[PastTrial], directions: tuple[Direction, ...]) -> PastTrial | None:
    """Return the COMPLETE trial with the best value; of equals the one with the lower number.

    None if no trial has completed with a number, and with several objectives, where no single trial need be best. A
    trial that breaks a constraint on outcomes is not among those that count.
    """
    if len(directions) != 1:
        return None
    best: PastTrial | None = None
    for trial in sorted(history, key=lambda trial: trial.number):
        if _has_number(trial) and (best is None or is_better(_value(trial), _value(best), directions[0])):
            best = trial
    return best


def best_so_far(history: Sequence[PastTrial], direction: Direction) -> list[tuple[int, float]]:
    """Return (number, best value up to that trial) for each COMPLETE trial with a number, in order of numbers.

    For the first objective where trials have several values.
    """
    curve: list[tuple[int, float]] = []
    for trial in sorted(history, key=lambda trial: trial.number):
        if not _has_number(trial):
            continue
        value = _value(trial)
        if curve and not is_better(value, curve[-1][1], direction):
            value = curve[-1][1]
        curve.append((trial.number, value))
    return curve


def _has_number(trial: PastTrial) -> bool:
    is_feasible = all(violation <= 0 for violation in trial.constraints)
    return is_feasible and trial.state == "COMPLETE" and bool(trial.values) and not math.isnan(_value(trial))


def _value(trial: PastTrial) -> float:
    return trial.values[0] if trial.values else math.nan
