"""How much a point promises: the logarithm of the expected improvement, times the chance to hold the constraints.

Source: Ament et al., Unexpected Improvements to Expected Improvement for Bayesian Optimization, arXiv 2310.20708: in
logarithms improvements far below a double's smallest stay apart, so a search over candidates never sees a plateau.
Constraints: Gardner et al., Bayesian Optimization with Inequality Constraints, ICML 2014.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

from search.samplers.gaussian.encoding import Array, Places
from search.samplers.gaussian.posterior import Posterior

_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


class Promise:
    """Scores rows by log expected improvement over the incumbent, over all fantasies about running trials.

    The incumbent is the best *expectation* at a known point rather than the best value: a lucky value of a noisy
    objective is no bar to beat.
    """

    def __init__(self, posterior: Posterior, limits: Sequence[Posterior] = (), eligible: Places | None = None) -> None:
        """Prepare the incumbent.

        Args:
            posterior: Of the objective.
            limits: Of each constraint on outcomes, which holds at or below 0.
            eligible: Places of the points that may be the incumbent; all if None, and with none of them a point
                promises what its chance to hold the constraints is.
        """
        self._posterior, self._limits = posterior, limits
        places = np.arange(posterior.n_finished) if eligible is None else eligible
        # Running trials may turn out better still; their expectations are in the fantasies.
        rows = np.vstack([posterior.rows[places], posterior.rows[posterior.n_finished :]])
        self._best = posterior.predict(rows)[0].min(axis=0) if len(places) else None  # (n_fantasies,)

    def __call__(self, rows: Array) -> Array:
        """Return the score of each of (m, n_columns) rows; higher is better."""
        score = np.zeros(len(rows)) if self._best is None else self._log_improvement(rows, self._best)
        for limit in self._limits:
            means, deviations = limit.predict(rows)
            score = score + log_ndtr(-means[:, 0] / deviations)
        return score

    def _log_improvement(self, rows: Array, best: Array) -> Array:
        means, deviations = self._posterior.predict(rows)  # (m, n_fantasies), (m,)
        logs = log_expected_gain((best - means) / deviations[:, None])
        return np.asarray(np.log(deviations) + _log_mean(logs) + log_news(deviations, self._posterior.hyper.noise))


def log_expected_gain(z: Array) -> Array:
    """Return log(phi(z) + z Phi(z)), accurate for z far below 0 too."""
    logs, is_low = np.empty_like(z), z < -1.0
    low, high = z[is_low], z[~is_low]
    # phi(z) + z Phi(z) = phi(z) (1 - |z| sqrt(pi/2) erfcx(|z|/sqrt 2)); the bracket is about 1/z^2 for large |z|.
    bracket = 1.0 + low * math.sqrt(math.pi / 2) * erfcx(-low / math.sqrt(2))
    bracket = np.where(low < -1e4, 1.0 / low**2, bracket)
    logs[is_low] = -0.5 * low**2 - _HALF_LOG_2PI + np.log(np.maximum(bracket, 1e-300))
    logs[~is_low] = np.log(np.exp(-0.5 * high**2 - _HALF_LOG_2PI) + high * ndtr(high))
    return logs


def log_news(deviations: Array, noise: float) -> Array:
    """Return the logarithm of how much of a trial's outcome would be news rather than noise: in (-inf, 0], (m,).

    Next to a known point the expectation is known as well as noise allows. Improvement that another trial there would
    show is luck, and on an objective that is constant in places the same value once more.
    Source: the factor of augmented expected improvement, Huang et al., Global Optimization of Stochastic Black-Box
    Systems via Sequential Kriging Meta-Models, Journal of Global Optimization 34 (2006), equation 12.

    Args:
        deviations: (m,) standard deviations of the function.
        noise: Variance of the values' noise.
    """
    ratio = deviations**2 / noise
    # 1 - 1 / sqrt(1 + r), without cancellation where r is small.
    root = np.sqrt(1.0 + ratio)
    return np.asarray(np.log(ratio / (root * (1.0 + root))))


def _log_mean(logs: Array) -> Array:
    """Return the logarithm of each row's mean of exponentials: (m,) of (m, n)."""
    if logs.shape[1] == 1:
        return logs[:, 0]
    highest = logs.max(axis=1)
    return np.asarray(highest + np.log(np.exp(logs - highest[:, None]).mean(axis=1)))
