"""Asks one of Optuna's samplers for a point of our space: active parameters alone, constraints held, nothing twice."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from search.parameters import CategoricalParameter, Parameter, ParamValue
from search.samplers.base import pinned_space
from search.samplers.draws import derive_seed
from search.samplers.random import draw_params
from search.samplers.seen import open_study, to_optuna
from search.space import SearchSpace
from search.types import SuggestRequest

# Asks with other seeds before a draw takes the place of what cannot be taken.
N_ATTEMPTS = 8
# Draws among which the nearest to the sampler's last point is taken then.
N_DRAWS = 64


@dataclass(frozen=True, slots=True)
class Asked:
    """A point and how it was found.

    Attributes:
        params: The active parameters, ordered by name.
        is_drawn: Whether it is the draw nearest to what the sampler wanted, which could not be taken.
    """

    params: dict[str, ParamValue]
    is_drawn: bool


def ask_optuna(
    request: SuggestRequest,
    trials: list[FrozenTrial],
    make: Callable[[int], BaseSampler],
    joint: bool = True,
    known: Sequence[FrozenTrial] | None = None,
) -> Asked:
    """Ask a fresh sampler, made from a seed, for parameters; again with other seeds while a point cannot be taken.

    A point cannot be taken if it breaks a constraint between parameters or is known already.

    Args:
        request: Pinned parameters replace what the sampler proposes for them.
        trials: The history to learn from, as `search.samplers.seen` prepares it.
        make: Makes the sampler from a seed of 32 bits.
        joint: Whether the sampler takes all parameters of the space at once. Where not, it says itself which ones it
            samples together, and the others are sampled one by one.
        known: Trials whose points are not to be proposed again; those to learn from if None.

    Raises:
        SamplerError: `constraints_too_tight`, where nothing else can be drawn either.
        SpaceError: Where a pinned value lies outside its parameter.
    """
    space = pinned_space(request)
    seen = {tuple(trial.params.items()) for trial in (trials if known is None else known)}
    distributions = {name: one for name, one in to_optuna(request.space).items() if not one.single()}
    seed, wanted = derive_seed(request.seed, request.number), dict[str, ParamValue]()
    for attempt in range(N_ATTEMPTS):
        with warnings.catch_warnings():
            # Marked experimental for years; pyproject.toml keeps to one major version of Optuna.
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = make(derive_seed(seed, attempt) if attempt else seed)
        study = open_study(request.directions, trials, sampler)
        wanted = _walk(space, distributions, _Ask(study, sampler, request.number, joint))
        if space.satisfies(wanted) and tuple(wanted.items()) not in seen:
            return Asked(wanted, is_drawn=False)
    return Asked(_nearest_draw(request, space, wanted, seen), is_drawn=True)


@dataclass(frozen=True, slots=True)
class _Ask:
    study: optuna.Study
    sampler: BaseSampler
    number: int
    joint: bool

    def trial(self) -> FrozenTrial:
        return FrozenTrial(
            number=self.number, state=TrialState.RUNNING, value=None, datetime_start=None, datetime_complete=None,
            params={}, distributions={}, user_attrs={}, system_attrs={}, intermediate_values={}, trial_id=self.number,
        )  # fmt: skip

    def relative(self, distributions: dict[str, BaseDistribution]) -> Mapping[str, ParamValue]:
        trial = self.trial()
        if not self.joint:
            distributions = self.sampler.infer_relative_search_space(self.study, trial)
        return self.sampler.sample_relative(self.study, trial, distributions)

    def independent(self, name: str, distribution: BaseDistribution) -> ParamValue:
        value: ParamValue = self.sampler.sample_independent(self.study, self.trial(), name, distribution)
        return value


def _walk(space: SearchSpace, distributions: dict[str, BaseDistribution], ask: _Ask) -> dict[str, ParamValue]:
    """Return the active parameters: the sampler's joint values where it has them, else sampled one by one."""
    relative = ask.relative(distributions) if distributions else {}
    params: dict[str, ParamValue] = {}
    for name in space.order:
        parameter = space[name]
        if not space.is_active(name, params):
            continue
        if parameter.n_values == 1 or name not in distributions:
            params[name] = parameter.value_at(0)
        elif name in relative:
            params[name] = member(parameter, relative[name])
        else:
            params[name] = member(parameter, ask.independent(name, distributions[name]))
    return dict(sorted(params.items()))


def member(parameter: Parameter, value: ParamValue) -> ParamValue:
    """Return a sampler's value as one of the parameter; rounding may leave it an ulp outside or off the lattice."""
    if isinstance(parameter, CategoricalParameter) or not isinstance(value, int | float):
        return parameter.check(value)
    return parameter.snap(value)


def _nearest_draw(
    request: SuggestRequest,
    space: SearchSpace,
    wanted: dict[str, ParamValue],
    seen: set[tuple[tuple[str, ParamValue], ...]],
) -> dict[str, ParamValue]:
    """Return the random feasible point nearest to `wanted`, a new one if any drawn is new."""
    seed = derive_seed(request.seed, request.number)
    drawn = [draw_params(space, seed, place) for place in range(N_DRAWS)]
    fresh = [params for params in drawn if tuple(params.items()) not in seen]
    return min(fresh or drawn, key=lambda params: distance(space, params, wanted))


def distance(space: SearchSpace, params: Mapping[str, ParamValue], other: Mapping[str, ParamValue]) -> float:
    """Return how far apart two points are: a summand in [0, 1] for each parameter that either has."""
    return sum(_apart(space[name], params, other, name) for name in {*params, *other})


def _apart(parameter: Parameter, params: Mapping[str, ParamValue], other: Mapping[str, ParamValue], name: str) -> float:
    if name not in params or name not in other:
        return 1.0
    left, right = params[name], other[name]
    if isinstance(parameter, CategoricalParameter) or not (
        isinstance(left, int | float) and isinstance(right, int | float)
    ):
        return float(left != right)
    span = float(parameter.high) - float(parameter.low)
    return abs(float(left) - float(right)) / span if span else 0.0
