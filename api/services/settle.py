"""What follows when trials end: is the study over, and is there work to ring for?"""

from __future__ import annotations

from collections.abc import Mapping

from api.services.budgets import reached_enough
from api.transaction import Tx
from db import studies, trials
from db.lifecycle import OPEN_TRIALS, StudyState, TrialState
from db.records import StudyRecord, TrialRecord

_HOPELESS_AFTER = 10  # failures in a row, without a single success, that end a study


def announce_study(tx: Tx, study_id: int) -> StudyRecord | None:
    """Tell the live stream that a study changed, and return it as it is now."""
    study = studies.find_study(tx.session, study_id, with_deleted=True)
    if study is not None:
        payload = {"study_id": study.id, "name": study.name, "state": study.state, "rev": study.rev}
        tx.emit("study", payload, study_id=study.id)
    return study


def announce_trial(tx: Tx, trial: TrialRecord) -> None:
    """Tell the live stream that a trial changed its state; `trial` is what it is now."""
    payload = {
        "study_id": trial.study_id,
        "trial_id": trial.id,
        "number": trial.number,
        "state": trial.state,
        "value": trial.value,
        "step": trial.step,
        "n_steps": trial.n_steps,
    }
    tx.emit("trial", payload, study_id=trial.study_id, trial_id=trial.id)


def settle_study(tx: Tx, study_id: int, *, n_freed: int | None = None) -> None:
    """End a study that has nothing left to run; ring for what it has. The caller holds its lock.

    Args:
        tx: The transaction that changed something about the study.
        study_id: The study.
        n_freed: How many trials just ended, where nothing else changed: idle workers have heard of all other work, so
            it is not rung for again. None: anything may have changed.

    Effects:
        May move the study to COMPLETE, FAILED or STOPPING; fails the waiting trials of a study that ends.
    """
    study = studies.find_study(tx.session, study_id)
    if study is not None:
        _settle(tx, study, n_freed)


def settle_ending(tx: Tx, study_id: int) -> None:
    """Announce and settle a study one of whose trials just ended. The caller holds its lock.

    Effects:
        Those of `settle_study`.
    """
    study = announce_study(tx, study_id)
    if study is not None and study.deleted_at is None:
        _settle(tx, study, n_freed=1)


def _settle(tx: Tx, study: StudyRecord, n_freed: int | None) -> None:
    counts = studies.count_trials(tx.session, [study.id])[study.id]
    if study.state is StudyState.RUNNING and _is_hopeless(counts):
        reason = f"all of the first {counts[TrialState.FAIL]} trials failed; see their reasons"
        stop_study(tx, study, reason, StudyState.FAILED)
        return
    if study.state in (StudyState.RUNNING, StudyState.PAUSED):
        enough = reached_enough(tx.session, study)
        if enough is not None:
            stop_study(tx, study, enough)
            study = studies.find_study(tx.session, study.id) or study
            counts = studies.count_trials(tx.session, [study.id])[study.id]
    n_open = sum(counts.get(state, 0) for state in OPEN_TRIALS)
    if n_open == 0 and (study.state is StudyState.STOPPING or _is_spent(study)):
        _end_study(tx, study, counts)
    elif study.state is StudyState.RUNNING:
        n = _n_startable(study, counts)
        tx.ring(study.queue, n if n_freed is None else _n_news(n, n_freed, counts))


def stop_study(tx: Tx, study: StudyRecord, reason: str, target: StudyState = StudyState.STOPPING) -> None:
    """Ask a study's running trials to end and fail its waiting ones. The caller holds its lock.

    Effects:
        Moves the study to `target`; from STOPPING `settle_study` completes it once nothing runs.
    """
    if not studies.move_study(tx.session, study.id, target, reason):
        return
    # A trial that somebody adds later runs alone; the sampler goes on only where the budget is raised.
    studies.update_study(tx.session, study.id, {"is_exhausted": True})
    for trial_id in trials.request_stop(tx.session, study_id=study.id):
        announce_trial(tx, trials.get_trial(tx.session, trial_id))
    for trial in trials.list_waiting(tx.session, study.id, limit=1_000_000):
        cancel_waiting(tx, trial, "the study was stopped before this trial ran")
    announce_study(tx, study.id)


def cancel_waiting(tx: Tx, trial: TrialRecord, reason: str) -> bool:
    """Fail a trial that waits. Returns False if it does not wait any more."""
    ended = trials.end_trial(tx.session, trial, TrialState.FAIL, {"reason": reason})
    if ended is not None:
        announce_trial(tx, ended)
    return ended is not None


def _end_study(tx: Tx, study: StudyRecord, counts: Mapping[TrialState, int]) -> None:
    n_failed, n_all = counts.get(TrialState.FAIL, 0), sum(counts.values())
    if n_all and n_failed == n_all and study.state is not StudyState.STOPPING:
        is_moved = studies.move_study(tx.session, study.id, StudyState.FAILED, f"all {n_all} trials failed")
    else:
        is_moved = studies.move_study(tx.session, study.id, StudyState.COMPLETE, study.state_reason or "budget used")
    if is_moved:
        announce_study(tx, study.id)


def _is_spent(study: StudyRecord) -> bool:
    is_full = study.n_trials is not None and study.next_number >= study.n_trials
    return study.state in (StudyState.RUNNING, StudyState.PAUSED) and (study.is_exhausted or is_full)


def _is_hopeless(counts: Mapping[TrialState, int]) -> bool:
    n_good = counts.get(TrialState.COMPLETE, 0) + counts.get(TrialState.PRUNED, 0)
    return n_good == 0 and counts.get(TrialState.FAIL, 0) >= _HOPELESS_AFTER


def _n_startable(study: StudyRecord, counts: Mapping[TrialState, int]) -> int:
    room = study.max_parallel - counts.get(TrialState.RUNNING, 0)
    left = room if study.n_trials is None else max(0, study.n_trials - study.next_number)
    return max(0, min(room, counts.get(TrialState.WAITING, 0) + (0 if study.is_exhausted else left)))


def _n_news(n_startable: int, n_freed: int, counts: Mapping[TrialState, int]) -> int:
    """Return how many trials can start now that could not a moment ago."""
    was_full = n_startable <= n_freed
    waits_again = counts.get(TrialState.WAITING, 0) > 0
    return min(n_startable, n_freed) if was_full or waits_again else 0
