"""Which step of a trial is judged, and what a trial had reached by a step."""

from __future__ import annotations

import math
from collections.abc import Mapping

from search.types import PruneRequest


def value_by(curve: Mapping[int, float], step: int) -> float | None:
    """Return the value at the greatest step up to `step`; None if the curve begins later."""
    if step in curve:
        return curve[step]
    at = max((one for one in curve if one <= step), default=None)
    return None if at is None else curve[at]


def judged_to(request: PruneRequest) -> int:
    """Return the greatest step an earlier decision has judged; below every step where there is none."""
    if request.judged_to is not None:
        return request.judged_to
    steps = request.trial.intermediate
    last = max(steps, default=-1)
    return max((step for step in steps if step < last), default=-1)


def is_due(request: PruneRequest, n_warmup: int, interval: int) -> bool:
    """Tell whether one of the steps `n_warmup`, `n_warmup + interval`, ... has been reached since the last decision.

    The first report at or after such a step counts, so that trials which report every third step are judged too.
    """
    last = max(request.trial.intermediate)
    return last >= n_warmup and judged_to(request) < n_warmup + (last - n_warmup) // interval * interval


def finite_json(value: float) -> float:
    """Return `value` if JSON can hold it, else the nearest number that it can; NaN becomes 0."""
    if math.isnan(value):
        return 0.0
    return max(-1.7e308, min(1.7e308, value))
