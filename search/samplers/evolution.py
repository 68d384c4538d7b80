"""The state of a covariance matrix adaptation, computed from points and their values.

Source: Hansen, The CMA Evolution Strategy: A Tutorial, arXiv 1604.00772, figure 6 and table 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from search.samplers.draws import derive_seed
from search.samplers.gaussian.data import Data
from search.samplers.gaussian.encoding import Array, Encoding
from search.samplers.gaussian.values import scalarise

START_SIGMA = 0.2
# Below this step, of a parameter's range, nothing a study measures still changes.
LEAST_SIGMA = 1e-4
# How often a choice that none of the better trials has is still tried.
CHOICE_FLOOR = 0.1


@dataclass
class Strategy:
    """A normal distribution over encoded rows, and how it got there.

    Attributes:
        mean: (d,) in [0, 1].
        sigma: Step size, of a parameter's range.
        covariance: (d, d).
        generation: Generations told since the last start.
        least: (d,) least standard deviation of each column: on a lattice, enough to reach a neighbour.
        choices: For each unordered column, its places and their probabilities.
    """

    mean: Array
    sigma: float
    covariance: Array
    path_sigma: Array
    path_covariance: Array
    least: Array
    choices: dict[int, tuple[Array, Array]]
    generation: int = 0

    def sample(self, n: int, rng: np.random.Generator) -> Array:
        """Return (n, d) rows, not yet snapped to values."""
        eigenvalues, axes = np.linalg.eigh(self.covariance)
        normals = rng.standard_normal((n, len(self.mean)))
        steps = self.sigma * (normals * np.sqrt(np.maximum(eigenvalues, 1e-20))) @ axes.T  # (n, d)
        spread = self.sigma * np.sqrt(np.diag(self.covariance))  # (d,)
        widened = steps * np.maximum(1.0, self.least / np.maximum(spread, 1e-20))
        rows = _reflect(self.mean + widened)
        for place, (values, chances) in self.choices.items():
            rows[:, place] = rng.choice(values, size=n, p=chances)
        return rows

    def tell(self, rows: Array, values: Array) -> None:
        """Move on by a generation of (lambda, d) rows and their (lambda,) values, lower is better."""
        d, n = len(self.mean), len(rows)
        weights = np.maximum(math.log((n + 1) / 2) - np.log(np.arange(1, n + 1)), 0.0)
        weights /= weights.sum()  # (lambda,)
        mu = 1.0 / float((weights**2).sum())
        c_sigma = (mu + 2) / (d + mu + 5)
        c_path = (4 + mu / d) / (d + 4 + 2 * mu / d)
        c_one = 2 / ((d + 1.3) ** 2 + mu)
        c_mu = min(1 - c_one, 2 * (mu - 2 + 1 / mu) / ((d + 2) ** 2 + mu))
        damping = 1 + 2 * max(0.0, math.sqrt((mu - 1) / (d + 1)) - 1) + c_sigma
        expected = math.sqrt(d) * (1 - 1 / (4 * d) + 1 / (21 * d**2))

        inverse_root = self._inverse_root()
        steps = (rows[np.argsort(values, kind="stable")] - self.mean) / self.sigma  # (lambda, d)
        lengths = np.linalg.norm(steps @ inverse_root, axis=1)
        # Points from elsewhere must not blow up the step size (Hansen 2011, section 3).
        steps *= np.minimum(1.0, (math.sqrt(d) + 2 * d / (d + 2)) / np.maximum(lengths, 1e-12))[:, None]
        step = weights @ steps  # (d,)
        whitened = inverse_root @ step  # (d,)
        self.mean = np.clip(self.mean + self.sigma * step, 0.0, 1.0)
        self.generation += 1
        self.path_sigma = (1 - c_sigma) * self.path_sigma + math.sqrt(c_sigma * (2 - c_sigma) * mu) * whitened
        length = float(np.linalg.norm(self.path_sigma))
        warm = math.sqrt(1 - (1 - c_sigma) ** (2 * self.generation))
        is_steady = length / warm < (1.4 + 2 / (d + 1)) * expected
        self.path_covariance = (1 - c_path) * self.path_covariance
        if is_steady:
            self.path_covariance = self.path_covariance + math.sqrt(c_path * (2 - c_path) * mu) * step
        lost = 0.0 if is_steady else c_one * c_path * (2 - c_path)
        self.covariance = (
            (1 - c_one - c_mu + lost) * self.covariance
            + c_one * np.outer(self.path_covariance, self.path_covariance)
            + c_mu * (steps.T * weights) @ steps
        )
        self.sigma = min(self.sigma * math.exp(min(1.0, c_sigma / damping * (length / expected - 1))), 1.0)

    def _inverse_root(self) -> Array:
        eigenvalues, axes = np.linalg.eigh(self.covariance)
        return np.asarray((axes / np.sqrt(np.maximum(eigenvalues, 1e-20))) @ axes.T)


def evolve(data: Data, encoding: Encoding, n_startup: int, seed: int) -> Strategy:
    """Return the strategy after all generations that `data` fills.

    Args:
        data: At least `n_startup` points; the first `n_startup` are where it starts from.
        encoding: Of the space, with at least one column.
        n_startup: At least 1.
        seed: The study's; it decides where to start again.
    """
    values = scalarise(data.values, np.ones(data.values.shape[1]) / data.values.shape[1])
    # Lexicographic: what breaks a constraint on outcomes ranks behind all that holds them, by how much it breaks.
    broken = np.nan_to_num(np.maximum(data.constraints, 0.0).sum(axis=1), nan=1e12, posinf=1e12)
    ranks = np.empty(len(values))
    ranks[np.lexsort((values, broken))] = np.arange(len(values))
    d, size = encoding.n_columns, 4 + int(3 * math.log(encoding.n_columns))
    strategy = _start(data.rows[int(ranks[:n_startup].argmin())], encoding)
    for generation, first in enumerate(range(n_startup, len(ranks) - size + 1, size)):
        strategy.tell(data.rows[first : first + size], ranks[first : first + size])
        if strategy.sigma * math.sqrt(float(np.diag(strategy.covariance).max())) < LEAST_SIGMA:
            strategy = _start(np.random.default_rng(derive_seed(seed, generation)).random(d), encoding)
    strategy.choices = _choices(data.rows[np.argsort(ranks)[: max(len(ranks) // 2, 1)]], encoding)
    return strategy


def _start(mean: Array, encoding: Encoding) -> Strategy:
    d = encoding.n_columns
    counts = [column.n_values for column in encoding.columns]
    least = np.array([0.0 if count is None else 0.4 / (count - 1) for count in counts])
    return Strategy(mean.copy(), START_SIGMA, np.eye(d), np.zeros(d), np.zeros(d), least, {})


def _choices(better: Array, encoding: Encoding) -> dict[int, tuple[Array, Array]]:
    """Return for each unordered column how often each of its places is to be drawn."""
    chances: dict[int, tuple[Array, Array]] = {}
    for place in np.flatnonzero(encoding.unordered):
        n_values = encoding.columns[place].n_values or 1
        places = np.arange(n_values) / (n_values - 1)
        counts = (np.abs(better[:, place, None] - places) < 1e-9).sum(axis=0)
        shares = counts / max(int(counts.sum()), 1) if counts.any() else np.full(n_values, 1 / n_values)
        chances[int(place)] = (places, (1 - CHOICE_FLOOR) * shares + CHOICE_FLOOR / n_values)
    return chances


def _reflect(rows: Array) -> Array:
    """Fold numbers outside [0, 1] back at its ends."""
    folded = np.abs(np.mod(rows, 2.0))
    return np.where(folded > 1.0, 2.0 - folded, folded)
