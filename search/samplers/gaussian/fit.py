"""Fits a Gaussian process: the length scales and the noise that make the data most likely, given what is usual.

Source: Rasmussen and Williams (2006), equations 5.8 and 5.9. Priors: length scales that grow with the number of
parameters, Hvarfner et al., Vanilla Bayesian Optimization Performs Great in High Dimensions, arXiv 2402.02229; shorter
and surer than theirs, with which ten trials are explained by a plane whose best values lie in corners.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.linalg.lapack import dpotrf, dpotri, dpotrs
from scipy.optimize import minimize

from search.samplers.gaussian.encoding import Array, Mask
from search.samplers.gaussian.kernel import matern, squared_distances

# Log-normal priors (mean and deviation of the logarithm).
LENGTH_PRIOR = (0.0, 1.0)
NOISE_PRIOR = (-6.0, 2.0)
SCALE_PRIOR = (0.0, 1.0)
# In logarithms: lengths, noise and scale beyond these are one to the data and hard on the arithmetic.
LENGTH_BOUNDS = (math.log(0.02), math.log(100.0))
NOISE_BOUNDS = (math.log(1e-6), math.log(1.0))
SCALE_BOUNDS = (math.log(0.05), math.log(20.0))
# Length scales to start from: a wavy function and a smooth one. Many points leave little doubt which it is.
STARTS = (0.5, 2.0)
MANY_POINTS = 100
# A thousandth of a nat more or less changes no proposal.
STOPS = {"maxiter": 60, "ftol": 1e-5, "gtol": 1e-3}


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """What a Gaussian process is fitted by.

    Attributes:
        weights: (n_columns,) inverse squared length scales.
        noise: Variance of the values' noise.
        scale: Prior variance of the function.
    """

    weights: Array
    noise: float
    scale: float


class _Evidence:
    """The negative log posterior of hyperparameters in logarithms: lengths, then noise, then scale.

    Matrices are symmetric, so of each only the lower triangle is computed, as a vector.
    """

    def __init__(self, rows: Array, values: Array, unordered: Mask) -> None:
        self.values, n = values, len(values)
        self.left, self.right = np.tril_indices(n)  # (n (n + 1) / 2,) each, called pairs below
        self.places = self.left + n * self.right  # in a matrix as LAPACK stores it, column after column
        squares = squared_distances(rows, rows, unordered)  # (n_columns, n, n)
        self.squares = squares.reshape(len(squares), -1)[:, self.places]  # (n_columns, pairs)
        self.times = np.where(self.left == self.right, 1.0, 2.0)  # how often each pair stands in the matrix
        length = LENGTH_PRIOR[0] + 0.5 * math.log(max(len(squares), 1))
        self.means = np.array([length] * len(squares) + [NOISE_PRIOR[0], SCALE_PRIOR[0]])
        self.deviations = np.array([LENGTH_PRIOR[1]] * len(squares) + [NOISE_PRIOR[1], SCALE_PRIOR[1]])

    def __call__(self, theta: Array) -> tuple[float, Array]:
        """Return the negative log posterior and its gradient."""
        off = (theta - self.means) / self.deviations
        penalty, slope = 0.5 * float(off @ off), off / self.deviations
        n, weights = len(self.values), np.exp(-2.0 * theta[:-2])
        noise, scale = math.exp(theta[-2]), math.exp(theta[-1])
        correlation, derivative = matern(weights @ self.squares)
        covariance = np.zeros(n * n)
        covariance[self.places] = scale * correlation
        covariance[:: n + 1] += noise
        factor, failed = dpotrf(covariance.reshape(n, n, order="F"), lower=1, clean=1, overwrite_a=1)
        if failed:
            return 1e10, np.zeros_like(theta)
        alpha, _ = dpotrs(factor, self.values, lower=1)
        logs = float(np.log(np.diag(factor)).sum())
        inverse, _ = dpotri(factor, lower=1, overwrite_c=1)  # its lower triangle
        outer = self.times * (alpha[self.left] * alpha[self.right] - inverse.ravel(order="F")[self.places])
        loss = 0.5 * float(self.values @ alpha) + logs + penalty
        gradient = np.empty_like(theta)
        gradient[:-2] = scale * weights * (self.squares @ (outer * derivative))
        gradient[-2] = -0.5 * noise * (float(alpha @ alpha) - float(np.trace(inverse)))
        gradient[-1] = -0.5 * scale * float(outer @ correlation)
        return loss, gradient + slope


def fit(rows: Array, values: Array, unordered: Mask) -> Hyperparameters:
    """Return the most probable hyperparameters.

    Args:
        rows: (n, n_columns) encoded points.
        values: (n,) standardised values.
        unordered: (n_columns,) which columns are unordered.
    """
    evidence = _Evidence(rows, values, unordered)
    n_columns = rows.shape[1]
    bounds = [LENGTH_BOUNDS] * n_columns + [NOISE_BOUNDS, SCALE_BOUNDS]
    best = None
    for length in STARTS if len(values) <= MANY_POINTS else STARTS[-1:]:
        start = np.array([math.log(length)] * n_columns + [math.log(0.01), 0.0])
        result = minimize(evidence, start, jac=True, method="L-BFGS-B", bounds=bounds, options=STOPS)
        if best is None or result.fun < best.fun:
            best = result
    assert best is not None
    return Hyperparameters(np.exp(-2.0 * best.x[:-2]), math.exp(best.x[-2]), math.exp(best.x[-1]))


def factorise(covariance: Array) -> Array:
    """Return the lower Cholesky factor, adding as little to the diagonal as makes it possible."""
    jitter = 1e-10
    while True:
        try:
            return np.asarray(cholesky(covariance + jitter * np.eye(len(covariance)), lower=True, check_finite=False))
        except np.linalg.LinAlgError:
            jitter *= 10.0


def solve_lower(factor: Array, right: Array) -> Array:
    """Return x with `factor` x = `right`, for a lower triangular factor."""
    return np.asarray(solve_triangular(factor, right, lower=True, check_finite=False))
