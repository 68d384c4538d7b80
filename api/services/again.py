"""Run a trial again: once more as it was, or from other seeds.

A finished trial never changes, so both add trials: each names the one it came from, counts as a trial of the study,
and is ended by no pruner, because somebody wants to see its end.
"""

from __future__ import annotations

from typing import Any

from api.errors import Conflict
from api.schemas.again import RepeatCreate, RepeatedTrials
from api.schemas.trials import TrialRead
from api.services.lookup import get_trial, require_native
from api.services.seeds import seed_number
from api.services.settle import announce_study, announce_trial, settle_study
from api.services.specs import check_params
from api.services.views import show_trial, show_trials, spec_of
from api.transaction import Tx
from db import studies, trials
from db.lifecycle import ENDED_STUDIES, OPEN_TRIALS, StudyState, TrialState
from db.records import StudyRecord, TrialRecord


def retry(tx: Tx, trial_id: int) -> TrialRead:
    """Run a trial that failed, was pruned or stopped again, with the same parameters and the same seed.

    Raises:
        NotFound: `trial_not_found`.
        Conflict: `wrong_state`: it has not ended, or has a result; or its study is stopping. `optuna_study`.
        Invalid: The study's space was changed since, and the parameters lie outside of it.

    Effects:
        Stores a waiting trial, which names this one as its `origin`; a study that has ended goes on for it.
    """
    study, trial = _lock(tx, trial_id, "retry its trials")
    if trial.state in OPEN_TRIALS:
        raise Conflict(
            "wrong_state", f"trial {trial.number} is {trial.state}", "trial_id", "retry it once it has ended"
        )
    if trial.state is TrialState.COMPLETE:
        message = f"trial {trial.number} is COMPLETE: another run with the same seed would only say the same"
        raise Conflict("wrong_state", message, "trial_id", "repeat it, which takes other seeds")
    note = f"retries trial {trial.number}, which ended as {trial.state}"
    columns = {"source": "retry", "seed_number": seed_number(trial), "note": note}
    (added,) = _add(tx, study, trial, [columns])
    return show_trial(tx.session, added)


def repeat(tx: Tx, trial_id: int, body: RepeatCreate) -> RepeatedTrials:
    """Run a trial's parameters again from other seeds, `body.n` times.

    Raises:
        NotFound: `trial_not_found`.
        Conflict: `wrong_state`: its study is stopping. `optuna_study`.
        Invalid: The study's space was changed since, and the parameters lie outside of it.

    Effects:
        Stores waiting trials, which name this one as their `origin`; a study that has ended goes on for them.
    """
    study, trial = _lock(tx, trial_id, "repeat its trials")
    note = body.note or f"repeats trial {trial.number} from another seed"
    added = _add(tx, study, trial, [{"source": "repeat", "note": note}] * body.n)
    return RepeatedTrials(items=show_trials(tx.session, added))


def _lock(tx: Tx, trial_id: int, purpose: str) -> tuple[StudyRecord, TrialRecord]:
    study = studies.lock_study(tx.session, get_trial(tx.session, trial_id).study_id)
    assert study is not None
    require_native(study, purpose)
    if study.state is StudyState.STOPPING:
        raise Conflict("wrong_state", f"study {study.name!r} is stopping", "study", "wait until it is COMPLETE")
    return study, trials.get_trial(tx.session, trial_id)


def _add(tx: Tx, study: StudyRecord, trial: TrialRecord, wanted: list[dict[str, Any]]) -> list[TrialRecord]:
    check_params(spec_of(study), dict(trial.params))
    common = {"study_id": study.id, "state": TrialState.WAITING, "origin": trial.number}
    added = []
    for columns in wanted:
        number, _ = studies.take_number(tx.session, study.id, is_cell=False)
        values = {**common, "number": number, "params": dict(trial.params), **columns}
        added.append(trials.insert_trial(tx.session, values))
    if study.state in ENDED_STUDIES:
        studies.move_study(tx.session, study.id, StudyState.RUNNING)
    for one in added:
        announce_trial(tx, one)
    announce_study(tx, study.id)
    settle_study(tx, study.id)
    return added
