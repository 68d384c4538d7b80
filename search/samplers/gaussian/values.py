"""Makes values fit for a Gaussian process: finite, with tamed tails, one number a trial, lower is better."""

from __future__ import annotations

import math

import numpy as np

from search.samplers.gaussian.encoding import Array

# Share of the plain sum in a scalarised value: among points that are equal in their worst objective, the better others.
SUM_SHARE = 0.05


def tame(values: Array) -> Array:
    """Return (n,) values, lower is better, winsorised and standardised.

    What lies more than 1.5 interquartile ranges above the upper quartile is set to that bound: a diverged training says
    "not here", and how far it diverged says nothing about where the best values lie. NaN and +inf count as the worst,
    -inf as the best finite value.
    """
    numbers = values[np.isfinite(values)]
    if not len(numbers):
        return np.zeros(len(values))
    # Values near a double's end would overflow on the way to a spread.
    numbers = np.clip(numbers, -1e150, 1e150)
    lower, upper = np.quantile(numbers, [0.25, 0.75])
    ceiling = min(upper + 1.5 * (upper - lower), float(numbers.max()))
    tamed = np.clip(np.where(np.isnan(values), math.inf, values), float(numbers.min()), ceiling)
    spread = float(tamed.std())
    return (tamed - tamed.mean()) / spread if spread > 0 else np.zeros(len(values))


def scalarise(values: Array, weights: Array) -> Array:
    """Return one value a point: its worst weighted objective, each on a scale from 0 (best seen) to 1 (worst seen).

    Drawing new weights for each suggestion spreads suggestions over the Pareto front.
    Source: Knowles, ParEGO, IEEE Transactions on Evolutionary Computation 10 (2006), equation 2.

    Args:
        values: (n, n_objectives), lower is better.
        weights: (n_objectives,) at least 0, sum 1.
    """
    columns = [tame(column) for column in values.T]
    units = np.array([(one - one.min()) / max(float(np.ptp(one)), 1e-12) for one in columns]).T  # (n, n_objectives)
    weighted = units * weights
    return np.asarray(weighted.max(axis=1) + SUM_SHARE * weighted.sum(axis=1))


def squash(limits: Array) -> Array:
    """Return (n,) constraint values with tamed tails; what is at most 0 stays at most 0, and 0 stays 0."""
    limits = np.clip(limits, -1e150, 1e150)
    typical = float(np.median(np.abs(limits)))
    if typical == 0:
        return np.sign(limits)
    logs = np.sign(limits) * np.log1p(np.abs(limits) / typical)
    return np.asarray(logs / max(float(np.sqrt((logs**2).mean())), 1e-12))
