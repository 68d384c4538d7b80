"""Curves of different trials at the same few steps, as arrays."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_MOST_SEEN = 16
_MOST_AHEAD = 16
_GREATEST = 1e100
"""Greater values are cut off: their squares would not be finite."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The steps at which curves are looked at.

    Attributes:
        seen: Ascending, at least two: steps that the trial has reported with a finite value, its last among them.
        ahead: Ascending, at least one, beyond those; the last is the trial's last step.
    """

    seen: tuple[int, ...]
    ahead: tuple[int, ...]

    @property
    def steps(self) -> tuple[int, ...]:
        """All of them."""
        return self.seen + self.ahead


def grid_of(curve: Mapping[int, float], n_steps: int) -> Grid | None:
    """Return at most 32 steps to look at a curve and its future; None if it is at its end or has no two numbers."""
    reported = sorted(step for step, value in curve.items() if math.isfinite(value) and step < n_steps)
    if len(reported) < 2 or max(curve) >= n_steps:
        return None
    last = reported[-1]
    n = min(_MOST_AHEAD, n_steps - last)
    ahead = sorted({last + round((n_steps - last) * place / n) for place in range(1, n + 1)})
    return Grid(tuple(_spread(reported, _MOST_SEEN)), tuple(ahead))


def row_of(curve: Mapping[int, float], steps: Sequence[int]) -> list[float] | None:
    """Return a curve's values at `steps`: each the last number up to there, or the first one where it begins later.

    None if it holds no finite number.
    """
    try:
        row = [curve[step] for step in steps]  # what nearly every study has: all trials report the same steps
        if all(map(math.isfinite, row)):
            return row
    except KeyError:
        pass
    reported = sorted(step for step, value in curve.items() if math.isfinite(value))
    if not reported:
        return None
    return [curve[reported[max(bisect_right(reported, step) - 1, 0)]] for step in steps]


def oriented(values: Sequence[float] | Sequence[Sequence[float]], sign: float) -> npt.NDArray[np.float64]:
    """Return values to be maximised, none of them too great to be squared."""
    return np.clip(np.asarray(values, dtype=np.float64), -_GREATEST, _GREATEST) * sign


def _spread(steps: Sequence[int], n: int) -> list[int]:
    """Return at most `n` of the steps, evenly, the first and the last among them."""
    if len(steps) <= n:
        return list(steps)
    return [steps[round(place * (len(steps) - 1) / (n - 1))] for place in range(n)]
