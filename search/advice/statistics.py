"""The tests that tell chance from effect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Ranks: TypeAlias = npt.NDArray[np.float64]
NEIGHBOURS = 5
"""Trials before and after one that count as its contemporaries."""


def binomial_tail(n: int, k: int, share: float) -> float:
    """Return the chance of at least `k` hits in `n` draws that each hit with probability `share`."""
    return sum(math.comb(n, hits) * share**hits * (1 - share) ** (n - hits) for hits in range(k, n + 1))


def midranks(values: Sequence[float]) -> Ranks:
    """Rank values from 1, equal ones by the mean of the ranks they share; infinities are ends, NaN is not allowed."""
    _, inverse, counts = np.unique(np.asarray(values, np.float64), return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: Ranks = (2 * ends - counts + 1) / 2
    return means[inverse]


def contemporary_ranks(values: Sequence[float]) -> Ranks:
    """Rank values by how they compare with those just before and after them.

    A sampler that learns gets better and at the same time settles, on good values of what matters and on any values of
    what doesn't. Later trials are then better *and* alike, which compared with all others looks like a reason.

    Args:
        values: In order of time, at least `NEIGHBOURS` + 1; NaN is not allowed.

    Returns:
        (n,) The rank of each value's rank less the median rank of its neighbours; low ranks for small values.
    """
    ranks = midranks(values)
    padded = np.pad(ranks, NEIGHBOURS, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1)  # (n, 2 * NEIGHBOURS + 1)
    return midranks((ranks - np.median(windows, axis=1)).tolist())


def chance_lower(ranks: Ranks, is_member: npt.NDArray[np.bool_]) -> float:
    """Return the chance that members rank as low as they do, had they been drawn by lot; 1 without any comparison."""
    if is_member.all() or not is_member.any():
        return 1.0
    chance, _ = rank_test(ranks, is_member.astype(np.int64))
    return chance / 2 if ranks[is_member].mean() < ranks[~is_member].mean() else 1 - chance / 2


def rank_test(ranks: Ranks, groups: npt.NDArray[np.int64]) -> tuple[float, float]:
    """Compare groups of ranked values: do some of them lie higher than others?

    Args:
        ranks: (n,) ranks, ties shared.
        groups: (n,) the group of each.

    Returns:
        The chance of differences at least as large if the groups were drawn by lot (from 0 to 1), and the share of the
        ranks' variance that the groups explain, less what a lot would (epsilon squared, from 0 to 1). (1, 0) where
        there is nothing to compare.

    Source: Kruskal and Wallis, Use of Ranks in One-Criterion Variance Analysis, JASA 47, 1952.
    """
    n, names = len(ranks), np.unique(groups)
    total = float(((ranks - ranks.mean()) ** 2).sum()) if n else 0.0
    df = len(names) - 1
    if df < 1 or n <= len(names) or total == 0:
        return 1.0, 0.0
    members = [ranks[groups == name] for name in names]
    between = sum(len(group) * float(group.mean() - ranks.mean()) ** 2 for group in members)
    h = (n - 1) * between / total  # with shared ranks in `total`, this is corrected for ties already
    return _chi_square_tail(h, df), max(0.0, (h - df) / (n - 1 - df))


def _chi_square_tail(x: float, df: int) -> float:
    # Wilson and Hilferty's cube root (PNAS 17, 1931) is right to 0.01, and no decision here is finer.
    spread = 2 / (9 * df)
    z = ((x / df) ** (1 / 3) - (1 - spread)) / math.sqrt(spread)
    return 0.5 * math.erfc(z / math.sqrt(2))
