"""The trials of a study as numbers: what every insight is worked out from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from search.insight.units import Floats, is_choice, units_of_all
from search.space import SearchSpace
from search.types import Direction, PastTrial


@dataclass(frozen=True, slots=True)
class InsightRequest:
    """Everything an insight depends on: equal requests get equal answers, in any process.

    Attributes:
        space: The study's.
        directions: One an objective, in the order of the trials' values.
        history: The study's trials, in any order and state.
        seed: Of the little that is drawn by lot: resamples, random points, trees.
        table: What `tabulate` makes of it, where that is known already.
    """

    space: SearchSpace
    directions: tuple[Direction, ...]
    history: Sequence[PastTrial] = ()
    seed: int = 0
    table: Table | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class TooFew:
    """An insight that has to wait for more trials.

    Attributes:
        n_trials: Finished ones that count.
        n_needed: From how many on there is an answer.
        reason: The same for people.
    """

    n_trials: int
    n_needed: int
    reason: str


@dataclass(frozen=True, slots=True)
class Table:
    """Finished trials in order of their numbers, those that count.

    COMPLETE trials count if they fit the space. PRUNED ones count with one objective, where they rank behind all
    complete ones. FAIL, RUNNING and WAITING ones don't.

    Attributes:
        names: (d,) the parameters.
        is_choice: (d,) whether a parameter's values have no order.
        n_values: (d,) how many values a parameter has; 0 where there is no end of them.
        units: (n, d) where each value lies in its parameter, 0 to 1; NaN where the parameter is inactive.
        losses: (n, m) one an objective, less being better; infinite for NaN and for PRUNED trials.
        is_pruned: (n,)
        is_feasible: (n,) whether the constraints on outcomes hold.
        numbers: (n,) the trials' own.
        n_failed: How many FAIL trials the study has.
        n_unfit: How many finished trials don't fit the space or the objectives.
    """

    names: tuple[str, ...]
    is_choice: npt.NDArray[np.bool_]
    n_values: npt.NDArray[np.int64]
    units: Floats
    losses: Floats
    is_pruned: npt.NDArray[np.bool_]
    is_feasible: npt.NDArray[np.bool_]
    numbers: npt.NDArray[np.int64]
    n_failed: int
    n_unfit: int

    @property
    def n_trials(self) -> int:
        """Count the trials."""
        return len(self.numbers)

    @property
    def n_pruned(self) -> int:
        """Count the trials that were pruned."""
        return int(self.is_pruned.sum())

    def eligible(self) -> Floats:
        """Return (n, m) the losses, infinite where a constraint on outcomes is broken: such a trial is never best."""
        return np.where(self.is_feasible[:, None], self.losses, np.inf)

    def complete(self) -> Table:
        """Return the table without PRUNED trials."""
        return self.pick(~self.is_pruned)

    def pick(self, rows: npt.NDArray[np.bool_]) -> Table:
        """Return the table with some of its trials, (n,) each chosen or not."""
        return replace(
            self,
            units=self.units[rows],
            losses=self.losses[rows],
            is_pruned=self.is_pruned[rows],
            is_feasible=self.is_feasible[rows],
            numbers=self.numbers[rows],
        )


def tabulate(request: InsightRequest) -> Table:
    """Return the finished trials that count; never raises for any history."""
    if request.table is not None:
        return request.table
    space, trials = request.space, sorted(request.history, key=lambda trial: trial.number)
    ended = [trial for trial in trials if trial.state in ("COMPLETE", "PRUNED")]
    units, fits = units_of_all(space, [trial.params for trial in ended])
    measured = [_losses(trial, request.directions) for trial in ended]
    fits &= np.array([loss is not None for loss in measured], np.bool_)
    kept = [trial for trial, is_kept in zip(ended, fits.tolist(), strict=True) if is_kept]
    losses = [loss for loss, is_kept in zip(measured, fits.tolist(), strict=True) if is_kept]
    return Table(
        names=tuple(space),
        is_choice=is_choice(space),
        n_values=np.array([space[name].n_values or 0 for name in space], np.int64),
        units=units[fits],
        losses=np.array(losses, np.float64).reshape(len(kept), len(request.directions)),
        is_pruned=np.array([trial.state == "PRUNED" for trial in kept], np.bool_),
        is_feasible=np.array([all(one <= 0 for one in trial.constraints) for trial in kept], np.bool_),
        numbers=np.array([trial.number for trial in kept], np.int64),
        n_failed=sum(trial.state == "FAIL" for trial in trials),
        n_unfit=len(ended) - len(kept),
    )


def too_few(n_trials: int, n_needed: int, what: str, kind: str = "finished") -> TooFew:
    """Say that there are too few trials (of a `kind`) for `what`, which begins a sentence."""
    are = "trial counts" if n_trials == 1 else "trials count"
    return TooFew(n_trials, n_needed, f"{what} needs at least {n_needed} {kind} trials; {n_trials} {are} so far.")


def tame(losses: Floats, reach: float = 1.5) -> Floats:
    """Return (n,) losses with the bad tail drawn in: one trial of 1e30 explains all of a variance, and nothing else.

    What lies further above the upper quartile than `reach` times the way from there to the best loss is moved there.
    Source: after Tukey's fences (Exploratory Data Analysis, 1977), measured from the best since one side alone is bad.
    """
    finite = losses[np.isfinite(losses)]
    if not len(finite):
        return np.zeros_like(losses)
    best, high = float(finite.min()), float(np.quantile(finite, 0.75))
    # Where less than a quarter of the trials differ, the fence would level what there is to see.
    fence = high + reach * (high - best) if high > best else float(finite.max())
    return np.clip(losses, best, min(fence, float(finite.max())))


def _losses(trial: PastTrial, directions: tuple[Direction, ...]) -> list[float] | None:
    if trial.state == "PRUNED":
        return [math.inf] if len(directions) == 1 else None
    if trial.values is None or len(trial.values) != len(directions):
        return None
    signed = (
        value if direction == "minimize" else -value for value, direction in zip(trial.values, directions, strict=True)
    )
    return [math.inf if math.isnan(loss) else loss for loss in signed]
