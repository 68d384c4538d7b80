"""Bayesian linear regression for every shape at once: closed forms, batched over shapes and curves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search.curves.shapes import N_COEFFICIENTS, Floats

N_PRIOR = 4.0
"""Completed curves that the vague beliefs below weigh as much as."""
N_NOISE = 4.0
"""Points that the beliefs about noise weigh as much as."""
_VAGUE = (2.0, 4.5, 0.125)
"""Variance of level, height and slope before any curve was seen, in units of the curves' own spread."""
_NOISE = 0.0075
"""Variance of the noise before any curve was seen, in the same units."""
_RIDGE = 1e-3


@dataclass(frozen=True, slots=True)
class Belief:
    """What is known of coefficients and noise before a curve begins, for each of K shapes.

    Attributes:
        means: (n, K, 3), for each of n curves what the others say.
        precision: (K, 3, 3), in units of the noise.
        noise: (K), variance of a point about its curve.
        log_weight: (K), how well the shape has fitted whole curves.
    """

    means: Floats
    precision: Floats
    noise: Floats
    log_weight: Floats


@dataclass(frozen=True, slots=True)
class Prediction:
    """Mean and standard deviation of (n) curves at (g) steps."""

    mean: Floats
    deviation: Floats


def learn_belief(design: Floats, curves: Floats) -> Belief:
    """Learn from whole curves what their coefficients and noise are like.

    Args:
        design: (K, m, 3).
        curves: (n, m), finite.

    Returns:
        A belief for n + 1 curves: each of these by the others, and a new one by all.
    """
    n, m = curves.shape
    transposed = design.transpose(0, 2, 1)  # (K, 3, m)
    solver = np.linalg.solve(transposed @ design + _RIDGE * np.eye(N_COEFFICIENTS), transposed)  # (K, 3, m)
    found = (solver @ curves.T).transpose(2, 0, 1)  # (n, K, 3)
    residuals = curves[:, None, :] - np.einsum("kmc,nkc->nkm", design, found)  # (n, K, m)
    squares = np.einsum("nkm,nkm->nk", residuals, residuals)  # (n, K)
    freedom = max(m - N_COEFFICIENTS, 1)
    # The middle curve's noise counts: a few wild curves must not make every other one look uncertain.
    noise = (N_PRIOR * _NOISE + n * np.median(squares, axis=0) / freedom) / (N_PRIOR + n)  # (K)
    total = found.sum(axis=0)  # (K, 3)
    centred = found - total / n  # (n, K, 3)
    spread = np.einsum("nkc,nkd->kcd", centred, centred)  # (K, 3, 3)
    covariance = (N_PRIOR * np.diag(_VAGUE) + spread) / (N_PRIOR + n)  # (K, 3, 3)
    others = np.concatenate([total - found, total[None]])  # (n + 1, K, 3)
    counts = np.concatenate([np.full(n, n - 1.0), [float(n)]])[:, None, None]  # (n + 1, 1, 1)
    return Belief(
        means=others / (counts + 1.0),
        precision=np.linalg.inv(covariance) * noise[:, None, None],
        noise=noise,
        log_weight=-0.5 * freedom * np.log(noise),
    )


def predict(belief: Belief, seen: Floats, weights: Floats, curves: Floats, ahead: Floats) -> Prediction:
    """Continue curves whose beginnings are known, as the mixture of all shapes, each weighed by its evidence.

    The conjugate model: coefficients normal, noise inverse gamma, both scaled by the curve's own noise.

    Args:
        belief: For n curves.
        seen: Design at the steps seen, (K, t, 3).
        weights: Of the steps seen, (t), above 0; their sum is how many independent points they are worth.
        curves: (n, t).
        ahead: Design at the steps to predict, (K, g, 3).

    Returns:
        (n, g); of a new point including its noise.

    Source:
        Bishop, Pattern Recognition and Machine Learning, 2006, section 3.3 and exercise 3.12.
    """
    weighted = seen.transpose(0, 2, 1) * weights  # (K, 3, t)
    precision = belief.precision + weighted @ seen  # (K, 3, 3)
    inverse = np.linalg.inv(precision)  # (K, 3, 3)
    pulled = np.einsum("kcd,nkd->nkc", belief.precision, belief.means)  # (n, K, 3)
    moment = pulled + (weighted @ curves.T).transpose(2, 0, 1)  # (n, K, 3)
    mean = np.einsum("kcd,nkd->nkc", inverse, moment)  # (n, K, 3)
    squares = (
        (curves * curves @ weights)[:, None]  # (n, 1)
        + np.einsum("nkc,nkc->nk", pulled, belief.means)  # (n, K)
        - np.einsum("nkc,nkc->nk", moment, mean)  # (n, K)
    )
    freedom = N_NOISE + float(weights.sum())
    total = N_NOISE * belief.noise + np.maximum(squares, 0.0)  # (n, K)
    evidence = (
        0.5 * (np.linalg.slogdet(belief.precision)[1] - np.linalg.slogdet(precision)[1])
        + 0.5 * N_NOISE * np.log(belief.noise)
        - 0.5 * freedom * np.log(total)
        + belief.log_weight
    )  # (n, K)
    share = np.exp(evidence - evidence.max(axis=1, keepdims=True))  # (n, K)
    share /= share.sum(axis=1, keepdims=True)
    each = np.einsum("kgc,nkc->nkg", ahead, mean)  # (n, K, g)
    stretch = 1.0 + np.einsum("kgc,kcd,kgd->kg", ahead, inverse, ahead)  # (K, g)
    variance = (total / freedom)[:, :, None] * stretch  # (n, K, g)
    middle = np.einsum("nk,nkg->ng", share, each)  # (n, g)
    spread = np.einsum("nk,nkg->ng", share, variance + (each - middle[:, None, :]) ** 2)  # (n, g)
    return Prediction(middle, np.sqrt(spread))
