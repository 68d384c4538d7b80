"""CMA-ES as a function of the history, NSGA's parents, and the thinning of long histories."""

from __future__ import annotations

import math

import numpy as np
import pytest
from optuna.trial import TrialState

from search.samplers.cmaes import MANY_TRIALS, CmaesSampler
from search.samplers.evolution import LEAST_SIGMA, START_SIGMA, Strategy, evolve
from search.samplers.gaussian.data import gather
from search.samplers.gaussian.encoding import Encoding
from search.samplers.nsga import NSGA2
from search.samplers.random import draw_params
from search.samplers.seen import to_frozen_trials
from search.samplers.tpe import MAX_TRIALS, N_BEST, thin
from search.space import SearchSpace, parse_space
from search.types import PastTrial, SuggestRequest
from tests.unit.search.spaces import MIXED, TREE

CUBE = parse_space({f"x{i}": {"type": "float", "low": 0, "high": 1} for i in range(3)})


def bowl(params: object) -> float:
    assert isinstance(params, dict)
    return sum((i + 1) * (float(str(params[f"x{i}"])) - 0.7) ** 2 for i in range(3))


def run(n: int, seed: int = 7) -> list[PastTrial]:
    sampler, history = CmaesSampler(), list[PastTrial]()
    for number in range(n):
        params = sampler.suggest(SuggestRequest(CUBE, ("minimize",), seed, number, history=list(history))).params
        history.append(PastTrial(number, "COMPLETE", params, (bowl(params),)))
    return history


def state_of(history: list[PastTrial], space: SearchSpace = CUBE) -> Strategy:
    encoding = Encoding(space)
    return evolve(gather(encoding, SuggestRequest(space, ("minimize",), 7, 10_000, history=history)), encoding, 10, 7)


def test_it_closes_in_on_the_minimum() -> None:
    history = run(150)
    assert min(bowl(trial.params) for trial in history) < 1e-3
    state = state_of(history)
    assert state.mean == pytest.approx(0.7, abs=0.03)
    assert state.sigma < START_SIGMA
    assert state.generation == 140 // 7  # of 4 + 3 ln 3 trials each, after ten to start with


def test_telling_thousands_of_trials_is_no_work_for_the_api() -> None:
    trials = [PastTrial(0, "COMPLETE", {"x0": 0.5, "x1": 0.5, "x2": 0.5}, (1.0,))] * (MANY_TRIALS + 1)
    costs = [CmaesSampler().cost(SuggestRequest(CUBE, ("minimize",), 7, 1, history=trials[:n])) for n in (100, None)]
    assert costs == ["instant", "slow"]


def test_the_order_of_finishing_does_not_matter() -> None:
    history = run(40)
    ahead, behind = state_of(history), state_of(history[::-1])
    assert (ahead.mean == behind.mean).all()
    assert (ahead.covariance == behind.covariance).all()


def test_trials_from_elsewhere_do_not_blow_it_up() -> None:
    history = run(80)
    strange = [PastTrial(80 + i, "COMPLETE", draw_params(CUBE, 5, i), (9.0 + i,)) for i in range(14)]
    # They are two generations, each of which would take a step of e times the size if they were not pulled in.
    assert state_of([*history, *strange]).sigma < math.e * state_of(history).sigma


def test_when_it_has_converged_it_starts_again() -> None:
    still = [PastTrial(i, "COMPLETE", {"x0": 0.7, "x1": 0.7, "x2": 0.7}, (0.0,)) for i in range(400)]
    states = [state_of(still[:n]) for n in range(10, 400, 7)]
    assert any(state.generation == 0 for state in states[1:])
    assert all(state.sigma >= LEAST_SIGMA / 10 for state in states)


def test_choices_of_the_better_half_are_drawn_more_often() -> None:
    word = parse_space({**CUBE.to_json(), "word": {"type": "categorical", "choices": ["a", "b", "c"]}})
    history = []
    for number in range(60):
        params = draw_params(word, 3, number)
        history.append(PastTrial(number, "COMPLETE", params, (float(params["word"] != "b"),)))
    encoding = Encoding(word)
    place = encoding.place("word")
    assert place is not None
    drawn = state_of(history, word).sample(300, np.random.default_rng(0))[:, place]
    shares = [float((drawn == value).mean()) for value in (0.0, 0.5, 1.0)]
    assert shares[1] > 0.5
    assert min(shares) > 0.02


def test_children_have_the_genes_of_the_elite() -> None:
    """All good trials share one optimizer; parameters of other branches lie dormant and return when they are active."""
    history = []
    for number in range(60):
        params = draw_params(TREE, 3, number)
        history.append(PastTrial(number, "COMPLETE", params, (float(params["optimizer"] != "sgd"), 1.0)))
    asked = [SuggestRequest(TREE, ("minimize", "minimize"), 7, number, history=history) for number in range(60, 90)]
    children = [NSGA2.suggest(request).params for request in asked]
    assert sum(child["optimizer"] == "sgd" for child in children) > 20
    assert all(TREE.check(child) == child for child in children)


def test_long_histories_are_thinned_for_the_parzen_estimator() -> None:
    history = [
        PastTrial(i, "RUNNING" if i >= 1490 else "COMPLETE", draw_params(MIXED, 3, i), (float(i * 7919 % 1499),))
        for i in range(1500)
    ]
    frozen = to_frozen_trials(MIXED, ("minimize",), history, 5000)
    kept = thin(frozen, ("minimize",))
    finished = [trial for trial in kept if trial.state is TrialState.COMPLETE]
    assert (len(finished), len(kept) - len(finished)) == (MAX_TRIALS, 10)
    best = sorted(trial.values[0] for trial in frozen if trial.state is TrialState.COMPLETE)[:N_BEST]
    assert set(best) <= {trial.values[0] for trial in finished}
    assert [trial.number for trial in kept] == sorted(trial.number for trial in kept)
    assert thin(frozen[:50], ("minimize",)) == frozen[:50]
    assert thin(frozen, ("minimize", "minimize")) == frozen
