"""How much a point promises: the logarithm of the expected improvement, times the chance to hold the constraints.

Source: Ament et al., Unexpected Improvements to Expected Improvement for Bayesian Optimization, arXiv 2310.20708: in
logarithms improvements far below a double's smallest stay apart, so a search over candidates never sees a plateau.
Constraints: Gardner et al., Bayesian Optimization with Inequality Constraints, ICML 2014.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import erfcx, log_ndtr, logsumexp

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
        mean = logsumexp(logs, axis=1) if logs.shape[1] > 1 else logs[:, 0]
        return np.asarray(np.log(deviations) + mean - math.log(logs.shape[1]))


def log_expected_gain(z: Array) -> Array:
    """Return log(phi(z) + z Phi(z)), accurate for z far below 0 too."""
    low = np.minimum(z, -1.0)
    # phi(z) + z Phi(z) = phi(z) (1 - |z| sqrt(pi/2) erfcx(|z|/sqrt 2)); the bracket is about 1/z^2 for large |z|.
    bracket = 1.0 + low * math.sqrt(math.pi / 2) * erfcx(-low / math.sqrt(2))
    bracket = np.where(low < -1e4, 1.0 / low**2, bracket)
    tail = -0.5 * low**2 - _HALF_LOG_2PI + np.log(np.maximum(bracket, 1e-300))
    high = np.maximum(z, -1.0)
    body = np.log(np.exp(-0.5 * high**2 - _HALF_LOG_2PI) + high * np.exp(log_ndtr(high)))
    return np.asarray(np.where(z < -1.0, tail, body))
