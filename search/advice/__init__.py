"""Advice on a study: what its finished trials say about its search space, its epochs and its data.

    advise(AdviceRequest(space, directions, history, ...)) -> tuple of Advice, the most important first

Each rule is a pure function from a study to advice; a new one is one function and one line in `RULES`.
"""

from __future__ import annotations

from collections.abc import Callable

from search.advice.bounds import parameters_at_bounds
from search.advice.effects import parameters_without_effect
from search.advice.progress import converged, larger_budget
from search.advice.training import more_data, more_epochs
from search.advice.trials import Study, look, too_few_trials
from search.advice.values import Advice, AdviceRequest, Change

__all__ = ["RULES", "Advice", "AdviceRequest", "Change", "advise"]

Rule = Callable[[Study], tuple[Advice, ...]]

RULES: tuple[Rule, ...] = (
    too_few_trials,
    parameters_at_bounds,
    more_epochs,
    more_data,
    larger_budget,
    converged,
    parameters_without_effect,
)


def advise(request: AdviceRequest) -> tuple[Advice, ...]:
    """Say what a study's finished trials suggest to change, the most important first; empty where nothing does.

    Never raises for any history: trials that do not fit the space do not count, NaN is worse than every number.
    """
    study, kept, changed = look(request), [], set[str]()
    for advice in (advice for rule in RULES for advice in rule(study)):
        # The more important advice on an entry stands: two changes of one entry are none.
        fields = {change.field for change in advice.changes}
        if changed.isdisjoint(fields):
            kept.append(advice)
            changed |= fields
    return tuple(kept)
