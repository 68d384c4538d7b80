"""Use cases on studies."""

from __future__ import annotations

from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.errors import Conflict, NotFound
from api.schemas.studies import StudyCreate, StudyPage, StudyRead, StudyUpdate
from api.services.lookup import get_study, require_native
from api.services.paging import decode_cursor, encode_cursor
from api.services.settle import announce_study, settle_study, stop_study
from api.services.specs import complete_spec
from api.services.views import show_study
from api.transaction import Tx
from db import studies
from db.lifecycle import ENDED_STUDIES, StudyState
from db.records import StudyRecord
from db.studies import StudyFilter

_ABOUT_ANY_STUDY = frozenset({"name", "notes", "tags"})


def create_study(tx: Tx, body: StudyCreate) -> StudyRead:
    """Store a study and ring for its work.

    Raises:
        Invalid: The study breaks a rule; nothing is stored.
        Conflict: `name_taken`.
    """
    spec = complete_spec(body)
    values = {
        "name": body.name,
        "spec": spec.model_dump(mode="json"),
        "queue": spec.resources.queue,
        "direction": spec.objectives[0].direction,
        "directions": [objective.direction for objective in spec.objectives],
        "n_trials": spec.budget.n_trials,
        "max_parallel": spec.budget.max_parallel,
        "notes": body.notes,
        "tags": body.tags,
    }
    try:
        study_id = studies.insert_study(tx.session, values, timeout_s=spec.budget.timeout_s)
    except IntegrityError as error:
        raise _name_taken(body.name) from error
    announce_study(tx, study_id)
    settle_study(tx, study_id)
    return _show(tx, study_id)


def read_study(session: Session, ref: str) -> StudyRead:
    """Return a study by id or name."""
    return show_study(session, get_study(session, ref))


def list_studies(session: Session, wanted: StudyFilter, cursor: str | None, limit: int) -> StudyPage:
    """Return a page of studies, newest first."""
    before = decode_cursor(cursor, int)
    chosen = StudyFilter(wanted.state, wanted.search, wanted.tag, before_id=None if before is None else before[0])
    found = studies.list_studies(session, chosen, limit + 1)
    page, has_more = found[:limit], len(found) > limit
    counts = studies.count_trials(session, [study.id for study in page])
    items = [show_study(session, study, counts[study.id]) for study in page]
    return StudyPage(items=items, next_cursor=encode_cursor(page[-1].id) if has_more else None)


def update_study(tx: Tx, ref: str, body: StudyUpdate) -> StudyRead:
    """Change a study.

    Raises:
        NotFound: No such study.
        Conflict: `name_taken`, `budget_lowered`, `optuna_study`, or `wrong_state` for an action that does not fit.
    """
    study = studies.lock_study(tx.session, get_study(tx.session, ref).id)
    assert study is not None
    if body.model_fields_set - _ABOUT_ANY_STUDY:
        require_native(study, "steer it")
    _change_columns(tx, study, body)
    if body.action is not None:
        _act(tx, study, body.action)
    if body.n_trials is not None and study.state in ENDED_STUDIES:
        _reopen(tx, study)
    announce_study(tx, study.id)
    if study.kind == "native":
        settle_study(tx, study.id)
    return _show(tx, study.id)


def delete_study(tx: Tx, ref: str) -> None:
    """Hide a study and stop its trials. `restore_study` brings it back.

    Effects:
        Running trials end at their next report; the name becomes free.
    """
    study = studies.lock_study(tx.session, get_study(tx.session, ref).id)
    assert study is not None
    if study.state not in ENDED_STUDIES:
        stop_study(tx, study, "deleted")
    studies.delete_study(tx.session, study.id)
    announce_study(tx, study.id)


def restore_study(tx: Tx, study_id: int) -> StudyRead:
    """Bring a deleted study back, stopped.

    Raises:
        NotFound: `study_not_found`, also where the study is not deleted.
        Conflict: `name_taken`, where another study took the name meanwhile.
    """
    study = studies.find_study(tx.session, study_id, with_deleted=True)
    if study is None or study.deleted_at is None:
        raise NotFound("study_not_found", f"there is no deleted study {study_id}", "study_id")
    try:
        studies.update_study(tx.session, study_id, {"deleted_at": None})
    except IntegrityError as error:
        raise _name_taken(study.name) from error
    announce_study(tx, study_id)
    if study.kind == "native":
        settle_study(tx, study_id)
    return _show(tx, study_id)


def _show(tx: Tx, study_id: int) -> StudyRead:
    study = studies.find_study(tx.session, study_id)
    assert study is not None
    return show_study(tx.session, study)


def _change_columns(tx: Tx, study: StudyRecord, body: StudyUpdate) -> None:
    given = body.model_dump(exclude={"action"}, exclude_unset=True)
    values: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    if body.n_trials is not None and (study.n_trials is None or body.n_trials < study.n_trials):
        now = "unlimited" if study.n_trials is None else study.n_trials
        raise Conflict(
            "budget_lowered", f"n_trials is {now} and can only be raised", "n_trials", "stop the study to end it sooner"
        )
    if "n_trials" in values or "max_parallel" in values:
        budget = {**study.spec["budget"]}
        budget.update({key: values[key] for key in ("n_trials", "max_parallel") if key in values})
        values["spec"] = {**study.spec, "budget": budget}
    if not values:
        return
    try:
        studies.update_study(tx.session, study.id, values)
    except IntegrityError as error:
        raise _name_taken(str(body.name)) from error


def _act(tx: Tx, study: StudyRecord, action: str) -> None:
    if action == "stop":
        if study.state in ENDED_STUDIES:
            raise _wrong_state(study, action, "it has ended already")
        stop_study(tx, study, "stopped by a user")
        return
    target, source = (
        (StudyState.PAUSED, StudyState.RUNNING) if action == "pause" else (StudyState.RUNNING, StudyState.PAUSED)
    )
    if study.state is not source or not studies.move_study(tx.session, study.id, target):
        raise _wrong_state(study, action, f"only a {source} study can be told to {action}")


def _reopen(tx: Tx, study: StudyRecord) -> None:
    current = studies.find_study(tx.session, study.id)
    if current is not None and current.n_trials is not None and current.next_number < current.n_trials:
        studies.update_study(tx.session, study.id, {"is_exhausted": False})
        studies.move_study(tx.session, study.id, StudyState.RUNNING)


def _wrong_state(study: StudyRecord, action: str, why: str) -> Conflict:
    return Conflict("wrong_state", f"study {study.name!r} is {study.state}: cannot {action} it", "action", why)


def _name_taken(name: str) -> Conflict:
    return Conflict("name_taken", f"there is a study named {name!r} already", "name", "choose another name")
