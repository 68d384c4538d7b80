"""What follows when trials end: is the study over, and is there work to ring for?"""

from __future__ import annotations

from collections.abc import Mapping

from api.services.budgets import reached_enough
from api.services.confirmation import add_runs, is_confirming
from api.services.promotion import Paused, end_paused, find_paused, has_more_to_start
from api.services.scripts import is_for_workers, is_tracking
from api.transaction import Tx
from db import studies, trials
from db.lifecycle import OPEN_TRIALS, StudyState, TrialState
from db.records import StudyRecord, TrialRecord

_HOPELESS_AFTER = 10  # failures in a row, without a single success, that end a study


def announce_study(tx: Tx, study_id: int, change: str = "") -> StudyRecord | None:
    """Tell the live stream that a study changed, and return it as it is now.

    Args:
        tx: The transaction that changed it.
        study_id: The study.
        change: What happened to it, where neither its state nor its trials say so: deleted, restored, archived.
    """
    study = studies.find_study(tx.session, study_id, with_deleted=True)
    if study is not None:
        payload = {"study_id": study.id, "name": study.name, "state": study.state, "rev": study.rev}
        tx.emit("study", {**payload, "change": change} if change else payload, study_id=study.id)
    return study


def announce_trial(tx: Tx, trial: TrialRecord) -> None:
    """Tell the live stream that a trial changed its state; `trial` is what it is now."""
    payload = {
        "study_id": trial.study_id,
        "trial_id": trial.id,
        "number": trial.number,
        "state": trial.state,
        "phase": trial.phase,
        "value": trial.value,
        "step": trial.step,
        "n_steps": trial.n_steps,
        "confirms": trial.confirms,
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
        May move the study to COMPLETE, FAILED or STOPPING; fails the waiting trials of a study that ends, and prunes
        the paused ones.
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
    paused = find_paused(tx, study) if counts.get(TrialState.WAITING, 0) else Paused()
    if study.state is StudyState.RUNNING and not paused.n and not is_tracking(study) and _is_hopeless(counts):
        reason = f"all of the first {counts[TrialState.FAIL]} trials failed; see their reasons"
        stop_study(tx, study, reason, StudyState.FAILED)
        return
    if study.state in (StudyState.RUNNING, StudyState.PAUSED):
        enough = reached_enough(tx.session, study)
        if enough is not None:
            (_end_search if is_confirming(study) else stop_study)(tx, study, enough)
            study, counts = _read(tx, study)
            paused = Paused()  # they have ended with the others
    if paused.n and _n_open(counts) == paused.n and not paused.promotable and _is_spent(study):
        for trial in paused.others:
            cancel_waiting(tx, trial, "no other trial is left that could promote it")
        study, counts = _read(tx, study)
        paused = Paused()
    if _n_open(counts) == 0 and (study.state is StudyState.STOPPING or _is_spent(study)):
        if study.state is StudyState.STOPPING or not _confirm(tx, study):
            _end_study(tx, study, counts)
            return
        n_freed = None  # nobody has heard of the runs that confirm
        study, counts = _read(tx, study)
    if study.state is StudyState.RUNNING and is_for_workers(study):
        n_waiting = counts.get(TrialState.WAITING, 0) - len(paused.others)
        n = _n_startable(study, counts.get(TrialState.RUNNING, 0), n_waiting)
        tx.ring(study.queue, n if n_freed is None else _n_news(n, n_freed, n_waiting))


def stop_study(tx: Tx, study: StudyRecord, reason: str, target: StudyState = StudyState.STOPPING) -> None:
    """Ask a study's running trials to end, fail its waiting ones and prune its paused ones. The caller holds its lock.

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
        is_paused = trial.paused_step is not None
        why = "the study was stopped" if is_paused else "the study was stopped before this trial ran"
        cancel_waiting(tx, trial, why)
    announce_study(tx, study.id)


def _end_search(tx: Tx, study: StudyRecord, reason: str) -> None:
    """End all trials of a study but those that confirm others; it goes on until its winner is confirmed.

    Doing it again changes nothing.
    """
    if not study.is_exhausted:
        studies.update_study(tx.session, study.id, {"is_exhausted": True, "state_reason": reason})
    for trial_id in trials.request_stop(tx.session, study_id=study.id, spares_confirmations=True):
        announce_trial(tx, trials.get_trial(tx.session, trial_id))
    for trial in trials.list_waiting(tx.session, study.id, limit=1_000_000):
        if trial.confirms is None:
            is_paused = trial.paused_step is not None
            cancel_waiting(tx, trial, "the search ended" + ("" if is_paused else " before this trial ran"))


def _confirm(tx: Tx, study: StudyRecord) -> int:
    """Let a study whose search is over train its best trials again. Returns how many runs were added."""
    added = add_runs(tx.session, study)
    for trial in added:
        announce_trial(tx, trial)
    if added:
        announce_study(tx, study.id)
    return len(added)


def _read(tx: Tx, study: StudyRecord) -> tuple[StudyRecord, dict[TrialState, int]]:
    now = studies.find_study(tx.session, study.id) or study
    return now, studies.count_trials(tx.session, [study.id])[study.id]


def _n_open(counts: Mapping[TrialState, int]) -> int:
    return sum(counts.get(state, 0) for state in OPEN_TRIALS)


def cancel_waiting(tx: Tx, trial: TrialRecord, reason: str, *, is_asked: bool = False) -> bool:
    """Fail a trial that waits; prune one that is paused.

    Args:
        tx: The transaction; the caller holds the study's lock.
        trial: The trial.
        reason: Why.
        is_asked: Whether somebody asked for the end of just this trial.

    Returns:
        False if it does not wait any more.
    """
    if trial.paused_step is None:
        values = {"reason": reason, "is_stop_requested": is_asked}
        ended = trials.end_trial(tx.session, trial, TrialState.FAIL, values)
    else:
        ended = end_paused(tx, trial, reason)
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
    return study.state in (StudyState.RUNNING, StudyState.PAUSED) and not has_more_to_start(study)


def _is_hopeless(counts: Mapping[TrialState, int]) -> bool:
    n_good = counts.get(TrialState.COMPLETE, 0) + counts.get(TrialState.PRUNED, 0)
    return n_good == 0 and counts.get(TrialState.FAIL, 0) >= _HOPELESS_AFTER


def _n_startable(study: StudyRecord, n_running: int, n_waiting: int) -> int:
    room = study.max_parallel - n_running
    left = room if study.end_number is None else max(0, study.end_number - study.next_number)
    return max(0, min(room, n_waiting + (0 if study.is_exhausted else left)))


def _n_news(n_startable: int, n_freed: int, n_waiting: int) -> int:
    """Return how many trials can start now that could not a moment ago."""
    was_full = n_startable <= n_freed
    return min(n_startable, n_freed) if was_full or n_waiting > 0 else 0
