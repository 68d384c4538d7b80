"""Asynchronous successive halving: at each rung the best part of the trials goes on, the others stop or wait."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from search.options import Option
from search.pruners.base import BasePruner
from search.pruners.rungs import LAST, Ladder, scores, standing
from search.pruners.settings import Choice, Settings
from search.pruners.steps import judged_to, value_by
from search.types import PromoteRequest, PruneDecision, PruneRequest

REDUCTION = "One in so many trials goes on from a rung; rungs are so many times as far apart as the ones before."
PAUSE = Choice(
    "pause",
    True,
    (True, False),
    "Lets a trial that can resume wait at its rung until it is among the best there, instead of ending it.",
)


class AshaPruner(BasePruner):
    """Compares a trial, once at each rung, with all trials that have reached it, in whatever state they are.

    It goes on if it is among the best 1/`reduction_factor` of them. Where it is not, it pauses if it can resume and
    `pause` is on, and `promotable` names it once others make it one of the best; else it ends. A trial that must not
    pause goes on while it is the best of fewer than `reduction_factor`, since somebody has to lead the way.
    Source: Li et al., A System for Massively Parallel Hyperparameter Tuning, MLSys 2020, Algorithm 2, with pauses; the
    rule of `optuna.pruners.SuccessiveHalvingPruner` without.
    """

    name: ClassVar[str] = "asha"
    meaning: ClassVar[str] = (
        "At steps that grow by a factor, lets the best part of the trials go on; the others wait or end."
    )
    options: ClassVar[tuple[Option, ...]] = (
        Option("min_resource", "int", 1, 1, 2**31 - 1, "Step of the first rung."),
        Option("reduction_factor", "int", 4, 2, 1000, REDUCTION),
        Option("min_early_stopping_rate", "int", 0, 0, 30, "How many of the first rungs are left out."),
    )
    choices: ClassVar[tuple[Choice, ...]] = (PAUSE,)

    def plan(self, settings: Settings, n_steps: int | None) -> tuple[int, ...]:
        """Return how many first rungs trials leave out: number n as entry n modulo the length says; empty if unknown.

        Trials that leave out equally many are compared with one another.
        """
        return (settings.whole("min_early_stopping_rate"),)

    def steps_needed(self, request: PruneRequest) -> Sequence[int]:
        """Name the rung that was just reached and the end of all curves; nothing between two rungs."""
        rung = self._rung(request, self.settings(request.options))
        return [] if rung is None else [rung, LAST]

    def decide(self, request: PruneRequest) -> PruneDecision:
        """Judge the trial at the highest rung that it has reached since the last decision.

        Raises:
            PrunerError: `needs_one_objective`.
            OptionError: A bad option.
        """
        self.check(request.directions)
        settings, own = self.settings(request.options), request.trial.intermediate
        if not own:
            return PruneDecision("continue", "nothing has been reported yet")
        last = max(own)
        if request.n_steps is not None and last >= request.n_steps:
            return PruneDecision("continue", f"step {last} is the last one")
        rung = self._rung(request, settings)
        if rung is None:
            return PruneDecision("continue", f"step {last} reaches no new rung")
        value = value_by(own, rung)
        if value is None:
            return PruneDecision("continue", f"the trial began to report after the rung at step {rung}")
        if math.isnan(value):
            return PruneDecision("prune", f"the value at the rung of step {rung} is NaN")
        return self._place(request, settings, rung, value)

    def promotable(self, request: PromoteRequest) -> tuple[int, ...]:
        """Return the paused trials among the best of their rung: highest rung first, best first.

        At the end of a study that has completed nothing, the best on the highest rung goes on, one at a time.

        Raises:
            PrunerError: `needs_one_objective`.
            OptionError: A bad option.
        """
        self.check(request.directions)
        settings = self.settings(request.options)
        factor, plan = settings.whole("reduction_factor"), self.plan(settings, request.n_steps)
        good: list[int] = []
        waiting: list[int] = []
        for (rung, skipped), here in self._paused(request).items():
            peers = [one for one in request.history if plan[one.number % len(plan)] == skipped]
            ranks = [number for _, number in standing(peers, rung, request.directions[0])]
            good += [number for number in ranks[: len(ranks) // factor] if number in here]
            waiting += [number for number in ranks if number in here]
        leads = request.is_closing and all(one.state != "COMPLETE" for one in request.history)
        return tuple(good or (waiting[:1] if leads else []))

    def steps_to_promote(self, request: PromoteRequest) -> Sequence[int]:
        """Name the rungs at which trials wait, and the end of all curves."""
        rungs = sorted({rung for rung, _ in self._paused(request)})
        return [*rungs, LAST] if rungs else []

    def _paused(self, request: PromoteRequest) -> dict[tuple[int, int], set[int]]:
        """Return the numbers of paused trials by (rung, rungs left out), the highest rung first."""
        settings = self.settings(request.options)
        plan = self.plan(settings, request.n_steps)
        found: dict[tuple[int, int], set[int]] = {}
        for trial in request.history if plan else ():
            skipped = plan[trial.number % len(plan)]
            rung = None if trial.paused_at is None else _ladder(settings, skipped).below(trial.paused_at)
            if rung is not None:
                found.setdefault((rung, skipped), set()).add(trial.number)
        return dict(sorted(found.items(), reverse=True))

    def _rung(self, request: PruneRequest, settings: Settings) -> int | None:
        plan = self.plan(settings, request.n_steps)
        if not plan:
            return None
        ladder = _ladder(settings, plan[request.trial.number % len(plan)])
        return ladder.crossed(judged_to(request), max(request.trial.intermediate, default=-1))

    def _place(self, request: PruneRequest, settings: Settings, rung: int, value: float) -> PruneDecision:
        own, plan = request.trial.number, self.plan(settings, request.n_steps)
        kind, size = plan[own % len(plan)], len(plan)
        rivals = [one for one in request.history if plan[one.number % size] == kind and one.number != own]
        sign = -1.0 if request.directions[0] == "minimize" else 1.0
        theirs = scores(rivals, rung, request.directions[0])
        place, n = sum(score > sign * value for score, _ in theirs) + 1, len(theirs) + 1
        pauses = request.can_pause and settings.values["pause"] is True
        room = n // settings.whole("reduction_factor")
        room = room if pauses else max(1, room)
        where = f"value {value:.6g} is number {place} of the {n} that have reached the rung at step {rung}"
        if place <= room:
            return PruneDecision("continue", f"{where}, of which {room} may go on")
        if pauses:
            return PruneDecision("pause", f"{where}, of which {room or 'none'} may go on yet; it waits for others")
        return PruneDecision("prune", f"{where}, of which {room} may go on")


def _ladder(settings: Settings, skipped: int) -> Ladder:
    factor = settings.whole("reduction_factor")
    return Ladder(settings.whole("min_resource") * factor**skipped, factor)
