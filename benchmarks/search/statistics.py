"""What the figures of a comparison are made of: means over tasks with intervals, ranks, and tests of differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats

Scores: TypeAlias = Mapping[str, Sequence[float]]
"""By task, a score for each seed."""
N_RESAMPLES = 2000


def mean_with_interval(scores: Scores, seed: int = 0) -> dict[str, float]:
    """Return the mean of the tasks' means and its 95 % bootstrap interval.

    Seeds are drawn anew within each task: the interval is about other seeds of these tasks, not about other tasks.

    Args:
        scores: At least one task, each with at least one score.
        seed: Of the draws.

    Raises:
        ValueError: There is nothing to average.
    """
    if not scores or not all(scores.values()):
        raise ValueError("a mean needs at least one task with at least one score")
    rng = np.random.default_rng(seed)
    total = np.zeros(N_RESAMPLES)
    for values in scores.values():
        sample = np.asarray(values)
        total += sample[rng.integers(len(sample), size=(N_RESAMPLES, len(sample)))].mean(axis=1)
    low, high = np.percentile(total / len(scores), [2.5, 97.5])
    mean = float(np.mean([np.mean(values) for values in scores.values()]))
    return {"mean": _rounded(mean), "low": _rounded(float(low)), "high": _rounded(float(high))}


def average_ranks(losses: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Return the mean rank of each sampler; 1 is best, equal losses share the mean of their ranks.

    Args:
        losses: By sampler, one a (task, seed), in the same order for all.
    """
    table: npt.NDArray[np.float64] = np.array([losses[name] for name in losses])  # (samplers, cases)
    ranks = stats.rankdata(table, axis=0).mean(axis=1)
    return {name: _rounded(float(rank)) for name, rank in zip(losses, ranks, strict=True)}


def paired_difference(first: Scores, second: Scores) -> dict[str, Any]:
    """Return how much lower `second` is than `first`: mean of second - first with interval, and a test of each task.

    Args:
        first: By task, a score for each seed.
        second: The same tasks with as many seeds.

    Returns:
        `mean`, `low`, `high`, and `p`: two-sided Wilcoxon signed-rank test over all (task, seed) pairs.
    """
    gaps = {task: [b - a for a, b in zip(first[task], second[task], strict=True)] for task in first}
    pooled = np.array([gap for values in gaps.values() for gap in values])
    p = 1.0 if not np.any(pooled) else float(stats.wilcoxon(pooled).pvalue)
    return {**mean_with_interval(gaps), "p": _rounded(p)}


def sign_p(signs: Sequence[int]) -> float:
    """Return the two-sided p of the sign test: how probable so uneven a split is between equals; ties don't count."""
    n_plus, n_minus = list(signs).count(1), list(signs).count(-1)
    if not n_plus + n_minus:
        return 1.0
    return _rounded(float(stats.binomtest(n_plus, n_plus + n_minus).pvalue))


def chance_of_equal(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p of the Mann-Whitney test; 1 where all values are equal."""
    if len({*first, *second}) == 1:
        return 1.0
    return _rounded(float(stats.mannwhitneyu(first, second).pvalue))


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
