"""Successive halving and Hyperband: rungs, pauses, promotion, brackets; next to Optuna's own."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from search.pruners.asha import AshaPruner
from search.pruners.hyperband import HyperbandPruner, brackets, n_brackets
from search.pruners.rungs import LAST, Ladder, standing
from search.types import Action, Direction, PastTrial, PromoteRequest, PruneRequest, TrialState

ASHA = AshaPruner()
HYPERBAND = HyperbandPruner()
THREE: dict[str, object] = {"reduction_factor": 3}


def trial(
    number: int, curve: dict[int, float], state: TrialState = "RUNNING", paused_at: int | None = None
) -> PastTrial:
    return PastTrial(number, state, {}, None, curve, (), paused_at)


def asked(own: dict[int, float], others: list[PastTrial], can_pause: bool = False) -> PruneRequest:
    return PruneRequest(trial(100, own), ("maximize",), others, THREE, n_steps=27, can_pause=can_pause)


def at_rung(*values: float) -> list[PastTrial]:
    return [trial(i, {1: value}, "PRUNED") for i, value in enumerate(values)]


@pytest.mark.parametrize(
    ("after", "last", "rung"),
    [(-1, 0, None), (-1, 1, 1), (1, 2, None), (2, 3, 3), (0, 9, 9), (2, 8, 3), (9, 26, None), (-1, 26, 9)],
)
def test_the_highest_rung_that_was_crossed(after: int, last: int, rung: int | None) -> None:
    assert Ladder(1, 3).crossed(after, last) == rung


@given(st.integers(1, 50), st.integers(2, 7), st.integers(-1, 3000), st.integers(0, 3000))
def test_a_crossed_rung_is_one_of_the_ladder(first: int, factor: int, after: int, more: int) -> None:
    rungs = [first * factor**k for k in range(13)]
    expected = [rung for rung in rungs if after < rung <= after + more]
    assert Ladder(first, factor).crossed(after, after + more) == max(expected, default=None)


@pytest.mark.parametrize(
    ("value", "others", "action"),
    [
        (0.5, (), "continue"),  # somebody has to lead
        (0.5, (0.6,), "prune"),
        (0.7, (0.6,), "continue"),
        (0.6, (0.6,), "continue"),  # a tie goes on
        (0.5, (0.1, 0.2, 0.3, 0.4, 0.9), "continue"),  # second of six, of which two go on
        (0.5, (0.1, 0.2, 0.3, 0.6, 0.9), "prune"),
        (0.5, (0.1, math.nan, math.nan, math.nan, 0.9), "continue"),  # NaN is behind, yet it counts
        (math.nan, (), "prune"),
        (-math.inf, (math.nan,), "continue"),
    ],
)
def test_who_goes_on_without_pauses(value: float, others: tuple[float, ...], action: Action) -> None:
    assert ASHA.decide(asked({1: value}, at_rung(*others))).action == action


@pytest.mark.parametrize(
    ("value", "others", "action"),
    [
        (0.5, (), "pause"),  # one of fewer than three is not yet among the best third
        (0.5, (0.1, 0.2), "continue"),
        (0.5, (0.1, 0.9), "pause"),
        (math.nan, (0.1, 0.9), "prune"),  # nothing to hope for
    ],
)
def test_who_pauses(value: float, others: tuple[float, ...], action: Action) -> None:
    request = asked({1: value}, at_rung(*others), can_pause=True)
    assert ASHA.decide(request).action == action
    unwilling = replace(request, options={**THREE, "pause": False})
    assert ASHA.decide(unwilling).action != "pause"


def test_it_judges_at_rungs_only_and_once() -> None:
    better = [trial(i, dict.fromkeys(range(1, 10), 1.0), "COMPLETE") for i in range(9)]
    low = dict.fromkeys(range(1, 10), 0.0)
    stopped = [n for n in range(1, 10) if ASHA.decide(asked({at: low[at] for at in range(1, n + 1)}, better)).prune]
    assert stopped == [1, 3, 9]
    batch = asked({at: low[at] for at in range(1, 6)}, better)
    assert not ASHA.decide(batch).prune  # as far as it can tell, steps up to 4 were judged before
    assert ASHA.decide(replace(batch, judged_to=2)).prune
    assert ASHA.steps_needed(batch) == []
    assert ASHA.steps_needed(replace(batch, judged_to=2)) == [3, LAST]


def test_the_last_step_and_late_beginners_are_not_judged() -> None:
    better = [trial(i, {27: 1.0}, "COMPLETE") for i in range(9)]
    assert not ASHA.decide(asked({26: 0.0, 27: 0.0}, better)).prune
    assert not ASHA.decide(asked({5: 0.0}, at_rung(1.0, 1.0, 1.0))).prune


def test_a_peer_counts_by_its_greatest_step_up_to_the_rung() -> None:
    sparse = [trial(i, {2: 0.9, 4: 0.0}) for i in range(9)]
    assert ASHA.decide(asked({2: 0.5, 3: 0.5}, sparse)).prune
    behind = [trial(i, {2: 0.9}) for i in range(9)]  # has not come as far as the rung
    assert not ASHA.decide(asked({2: 0.5, 3: 0.5}, behind)).prune
    assert standing([*sparse, trial(-1, {3: 1.0})], 3, "minimize") == [(-0.9, i) for i in range(9)]


def promoted(*trials: PastTrial, is_closing: bool = False) -> tuple[int, ...]:
    return ASHA.promotable(PromoteRequest(trials, ("maximize",), THREE, 27, is_closing))


def test_paused_trials_go_on_once_they_are_among_the_best() -> None:
    first, second, third = (trial(i, {1: value}, paused_at=1) for i, value in enumerate((0.5, 0.9, 0.1)))
    assert promoted(first, second) == ()
    assert promoted(first, second, third) == (1,)
    went_on = replace(second, intermediate={1: 0.9, 2: 0.9}, paused_at=None)
    assert promoted(first, went_on, third) == ()  # the one place is taken
    more = [trial(10 + i, {1: 0.0}, paused_at=1) for i in range(3)]
    assert promoted(first, went_on, third, *more) == (0,)


def test_higher_rungs_and_better_values_come_first() -> None:
    low = [trial(i, {1: i / 10}, paused_at=1) for i in range(6)]
    high = [trial(10 + i, {1: 1.0, 2: 0.0, 3: i / 10}, paused_at=3) for i in range(3)]
    assert promoted(*low, *high)[0] == 12
    assert promoted(*low) == (5, 4)


def test_at_the_end_the_best_paused_trial_goes_on_alone() -> None:
    low, high = trial(0, {1: 0.9}, paused_at=1), trial(1, {1: 0.5, 3: 0.2}, paused_at=3)
    assert promoted(low, high) == ()
    assert promoted(low, high, is_closing=True) == (1,)
    done = trial(2, dict.fromkeys(range(1, 28), 1.0), "COMPLETE")
    assert promoted(low, high, done, is_closing=True) == ()


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
def test_a_study_with_pauses_ends_with_a_completed_trial(direction: Direction) -> None:
    rng = random.Random(3)
    trials = [trial(i, {}) for i in range(20)]
    queue, spent = list(range(20)), 0
    while True:
        if not queue:
            queue = list(ASHA.promotable(PromoteRequest(trials, (direction,), THREE, 27, is_closing=True)))
        if not queue:
            break
        number = queue.pop(0)
        curve = dict(trials[number].intermediate)
        trials[number] = replace(trials[number], paused_at=None)
        for step in range(max(curve, default=0) + 1, 28):
            curve[step], spent = rng.random(), spent + 1
            now = replace(trials[number], intermediate=dict(curve))
            action = ASHA.decide(PruneRequest(now, (direction,), trials, THREE, 27, can_pause=True)).action
            trials[number] = replace(now, paused_at=step if action == "pause" else None)
            if action == "pause":
                break
        else:
            trials[number] = replace(trials[number], state="COMPLETE")
        queue += [n for n in ASHA.promotable(PromoteRequest(trials, (direction,), THREE, 27)) if n not in queue]
    reached = Counter(max(one.intermediate) for one in trials)
    assert all(one.paused_at is not None or one.state == "COMPLETE" for one in trials)
    assert any(one.state == "COMPLETE" for one in trials)
    assert reached[1] >= 10  # two thirds never leave the first rung, but for promotions that came too early
    assert spent < 20 * 27 / 4


@pytest.mark.parametrize("direction", ["minimize", "maximize"])
@pytest.mark.parametrize("factor", [2, 4])
def test_without_pauses_it_decides_as_optunas_successive_halving(direction: Direction, factor: int) -> None:
    rng = random.Random(factor)
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=2, reduction_factor=factor)
    study = optuna.create_study(direction=direction, pruner=pruner)
    ours: list[PastTrial] = []
    n_stopped = 0
    for number in range(60):
        theirs, curve, state = study.ask(), {}, "COMPLETE"
        for step in range(1, 20):
            curve[step] = rng.random()
            theirs.report(curve[step], step)
            options: dict[str, object] = {"min_resource": 2, "reduction_factor": factor}
            decision = ASHA.decide(PruneRequest(trial(number, curve), (direction,), ours, options))
            assert decision.prune == theirs.should_prune()
            if decision.prune:
                state, n_stopped = "PRUNED", n_stopped + 1
                break
        if state == "COMPLETE":
            study.tell(theirs, curve[19])
        else:
            study.tell(theirs, state=optuna.trial.TrialState.PRUNED)
        ours.append(trial(number, curve, "COMPLETE" if state == "COMPLETE" else "PRUNED"))
    assert 20 < n_stopped < 60


def test_brackets_have_the_shares_of_the_paper_evenly_spread() -> None:
    assert n_brackets(1, 81, 3) == 5
    assert (n_brackets(1, 80, 3), n_brackets(5, 4, 3)) == (4, 1)
    plan = brackets(5, 3)
    shares = Counter(plan)
    assert [shares[skipped] for skipped in range(5)] == [81, 34, 15, 8, 5]  # table 1 of the paper
    for skipped in range(5):
        places = [i for i, one in enumerate(plan + plan) if one == skipped]
        gaps = [after - before for before, after in pairwise(places)]
        assert max(gaps) <= 2 * len(plan) / shares[skipped]


@settings(deadline=None)
@given(st.integers(1, 31), st.integers(2, 1000))
def test_brackets_can_always_be_made(n: int, factor: int) -> None:
    plan = brackets(n, factor)
    assert set(plan) == set(range(n))
    assert len(plan) <= 2_000


def test_hyperband_compares_within_a_bracket() -> None:
    plan = brackets(4, 3)
    others = [trial(i, dict.fromkeys(range(1, 28), 1.0), "COMPLETE") for i in range(len(plan))]
    judged = set()
    for skipped in range(4):
        own = len(plan) + plan.index(skipped)
        request = PruneRequest(trial(own, {1: 0.0}), ("maximize",), others, THREE, 27)
        rungs = []
        for step in range(1, 28):
            now = replace(request, trial=trial(own, dict.fromkeys(range(1, step + 1), 0.0)))
            rungs += [step] if HYPERBAND.decide(now).prune else []
        assert rungs == [rung for rung in (1, 3, 9) if rung >= 3**skipped]
        alone = [one for one in others if plan[one.number % len(plan)] != skipped]
        if rungs:
            reached = replace(request, trial=trial(own, dict.fromkeys(range(1, rungs[0] + 1), 0.0)), history=alone)
            assert not HYPERBAND.decide(reached).prune
        judged.add(tuple(rungs))
    assert len(judged) == 4


def test_hyperband_waits_until_somebody_says_how_long_trials_are() -> None:
    request = PruneRequest(trial(0, {1: 0.0}), ("maximize",), at_rung(*[1.0] * 40), THREE)
    assert "max_resource" in HYPERBAND.decide(request).reason
    assert HYPERBAND.decide(replace(request, options={**THREE, "max_resource": 9}, trial=trial(51, {1: 0.0}))).prune
    assert HYPERBAND.promotable(PromoteRequest([trial(0, {1: 1.0}, paused_at=1)], ("maximize",), THREE)) == ()
