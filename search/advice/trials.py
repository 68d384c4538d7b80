"""Which trials count, which are best, and whether they are enough."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from search.advice.values import Advice, AdviceRequest
from search.parameters import Parameter, ParamValue
from search.types import Direction

MIN_TRIALS = 20
"""Completed trials before anything is said: of fewer than five best ones, two may be so by luck."""
BEST_SHARE = 0.1
"""Share of the trials that are called the best, "what works"."""
MIN_BEST = 5
"""But at least so many, and half of so many: one lucky trial must not speak for all."""
MAX_BEST = 50
"""And at most so many: of ten thousand trials a tenth is no longer the best."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A completed trial as advice sees it.

    Attributes:
        number: From 0 in its study.
        params: A value for every active parameter of the space.
        losses: One an objective, less being better; infinite for NaN, which is worse than every number, and
            where a constraint on outcomes is broken.
    """

    number: int
    params: dict[str, ParamValue]
    losses: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Study:
    """What the rules look at.

    Attributes:
        request: As it was given.
        trials: Those that count, ordered by number.
        best: The best tenth, the best first; with several objectives those that no other trial beats in all of them,
            ordered by the first objective. Trials whose value is no number, or infinitely bad, are not among them.
    """

    request: AdviceRequest
    trials: tuple[Outcome, ...]
    best: tuple[Outcome, ...]

    @property
    def best_words(self) -> str:
        """Name `best[0]` for people: with several objectives there is no best trial."""
        return "the best trial" if len(self.request.directions) == 1 else "one of the best trials"

    def having(self, name: str) -> Study:
        """Return the study as the trials in which the parameter `name` is active show it."""
        if name not in self.request.space.conditions:
            return self
        trials = tuple(trial for trial in self.trials if name in trial.params)
        return Study(self.request, trials, tuple(_best(trials, len(self.request.directions))))

    def declared(self) -> Iterator[tuple[str, Parameter]]:
        """Yield the parameters that stand in the search space by their own name: a list's places do not."""
        places = {place for name, one in self.request.space.lists for place, _ in one.expand(name)}
        return ((name, parameter) for name, parameter in self.request.space.parameters if name not in places)


def look(request: AdviceRequest) -> Study:
    """Pick the trials that count, and the best of them."""
    found = []
    for trial in sorted(request.history, key=lambda trial: trial.number):
        if trial.state != "COMPLETE" or trial.values is None or len(trial.values) != len(request.directions):
            continue
        params = request.space.project(trial.params)
        if params is not None:
            losses = _losses(trial.values, request.directions)
            # Broken constraints on outcomes make a trial as bad as can be, whatever it has reached.
            is_feasible = all(one <= 0 for one in trial.constraints)
            found.append(Outcome(trial.number, params, losses if is_feasible else (math.inf,) * len(losses)))
    return Study(request, tuple(found), tuple(_best(found, len(request.directions))))


def _best(trials: Sequence[Outcome], n_objectives: int) -> list[Outcome]:
    sound = [trial for trial in trials if all(loss < math.inf for loss in trial.losses)]
    ordered = sorted(sound, key=lambda trial: (trial.losses, trial.number))
    if n_objectives == 1:
        return ordered[: min(max(math.ceil(BEST_SHARE * len(trials)), MIN_BEST), MAX_BEST)]
    front = _front(ordered) if ordered else []
    return [front[round(place)] for place in np.linspace(0, len(front) - 1, min(len(front), MAX_BEST))]


def _front(ordered: list[Outcome]) -> list[Outcome]:
    # In this order a trial can only be beaten by one before it, and the beaten need not be asked.
    losses = np.array([trial.losses for trial in ordered])  # (n, n_objectives)
    places = np.zeros(len(ordered), np.int64)
    n_front = 0
    for place, own in enumerate(losses):
        others = losses[places[:n_front]]  # (n_front, n_objectives)
        if not ((others <= own).all(axis=1) & (others < own).any(axis=1)).any():
            places[n_front], n_front = place, n_front + 1
    return [ordered[place] for place in places[:n_front]]


def too_few_trials(study: Study) -> tuple[Advice, ...]:
    """Say that there are too few completed trials to say anything."""
    n_trials = len(study.trials)
    if n_trials >= MIN_TRIALS:
        return ()
    return (
        Advice(
            "too_few_trials",
            "Too few trials to say",
            f"{n_trials} {'trial is' if n_trials == 1 else 'trials are'} complete; advice on the search space begins "
            f"at {MIN_TRIALS}.",
            {"n_trials": n_trials, "n_needed": MIN_TRIALS},
            f"Let at least {MIN_TRIALS - n_trials} more finish.",
        ),
    )


def _losses(values: tuple[float, ...], directions: tuple[Direction, ...]) -> tuple[float, ...]:
    signed = (value if direction == "minimize" else -value for value, direction in zip(values, directions, strict=True))
    return tuple(math.inf if math.isnan(value) else value for value in signed)
