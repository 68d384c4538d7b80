"""The tables of states: every move leads somewhere, and none leads out of an end."""

from __future__ import annotations

import pytest

from db.lifecycle import (
    ATTEMPT_ENDS,
    BURNING_ENDS,
    ENDED_EVALUATIONS,
    ENDED_STUDIES,
    EVALUATION_MOVES,
    FINISHED_TRIALS,
    OPEN_TRIALS,
    STUDY_MOVES,
    TRIAL_MOVES,
    AttemptState,
    EvaluationState,
    StudyState,
    TrialState,
    decide_evaluation_state,
    decide_trial_state,
    evaluation_sources,
    study_sources,
    trial_sources,
)

ENDS = [state for state in AttemptState if state is not AttemptState.RUNNING]
EARLY_ENDS = (AttemptState.PRUNED, AttemptState.PAUSED, AttemptState.STOPPED)


def test_every_end_of_an_attempt_has_a_rule_and_running_is_no_end() -> None:
    assert set(ATTEMPT_ENDS) == set(ENDS)
    assert BURNING_ENDS == {AttemptState.LOST, AttemptState.CRASHED}


def test_every_state_has_its_moves_and_finished_trials_have_none() -> None:
    assert set(TRIAL_MOVES) == set(TrialState) == FINISHED_TRIALS | OPEN_TRIALS
    assert set(STUDY_MOVES) == set(StudyState)
    assert FINISHED_TRIALS.isdisjoint(OPEN_TRIALS)
    for state in FINISHED_TRIALS:
        assert TRIAL_MOVES[state] == frozenset()
    assert all(TRIAL_MOVES[state] for state in OPEN_TRIALS)


def test_sources_are_the_moves_read_backwards() -> None:
    for target in TrialState:
        assert trial_sources(target) == {source for source in TrialState if target in TRIAL_MOVES[source]}
        assert target not in trial_sources(target)
    for state in StudyState:
        assert study_sources(state) == {source for source in StudyState if state in STUDY_MOVES[source]}
        assert state not in study_sources(state)
    for one in EvaluationState:
        assert evaluation_sources(one) == {source for source in EvaluationState if one in EVALUATION_MOVES[source]}
        assert one not in evaluation_sources(one)


def test_an_evaluation_ends_once_and_can_end_from_every_state() -> None:
    assert set(EVALUATION_MOVES) == set(EvaluationState)
    assert {state for state, targets in EVALUATION_MOVES.items() if not targets} == ENDED_EVALUATIONS
    assert EVALUATION_MOVES[EvaluationState.WAITING] == {EvaluationState.RUNNING}


@pytest.mark.parametrize("end", [end for end in ENDS if end not in EARLY_ENDS])
@pytest.mark.parametrize("n_burned", [0, 2, 3])
def test_an_evaluation_goes_where_a_trial_would(end: AttemptState, n_burned: int) -> None:
    target = decide_evaluation_state(end, n_burned=n_burned, max_retries=2, retryable=True)
    assert target in EVALUATION_MOVES[EvaluationState.RUNNING]
    retryable = end is not AttemptState.OOM  # nothing shares a device with an evaluation
    assert target.value == decide_trial_state(end, n_burned=n_burned, max_retries=2, retryable=retryable).value


def test_a_study_can_end_from_every_state_and_go_on_from_every_end() -> None:
    for state in StudyState:
        reached, edge = {state}, {state}
        while edge:
            edge = {target for source in edge for target in STUDY_MOVES[source]} - reached
            reached |= edge
        assert reached & ENDED_STUDIES
        assert state not in ENDED_STUDIES or StudyState.RUNNING in STUDY_MOVES[state]


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("retryable", [True, False])
@pytest.mark.parametrize("n_burned", [0, 1, 2, 3])
def test_each_end_leads_where_a_running_trial_may_go(end: AttemptState, retryable: bool, n_burned: int) -> None:
    target = decide_trial_state(end, n_burned=n_burned, max_retries=2, retryable=retryable)
    assert target in TRIAL_MOVES[TrialState.RUNNING]


@pytest.mark.parametrize(
    ("end", "n_burned", "retryable", "target"),
    [
        (AttemptState.COMPLETE, 0, True, TrialState.COMPLETE),
        (AttemptState.PRUNED, 0, True, TrialState.PRUNED),
        (AttemptState.STOPPED, 0, True, TrialState.PRUNED),
        (AttemptState.OOM, 99, True, TrialState.WAITING),
        (AttemptState.OOM, 0, False, TrialState.FAIL),
        (AttemptState.DIVERGED, 0, True, TrialState.FAIL),
        (AttemptState.TIMED_OUT, 0, True, TrialState.FAIL),
        (AttemptState.LOST, 2, True, TrialState.WAITING),
        (AttemptState.LOST, 3, True, TrialState.FAIL),
        (AttemptState.CRASHED, 2, True, TrialState.WAITING),
        (AttemptState.CRASHED, 3, True, TrialState.FAIL),
        (AttemptState.CRASHED, 1, False, TrialState.FAIL),
        (AttemptState.PREEMPTED, 99, False, TrialState.WAITING),
        (AttemptState.PAUSED, 99, True, TrialState.WAITING),
        (AttemptState.PAUSED, 0, False, TrialState.PRUNED),
    ],
)
def test_losses_are_forgiven_as_often_as_the_study_says(
    end: AttemptState, n_burned: int, retryable: bool, target: TrialState
) -> None:
    assert decide_trial_state(end, n_burned=n_burned, max_retries=2, retryable=retryable) is target
