"""Bayesian search: learns from finished trials where good values lie, with Optuna's estimator."""

from __future__ import annotations

from typing import Final

import optuna
from optuna.trial import FrozenTrial, TrialState

from search.errors import SamplerError
from search.options import SEED, Option, get_int
from search.parameters import CategoricalParameter, Parameter, ParamValue
from search.samplers.draws import derive_seed
from search.samplers.random import draw_params
from search.samplers.seen import open_study, to_frozen_trials, to_optuna
from search.space import SearchSpace
from search.types import Suggestion, SuggestRequest


class BayesianSampler:
    """Tree-structured Parzen estimator over all parameters jointly.

    A suggestion is a function of (seed, number, history), in any process: a fresh estimator is made for every ask, with
    a seed of its own. The first trials, until enough are finished, are those of random search with the same seed.

    How trials count (`search.samplers.seen` prepares them):
    - COMPLETE ones by their values, where NaN is worse than anything and infinities are what they are;
    - PRUNED ones rank behind the complete, by their last step and intermediate value (with one objective only);
    - RUNNING ones as if they had turned out badly, so that parallel suggestions keep apart ("constant liar");
    - FAIL and WAITING ones, and those with a parameter missing or outside the space, do not count.

    Source: Bergstra et al., Algorithms for Hyper-Parameter Optimization, NeurIPS 2011; Watanabe, arXiv 2304.11127;
    for several objectives Ozaki et al., doi 10.1613/jair.1.13188.
    """

    name: Final = "bayesian"
    meaning: Final = "Learns from finished trials where good values lie; running ones are taken into account."
    learns: Final = True
    options: tuple[Option, ...] = (
        SEED,
        Option("n_startup_trials", "int", 10, 0, 100_000, "Trials that must be finished before it begins to learn."),
        Option("n_candidates", "int", 24, 1, 10_000, "Candidates drawn for each suggestion; the most promising wins."),
    )

    def check(self, space: SearchSpace, n_trials: int | None) -> None:
        """Refuse an empty space.

        Raises:
            SamplerError: `empty_space`.
        """
        if not space:
            message = "the sampler 'bayesian' has nothing to learn: the search space is empty"
            hint = "add a parameter, or use the sampler 'random' to repeat one setting"
            raise SamplerError("empty_space", message, "search_space", hint)

    def n_cells(self, space: SearchSpace) -> int | None:
        """Return None: learning has no end."""
        return None

    def suggest(self, request: SuggestRequest) -> Suggestion:
        """Propose parameters for trial `request.number` in the light of `request.history`.

        Raises:
            SamplerError: `empty_space`.
        """
        self.check(request.space, None)
        # Without a single finished trial there is nothing to learn from, whatever the option says.
        n_startup = max(get_int(self.options, request.options, "n_startup_trials"), 1)
        seen = to_frozen_trials(request.space, request.directions, request.history, request.number)
        n_finished = sum(trial.state.is_finished() for trial in seen)
        if n_finished < n_startup:
            params = draw_params(request.space, request.seed, request.number)
            return Suggestion(params, f"random ({n_finished} of {n_startup} start-up trials are finished)")
        params = _ask(request, seen)
        n_running = len(seen) - n_finished
        return Suggestion(params, f"TPE over {n_finished} finished and {n_running} running trials")


def _ask(request: SuggestRequest, seen: list[FrozenTrial]) -> dict[str, ParamValue]:
    """Ask a fresh estimator; parameters with a single value are not its business."""
    sampler = optuna.samplers.TPESampler(
        n_startup_trials=0,
        n_ei_candidates=get_int(BayesianSampler.options, request.options, "n_candidates"),
        seed=derive_seed(request.seed, request.number),
        multivariate=True,
        constant_liar=True,
    )
    study = open_study(request.directions, seen, sampler)
    free = {name: dist for name, dist in to_optuna(request.space).items() if not dist.single()}
    asked = FrozenTrial(
        number=request.number, state=TrialState.RUNNING, value=None, datetime_start=None, datetime_complete=None,
        params={}, distributions={}, user_attrs={}, system_attrs={}, intermediate_values={}, trial_id=request.number,
    )  # fmt: skip
    chosen = sampler.sample_relative(study, asked, free)
    return {name: _member(parameter, name, chosen) for name, parameter in request.space.parameters}


def _member(parameter: Parameter, name: str, chosen: dict[str, ParamValue]) -> ParamValue:
    """Return the chosen value as a member of the parameter; rounding may leave it an ulp outside or off the lattice."""
    if name not in chosen:
        return parameter.value_at(0)
    value = chosen[name]
    if isinstance(parameter, CategoricalParameter) or not isinstance(value, int | float):
        return parameter.check(value)
    return parameter.snap(value)
