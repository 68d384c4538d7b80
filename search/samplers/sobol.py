"""Quasi-random search: points that fill the space evenly."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from search.options import SEED, Option
from search.parameters import ParamValue
from search.samplers.base import OneByOne, pinned_space
from search.samplers.draws import derive_seed
from search.samplers.quasi import sobol_point, sobol_points
from search.samplers.random import draw_params
from search.space import SearchSpace
from search.types import Suggestion, SuggestRequest

# Points tried for a trial whose own point breaks a constraint, before it is drawn at random.
N_SPARES = 256


class SobolSampler(OneByOne):
    """Gives trial `number` the point `number` of a scrambled Sobol sequence over all parameters.

    Parameters are a function of (seed, trial number), whatever the parallelism. A point that breaks a constraint gives
    way to the first point of another sequence that breaks none. Parameters that are not active keep their dimension.
    """

    name: Final = "sobol"
    meaning: Final = "Fills the space evenly (quasi-random); as parallel as random search and mostly better."
    learns: Final = False
    options: tuple[Option, ...] = (SEED,)

    def check(self, space: SearchSpace, n_trials: int | None) -> None:
        """Accept every space; an empty one makes trials that differ in nothing."""

    def n_cells(self, space: SearchSpace) -> int | None:
        """Return None: the sequence has no end that a study would reach."""
        return None

    def suggest(self, request: SuggestRequest) -> Suggestion:
        """Return the point of trial `request.number`.

        Raises:
            SamplerError: `constraints_too_tight`, where the pinned parameters leave next to nothing.
            SpaceError: Where a pinned value lies outside its parameter.
        """
        return Suggestion(sobol_params(pinned_space(request), request.seed, request.number), "sobol")


def sobol_params(space: SearchSpace, seed: int, number: int) -> dict[str, ParamValue]:
    """Return the parameters that quasi-random search gives to trial `number` of a study with `seed`.

    Raises:
        SamplerError: `constraints_too_tight`, where no draw satisfies the constraints.
    """
    names = sorted(space)
    params = _params(space, names, sobol_point(number, len(names), seed))
    if space.satisfies(params):
        return params
    return next(_spares(space, seed, number), None) or draw_params(space, seed, number)


def start_params(request: SuggestRequest) -> dict[str, ParamValue]:
    """Return a quasi-random point for a sampler that has too little to learn from yet; a new one if there is any.

    Raises:
        SamplerError: `constraints_too_tight`, where no draw satisfies the constraints.
        SpaceError: Where a pinned value lies outside its parameter.
    """
    space = pinned_space(request)
    params = sobol_params(space, request.seed, request.number)
    others = (request.space.project(trial.params) for trial in request.history if trial.number != request.number)
    known = {tuple(other.items()) for other in others if other is not None}
    if tuple(params.items()) not in known:
        return params
    spares = _spares(space, request.seed, request.number)
    return next((spare for spare in spares if tuple(spare.items()) not in known), params)


def _spares(space: SearchSpace, seed: int, number: int) -> Iterator[dict[str, ParamValue]]:
    """Yield the points of a sequence of the trial's own that satisfy the constraints."""
    names = sorted(space)
    for shares in sobol_points(np.arange(N_SPARES, dtype=np.uint32), len(names), derive_seed(seed, number)):
        params = _params(space, names, shares)
        if space.satisfies(params):
            yield params


def _params(space: SearchSpace, names: list[str], shares: NDArray[np.float64]) -> dict[str, ParamValue]:
    """Return the active parameters at a point of the unit cube, one dimension a name."""
    units = dict(zip(names, shares, strict=True))
    return space.active({name: space[name].from_unit(float(units[name])) for name in names})
