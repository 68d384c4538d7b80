"""CMA-ES: evolves a normal distribution towards good values; for many trials of numeric parameters."""

from __future__ import annotations

from typing import Final

import numpy as np

from search.options import SEED, Option, get_int
from search.parameters import ParamValue
from search.samplers.base import Cost, OneByOne, pinned_space
from search.samplers.draws import derive_seed
from search.samplers.gp import refuse_empty
from search.samplers.random import draw_params
from search.samplers.sobol import start_params
from search.space import SearchSpace
from search.types import Suggestion, SuggestRequest

# Samples before a draw takes the place of those that break constraints or are known.
N_ATTEMPTS = 64
# Trials beyond which an ask takes a tenth of a second: all generations are told anew.
MANY_TRIALS = 2000


class CmaesSampler(OneByOne):
    """Covariance matrix adaptation, with its state computed from the history.

    The finished trials, in the order of their numbers, are told to the strategy in generations of lambda; those it did
    not sample itself are told too, pulled in where they lie far out. So the state is a function of the trials seen:
    trials added by hand, late ones and lent ones all count, and nothing need be stored.

    It starts around the best start-up trial. When it has converged it starts again elsewhere. Unordered choices are
    drawn as often as they stand among the better half of the trials.
    Sources: Hansen, The CMA Evolution Strategy: A Tutorial, arXiv 1604.00772; Hansen, Injecting External Solutions
    Into CMA-ES, arXiv 1110.4181.
    """

    name: Final = "cmaes"
    meaning: Final = "Evolves a normal distribution towards good values; for numeric spaces and hundreds of trials."
    learns: Final = True
    options: tuple[Option, ...] = (
        SEED,
        Option("n_startup_trials", "int", 10, 0, 100_000, "Trials that must be finished before it begins to learn."),
    )

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
        """Sample the distribution that the history leads to.

        Raises:
            SamplerError: `empty_space`; `constraints_too_tight`, where constraints leave next to nothing.
            SpaceError: Where a pinned value lies outside its parameter.
        """
        self.check(request.space, None)
        # Imported when first asked, as the Gaussian process is: both bring SciPy.
        from search.samplers.evolution import evolve
        from search.samplers.gaussian.data import gather, key_of
        from search.samplers.gaussian.encoding import Encoding

        encoding, space = Encoding(request.space), pinned_space(request)
        data = gather(encoding, request)
        n_startup = max(get_int(self.options, request.options, "n_startup_trials"), 2)
        if len(data.rows) < n_startup or not encoding.n_columns:
            params = start_params(request)
            return Suggestion(params, f"sobol ({len(data.rows)} of {n_startup} start-up trials are finished)")
        state = evolve(data, encoding, n_startup, request.seed)
        rng = np.random.default_rng(derive_seed(request.seed, request.number))
        for row in state.sample(N_ATTEMPTS, rng):
            params = _hold(encoding.decode(encoding.snap(row[None])[0]), request, space)
            if space.satisfies(params) and key_of(params) not in data.seen:
                return Suggestion(params, f"CMA-ES, generation {state.generation}, step size {state.sigma:.2g}")
        params = draw_params(space, request.seed, request.number)
        return Suggestion(params, f"random (CMA-ES, generation {state.generation}, found no new parameter set)")


def _hold(params: dict[str, ParamValue], request: SuggestRequest, space: SearchSpace) -> dict[str, ParamValue]:
    """Return `params` with pinned parameters at their values, and what they make active drawn at random."""
    if not request.pinned:
        return params
    drawn = {name: space[name].from_unit(0.5) for name in space}
    return space.active({**drawn, **params, **{name: space[name].value_at(0) for name in request.pinned}})
