"""Where a curve that has begun will end: the family of curves, what other curves say, and how wrong that has been."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from search.curves.posterior import learn_belief, predict
from search.curves.scale import Scale, scale_of
from search.curves.shapes import Floats, design

_N_TRUST = 8.0
"""Completed curves that the belief in the forecast's own deviation weighs as much as."""
_SURPRISE = 4.0
"""A forecast that was off by more deviations than this counts as off by this many."""
_WORTH = 0.5
"""Independent points that a reported value is worth: neighbours on a learning curve err together."""
_WIDTH = 0.8
"""Widths in a deviation: Student's distribution with this width has a normal's middle and, beyond, its own tails."""
TAIL = 1.5332062740589438
"""Widths that 10 % of Student's distribution with four degrees of freedom lie beyond."""


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
    """Where a curve goes: Student's distribution with four degrees of freedom on `scale` at each step ahead.

    Its tails are those that forecasts of real curves turned out to have: rarely, a network takes off late.

    Attributes:
        steps: Ascending; the last one is the end.
        middle: On the scale, (g).
        width: On the scale, (g), above 0.
        scale: To the curve's own unit.
    """

    steps: tuple[int, ...]
    middle: Floats
    width: Floats
    scale: Scale

    def chance_above(self, bar: float) -> float:
        """Return the chance, 0..1, that the curve ends above `bar`."""
        far = (float(self.scale.to_scale(np.array([bar]))[0]) - float(self.middle[-1])) / float(self.width[-1])
        return student_above(far)

    def at(self, widths: float) -> Floats:
        """Return the values that lie so many widths above the middle, in the curve's unit; (g)."""
        return self.scale.from_scale(self.middle + widths * self.width)


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
    shift = float(wrong.sum()) / (_N_TRUST + n)
    stretch = math.sqrt((_N_TRUST + float(((wrong - shift) ** 2).sum())) / (_N_TRUST + n))
    way = (np.asarray(steps[t:]) - steps[t - 1]) / (steps[-1] - steps[t - 1])  # the shift was measured at the end
    deviation = found.deviation[n]
    return Forecast(steps[t:], found.mean[n] + shift * way * deviation, deviation * stretch * _WIDTH, scale)


def student_above(far: float) -> float:
    """Return the chance that Student's distribution with four degrees of freedom exceeds `far`; closed form."""
    square = far * far / (4.0 + far * far)
    inside = 0.75 * math.copysign(math.sqrt(square), far) * (1.0 - square / 3.0)
    return min(1.0, max(0.0, 0.5 - inside))


def _weights(steps: tuple[int, ...]) -> Floats:
    """Return how many points each value is worth: late ones more than early ones, which other curves are like too."""
    part = np.arange(1.0, len(steps) + 1.0) / len(steps)
    return _WORTH * (0.25 + 0.75 * part)
