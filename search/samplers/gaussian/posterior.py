"""A fitted Gaussian process: what it expects at new points, also after points whose values are still to come.

Source: Rasmussen and Williams (2006), algorithm 2.1; fantasies: Snoek et al., Practical Bayesian Optimization of
Machine Learning Algorithms, NeurIPS 2012, section 3.2.
"""

from __future__ import annotations

import numpy as np

from search.samplers.gaussian.encoding import Array, Mask
from search.samplers.gaussian.fit import Hyperparameters, factorise, fit, solve_lower
from search.samplers.gaussian.kernel import correlations


class Posterior:
    """A Gaussian process given data, with any number of fantasies about running trials.

    A fantasy is one way in which the running trials may end. Fantasies share their points, so they share every
    variance; only their means differ.

    Attributes:
        rows: (n, n_columns) points known, finished ones first.
        values: (n, n_fantasies) standardised values, lower is better; one column while nothing runs.
        n_finished: How many rows have been observed rather than imagined.
    """

    def __init__(self, rows: Array, values: Array, unordered: Mask, hyper: Hyperparameters, n_finished: int) -> None:
        self.rows, self.values, self.n_finished = rows, values, n_finished
        self._unordered, self._hyper = unordered, hyper
        covariance = self._covariances(rows, rows)
        covariance.flat[:: len(rows) + 1] += hyper.noise
        self._factor = factorise(covariance)  # (n, n)
        self._whitened = solve_lower(self._factor, values)  # (n, n_fantasies)

    @property
    def hyper(self) -> Hyperparameters:
        """Return what the process was fitted by."""
        return self._hyper

    @property
    def n_fantasies(self) -> int:
        """Count the ways in which the running trials end; 1 when none runs."""
        return int(self.values.shape[1])

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """Return the function's mean (m, n_fantasies) and standard deviation (m,) at `rows` (m, n_columns)."""
        solved = solve_lower(self._factor, self._covariances(self.rows, rows))  # (n, m)
        variances = self._hyper.scale - np.einsum("ij,ij->j", solved, solved)  # (m,)
        return solved.T @ self._whitened, np.sqrt(np.maximum(variances, 1e-12))

    def imagine(self, rows: Array, normals: Array) -> Posterior:
        """Return the process after `rows` have ended too, once for each row of `normals`.

        Args:
            rows: (m, n_columns) points of running trials.
            normals: (n_fantasies, m) standard normal draws; each row is one way in which they end. Must have one row
                a fantasy where the process has several already.
        """
        solved = solve_lower(self._factor, self._covariances(self.rows, rows))  # (n, m)
        joint = self._covariances(rows, rows) - solved.T @ solved  # (m, m)
        joint.flat[:: len(rows) + 1] += self._hyper.noise
        means = solved.T @ self._whitened  # (m, 1 or n_fantasies)
        imagined = means + factorise(joint) @ normals.T  # (m, n_fantasies)
        known = np.broadcast_to(self.values, (len(self.values), len(normals)))
        return Posterior(
            np.vstack([self.rows, rows]), np.vstack([known, imagined]), self._unordered, self._hyper, self.n_finished
        )

    def _covariances(self, left: Array, right: Array) -> Array:
        return self._hyper.scale * correlations(left, right, self._hyper.weights, self._unordered)


def fit_posterior(rows: Array, values: Array, unordered: Mask) -> Posterior:
    """Fit a Gaussian process to `values` (n,) at `rows` (n, n_columns)."""
    return Posterior(rows, values[:, None], unordered, fit(rows, values, unordered), len(rows))
