"""Wilcoxon's signed-rank test: is one of two paired samples greater?"""

from __future__ import annotations

import math
from collections.abc import Sequence

_MOST_EXACT = 50
"""Pairs up to which every assignment of signs is counted; beyond, the normal approximation is within 0.002."""


def chance_of_rank_sum(differences: Sequence[float]) -> float:
    """Return how likely positive ranks sum up to at least what they do, if signs were tossed (one-sided p-value).

    Zeros take ranks too, and half of their sum counts as positive (`zsplit`); equal sizes share their mean rank.

    Args:
        differences: Finite; at least one.

    Returns:
        0..1; small where the differences are greater than 0.

    Source:
        Wilcoxon, Individual Comparisons by Ranking Methods, Biometrics Bulletin 1 (1945). Zeros: Pratt, JASA 54
        (1959).
    """
    ranks = _doubled_ranks([abs(value) for value in differences])
    zeros = sum(rank for rank, value in zip(ranks, differences, strict=True) if value == 0)
    signed = [rank for rank, value in zip(ranks, differences, strict=True) if value != 0]
    positive = sum(rank for rank, value in zip(ranks, differences, strict=True) if value > 0) + zeros / 2
    if not signed:
        return 1.0
    # Half of the zeros' ranks is on the positive side however the other signs fall.
    return _tail(signed, positive - zeros / 2)


def _tail(doubled: Sequence[int], positive: float) -> float:
    if len(doubled) > _MOST_EXACT:
        mean, deviation = sum(doubled) / 2, math.sqrt(sum(rank * rank for rank in doubled)) / 2
        return 0.5 * math.erfc((positive - mean) / (deviation * math.sqrt(2)))
    ways = [1] + [0] * sum(doubled)  # ways[s]: assignments of signs whose positive ranks sum up to s
    for rank in doubled:
        ways = [have + (ways[total - rank] if total >= rank else 0) for total, have in enumerate(ways)]
    return float(sum(ways[math.ceil(positive) :]) / 2 ** len(doubled))


def _doubled_ranks(sizes: Sequence[float]) -> list[int]:
    """Return twice the rank of each, from the least; equal ones share the mean of their ranks."""
    ranks = []
    for size in sizes:
        less, equal = sum(other < size for other in sizes), sizes.count(size)
        ranks.append(2 * less + equal + 1)
    return ranks
