"""The scale curves are compared on: centred, in units of their spread, with far values drawn in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search.curves.shapes import Floats

_FARTHEST = 1e150
"""Spreads from the centre beyond which values are taken as equal: squares must stay finite."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A rising map from values to numbers of about -2..2: asinh((value - centre) / spread).

    Near the centre it is straight, far away it is a logarithm: a trial whose loss exploded must not decide what the
    others' spread is. It rises throughout, so one value is better than another here as there.
    """

    centre: float
    spread: float

    def to_scale(self, values: Floats) -> Floats:
        """Return finite numbers for finite values."""
        with np.errstate(over="ignore"):
            found: Floats = np.arcsinh(np.clip((values - self.centre) / self.spread, -_FARTHEST, _FARTHEST))
        return found

    def from_scale(self, values: Floats) -> Floats:
        """Return the values that `to_scale` maps to these."""
        found: Floats = np.sinh(np.clip(values, -300.0, 300.0)) * self.spread + self.centre
        return found


def scale_of(values: Floats) -> Scale:
    """Return the scale of values: centred at the median, in units of the distance between the quartiles.

    Args:
        values: Finite, at least one, of any shape.
    """
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75))
    widest = float(np.abs(values).max())
    # Where half of the values are equal, any spread of the rest serves; where all are, 1 does.
    spread = max(float(high - low), float(np.std(np.clip(values, low - 1.0, high + 1.0))) / 2, 1e-9 * widest)
    return Scale(float(middle), spread if spread > 0 else 1.0)
