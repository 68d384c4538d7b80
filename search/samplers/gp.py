"""Gaussian process search: a model of the objective with its uncertainty, asked where the best may still lie."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from search.errors import SamplerError
from search.options import SEED, Option, get_int
from search.samplers.base import Cost, pinned_space
from search.samplers.random import draw_params
from search.samplers.sobol import start_params
from search.space import SearchSpace
from search.types import PastTrial, Suggestion, SuggestRequest

N_STARTUP: Final = Option(
    *("n_startup_trials", "int", 10, 0, 100_000),
    "Trials before it begins to learn; half of them must be finished, the others may still run.",
)


class GpSampler:
    """Fits a Gaussian process to all finished trials and proposes where improvement is expected most.

    - Values are winsorised; NaN, infinities and failed trials count as bad as the worst that is left.
    - PRUNED trials count by their last value, as no better than the median complete one.
    - RUNNING trials are imagined to end in several ways each, so parallel suggestions keep apart.
    - Parameters that are not active stand in the middle of their range; categorical ones are near or not.
    - Constraints on outcomes have a process each; a point's promise is multiplied by its chance to hold them.
    - Several objectives are weighed anew for each suggestion, so suggestions spread over the Pareto front.
    - No parameter set is proposed twice while there are others.

    Needs neither torch nor a state: everything is fitted anew for each ask, by NumPy and SciPy.
    Sources: see `search.samplers.gaussian`.
    """

    name: Final = "gp"
    meaning: Final = (
        "Models the objective by a Gaussian process; finds most in few trials, at tens of milliseconds an ask."
    )
    learns: Final = True
    options: tuple[Option, ...] = (
        SEED,
        N_STARTUP,
    )

    def check(self, space: SearchSpace, n_trials: int | None) -> None:
        """Refuse an empty space.

        Raises:
            SamplerError: `empty_space`.
        """
        refuse_empty(self.name, space)

    def n_cells(self, space: SearchSpace) -> int | None:
        """Return None: learning has no end."""
        return None

    def cost(self, request: SuggestRequest) -> Cost:
        """Return "slow" once there is something to learn from."""
        return "slow" if is_started(request, self._n_startup(request)) else "instant"

    def suggest(self, request: SuggestRequest) -> Suggestion:
        """Propose parameters for trial `request.number` in the light of `request.history`.

        Raises:
            SamplerError: `empty_space`; `constraints_too_tight`, where the pinned parameters leave next to nothing.
            SpaceError: Where a pinned value lies outside its parameter.
        """
        return self.suggest_batch(request, 1)[0]

    def suggest_batch(self, request: SuggestRequest, q: int, shared: Collection[str] = ()) -> list[Suggestion]:
        """Propose `q` points from one fit; `shared` parameters stay at the first one's values where little is lost.

        Raises:
            SamplerError: As `suggest`.
        """
        self.check(request.space, None)
        return suggest_by_gp(request, q, shared, self._n_startup(request))

    def _n_startup(self, request: SuggestRequest) -> int:
        return get_int(self.options, request.options, "n_startup_trials")


def suggest_by_gp(request: SuggestRequest, q: int, shared: Collection[str], n_startup: int) -> list[Suggestion]:
    """Return `q` suggestions: quasi-random ones until it `is_started`, then a Gaussian process's."""
    space = pinned_space(request)
    is_single = all(parameter.n_values == 1 for parameter in request.space.values())
    if not is_started(request, n_startup) or is_single:
        note = f"sobol ({count_finished(request)} of {max(n_startup, 1)} start-up trials are finished)"
        return _start(request, q, note)
    # Imported when first asked: SciPy's optimizer costs a process a third of a second that other samplers need not pay.
    from search.samplers.gaussian.propose import Proposer, one_thread, propose_batch

    with one_thread():
        proposer = Proposer(request)
        proposals = propose_batch(proposer, q, shared)
    n_finished, n_running = proposer.data.n_finished, len(proposer.data.running)
    suggestions = []
    for place in range(q):
        what = f"GP over {n_finished} finished and {n_running + place} running trials"
        if place < len(proposals):
            shared_note = ", structure shared" if proposals[place].is_shared else ""
            suggestions.append(Suggestion(proposals[place].params, what + shared_note))
        else:
            params = draw_params(space, request.seed, request.number + place)
            suggestions.append(Suggestion(params, f"random ({what} found no new parameter set)"))
    return suggestions


def _start(request: SuggestRequest, q: int, note: str) -> list[Suggestion]:
    suggestions: list[Suggestion] = []
    for number in range(request.number, request.number + q):
        params = start_params(replace(request, number=number))
        suggestions.append(Suggestion(params, note))
        request = replace(request, history=[*request.history, PastTrial(number, "RUNNING", params)])
    return suggestions


def refuse_empty(name: str, space: SearchSpace) -> None:
    """Refuse a space in which nothing can be learned.

    Raises:
        SamplerError: `empty_space`.
    """
    if not space:
        message = f"the sampler '{name}' has nothing to learn: the search space is empty"
        hint = "add a parameter, or use the sampler 'random' to repeat one setting"
        raise SamplerError("empty_space", message, "search_space", hint)


def count_finished(request: SuggestRequest) -> int:
    """Count the trials of the history that a learning sampler can use: those with a value that fit the space."""
    return sum(
        _has_value(trial.state, trial.values, trial.intermediate, len(request.directions))
        and trial.number != request.number
        and request.space.fits(trial.params)
        for trial in request.history
    )


def is_started(request: SuggestRequest, n_startup: int) -> bool:
    """Tell whether a Gaussian process has enough to learn from: `n_startup` trials of which half are finished.

    Where eight run at once, waiting for all of them would spend seven more trials without a model, and running trials
    are imagined to end anyway.
    """
    n_startup, n_finished = max(n_startup, 1), count_finished(request)
    n_running = sum(
        trial.state == "RUNNING" and trial.number != request.number and request.space.fits(trial.params)
        for trial in request.history
    )
    return 2 * n_finished >= n_startup and n_finished + n_running >= n_startup


def _has_value(state: str, values: object, intermediate: object, n_objectives: int) -> bool:
    if state == "PRUNED":
        return n_objectives == 1 and bool(intermediate)
    return state == "COMPLETE" and isinstance(values, tuple) and len(values) == n_objectives
