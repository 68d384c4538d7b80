"""Densities of one parameter's values, on a grid of cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from search.insight.units import Floats

MAX_CELLS = 50
"""A range without steps is looked at in so many cells."""
PRIOR_WEIGHT = 1.0
"""What is known before any trial counts as much as one trial."""
LEAST_SIGMA = 0.5 / 1.64
"""In cells: nine tenths of a kernel then lie in its own cell."""


def cells_of(units: Floats, n_cells: int) -> npt.NDArray[np.int64]:
    """Return (n,) the cell of each unit position."""
    return np.minimum((units * n_cells).astype(np.int64), n_cells - 1)


def density_of_choices(cells: npt.NDArray[np.int64], n_cells: int) -> Floats:
    """Return (n_cells,) the estimated share of each unordered value, given (n,) observed ones."""
    counts = np.bincount(cells, minlength=n_cells).astype(np.float64)
    seen = counts > 0
    # As of a mixture: a kernel a value seen, each with its share of the prior, and the prior itself.
    n_kernels = int(seen.sum()) + 1
    smoothing = PRIOR_WEIGHT / n_kernels
    own = 1 + n_cells * smoothing
    total = counts.sum() + PRIOR_WEIGHT
    spread = (counts.sum() * smoothing / own + PRIOR_WEIGHT / n_cells) / total
    density: Floats = counts / own / total + spread
    return density


def density_of_numbers(cells: npt.NDArray[np.int64], n_cells: int) -> Floats:
    """Return (n_cells,) a kernel estimate of the share of each cell, given (n,) observed ones.

    Source: Scott, Multivariate Density Estimation, 1992, for the width; Watanabe et al., PED-ANOVA, IJCAI 2023.
    """
    counts = np.bincount(cells, minlength=n_cells)
    at = np.flatnonzero(counts)  # (k,)
    weights = counts[at].astype(np.float64)  # (k,)
    centres = np.append(at, (n_cells - 1) / 2)  # (k + 1,), the prior last
    sigmas = np.append(np.full(len(at), max(_scott(at, weights), LEAST_SIGMA)), n_cells)  # (k + 1,)
    shares = np.append(weights, PRIOR_WEIGHT) / (weights.sum() + PRIOR_WEIGHT)  # (k + 1,)
    edges = (np.arange(n_cells + 1)[:, None] - 0.5 - centres) / sigmas  # (n_cells + 1, k + 1)
    below = ndtr(edges)  # (n_cells + 1, k + 1)
    mass = np.diff(below, axis=0) / (below[-1] - below[0])  # (n_cells, k + 1)
    density: Floats = mass @ shares
    return density


def _scott(at: npt.NDArray[np.int64], weights: Floats) -> float:
    n, running = weights.sum(), np.cumsum(weights)
    mean = at @ weights / n
    deviation = float(np.sqrt((at - mean) ** 2 @ weights / max(1.0, n - 1)))
    first = at[np.searchsorted(running, n // 4, side="left")]
    third = at[min(len(at) - 1, int(np.searchsorted(running, n * 3 // 4, side="right")))]
    return float(1.059 * min((third - first) / 1.34, deviation) * n**-0.2)
