"""When further repeats of a parameter set are not worth their time."""

import math
from collections.abc import Sequence
from statistics import mean, stdev

from models.catalogue import Direction

FIRST_REPEATS = 2
"""Repeats before the first decision: fewer say nothing about the spread."""
ONE_SIDED_95 = (6.314, 2.920, 2.353, 2.132, 2.015, 1.943, 1.895, 1.860, 1.833, 1.812)
"""Student's t for 1, 2, ... degrees of freedom; beyond the table the normal distribution's 1.645 serves."""


def is_hopeless(values: Sequence[float], incumbent: float | None, direction: Direction) -> bool:
    """Tell whether a parameter set is behind the best known one with 95 % confidence.

    Args:
        values: the objective of each repeat so far.
        incumbent: the best known objective; None where there is none.
        direction: what an improvement is.

    Returns:
        False while there are too few repeats to tell.

    Source:
        The idea of racing: Maron and Moore, Hoeffding races, 1994; Birattari et al., F-race, GECCO 2002. Here with a
        one-sided t interval, because few repeats are the rule.
    """
    n = len(values)
    if incumbent is None or n < FIRST_REPEATS:
        return False
    t = ONE_SIDED_95[n - 2] if n - 2 < len(ONE_SIDED_95) else 1.645
    margin = t * stdev(values) / math.sqrt(n)
    if direction == "maximize":
        return mean(values) + margin < incumbent
    return mean(values) - margin > incumbent
