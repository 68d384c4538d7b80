"""Hyperband: several ladders of successive halving side by side, from bold to careful."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import ClassVar

from search.options import Option
from search.pruners.asha import PAUSE, REDUCTION, AshaPruner
from search.pruners.settings import Choice, Settings
from search.types import PruneDecision, PruneRequest


class HyperbandPruner(AshaPruner):
    """Gives each trial, by its number, a bracket: a ladder whose first rung is early or late, against its own kind.

    Early rungs save most where early values foretell the last ones; late rungs protect what starts slowly. The boldest
    bracket gets the most trials, as in the paper, spread so that any run of consecutive trials has its share of each.
    Source: Li et al., Hyperband, JMLR 18 (2018), Algorithm 1: bracket s starts n = ceil((s_max + 1) / (s + 1) * eta^s)
    trials with R * eta^-s; here first rungs are min_resource * eta^(s_max - s), so that they are whole steps.
    """

    name: ClassVar[str] = "hyperband"
    meaning: ClassVar[str] = (
        "Successive halving in several brackets, whose first rungs are early or late, in case early values mislead."
    )
    options: ClassVar[tuple[Option, ...]] = (
        Option("min_resource", "int", 1, 1, 2**31 - 1, "Step of the earliest rung."),
        Option("max_resource", "int", None, 1, 2**31 - 1, "Last step of a trial; absent: as the trial says itself."),
        Option("reduction_factor", "int", 3, 2, 1000, REDUCTION),
    )
    choices: ClassVar[tuple[Choice, ...]] = (PAUSE,)

    def plan(self, settings: Settings, n_steps: int | None) -> tuple[int, ...]:
        """Return the brackets in the order of trials; empty where nobody knows how many steps a trial has."""
        last = settings.find_whole("max_resource") or n_steps
        if last is None:
            return ()
        factor = settings.whole("reduction_factor")
        return brackets(n_brackets(settings.whole("min_resource"), last, factor), factor)

    def decide(self, request: PruneRequest) -> PruneDecision:
        """Judge the trial within its bracket.

        Raises:
            PrunerError: `needs_one_objective`.
            OptionError: A bad option.
        """
        self.check(request.directions)
        if not self.plan(self.settings(request.options), request.n_steps):
            return PruneDecision("continue", "nobody has said how many steps a trial has: set max_resource")
        return super().decide(request)


def n_brackets(first: int, last: int, factor: int) -> int:
    """Return how many brackets there are: one for each of first, first * factor, ... that does not exceed `last`."""
    count, rung = 1, first * factor
    while rung <= last:
        count, rung = count + 1, rung * factor
    return count


@lru_cache(maxsize=256)
def brackets(n: int, factor: int) -> tuple[int, ...]:
    """Return the bracket, how many rungs are left out, of trial 0, 1, ... over one period; then it begins anew.

    A function of the number alone, so that neither order nor parallelism of trials matters. Each bracket comes as often
    as it should, evenly spread.
    """
    factor = min(factor, 10)  # beyond, the period would take up memory and its shares hardly change
    due = [math.ceil(n / (n - skipped) * factor ** (n - 1 - skipped)) for skipped in range(n)]
    while sum(due) > 2_000:
        due = [max(1, share // 2) for share in due]
    credit, order = [0] * n, []
    for _ in range(sum(due)):  # smooth weighted round robin: the bracket that is owed most comes next
        credit = [have + share for have, share in zip(credit, due, strict=True)]
        chosen = max(range(n), key=credit.__getitem__)
        credit[chosen] -= sum(due)
        order.append(chosen)
    return tuple(order)
