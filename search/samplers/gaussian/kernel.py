"""Matern 5/2 kernel over encoded parameters, each with a length scale of its own.

Source: Rasmussen and Williams, Gaussian Processes for Machine Learning (2006), equation 4.17 with nu = 5/2.
"""

from __future__ import annotations

import math

import numpy as np

from search.samplers.gaussian.encoding import Array, Mask

_SQRT5 = math.sqrt(5.0)


def squared_distances(left: Array, right: Array, unordered: Mask) -> Array:
    """Return the squared distance of each pair, column by column: (n_columns, n_left, n_right).

    Two different values of an unordered column are at distance 1.
    """
    squares = (left.T[:, :, None] - right.T[:, None, :]) ** 2  # (n_columns, n_left, n_right)
    if unordered.any():
        squares[unordered] = squares[unordered] > 0.0
    return squares


def correlations(left: Array, right: Array, weights: Array, unordered: Mask) -> Array:
    """Return the prior correlation of each pair of rows: (n_left, n_right), in (0, 1].

    Args:
        left: (n_left, n_columns).
        right: (n_right, n_columns).
        weights: (n_columns,) inverse squared length scales.
        unordered: (n_columns,).
    """
    scale = np.sqrt(weights)
    a, b = left * scale, right * scale
    squares = np.zeros((len(left), len(right)))  # (n_left, n_right)
    ordered = ~unordered
    if ordered.any():
        a_ordered, b_ordered = a[:, ordered], b[:, ordered]
        squares = (a_ordered**2).sum(1)[:, None] + (b_ordered**2).sum(1) - 2 * a_ordered @ b_ordered.T
    for place in np.flatnonzero(unordered):
        squares += weights[place] * (left[:, place, None] != right[:, place])
    return matern(np.maximum(squares, 0.0))[0]


def matern(squares: Array) -> tuple[Array, Array]:
    """Return the correlation at a weighted squared distance, and its derivative by that squared distance."""
    root = _SQRT5 * np.sqrt(squares)
    decay = np.exp(-root)
    return (1.0 + root + root**2 / 3.0) * decay, (-5.0 / 6.0) * (1.0 + root) * decay
