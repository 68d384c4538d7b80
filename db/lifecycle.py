"""The states of studies, trials, attempts and workers, and every move between them.

This is the only list of allowed moves. A change of state is one conditional update that names the states it may
start from (see `sources`); an update that touches no row means that somebody else was first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class StudyState(StrEnum):
    """PAUSED: no new claims, running trials go on. STOPPING: running trials were asked to end."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    STOPPING = "STOPPING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"


class TrialState(StrEnum):
    """Optuna's words, so that every tool of that ecosystem understands them."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    FAIL = "FAIL"


class TrialPhase(StrEnum):
    """The state of a trial, but PAUSED for a WAITING one that was set aside until it is promoted."""

    WAITING = "WAITING"
    PAUSED = "PAUSED"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    FAIL = "FAIL"


class AttemptState(StrEnum):
    """RUNNING, or how one try at a trial on one worker ended."""

    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    STOPPED = "STOPPED"
    LOST = "LOST"
    PREEMPTED = "PREEMPTED"
    PAUSED = "PAUSED"
    OOM = "OOM"
    DIVERGED = "DIVERGED"
    TIMED_OUT = "TIMED_OUT"
    CRASHED = "CRASHED"


class EvaluationState(StrEnum):
    """Work on request that is no trial. FAIL: it ended without a result."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    FAIL = "FAIL"


class WorkerState(StrEnum):
    """Derived from heartbeats. DRAINING: finishes what it runs and claims nothing."""

    ALIVE = "ALIVE"
    DRAINING = "DRAINING"
    LOST = "LOST"


class AfterAttempt(StrEnum):
    """What the end of an attempt means for its trial."""

    FINISH = "FINISH"  # the trial is over
    RETRY = "RETRY"  # another attempt if retries are left, else the trial fails
    RETRY_ALONE = "RETRY_ALONE"  # another attempt with a device to itself, once; no retry is used up
    HAND_BACK = "HAND_BACK"  # another attempt, and no retry is used up
    SET_ASIDE = "SET_ASIDE"  # the same once the pruner says so, where it can go on later; else the trial is over


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """How an attempt's end changes its trial: which way, and to which state if the trial is over."""

    after: AfterAttempt
    trial: TrialState


FINISHED_TRIALS = frozenset({TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL})
OPEN_TRIALS = frozenset({TrialState.WAITING, TrialState.RUNNING})
ENDED_STUDIES = frozenset({StudyState.COMPLETE, StudyState.FAILED})
ENDED_EVALUATIONS = frozenset({EvaluationState.COMPLETE, EvaluationState.FAIL})

ATTEMPT_ENDS: Mapping[AttemptState, AttemptEnd] = {
    AttemptState.COMPLETE: AttemptEnd(AfterAttempt.FINISH, TrialState.COMPLETE),
    AttemptState.PRUNED: AttemptEnd(AfterAttempt.FINISH, TrialState.PRUNED),
    AttemptState.STOPPED: AttemptEnd(AfterAttempt.FINISH, TrialState.PRUNED),
    AttemptState.LOST: AttemptEnd(AfterAttempt.RETRY, TrialState.FAIL),
    AttemptState.PREEMPTED: AttemptEnd(AfterAttempt.HAND_BACK, TrialState.WAITING),
    AttemptState.PAUSED: AttemptEnd(AfterAttempt.SET_ASIDE, TrialState.PRUNED),
    AttemptState.OOM: AttemptEnd(AfterAttempt.RETRY_ALONE, TrialState.FAIL),
    AttemptState.DIVERGED: AttemptEnd(AfterAttempt.FINISH, TrialState.FAIL),
    AttemptState.TIMED_OUT: AttemptEnd(AfterAttempt.FINISH, TrialState.FAIL),
    AttemptState.CRASHED: AttemptEnd(AfterAttempt.RETRY, TrialState.FAIL),
}
BURNING_ENDS = frozenset(state for state, end in ATTEMPT_ENDS.items() if end.after is AfterAttempt.RETRY)

