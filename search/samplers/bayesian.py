"""Bayesian search: chooses the sampler that suits the study, and says which and why."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Final

from search.options import SEED, Option, get_int
from search.samplers.base import Cost, OneByOne, Sampler
from search.samplers.cmaes import CmaesSampler
from search.samplers.gp import N_STARTUP, GpSampler, count_finished, refuse_empty
from search.samplers.nsga import NSGA2, NSGA3
from search.samplers.tpe import TpeSampler
from search.space import SearchSpace
from search.types import Suggestion, SuggestRequest

# Where a Gaussian process ends: beyond, its asks grow slow and others have enough trials to catch up.
MAX_GP_TRIALS = 300
MAX_GP_COLUMNS = 40
MAX_GP_OBJECTIVES = 3

_GP, _TPE, _CMAES = GpSampler(), TpeSampler(), CmaesSampler()


@dataclass(frozen=True, slots=True)
class Choice:
    """A sampler and why it suits."""

    sampler: Sampler
    reason: str


class BayesianSampler(OneByOne):
    """Asks the sampler that measured best for the kind of study, at each suggestion anew.

    The choice depends on the space, the number of objectives and the trials that are finished, all of which are in the
    request; so it replays. See docs/decisions/0019 for the figures.
    """

    name: Final = "bayesian"
    meaning: Final = "Learns from finished trials where good values lie, by the method that suits the study."
    learns: Final = True
    options: tuple[Option, ...] = (
        SEED,
        N_STARTUP,
        Option("n_candidates", "int", 24, 1, 10_000, "Candidates of each suggestion, where it chooses TPE."),
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
        """Return what the chosen sampler's ask costs."""
        return choose(request).sampler.cost(self._for(request))

    def suggest(self, request: SuggestRequest) -> Suggestion:
        """Propose parameters for trial `request.number` in the light of `request.history`.

        Raises:
            SamplerError: `empty_space`; `constraints_too_tight`, where constraints leave next to nothing.
            SpaceError: Where a pinned value lies outside its parameter.
        """
        return self.suggest_batch(request, 1)[0]

    def suggest_batch(self, request: SuggestRequest, q: int, shared: Collection[str] = ()) -> list[Suggestion]:
        """Propose `q` points by the sampler chosen for the first of them.

        Raises:
            SamplerError: As `suggest`.
        """
        self.check(request.space, None)
        choice = choose(request)
        suggestions = choice.sampler.suggest_batch(self._for(request), q, shared)
        return [Suggestion(one.params, f"{one.note}; {choice.reason}") for one in suggestions]

    def _for(self, request: SuggestRequest) -> SuggestRequest:
        """Return the request with the options that every chosen sampler has."""
        names = ("n_startup_trials", "n_candidates")
        return replace(request, options={name: get_int(self.options, request.options, name) for name in names})


def choose(request: SuggestRequest) -> Choice:
    """Return the sampler that suits a request, and why."""
    space, n_objectives = request.space, len(request.directions)
    n_columns = sum(parameter.n_values != 1 for parameter in space.values())
    n_finished = count_finished(request)
    if n_objectives > MAX_GP_OBJECTIVES:
        return Choice(NSGA3, f"NSGA-III for {n_objectives} objectives")
    if n_columns > MAX_GP_COLUMNS:
        return Choice(_TPE, f"TPE for {n_columns} parameters, more than {MAX_GP_COLUMNS}")
    if n_finished <= MAX_GP_TRIALS:
        return Choice(_GP, f"GP for up to {MAX_GP_TRIALS} finished trials")
    if n_objectives > 1:
        return Choice(NSGA2, f"NSGA-II for {n_objectives} objectives and more than {MAX_GP_TRIALS} finished trials")
    if _is_numeric(space):
        return Choice(_CMAES, f"CMA-ES for numeric parameters and more than {MAX_GP_TRIALS} finished trials")
    return Choice(_TPE, f"TPE for conditions or choices and more than {MAX_GP_TRIALS} finished trials")


def _is_numeric(space: SearchSpace) -> bool:
    return not space.is_conditional and all(
        not hasattr(parameter, "choices") or parameter.n_values == 1 for parameter in space.values()
    )
