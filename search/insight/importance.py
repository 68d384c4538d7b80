"""Which parameters decide whether a trial is among the best: PED-ANOVA, at once.

Compares where the best tenth of the trials lie with where all lie, parameter by parameter. Its answer is about reaching
the top, which is what a search is for; what explains bad trials alone does not count.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from search.insight.parzen import MAX_CELLS, cells_of, density_of_choices, density_of_numbers
from search.insight.table import InsightRequest, Table, TooFew, tabulate, too_few
from search.insight.units import Floats

Flags: TypeAlias = npt.NDArray[np.bool_]

MIN_TRIALS = 20
"""Finished trials before anything is said; advice begins there too."""
MIN_COMPLETE = 10
"""Of them so many must be complete: pruned ones only say where the best are not."""
TARGET = 0.1
"""The best tenth are "the top"."""
MIN_TARGET = 5
"""But at least so many: of fewer, two lie together by luck."""
MIN_REGIME = 2
"""A parameter must have been active in so many trials."""
N_RESAMPLES = 20
"""Draws, with replacement, of as many trials, from which the spread is told."""


@dataclass(frozen=True, slots=True)
class Share:
    """How much one parameter matters.

    Attributes:
        name: The parameter's.
        share: Of what all parameters explain, 0 to 1; all shares add up to 1, or are 0 where nothing is explained.
        spread: Standard deviation of the share over resampled trials, or over trees.
    """

    name: str
    share: float
    spread: float


@dataclass(frozen=True, slots=True)
class Importance:
    """How much each parameter matters for an objective.

    Attributes:
        shares: One a parameter, the most important first.
        n_trials: How many trials that rests on.
        n_pruned: How many of them were pruned.
    """

    shares: tuple[Share, ...]
    n_trials: int
    n_pruned: int


def ped_anova(request: InsightRequest, objective: int = 0) -> Importance | TooFew:
    """Return how much each parameter matters for being among the best tenth of the trials.

    Args:
        request: The study.
        objective: Place of the objective in its directions.

    Returns:
        Shares, from 0.01 s for 100 trials to 0.3 s for 10,000; or that there are too few trials.

    Source: Watanabe, Bansal and Hutter, PED-ANOVA, IJCAI 2023, arXiv 2304.10255; for conditional parameters Theorem
    4.2 and Algorithm 1 of Conditional PED-ANOVA, arXiv 2601.20800; densities as in Optuna 5.
    """
    table = tabulate(request)
    n_complete = table.n_trials - table.n_pruned
    if table.n_trials < MIN_TRIALS or n_complete < MIN_COMPLETE:
        n_needed = max(MIN_TRIALS, table.n_trials + MIN_COMPLETE - n_complete)
        return too_few(table.n_trials, n_needed, "Importance")
    losses = table.eligible()[:, objective]
    measured = _normalised(_divergences(table, losses))
    rng = np.random.default_rng(request.seed)
    lots = [rng.integers(0, table.n_trials, table.n_trials) for _ in range(N_RESAMPLES)]
    resampled = [_normalised(_divergences(table, losses, lot)) for lot in lots]
    return Importance(ranked(table.names, measured, np.std(resampled, axis=0)), table.n_trials, table.n_pruned)


def ranked(names: tuple[str, ...], shares: Floats, spreads: Floats) -> tuple[Share, ...]:
    """Return shares (d,) with their spreads (d,) as values, the largest first."""
    found = [Share(*one) for one in zip(names, shares.tolist(), spreads.tolist(), strict=True)]
    return tuple(sorted(found, key=lambda one: (-one.share, one.name)))


def top_of(losses: Floats) -> Flags:
    """Tell (n,) of each trial whether it is among the best tenth, ties included; none where all are equal."""
    n_top = min(max(math.ceil(TARGET * len(losses)), MIN_TARGET), len(losses))
    top: Flags = (losses <= np.partition(losses, n_top - 1)[n_top - 1]) & (losses < np.inf)
    return ~top if top.all() else top


def _divergences(table: Table, losses: Floats, rows: npt.NDArray[np.int64] | None = None) -> Floats:
    """Return (d,) how far each parameter's values among the best lie from those of all trials."""
    units = table.units if rows is None else table.units[rows]  # (n, d)
    top = top_of(losses if rows is None else losses[rows])  # (n,)
    if not top.any():
        return np.zeros(len(table.names))
    columns = zip(units.T, table.n_values.tolist(), table.is_choice.tolist(), strict=True)
    return np.array([_divergence(*column, top) for column in columns])


def _divergence(units: Floats, n_values: int, is_choice: bool, top: Flags) -> float:
    active = ~np.isnan(units)  # (n,)
    is_target = active & top
    if n_values == 1 or active.sum() < MIN_REGIME or not is_target.any():
        return 0.0
    n_cells = n_values if is_choice else min(n_values or MAX_CELLS, MAX_CELLS)
    estimate = density_of_choices if is_choice else density_of_numbers
    there = estimate(cells_of(units[active], n_cells), n_cells) + 1e-12  # (n_cells,)
    best = estimate(cells_of(units[is_target], n_cells), n_cells) + 1e-12  # (n_cells,)
    pearson = there @ (best / there - 1) ** 2
    # A conditional parameter counts as far as it is active, more so if it is active among the best.
    return float((is_target.sum() / top.sum()) ** 2 / (active.sum() / len(top)) * pearson)


def _normalised(values: Floats) -> Floats:
    total = values.sum()
    return values / total if total > 0 else values
