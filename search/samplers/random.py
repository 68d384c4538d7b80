"""Random search: each trial drawn on its own."""

from __future__ import annotations

from typing import Final

from search.options import SEED, Option
from search.parameters import ParamValue
from search.samplers.draws import draw_unit
from search.space import SearchSpace
from search.types import Suggestion, SuggestRequest


class RandomSampler:
    """Draws each parameter uniformly over its range, its steps or its logarithm.

    Parameters are a function of (seed, trial number), whatever the parallelism.
    Source: Bergstra and Bengio, Random Search for Hyper-Parameter Optimization, JMLR 13 (2012).
    """

    name: Final = "random"
    meaning: Final = "Draws every trial independently; a sound baseline at any parallelism."
    learns: Final = False
    options: tuple[Option, ...] = (SEED,)

    def check(self, space: SearchSpace, n_trials: int | None) -> None:
        """Accept every space; an empty one makes trials that differ in nothing."""

    def n_cells(self, space: SearchSpace) -> int | None:
        """Return None: random search has no end."""
        return None

    def suggest(self, request: SuggestRequest) -> Suggestion:
        """Draw the parameters of trial `request.number`."""
        return Suggestion(draw_params(request.space, request.seed, request.number), "random")


def draw_params(space: SearchSpace, seed: int, number: int) -> dict[str, ParamValue]:
    """Return the parameters that random search gives to trial `number` of a study with `seed`."""
    return {name: parameter.from_unit(draw_unit(seed, number, name)) for name, parameter in space.parameters}
