"""The percentile rule: stop a trial that has never been as good as the best of the others were at this step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from search.objectives import best_value
from search.options import Option
from search.pruners.base import BasePruner, completed_peers
from search.pruners.settings import Settings
from search.pruners.steps import is_due
from search.types import PruneDecision, PruneRequest

COMPARISON = (
    Option("n_startup_trials", "int", 5, 0, 100_000, "Trials that must be completed before any is stopped."),
    Option("n_warmup_steps", "int", 0, 0, 2**31 - 1, "Steps during which no trial is stopped."),
    Option("interval_steps", "int", 1, 1, 2**31 - 1, "Steps from one decision to the next, counted from the warm-up."),
    Option("n_min_trials", "int", 1, 1, 100_000, "Completed trials with a number at the step that a decision needs."),
)


class PercentilePruner(BasePruner):
    """Compares the trial's best value so far with a percentile of completed trials at the same step.

    Ties go on. Peers are the COMPLETE trials that reported a number at this very step. A trial that has reported
    nothing but NaN is stopped, once start-up and warm-up are over.
    Source: The rule of `optuna.pruners.PercentilePruner`; Golovin et al., Google Vizier, KDD 2017, section 3.2.2.
    """

    name: ClassVar[str] = "percentile"
    meaning: ClassVar[str] = (
        "Stops a trial whose best value so far is not among the best `percentile` percent at its step."
    )
    options: ClassVar[tuple[Option, ...]] = (
        Option("percentile", "float", 25.0, 0.0, 100.0, "Share of completed trials to keep up with, in percent."),
        *COMPARISON,
    )

    def share(self, settings: Settings) -> float:
        """Return which part of the trials, 0..1, is good enough."""
        return settings.number("percentile") / 100.0

    def rule(self, settings: Settings) -> str:
        """Return the bar in words."""
        return f"the bar of the best {settings.number('percentile'):g} %"

    def decide(self, request: PruneRequest) -> PruneDecision:
        """Judge the trial's best value so far against its peers at its last step.

        Raises:
            PrunerError: `needs_one_objective`.
            OptionError: A bad option.
        """
        self.check(request.directions)
        settings, own = self.settings(request.options), request.trial.intermediate
        waits = _why_not_yet(request, settings)
        if waits:
            return PruneDecision("continue", waits)
        peers = completed_peers(request)
        n_startup = max(settings.whole("n_startup_trials"), 1)
        if len(peers) < n_startup:
            return PruneDecision("continue", f"{len(peers)} of {n_startup} start-up trials are completed")
        step, best = max(own), best_value(own.values(), request.directions[0])
        if best is None:
            return PruneDecision("prune", f"every value up to step {step} is NaN")
        values = [peer.intermediate[step] for peer in peers if step in peer.intermediate]
        return self._compare(request, settings, best, [value for value in values if not math.isnan(value)])

    def _compare(self, request: PruneRequest, settings: Settings, best: float, peers: list[float]) -> PruneDecision:
        step, n_min = max(request.trial.intermediate), settings.whole("n_min_trials")
        if len(peers) < n_min:
            few = f"{len(peers)} of the {n_min} completed trials that are needed" if peers else "no completed trial"
            return PruneDecision("continue", f"{few} reported a number at step {step}")
        sign = -1.0 if request.directions[0] == "minimize" else 1.0
        bar = sign * quantile([sign * value for value in peers], 1.0 - self.share(settings))
        worse = sign * best < sign * bar
        relation = "is worse than" if worse else "is no worse than"
        reason = (
            f"best value {best:.6g} up to step {step} {relation} {self.rule(settings)} {bar:.6g} of {len(peers)} trials"
        )
        return PruneDecision("prune" if worse else "continue", reason)


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` (0..1) of `values` do not exceed, straight between neighbours.

    Args:
        values: At least one; infinities are taken as they are, and never averaged.
        share: From 0, the least, to 1, the greatest.
    """
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = min(math.floor(place), len(ordered) - 1)
    low, high, part = ordered[below], ordered[min(below + 1, len(ordered) - 1)], place - below
    if not (math.isfinite(low) and math.isfinite(high)):
        return low if part < 0.5 else high
    return low * (1.0 - part) + high * part


def _why_not_yet(request: PruneRequest, settings: Settings) -> str | None:
    if not request.trial.intermediate:
        return "nothing has been reported yet"
    step, n_warmup, interval = (
        max(request.trial.intermediate),
        settings.whole("n_warmup_steps"),
        settings.whole("interval_steps"),
    )
    if step < n_warmup:
        return f"step {step} is within the {n_warmup} warm-up steps"
    if not is_due(request, n_warmup, interval):
        return f"step {step} is between two decisions, which are {interval} steps apart"
    return None
