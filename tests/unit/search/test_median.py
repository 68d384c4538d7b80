"""The median rule, step by step and next to Optuna's own."""

from __future__ import annotations

import math
import random

import optuna
import pytest
from optuna.trial import FrozenTrial, create_trial
from optuna.trial import TrialState as OptunaState

from search.errors import PrunerError
from search.pruners.median import MedianPruner
from search.types import Direction, PastTrial, PruneDecision, PruneRequest, TrialState

MEDIAN = MedianPruner()
NAN = math.nan


def peer(number: int, *intermediate: float, state: TrialState = "COMPLETE") -> PastTrial:
    return PastTrial(number, state, {}, (0.0,), dict(enumerate(intermediate)))


PEERS = [peer(i, value, value) for i, value in enumerate((0.1, 0.2, 0.3, 0.4, 0.5))]  # median 0.3 at steps 0 and 1


def decide(
    *intermediate: float, peers: list[PastTrial] = PEERS, direction: Direction = "maximize", **options: object
) -> PruneDecision:
    trial = PastTrial(100, "RUNNING", {}, None, dict(enumerate(intermediate)))
    return MEDIAN.decide(PruneRequest(trial, (direction,), peers, options))


@pytest.mark.parametrize(
    ("intermediate", "direction", "prune"),
    [
        ((0.29,), "maximize", True),
        ((0.3,), "maximize", False),  # a tie goes on
        ((0.31,), "maximize", False),
        ((0.29,), "minimize", False),
        ((0.3,), "minimize", False),
        ((0.31,), "minimize", True),
        ((0.9, 0.0), "maximize", False),  # its best so far counts
        ((NAN, 0.9), "maximize", False),
        ((0.9, NAN), "maximize", False),
        ((NAN, NAN), "maximize", True),
        ((-math.inf,), "maximize", True),
        ((), "maximize", False),
        ((0.0, 0.0, 0.0), "maximize", False),  # no peer got that far
    ],
)
def test_the_rule(intermediate: tuple[float, ...], direction: Direction, prune: bool) -> None:
    decision = decide(*intermediate, direction=direction)
    assert decision.prune is prune
    assert decision.reason


def test_the_reason_names_both_values() -> None:
    assert decide(0.25).reason == "best value 0.25 up to step 0 is worse than the median 0.3 of 5 trials"


def test_no_trial_is_stopped_before_enough_are_completed() -> None:
    assert not decide(0.0, peers=PEERS[:4]).prune
    assert decide(0.0, peers=PEERS[:4], n_startup_trials=4).prune
    assert not decide(0.0, peers=[], n_startup_trials=0).prune


def test_no_trial_is_stopped_while_it_warms_up() -> None:
    assert not decide(0.0, n_warmup_steps=1).prune
    assert decide(0.0, 0.0, n_warmup_steps=1).prune


@pytest.mark.parametrize("state", ["RUNNING", "PRUNED", "FAIL", "WAITING"])
def test_only_completed_trials_are_peers(state: TrialState) -> None:
    better = [peer(10 + i, 0.9, state=state) for i in range(20)]
    assert decide(0.35).prune is False
    assert decide(0.35, peers=PEERS + better).prune is False
    assert decide(0.35, peers=PEERS + [peer(10 + i, 0.9) for i in range(20)]).prune is True


def test_the_trial_is_no_peer_of_itself() -> None:
    own = PastTrial(100, "COMPLETE", {}, (0.0,), {0: 0.0})
    assert not decide(0.0, peers=[*PEERS[:4], own]).prune


def test_peers_that_reported_nan_do_not_move_the_median() -> None:
    assert decide(0.29, peers=[*PEERS, *(peer(20 + i, NAN) for i in range(9))]).prune
    assert not decide(0.29, peers=[peer(20 + i, NAN) for i in range(9)]).prune


def test_several_objectives_are_refused() -> None:
    MEDIAN.check(("minimize",))
    with pytest.raises(PrunerError) as caught:
        MEDIAN.check(("minimize", "maximize"))
    assert (caught.value.code, caught.value.field) == ("needs_one_objective", "pruner.name")


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_it_decides_as_optunas_median_pruner(direction: Direction) -> None:
    rng = random.Random(5)
    outcomes = set()
    for _ in range(60):
        # Step 0 is a number throughout: of nothing but NaN Optuna makes a NumPy warning, which other tests cover here.
        own, *curves = ([rng.random(), *rng.choices([0.3, 0.7, NAN], k=rng.randint(0, 2))] for _ in range(21))
        ours = decide(*own, peers=[peer(i, *curve) for i, curve in enumerate(curves)], direction=direction).prune
        assert ours == optunas(own, curves, direction)
        outcomes.add(ours)
    assert outcomes == {True, False}


def optunas(own: list[float], curves: list[list[float]], direction: Direction) -> bool:
    study = optuna.create_study(direction=direction)
    for curve in curves:
        study.add_trial(create_trial(value=0.0, intermediate_values=dict(enumerate(curve))))
    trial: FrozenTrial = create_trial(state=OptunaState.RUNNING, intermediate_values=dict(enumerate(own)))
    return bool(optuna.pruners.MedianPruner().prune(study, trial))
