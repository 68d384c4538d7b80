"""What trials nobody ran would have come to: a Gaussian process over the finished ones.

Small on purpose: it answers for many points at once and need not find the best. Of the means it was held against (the
nearest trial, by several distances; ranks instead of values; draws instead of means) it came nearest to what random
search truly reaches: docs/insight.md has the figures.

Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, algorithm 2.1; the Matern-5/2 kernel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search.insight.units import Floats

MAX_FIT = 150
"""Trials from which the scales are learned; of more, so many are drawn by lot."""
MAX_TRIALS = 400
"""Trials that a prediction rests on: the time grows with their cube."""
N_SWEEPS = 4
STEPS = (1.5, -1.5, 0.7, -0.7)
"""In the logarithm of a scale; a coordinate is moved by the first that helps."""
SCALES = (-8.0, 6.0)
BESIDE = math.sqrt(0.75)
"""The ends of a range are then 1 away from an inactive value, like two choices from each other."""
NOISE = (math.log(1e-4), math.log(10.0))


@dataclass(frozen=True, slots=True)
class _Scales:
    """Logarithms of the inverse squared length scales, (d,), and of the noise's share."""

    weights: Floats
    noise: float


def predict(units: Floats, is_choice: npt.NDArray[np.bool_], losses: Floats, points: Floats, seed: int) -> Floats:
    """Return (m,) the losses to expect at some points.

    Args:
        units: (n, d) where the trials lie, NaN where a parameter is inactive; n at least 1.
        is_choice: (d,) whether a parameter's values have no order.
        losses: (n,) finite.
        points: (m, d) as `units`.
        seed: Of the lot by which trials are left out where there are too many.
    """
    centre, deviation = losses.mean(), losses.std()
    if not 0 < deviation < np.inf:
        return np.full(len(points), centre)
    lot = np.random.default_rng(seed).permutation(len(losses))
    target = (losses - centre) / deviation  # (n,)
    few, kept = lot[:MAX_FIT], lot[:MAX_TRIALS]
    scales = _fit(_squares(units[few], units[few], is_choice), target[few])
    own = _kernel(_squares(units[kept], units[kept], is_choice), scales.weights)  # (n, n)
    own[np.diag_indices_from(own)] += math.exp(scales.noise)
    weights = np.linalg.solve(own, target[kept])  # (n,)
    across = _kernel(_squares(points, units[kept], is_choice), scales.weights)  # (m, n)
    expected: Floats = centre + deviation * (across @ weights)
    # Between and beyond the trials the process may swing out; nothing better or worse than what was seen is claimed.
    return np.clip(expected, losses.min(), losses.max())


def _fit(squares: Floats, target: Floats) -> _Scales:
    """Move one coordinate after the other while the likelihood grows."""
    best = _Scales(np.zeros(len(squares)), math.log(1e-2))
    least = _misfit(squares, target, best)
    for _ in range(N_SWEEPS):
        before = least
        for place in range(-2, len(squares)):
            for step in STEPS:
                tried = _moved(best, place, step)
                misfit = _misfit(squares, target, tried)
                if misfit < least - 1e-3:
                    best, least = tried, misfit
                    break
        if least == before:
            break
    return best


def _moved(scales: _Scales, place: int, step: float) -> _Scales:
    """Move the noise (-2), all weights (-1) or one of them."""
    if place == -2:
        return _Scales(scales.weights, min(max(scales.noise + 1.5 * step, NOISE[0]), NOISE[1]))
    weights = scales.weights + step
    if place >= 0:
        weights = scales.weights.copy()
        weights[place] += step
    return _Scales(np.clip(weights, *SCALES), scales.noise)


def _misfit(squares: Floats, target: Floats, scales: _Scales) -> float:
    """Return the negative logarithm of the likelihood, with the best variance for these scales."""
    own = _kernel(squares, scales.weights)
    own[np.diag_indices_from(own)] += math.exp(scales.noise)
    factor = np.linalg.cholesky(own)  # (n, n); the noise keeps it positive definite
    white = np.linalg.solve(factor, target)  # (n,)
    variance = max(float(white @ white) / len(target), 1e-12)
    return 0.5 * len(target) * math.log(variance) + float(np.log(np.diagonal(factor)).sum())


def _squares(one: Floats, other: Floats, is_choice: npt.NDArray[np.bool_]) -> Floats:
    """Return (d, n, m) squared differences; 1 where a choice differs, and almost 1 where one of two is inactive.

    An inactive number lies beside the middle of its range, `BESIDE` away from it. Were it as far from every value,
    there would be no such place in any space, and the kernel no covariance: it would have negative variances.
    """
    apart = np.abs(one.T[:, :, None] - other.T[:, None, :])  # (d, n, m)
    apart[is_choice] = apart[is_choice] > 1e-9
    if not np.isnan(one).any() and not np.isnan(other).any():
        return apart**2
    known = np.nan_to_num(one.T, nan=0.0)[:, :, None] + np.nan_to_num(other.T, nan=0.0)[:, None, :]
    aside = np.where(is_choice[:, None, None], 1.0, (known - 0.5) ** 2 + BESIDE**2)  # where one of the two is known
    missing = np.isnan(one.T)[:, :, None] != np.isnan(other.T)[:, None, :]
    squares: Floats = np.where(missing, aside, np.nan_to_num(apart, nan=0.0) ** 2)
    return squares


def _kernel(squares: Floats, weights: Floats) -> Floats:
    far = np.sqrt(5 * np.tensordot(np.exp(weights), squares, axes=1))  # (n, m)
    kernel: Floats = (1 + far + far**2 / 3) * np.exp(-far)
    return kernel
