"""Use cases on trials."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from api.errors import Conflict, Invalid, NotFound
from api.schemas.trials import ArtifactList, TrialCreate, TrialDetail, TrialPage, TrialQuery, TrialRead, TrialUpdate
from api.services.lookup import get_study, get_trial, require_native
from api.services.objectives import metrics_of, outcomes_of, violations_of
from api.services.paging import decode_cursor, encode_cursor
from api.services.settle import announce_study, announce_trial, cancel_waiting, settle_study
from api.services.specs import check_params
from api.services.trial_filters import conditions_of
from api.services.views import (
    is_number,
    show_artifact,
    show_trial,
    show_trial_detail,
    show_trials,
    spec_of,
)
from api.transaction import Tx
from db import outputs, studies, trials
from db.lifecycle import ENDED_STUDIES, FINISHED_TRIALS, StudyState, TrialState
from db.records import StudyRecord, TrialRecord
from db.trial_conditions import in_phase
from db.trials import OrderBy, TrialFilter
from db.types import encode_float

_KEYS: Mapping[OrderBy, type] = {"number": int, "value": float, "started_at": datetime, "duration": int}


def list_trials(session: Session, ref: str, query: TrialQuery) -> TrialPage:
    """Return a page of a study's trials; ordering by value puts the best first unless descending."""
    study = get_study(session, ref)
    after = decode_cursor(query.cursor, _KEYS[query.order_by], int)
    phases = [in_phase(query.state)] if query.state else []
    is_best_first = query.order_by == "value" and study.direction == "maximize"
    found = trials.list_trials(
        session,
        TrialFilter(
            study_id=study.id,
            conditions=[*phases, *conditions_of(study, query.where or "")],
            order_by=query.order_by,
            descending=query.descending != is_best_first,
            after_key=None if after is None else after[0],
            after_number=None if after is None else after[1],
        ),
        query.limit + 1,
    )
    page, has_more = found[: query.limit], len(found) > query.limit
    next_cursor = encode_cursor(trials.ordering_key(page[-1], query.order_by), page[-1].number) if has_more else None
    return TrialPage(items=show_trials(session, page), next_cursor=next_cursor)


def read_trial(session: Session, trial_id: int) -> TrialDetail:
    """Return a trial with its attempts."""
    trial = get_trial(session, trial_id)
    return _detail(session, trial)


def read_trial_by_number(session: Session, ref: str, number: int) -> TrialDetail:
    """Return a trial of a study by its number.

    Raises:
        NotFound: `study_not_found` or `trial_not_found`.
    """
    study = get_study(session, ref)
    trial = trials.find_trial_by_number(session, study.id, number) if number < 2**31 else None
    if trial is None:
        hint = f"its trials are numbered 0 to {study.next_number - 1}" if study.next_number else "it has no trials yet"
        raise NotFound("trial_not_found", f"study {study.name!r} has no trial {number}", "number", hint)
    return _detail(session, trial)


def add_trial(tx: Tx, ref: str, body: TrialCreate) -> TrialRead:
    """Add a trial with given parameters: to run, or with the result it had elsewhere.

    Raises:
        Invalid: Parameters outside the space, or a value missing or not finite.
        Conflict: `wrong_state`: the study is stopping. `optuna_study`.
    """
    study = studies.lock_study(tx.session, get_study(tx.session, ref).id)
    assert study is not None
    require_native(study, "add trials to it")
    check_params(spec_of(study), body.params)
    if study.state is StudyState.STOPPING:
        raise Conflict("wrong_state", f"study {study.name!r} is stopping", "study", "wait until it is COMPLETE")
    state = TrialState(body.state)
    outcome = _imported(study, body) if state in FINISHED_TRIALS else {}
    number, _ = studies.take_number(tx.session, study.id, is_cell=False)
    values = {
        "study_id": study.id,
        "number": number,
        "state": state,
        "source": "manual" if state is TrialState.WAITING else "imported",
        "params": dict(body.params),
        "note": body.note,
        **outcome,
    }
    if state in FINISHED_TRIALS:
        values["finished_rev"] = studies.bump_rev(tx.session, study.id)
    trial = trials.insert_trial(tx.session, values)
    if state is TrialState.WAITING and study.state in ENDED_STUDIES:
        studies.move_study(tx.session, study.id, StudyState.RUNNING)
    announce_trial(tx, trial)
    announce_study(tx, study.id)
    settle_study(tx, study.id)
    return show_trial(tx.session, trial)


def update_trial(tx: Tx, trial_id: int, body: TrialUpdate) -> TrialRead:
    """Give a trial other tags, whatever its state and whoever runs it.

    Raises:
        NotFound: `trial_not_found`.
    """
    trial = get_trial(tx.session, trial_id)
    tags = list(dict.fromkeys(body.tags))
    if tags != list(trial.tags):
        trial = trials.set_tags(tx.session, trial_id, tags)
        announce_trial(tx, trial)
    return show_trial(tx.session, trial)


def stop_trial(tx: Tx, trial_id: int) -> TrialRead:
    """Ask a running trial to end at its next report; a waiting one ends at once.

    Raises:
        NotFound: No such trial.
        Conflict: `wrong_state`: it has ended already. `optuna_study`.
    """
    study = studies.lock_study(tx.session, get_trial(tx.session, trial_id).study_id)
    assert study is not None
    require_native(study, "stop its trials")
    trial = trials.get_trial(tx.session, trial_id)
    if trial.state in FINISHED_TRIALS:
        raise Conflict("wrong_state", f"trial {trial.number} is {trial.state} already", "trial_id")
    if trial.state is TrialState.WAITING:
        why = "stopped by a user" + ("" if trial.n_attempts else " before it ran")
        cancel_waiting(tx, trial, why, is_asked=True)
        settle_study(tx, study.id)
    else:
        trials.request_stop(tx.session, study_id=study.id, trial_id=trial.id)
        announce_trial(tx, trials.get_trial(tx.session, trial.id))
    return show_trial(tx.session, trials.get_trial(tx.session, trial_id))


def list_artifacts(session: Session, trial_id: int) -> ArtifactList:
    """Return a trial's artifacts."""
    get_trial(session, trial_id)
    return ArtifactList(items=[show_artifact(artifact) for artifact in outputs.list_artifacts(session, trial_id)])


def _detail(session: Session, trial: TrialRecord) -> TrialDetail:
    study = studies.find_study(session, trial.study_id)
    assert study is not None
    return show_trial_detail(session, trial, study)


def _imported(study: StudyRecord, body: TrialCreate) -> dict[str, Any]:
    values = body.values or {}
    for metric in outcomes_of(study) if body.state == "COMPLETE" else ():
        value = values.get(metric)
        if not is_number(value):
            shown = "missing" if value is None else encode_float(value)
            raise Invalid(
                "value_needed",
                f"a COMPLETE trial needs a finite value of {metric!r}; it is {shown}",
                f"values.{metric}",
                'give {"values": {"' + metric + '": 0.97}} or another state',
            )
    value = values.get(metrics_of(study)[0])
    return {
        "values": {name: encode_float(number) for name, number in values.items()},
        "value": value if is_number(value) else None,
        "outcome_constraints": violations_of(study.spec.get("outcome_constraints", ()), values)
        if body.state == "COMPLETE"
        else None,
        "reason": "imported",
    }
