"""Where a curve that has begun will end: the family of curves, what other curves say, and how wrong that has been."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from search.curves.posterior import learn_belief, predict
from search.curves.scale import Scale, scale_of
from search.curves.shapes import Floats, design

N_TRUST = 8.0
"""Completed curves that the belief in the forecast's own deviation weighs as much as."""
TRUST = 1.0
"""How many times its own deviation a forecast is off, before any was compared with what came."""
_SURPRISE = 4.0
"""A forecast that was off by more deviations than this counts as off by this many."""
_WORTH = 0.5
"""Independent points that a reported value is worth: neighbours on a learning curve err together."""
TAIL = 1.2815515655446004
"""Deviations that 10 % of a normal distribution lie beyond."""


@dataclass(frozen=True, slots=True)
class Curves:
    """What a forecast is made from.

    Attributes:
        steps: Ascending, m of them; the first t were seen of the curve in question, at the last one it ends.
        own: Its values, (t); finite.
        others: Whole curves, (n, m), n >= 1; finite.
        finals: What these were worth in the end, (n); finite.
    """

    steps: tuple[int, ...]
    own: Floats
    others: Floats
    finals: Floats


@dataclass(frozen=True, slots=True)
class Forecast:
    """Where a curve goes: a normal distribution on `scale` at each step ahead.

    Attributes:
        steps: Ascending; the last one is the end.
        mean: On the scale, (g).
        deviation: On the scale, (g).
        scale: To the curve's own unit.
    """

    steps: tuple[int, ...]
    mean: Floats
    deviation: Floats
    scale: Scale

    def chance_above(self, bar: float) -> float:
        """Return the chance, 0..1, that the curve ends above `bar`."""
        far = (float(self.scale.to_scale(np.array([bar]))[0]) - float(self.mean[-1])) / float(self.deviation[-1])
        return 0.5 * math.erfc(far / math.sqrt(2.0))

    def at(self, deviations: float) -> Floats:
        """Return the values that lie so many deviations above the mean, in the curve's unit; (g)."""
        return self.scale.from_scale(self.mean + deviations * self.deviation)


def forecast(curves: Curves) -> Forecast:
    """Continue a curve.

    Three things are combined, all in closed form. Bayesian regression continues the curve with each shape of the
    family, starting from what the other curves' coefficients are like. The shapes are mixed by their evidence, on this
    curve and on the others. Then the same is done with each of the other curves, cut off at the same step and
    without using its own end: how far off those forecasts were, on average and in size, corrects this one.
    """
    steps, t = curves.steps, curves.own.size
    scale = scale_of(curves.others[:, t - 1 :])
    others, own = scale.to_scale(curves.others), scale.to_scale(curves.own)
    whole = design(steps, steps[0], steps[-1])
    belief = learn_belief(whole, others)
    begun = np.concatenate([others[:, :t], own[None]])
    found = predict(belief, whole[:, :t], _weights(steps[:t]), begun, whole[:, t:])
    n = others.shape[0]
    wrong = (scale.to_scale(curves.finals) - found.mean[:n, -1]) / found.deviation[:n, -1]
    wrong = np.clip(wrong, -_SURPRISE, _SURPRISE)
    shift = float(wrong.sum()) / (N_TRUST + n)
    stretch = math.sqrt((N_TRUST * TRUST**2 + float(((wrong - shift) ** 2).sum())) / (N_TRUST + n))
    way = (np.asarray(steps[t:]) - steps[t - 1]) / (steps[-1] - steps[t - 1])  # the shift was measured at the end
    deviation = found.deviation[n]
    return Forecast(steps[t:], found.mean[n] + shift * way * deviation, deviation * stretch, scale)


def _weights(steps: tuple[int, ...]) -> Floats:
    """Return how many points each value is worth: late ones more than early ones, which other curves are like too."""
    part = np.arange(1.0, len(steps) + 1.0) / len(steps)
    return _WORTH * (0.25 + 0.75 * part)
