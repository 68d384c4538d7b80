"""Use cases on studies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.errors import Conflict, NotFound
from api.schemas.studies import StudyCreate, StudyEdit, StudyEdits, StudyRead, StudySpec, StudyUpdate
from api.services import code
from api.services.budgets import reached_enough
from api.services.dataset_facts import hold_data, pin_data
from api.services.edits import Prepared, edited_spec, is_edit, replace_unfit, undo_of
from api.services.lending import Loans, gather, store_loans
from api.services.limits import changed_limits, changed_turn, columns_of, columns_of_resources, may_confirm, may_go_on
from api.services.lookup import get_study, require_native
from api.services.settle import announce_study, settle_study, stop_study
from api.services.specs import complete_spec
from api.services.views import show_study, spec_of
from api.transaction import Tx
from db import edits, erasing, studies
from db.lifecycle import ENDED_STUDIES, StudyState
from db.records import StudyRecord

_ABOUT_ANY_STUDY = frozenset({"name", "notes", "tags"})
_OF_ANY_KIND = _ABOUT_ANY_STUDY | {"archived"}
# Settings that change nothing of what is tried.
_NOT_SEARCHED = frozenset({"budget", "resources"})


@dataclass(frozen=True, slots=True)
class Editor:
    """Who changes a study, and what its sampler proposed for that ahead."""

    author: str = "admin"
    prepared: Prepared | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A study that may be stored: checked, complete, and with what it takes over from others."""

    body: StudyCreate
    spec: StudySpec
    loans: Loans


def draft_study(session: Session, body: StudyCreate) -> Draft:
    """Check and complete a study, and gather what its warm start names.

    Raises:
        Invalid: The study breaks a rule; see also `lending.gather`.
        NotFound: A study to begin with does not exist.
    """
    spec = complete_spec(pin_data(session, body))
    return Draft(body, spec, gather(session, spec))


def create_study(tx: Tx, draft: Draft, owner: str = "anonymous") -> StudyRead:
    """Store a study of `owner`, tell of it and ring for its work.

    Raises:
        Conflict: `name_taken`; nothing is stored.
        Invalid: `unknown_dataset` or `unknown_code`, where it was deleted meanwhile.
    """
    hold_data(tx.session, draft.spec)
    if draft.spec.source is not None and draft.spec.source.archive is not None:
        code.hold(tx, draft.spec.source.archive)
    spec, budget = draft.spec, draft.spec.budget
    values = {
        "name": draft.body.name,
        "spec": spec.model_dump(mode="json"),
        **columns_of_resources(spec.resources.model_dump()),
        "direction": spec.objectives[0].direction,
        "directions": [objective.direction for objective in spec.objectives],
        "n_trials": budget.n_trials,
        "max_parallel": budget.max_parallel,
        "notes": draft.body.notes,
        "tags": draft.body.tags,
        "owner": owner,
    }
    try:
        study_id = studies.insert_study(tx.session, values, timeout_s=budget.timeout_s)
    except IntegrityError as error:
        raise _name_taken(draft.body.name) from error
    study = studies.find_study(tx.session, study_id)
    assert study is not None
    store_loans(tx, study, draft.loans)
    announce_study(tx, study_id)
    settle_study(tx, study_id)
    return _show(tx, study_id)


def read_study(session: Session, ref: str) -> StudyRead:
    """Return a study by id or name."""
    return show_study(session, get_study(session, ref))


def update_study(tx: Tx, ref: str, body: StudyUpdate, by: Editor = Editor()) -> StudyRead:
    """Change a study.

    Args:
        tx: The transaction.
        ref: Id or name of the study.
        body: What to change.
        by: Who changes it, with what was prepared for that.

    Raises:
        NotFound: No such study.
        Invalid: A rule that the new space breaks, or `given_twice`.
        Conflict: `name_taken`, `budget_lowered`, `optuna_study`, `grid_fixed`, or `wrong_state` for what does not fit.

    Effects:
        Keeps changes of space and budget as an edit; replaces waiting trials that do not fit another space.
    """
    study = studies.lock_study(tx.session, get_study(tx.session, ref).id)
    assert study is not None
    if body.model_fields_set - _OF_ANY_KIND:
        require_native(study, "steer it")
    limits = _change_columns(tx, study, body, by)
    if body.archived is not None:
        studies.archive_study(tx.session, study.id, is_archived=body.archived)
        announce_study(tx, study.id, "archived" if body.archived else "unarchived")
    if body.action is not None:
        _act(tx, study, body.action)
    _reopen(tx, study, limits)
    announce_study(tx, study.id)
    if study.kind == "native":
        settle_study(tx, study.id)
    return _show(tx, study.id)


