"""The ladder of successive halving: at which steps trials are compared, and how they stand there."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from search.pruners.steps import value_by
from search.types import Direction, PastTrial

LAST = 2**53 - 1
"""Beyond every step: the value by then is a trial's last one, which tells how far it has come."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Rungs at steps first, first * factor, first * factor**2, ...

    Attributes:
        first: Step of the lowest rung, at least 1.
        factor: At least 2; one in so many trials goes on from a rung.
    """

    first: int
    factor: int

    def crossed(self, after: int, last: int) -> int | None:
        """Return the highest rung in (after, last]; None if there is none."""
        found, rung = None, self.first
        while rung <= last:
            found = rung if rung > after else None
            rung *= self.factor
        return found

    def below(self, step: int) -> int | None:
        """Return the highest rung up to `step`; None if `step` is under the first."""
        return self.crossed(-1, step)


def standing(trials: Iterable[PastTrial], rung: int, direction: Direction) -> list[tuple[float, int]]:
    """Return how the trials stand that have reached a rung, the best first.

    A trial's value at a rung is that at its greatest step up to the rung; one that began to report later has none and
    does not count, nor does a trial that another study lends. NaN is worse than every number; of equal values the
    lower number stands first.

    Args:
        trials: In any order and state.
        rung: The step.
        direction: Of the objective.

    Returns:
        (value to be maximised, trial number) each.
    """
    return sorted(scores(trials, rung, direction), key=lambda row: (-row[0], row[1]))


def scores(trials: Iterable[PastTrial], rung: int, direction: Direction) -> list[tuple[float, int]]:
    """Return the same as `standing` in the order of `trials`, for who only counts the better ones."""
    sign = -1.0 if direction == "minimize" else 1.0
    rows = []
    for trial in trials:
        if trial.number < 0:
            continue
        curve = trial.intermediate
        # Nearly every trial reports at the rung itself; only of the others must the steps be searched.
        value = curve[rung] if rung in curve else _before(curve, rung)
        if value is not None:
            rows.append((-math.inf if math.isnan(value) else sign * value, trial.number))
    return rows


def _before(curve: Mapping[int, float], rung: int) -> float | None:
    return value_by(curve, rung) if max(curve, default=-1) > rung else None