TRIAL_MOVES: Mapping[TrialState, frozenset[TrialState]] = {
    # A waiting trial is complete at once where another one with the same parameters has a result, and pruned where it
    # waits to be promoted and never is.
    TrialState.WAITING: frozenset({TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}),
    TrialState.RUNNING: frozenset({TrialState.WAITING, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}),
    TrialState.COMPLETE: frozenset(),
    TrialState.PRUNED: frozenset(),
    TrialState.FAIL: frozenset(),
}

STUDY_MOVES: Mapping[StudyState, frozenset[StudyState]] = {
    StudyState.RUNNING: frozenset({StudyState.PAUSED, StudyState.STOPPING, StudyState.COMPLETE, StudyState.FAILED}),
    StudyState.PAUSED: frozenset({StudyState.RUNNING, StudyState.STOPPING, StudyState.COMPLETE}),
    StudyState.STOPPING: frozenset({StudyState.COMPLETE}),
    # A finished study goes on when its budget is raised or a trial is added.
    StudyState.COMPLETE: frozenset({StudyState.RUNNING}),
    StudyState.FAILED: frozenset({StudyState.RUNNING}),
}

EVALUATION_MOVES: Mapping[EvaluationState, frozenset[EvaluationState]] = {
    EvaluationState.WAITING: frozenset({EvaluationState.RUNNING}),
    EvaluationState.RUNNING: frozenset({EvaluationState.WAITING, EvaluationState.COMPLETE, EvaluationState.FAIL}),
    EvaluationState.COMPLETE: frozenset(),
    EvaluationState.FAIL: frozenset(),
}


def trial_sources(target: TrialState) -> frozenset[TrialState]:
    """Return the states from which a trial may move to `target`."""
    return frozenset(source for source, targets in TRIAL_MOVES.items() if target in targets)


def study_sources(target: StudyState) -> frozenset[StudyState]:
    """Return the states from which a study may move to `target`."""
    return frozenset(source for source, targets in STUDY_MOVES.items() if target in targets)


def evaluation_sources(target: EvaluationState) -> frozenset[EvaluationState]:
    """Return the states from which an evaluation may move to `target`."""
    return frozenset(source for source, targets in EVALUATION_MOVES.items() if target in targets)


def decide_evaluation_state(end: AttemptState, *, n_burned: int, max_retries: int, retryable: bool) -> EvaluationState:
    """Return the state an evaluation moves to when an attempt at it ends as `end`, by the rules for trials.

    Args:
        end: How the attempt ended; not `RUNNING`, and neither of the words for a trial that was told to end early.
        n_burned: Attempts at this evaluation that were lost or crashed, this one included.
        max_retries: How many lost or crashed attempts are forgiven.
        retryable: False where another try would fail the same way.
    """
    retryable = retryable and end is not AttemptState.OOM  # an evaluation has its memory to itself already
    return EvaluationState(decide_trial_state(end, n_burned=n_burned, max_retries=max_retries, retryable=retryable))


def decide_trial_state(end: AttemptState, *, n_burned: int, max_retries: int, retryable: bool) -> TrialState:
    """Return the state a trial moves to when its attempt ends as `end`.

    Args:
        end: How the attempt ended; not `RUNNING`.
        n_burned: Attempts of this trial that were lost or crashed, this one included.
        max_retries: How many lost or crashed attempts the study forgives per trial.
        retryable: False where another try would fail the same way (an exception in the training code, memory that ran
            out although the trial was alone), and of a paused trial where it could not go on later.
    """
    rule = ATTEMPT_ENDS[end]
    if rule.after is AfterAttempt.HAND_BACK:
        return TrialState.WAITING
    if rule.after in (AfterAttempt.SET_ASIDE, AfterAttempt.RETRY_ALONE) and retryable:
        return TrialState.WAITING
    if rule.after is AfterAttempt.RETRY and retryable and n_burned <= max_retries:
        return TrialState.WAITING
    return rule.trial
