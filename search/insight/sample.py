"""What functional ANOVA works on and what it answers: plain values that cross to another process."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from search.insight.importance import Share
from search.insight.table import InsightRequest, TooFew, tabulate, tame, too_few
from search.insight.units import Floats

MIN_TRIALS = 30
"""Complete trials before trees are fitted: with fewer, most of what they say is noise."""
MAX_TRIALS = 5_000
"""Of more, so many are drawn by lot: the answer is the same to a percent and takes seconds instead of minutes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Complete trials for functional ANOVA.

    Attributes:
        names: (d,) the parameters.
        is_choice: (d,) whether a parameter's values have no order.
        n_values: (d,) how many values a parameter has; 0 where there is no end of them.
        units: (n, d) where each value lies in its parameter, 0 to 1; NaN where the parameter is inactive.
        losses: (n,) finite, the bad tail drawn in.
        seed: Of the trees.
        n_trials: How many complete trials the study has; n of them are here.
        n_pruned: How many pruned ones, which have no final value to explain.
    """

    names: tuple[str, ...]
    is_choice: npt.NDArray[np.bool_]
    n_values: npt.NDArray[np.int64]
    units: Floats
    losses: Floats
    seed: int
    n_trials: int
    n_pruned: int


@dataclass(frozen=True, slots=True)
class PairShare:
    """How much two parameters explain together, beyond what each explains alone.

    Attributes:
        first: A parameter's name; `first` < `second`.
        second: Another's.
        share: Of all differences, 0 to 1.
        spread: Standard deviation of the share over the trees.
    """

    first: str
    second: str
    share: float
    spread: float


@dataclass(frozen=True, slots=True)
class Decomposition:
    """Where the differences between trials come from.

    Attributes:
        shares: One a parameter, what it explains alone; the most important first.
        pairs: One a pair of parameters, what they explain beyond that; the most important first.
        beyond: Share that takes three parameters or more. Shares, pairs and this add up to 1.
        fit: How much of the differences between trials that the trees had not seen they foretell, at most 1; near 0
            or below, nothing else here means anything.
        n_trials: How many trials that rests on.
        n_pruned: How many were left out because they were pruned.
    """

    shares: tuple[Share, ...]
    pairs: tuple[PairShare, ...]
    beyond: float
    fit: float
    n_trials: int
    n_pruned: int


def sample_of(request: InsightRequest, objective: int = 0) -> Sample | TooFew:
    """Return the trials that functional ANOVA explains, or that they are too few."""
    table = tabulate(request)
    complete = table.complete()
    if complete.n_trials < MIN_TRIALS:
        return too_few(complete.n_trials, MIN_TRIALS, "Functional ANOVA", "complete")
    if complete.n_trials > MAX_TRIALS:
        lot = np.random.default_rng(request.seed).permutation(complete.n_trials)
        complete = complete.pick(lot < MAX_TRIALS)
    return Sample(
        names=complete.names,
        is_choice=complete.is_choice,
        n_values=complete.n_values,
        units=complete.units,
        losses=tame(complete.losses[:, objective]),
        seed=request.seed,
        n_trials=complete.n_trials,
        n_pruned=table.n_pruned,
    )
