"""Wilcoxon: stop a trial that is worse than the best one, fold by fold or repeat by repeat."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from statistics import fmean
from typing import ClassVar

from search.options import Option
from search.pruners.base import BasePruner, Judged, completed_peers
from search.pruners.signed_rank import chance_of_rank_sum
from search.types import PastTrial, PruneDecision, PruneRequest


class WilcoxonPruner(BasePruner):
    """Tests the trial's folds or repeats against the same folds or repeats of the best completed trial.

    Here a step is an instance: the value at step k is the objective of fold or repeat k, so trials are compared pair by
    pair and what makes a fold hard cancels out. A trial whose mean is no worse than the best one's is never stopped.
    Four instances are the least that can reach the usual 0.1.
    Source: The rule of `optuna.pruners.WilcoxonPruner`; Wilcoxon, Biometrics Bulletin 1 (1945).
    """

    name: ClassVar[str] = "wilcoxon"
    meaning: ClassVar[str] = (
        "Stops the remaining folds or repeats of a trial that is worse than the best trial on the same ones."
    )
    judges: ClassVar[Judged] = "instances"
    options: ClassVar[tuple[Option, ...]] = (
        Option("p_threshold", "float", 0.1, 0.0, 1.0, "Stops where a chance as small as this would be needed."),
        Option("n_startup_steps", "int", 2, 0, 100_000, "Folds or repeats in common before any trial is stopped."),
    )

    def steps_needed(self, request: PruneRequest) -> Sequence[int] | None:
        """Need whole curves: every instance of the best trial."""
        return None

    def decide(self, request: PruneRequest) -> PruneDecision:
        """Judge the trial's instances against those of the best completed trial.

        Raises:
            PrunerError: `needs_one_objective`.
            OptionError: A bad option.
        """
        self.check(request.directions)
        settings = self.settings(request.options)
        sign = 1.0 if request.directions[0] == "minimize" else -1.0
        best = _best(completed_peers(request), sign)
        if not request.trial.intermediate:
            return PruneDecision("continue", "nothing has been reported yet")
        if best is None:
            return PruneDecision("continue", "no trial is completed with a number")
        own, theirs = request.trial.intermediate, best.intermediate
        common = sorted(step for step in own.keys() & theirs.keys() if math.isfinite(theirs[step]))
        if len(common) < max(1, settings.whole("n_startup_steps")):
            return PruneDecision("continue", f"{len(common)} folds or repeats in common with trial {best.number}")
        broken = sorted(step for step in own if not math.isfinite(own[step]))
        if broken:  # a mean with it is no number either
            return PruneDecision("prune", f"fold or repeat {broken[0]} has the value {own[broken[0]]}")
        chance = chance_of_rank_sum([sign * (own[step] - theirs[step]) for step in common])
        ahead = sign * fmean(own.values()) <= sign * fmean(
            theirs[step] for step in theirs if math.isfinite(theirs[step])
        )
        reason = f"chance {chance:.3g} on {len(common)} folds or repeats to look so much worse than trial {best.number}"
        if ahead:
            return PruneDecision("continue", f"the mean is no worse than that of trial {best.number}")
        return PruneDecision("prune" if chance < settings.number("p_threshold") else "continue", reason)


def _best(completed: Iterable[PastTrial], sign: float) -> PastTrial | None:
    """Return the trial with the best number, of equals the lowest; `sign` makes values something to minimise."""
    best, least = None, math.inf
    for trial in completed:
        value = sign * trial.values[0] if trial.values else math.nan
        if value < least or (best is not None and value == least and trial.number < best.number):
            best, least = trial, value
    return best
