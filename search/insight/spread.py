"""How the values of the finished trials are spread: their empirical distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search.insight.table import InsightRequest, TooFew, tabulate, too_few

MAX_POINTS = 200


@dataclass(frozen=True, slots=True)
class Distribution:
    """The share of complete trials at or below each of some values.

    Attributes:
        values: (k,) ascending, finite.
        shares: (k,) of all complete trials, above 0 and at most 1; below 1 at the end where some have no finite value.
        n_trials: Complete trials.
    """

    values: tuple[float, ...]
    shares: tuple[float, ...]
    n_trials: int


def distribution(request: InsightRequest, objective: int = 0) -> Distribution | TooFew:
    """Return the empirical distribution function of an objective, of at most 200 points."""
    table = tabulate(request).complete()
    if table.n_trials < 1:
        return too_few(0, 1, "A distribution", "complete")
    sign = 1.0 if request.directions[objective] == "minimize" else -1.0
    values = np.sort(sign * table.losses[:, objective])
    n_below = int((values == -np.inf).sum())
    values = values[np.isfinite(values)]  # (n,)
    kept = np.unique(np.linspace(0, len(values) - 1, min(len(values), MAX_POINTS)).round().astype(np.int64))
    shares = (n_below + np.searchsorted(values, values[kept], side="right")) / table.n_trials
    return Distribution(tuple(values[kept].tolist()), tuple(shares.tolist()), table.n_trials)
