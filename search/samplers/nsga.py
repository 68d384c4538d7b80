"""Genetic search for several objectives: NSGA-II and NSGA-III, Optuna's."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Final, TypeAlias

import optuna
from optuna.trial import FrozenTrial, TrialState

from search.options import SEED, Option, get_int
from search.samplers.base import Cost, OneByOne
from search.samplers.draws import draw_unit
from search.samplers.gp import refuse_empty
from search.samplers.relative import ask_optuna
from search.samplers.seen import to_frozen_trials, to_optuna
from search.samplers.sobol import start_params
from search.space import SearchSpace
from search.types import Suggestion, SuggestRequest

MANY_TRIALS = 3000

_Kind: TypeAlias = type[optuna.samplers.NSGAIISampler] | type[optuna.samplers.NSGAIIISampler]


class NsgaSampler(OneByOne):
    """Crosses and mutates the elite of all trials that are finished.

    Optuna counts generations in attributes that the samplers write. Here a generation is a function of the history: all
    finished trials are the last one, its elite (of `population_size`, by non-domination and spread) are the parents of
    the next child. So a suggestion depends on (seed, number, trials seen) alone, whatever the parallelism, and a good
    trial is a parent at once. Parameters that are not active keep a dormant value, as genes do, so that parents of
    different branches can be crossed.
    """

    learns: Final = True
    options: tuple[Option, ...] = (
        SEED,
        Option("population_size", "int", 24, 2, 10_000, "Parents of each generation; as many trials start at random."),
    )

    def __init__(self, name: str, meaning: str, kind: _Kind) -> None:
        """Describe one of the kinds.

        Args:
            name: As a study names it.
            meaning: One sentence.
            kind: Optuna's class.
        """
        self.name, self.meaning, self._kind = name, meaning, kind

    def check(self, space: SearchSpace, n_trials: int | None) -> None:
        """Refuse an empty space.

        Raises:
            SamplerError: `empty_space`.
        """
        refuse_empty(self.name, space)

    def n_cells(self, space: SearchSpace) -> int | None:
        """Return None: evolution has no end."""
        return None

    def cost(self, request: SuggestRequest) -> Cost:
        """Return "slow" beyond `MANY_TRIALS`."""
        return "slow" if len(request.history) > MANY_TRIALS else "instant"

    def suggest(self, request: SuggestRequest) -> Suggestion:
        """Propose a child of the elite; quasi-random points until a population is finished.

        Raises:
            SamplerError: `empty_space`; `constraints_too_tight`, where constraints leave next to nothing.
            SpaceError: Where a pinned value lies outside its parameter.
        """
        self.check(request.space, None)
        size = get_int(self.options, request.options, "population_size")
        seen = to_frozen_trials(request.space, request.directions, request.history, request.number)
        n_complete = sum(trial.state is TrialState.COMPLETE for trial in seen)
        if n_complete < size:
            params = start_params(request)
            return Suggestion(params, f"sobol ({n_complete} of the first population of {size} are finished)")
        genes = _with_dormant_genes(request, seen, f"{self._kind.__name__}:generation")
        asked = ask_optuna(request, genes, lambda seed: self._kind(population_size=size, seed=seed), known=seen)
        drawn = ", nearest draw to a child that cannot be taken" if asked.is_drawn else ""
        return Suggestion(asked.params, f"{self.name} over {n_complete} finished trials{drawn}")


def _with_dormant_genes(request: SuggestRequest, trials: Sequence[FrozenTrial], key: str) -> list[FrozenTrial]:
    """Return `trials` as one generation, each with a value for every parameter of the space."""
    space, distributions = request.space, to_optuna(request.space)
    complete = []
    for trial in trials:
        whole = copy(trial)
        whole.system_attrs = {**trial.system_attrs, key: 0}
        if space.is_conditional:
            dormant = {
                name: space[name].from_unit(draw_unit(request.seed, trial.number % 2**32, name))
                for name in space
                if name not in trial.params
            }
            whole.params = {**trial.params, **dormant}
            whole.distributions = distributions
        complete.append(whole)
    return complete


NSGA2: Final = NsgaSampler(
    "nsga2",
    "Evolves the Pareto front of two or three objectives (NSGA-II); for hundreds of trials and more.",
    optuna.samplers.NSGAIISampler,
)
NSGA3: Final = NsgaSampler(
    "nsga3",
    "Evolves the Pareto front of three objectives and more (NSGA-III); for hundreds of trials and more.",
    optuna.samplers.NSGAIIISampler,
)
