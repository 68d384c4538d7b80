"""Tree-structured Parzen estimator, Optuna's."""

from __future__ import annotations

import math
from typing import Final

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from search.options import SEED, Option, get_int
from search.samplers.base import Cost, OneByOne
from search.samplers.gp import refuse_empty
from search.samplers.relative import ask_optuna
from search.samplers.seen import to_frozen_trials
from search.samplers.sobol import start_params
from search.space import SearchSpace
from search.types import Direction, Suggestion, SuggestRequest

# How many finished trials an estimator is made of. The best 25 make its promising half, so of the others a fair sample
# says the same as all of them, and an ask costs no more with 10,000 trials than with 400.
MAX_TRIALS = 400
N_BEST = 100
# Trials beyond which reading the history alone takes tens of milliseconds.
MANY_TRIALS = 2000

OPTIONS: Final[tuple[Option, ...]] = (
    SEED,
    Option("n_startup_trials", "int", 10, 0, 100_000, "Trials that must be finished before it begins to learn."),
    Option("n_candidates", "int", 24, 1, 10_000, "Candidates drawn for each suggestion; the most promising wins."),
)


class TpeSampler(OneByOne):
    """Tree-structured Parzen estimator over all parameters jointly.

    A suggestion is a function of (seed, number, history), in any process: a fresh estimator is made for every ask, with
    a seed of its own. The first trials, until enough are finished, are quasi-random. In a conditional space parameters
    that are active together form a group with an estimator of its own.

    How trials count (`search.samplers.seen` prepares them):
    - COMPLETE ones by their values, where NaN is worse than anything and infinities are what they are;
    - PRUNED ones rank behind the complete, by their last step and intermediate value (with one objective only);
    - RUNNING ones as if they had turned out badly, so that parallel suggestions keep apart ("constant liar");
    - FAIL ones as worse than everything;
    - WAITING ones, and those with a parameter missing or outside the space, do not count.

    Source: Bergstra et al., Algorithms for Hyper-Parameter Optimization, NeurIPS 2011; Watanabe, arXiv 2304.11127;
    for several objectives Ozaki et al., doi 10.1613/jair.1.13188.
    """

    name: Final = "tpe"
    meaning: Final = "Learns where good values are dense (Parzen estimator); fast with thousands of trials."
    learns: Final = True
    options: tuple[Option, ...] = OPTIONS

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
        """Return "slow" beyond `MANY_TRIALS`."""
        return "slow" if len(request.history) > MANY_TRIALS else "instant"

    def suggest(self, request: SuggestRequest) -> Suggestion:
        """Propose parameters for trial `request.number` in the light of `request.history`.

        Raises:
            SamplerError: `empty_space`; `constraints_too_tight`, where constraints leave next to nothing.
            SpaceError: Where a pinned value lies outside its parameter.
        """
        self.check(request.space, None)
        # Without a single finished trial there is nothing to learn from, whatever the option says.
        n_startup = max(get_int(self.options, request.options, "n_startup_trials"), 1)
        seen = to_frozen_trials(request.space, request.directions, request.history, request.number)
        n_finished = sum(trial.state.is_finished() for trial in seen)
        if n_finished < n_startup:
            params = start_params(request)
            return Suggestion(params, f"sobol ({n_finished} of {n_startup} start-up trials are finished)")
        n_candidates = get_int(self.options, request.options, "n_candidates")

        is_grouped = request.space.is_conditional
        asked = ask_optuna(
            request, thin(seen, request.directions), lambda seed: _make(seed, n_candidates, is_grouped),
            joint=not is_grouped, known=seen,
        )  # fmt: skip
        drawn = ", nearest draw to a point that cannot be taken" if asked.is_drawn else ""
        return Suggestion(
            asked.params, f"TPE over {n_finished} finished and {len(seen) - n_finished} running trials{drawn}"
        )


def thin(trials: list[FrozenTrial], directions: tuple[Direction, ...]) -> list[FrozenTrial]:
    """Return the running trials and `MAX_TRIALS` of the finished ones: the best, and the others evenly over time.

    With several objectives all are returned: the front may need each of them.
    """
    finished = [trial for trial in trials if trial.state.is_finished()]
    if len(finished) <= MAX_TRIALS or len(directions) > 1:
        return trials
    order = sorted(range(len(finished)), key=lambda place: _rank(finished[place], directions[0]))
    rest = sorted(order[N_BEST:])
    n_rest = MAX_TRIALS - N_BEST
    picked = {*order[:N_BEST], *(rest[place * len(rest) // n_rest] for place in range(n_rest))}
    kept = {id(finished[place]) for place in picked}
    return [trial for trial in trials if not trial.state.is_finished() or id(trial) in kept]


def _rank(trial: FrozenTrial, direction: Direction) -> tuple[float, float, float]:
    """Sort feasible complete trials first, by value; then what breaks constraints, by how much; then pruned ones."""
    if trial.state is TrialState.PRUNED:
        return (math.inf, -max(trial.intermediate_values, default=-1), 0.0)
    broken = sum(value for value in trial.constraints.values() if value > 0)
    return (broken, 0.0, trial.values[0] if direction == "minimize" else -trial.values[0])


def _make(seed: int, n_candidates: int, is_grouped: bool) -> BaseSampler:
    return optuna.samplers.TPESampler(
        n_startup_trials=0, n_ei_candidates=n_candidates, seed=seed, multivariate=True, constant_liar=True,
        group=is_grouped,
    )  # fmt: skip
