"""The median rule: stop a trial that has never been as good as half of the others were at this step."""

from __future__ import annotations

import math
from statistics import median
from typing import Final

from search.errors import PrunerError
from search.objectives import best_value, is_better
from search.options import Option, get_int
from search.types import Direction, PruneDecision, PruneRequest


class MedianPruner:
    """Compares the trial's best value so far with the median of completed trials at the same step.

    Ties go on. Peers are the COMPLETE trials that reported a number at this very step; a caller may therefore leave
    out their other intermediate values. A trial that has reported nothing but NaN is stopped, once start-up and warm-up
    are over.
    Source: Golovin et al., Google Vizier, KDD 2017, section 3.2.2; the rule of `optuna.pruners.MedianPruner`.
    """

    name: Final = "median"
    meaning: Final = "Stops a trial whose best value so far is worse than the median of completed trials at its step."
    needs_history: Final = True
    options: tuple[Option, ...] = (
        Option("n_startup_trials", "int", 5, 0, 100_000, "Trials that must be completed before any is stopped."),
        Option("n_warmup_steps", "int", 0, 0, 2**31 - 1, "Steps during which no trial is stopped."),
    )

    def check(self, directions: tuple[Direction, ...]) -> None:
        """Refuse several objectives: there is no median of pairs.

        Raises:
            PrunerError: `needs_one_objective`.
        """
        if len(directions) != 1:
            message = f"the pruner 'median' compares one objective, but the study has {len(directions)}"
            raise PrunerError("needs_one_objective", message, "pruner.name", "use the pruner 'none'")

    def decide(self, request: PruneRequest) -> PruneDecision:
        """Judge the trial's best value so far against its peers at its last step.

        Raises:
            PrunerError: `needs_one_objective`.
        """
        self.check(request.directions)
        direction, own = request.directions[0], request.trial.intermediate
        n_startup = get_int(self.options, request.options, "n_startup_trials")
        n_warmup = get_int(self.options, request.options, "n_warmup_steps")
        if not own:
            return PruneDecision(False, "nothing has been reported yet")
        step = max(own)
        if step < n_warmup:
            return PruneDecision(False, f"step {step} is within the {n_warmup} warm-up steps")
        peers = [
            trial for trial in request.history if trial.state == "COMPLETE" and trial.number != request.trial.number
        ]
        if len(peers) < max(n_startup, 1):
            return PruneDecision(False, f"{len(peers)} of {max(n_startup, 1)} start-up trials are completed")
        best = best_value(own.values(), direction)
        if best is None:
            return PruneDecision(True, f"every value up to step {step} is NaN")
        at_step = [trial.intermediate[step] for trial in peers if step in trial.intermediate]
        return _compare(best, [value for value in at_step if not math.isnan(value)], direction, step)


def _compare(best: float, peers: list[float], direction: Direction, step: int) -> PruneDecision:
    if not peers:
        return PruneDecision(False, f"no completed trial reported a number at step {step}")
    middle = median(peers)
    worse = is_better(middle, best, direction)
    relation = "is worse than" if worse else "is no worse than"
    reason = f"best value {best:.6g} up to step {step} {relation} the median {middle:.6g} of {len(peers)} trials"
    return PruneDecision(worse, reason)