def list_edits(session: Session, ref: str) -> StudyEdits:
    """Return the changes of a study's settings, oldest first."""
    found = edits.list_edits(session, get_study(session, ref).id)
    return StudyEdits(
        items=[
            StudyEdit(
                edit_no=one.edit_no,
                author=one.author,
                created_at=one.created_at,
                next_number=one.next_number,
                before=dict(one.before),
                after=dict(one.after),
                replaced=sorted(int(number) for number in one.replaced),
                undo=undo_of(one.before, one.after),
            )
            for one in found
        ]
    )


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
    announce_study(tx, study.id, "deleted")


def restore_study(tx: Tx, study_id: int, retention_s: float) -> StudyRead:
    """Bring a deleted study back, stopped.

    Raises:
        NotFound: `study_not_found`, also where the study is not deleted, or was longer than `retention_s` seconds ago.
        Conflict: `name_taken`, where another study took the name meanwhile.
    """
    study = studies.lock_study(tx.session, study_id)
    if study is None or study.deleted_at is None:
        raise NotFound("study_not_found", f"there is no deleted study {study_id}", "study_id")
    if erasing.is_over(tx.session, study_id, retention_s):
        message = f"study {study_id} was deleted more than {retention_s:g} s ago, and is being erased"
        raise NotFound("study_not_found", message, "study_id", "TUNEWELL_DELETED_RETENTION_S says how long one is kept")
    try:
        studies.update_study(tx.session, study_id, {"deleted_at": None})
    except IntegrityError as error:
        raise _name_taken(study.name) from error
    announce_study(tx, study_id, "restored")
    if study.kind == "native":
        settle_study(tx, study_id)
    return _show(tx, study_id)


def _show(tx: Tx, study_id: int) -> StudyRead:
    study = studies.find_study(tx.session, study_id)
    assert study is not None
    return show_study(tx.session, study)


def _change_columns(tx: Tx, study: StudyRecord, body: StudyUpdate, by: Editor) -> dict[str, Any]:
    """Change what a request asks for, and return the limits among it."""
    about = body.model_dump(include=set(_ABOUT_ANY_STUDY), exclude_unset=True)
    values: dict[str, Any] = {key: value for key, value in about.items() if value is not None}
    limits = changed_limits(study, body)
    turn = changed_turn(body)
    values.update(columns_of(study, limits) | columns_of_resources(turn))
    names: list[str] = []
    if limits or turn or is_edit(body):
        before = spec_of(study).model_dump(mode="json")
        spec = edited_spec(study, body) if is_edit(body) else dict(before)
        spec["budget"] = {**spec["budget"], **limits}
        spec["resources"] = {**spec["resources"], **turn}
        names = sorted(key for key in spec if spec[key] != before[key])
        values["spec"] = spec
    if not values:
        return limits
    if set(names) - _NOT_SEARCHED and study.state not in ENDED_STUDIES:
        values["is_exhausted"] = False  # another space has other things to try
    try:
        studies.update_study(tx.session, study.id, values)
    except IntegrityError as error:
        raise _name_taken(str(body.name)) from error
    if names:
        _keep_edit(tx, study, names, by)
    return limits


def _keep_edit(tx: Tx, before: StudyRecord, names: list[str], by: Editor) -> None:
    edit_no = len(edits.list_edits(tx.session, before.id))
    after = studies.find_study(tx.session, before.id)
    assert after is not None
    replaced = replace_unfit(tx, after, edit_no + 1, by.prepared) if set(names) - _NOT_SEARCHED else {}
    values = {
        "study_id": before.id,
        "edit_no": edit_no,
        "author": by.author,
        "rev": studies.bump_rev(tx.session, before.id),
        "next_number": before.next_number,
        "before": {name: before.spec[name] for name in names if name in before.spec},
        "after": {name: after.spec[name] for name in names},
        "replaced": replaced,
    }
    edits.insert_edit(tx.session, values)


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


def _reopen(tx: Tx, before: StudyRecord, limits: dict[str, Any]) -> None:
    after = studies.find_study(tx.session, before.id)
    if after is not None and may_go_on(before, after, limits) and _is_early(tx, after):
        studies.update_study(tx.session, before.id, {"is_exhausted": False})
        studies.move_study(tx.session, before.id, StudyState.RUNNING)
    elif after is not None and may_confirm(before, limits) and not studies.is_overdue(tx.session, after.id):
        # It searches no more, whatever its budget leaves: only what confirms is trained.
        studies.update_study(tx.session, before.id, {"is_exhausted": True})
        studies.move_study(tx.session, before.id, StudyState.RUNNING, before.state_reason)


def _is_early(tx: Tx, study: StudyRecord) -> bool:
    """Tell whether neither time nor results end a study at once."""
    return not studies.is_overdue(tx.session, study.id) and reached_enough(tx.session, study) is None


def _wrong_state(study: StudyRecord, action: str, why: str) -> Conflict:
    return Conflict("wrong_state", f"study {study.name!r} is {study.state}: cannot {action} it", "action", why)


def _name_taken(name: str) -> Conflict:
    return Conflict("name_taken", f"there is a study named {name!r} already", "name", "choose another name")
