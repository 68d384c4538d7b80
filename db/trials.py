"""Named queries on trials."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    case,
    cast,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from db.lifecycle import FINISHED_TRIALS, TrialState, trial_sources
from db.records import TrialRecord, columns, fetch_all, find_one, select_record
from db.studies import bump_rev
from db.tables import StudyRow, TrialRow
from db.types import microseconds_between, utc_now

OrderBy = Literal["number", "value", "started_at", "duration"]
_COLUMNS: Mapping[OrderBy, ColumnElement[Any]] = {
    "number": TrialRow.number.expression,
    "value": TrialRow.value.expression,
    "started_at": TrialRow.started_at.expression,
    "duration": microseconds_between(TrialRow.started_at, TrialRow.finished_at),
}


# Statements of the hot path are built once: building one costs several times what running it does.
_INSERT = insert(TrialRow).returning(*columns(TrialRecord))
_UPDATE = update(TrialRow).returning(*columns(TrialRecord))
_FIND = (
    select_record(TrialRecord)
    .join(StudyRow, StudyRow.id == TrialRow.study_id)
    .where(TrialRow.id == bindparam("the_id"), StudyRow.deleted_at.is_(None))
)
_WAITING = (
    select_record(TrialRecord)
    .where(TrialRow.study_id == bindparam("the_study"), TrialRow.state == TrialState.WAITING)
    .order_by(TrialRow.number)
    .limit(bindparam("the_limit", type_=Integer()))
)
# A run that a script began is for this script alone to go on with.
_READY = _WAITING.where(TrialRow.paused_step.is_(None), TrialRow.run_key.is_(None))
_PAUSED = (
    select_record(TrialRecord)
    .where(
        TrialRow.study_id == bindparam("the_study"),
        TrialRow.state == TrialState.WAITING,
        TrialRow.paused_step.is_not(None),
    )
    .order_by(TrialRow.number)
)
_START = (
    update(TrialRow)
    .where(TrialRow.id == bindparam("the_id"), TrialRow.state == TrialState.WAITING)
    .values(
        state=TrialState.RUNNING,
        n_attempts=TrialRow.n_attempts + 1,
        paused_step=None,
        started_at=func.coalesce(TrialRow.started_at, utc_now()),
    )
    .returning(*columns(TrialRecord))
)
_STEP = bindparam("the_step", type_=BigInteger())
_ADVANCE = (
    update(TrialRow)
    .where(TrialRow.id == bindparam("the_id"))
    .values(
        step=case((func.coalesce(TrialRow.step, -1) < _STEP, _STEP), else_=TrialRow.step),
        n_steps=func.coalesce(bindparam("the_n_steps", type_=BigInteger()), TrialRow.n_steps),
    )
)


@dataclass(frozen=True, slots=True)
class TrialFilter:
    """Which trials a list shows, in which order.

    `after_key` and `after_number` are the ordering value and the number of the last trial of the page before;
    `conditions` are those of a filter (`db.trial_conditions`), of which all must hold.
    """

    study_id: int
    conditions: Sequence[ColumnElement[bool]] = ()
    order_by: OrderBy = "number"
    descending: bool = False
    after_key: Any = None
    after_number: int | None = None


def insert_trial(session: Session, values: Mapping[str, Any]) -> TrialRecord:
    """Store a trial and return it; a finished one gets its times from the database's clock."""
    is_finished = values["state"] in FINISHED_TRIALS
    times = {"finished_at": utc_now()} if is_finished else {}
    trial = find_one(session, TrialRecord, _INSERT.values(**values, **times))
    assert trial is not None
    return trial


def get_trial(session: Session, trial_id: int) -> TrialRecord:
    """Return a trial that must exist.

    Raises:
        LookupError: It does not.
    """
    trial = find_trial(session, trial_id)
    if trial is None:
        raise LookupError(f"no trial {trial_id}")
    return trial


def find_trial(session: Session, trial_id: int) -> TrialRecord | None:
    """Return a trial of a study that is not deleted."""
    return find_one(session, TrialRecord, _FIND, {"the_id": trial_id})


def find_trial_by_number(session: Session, study_id: int, number: int) -> TrialRecord | None:
    """Return a trial of a study by its number."""
    statement = select_record(TrialRecord).where(TrialRow.study_id == study_id, TrialRow.number == number)
    return find_one(session, TrialRecord, statement)


def find_run(session: Session, study_id: int, key: str) -> TrialRecord | None:
    """Return the run of a study that a script calls `key`."""
    statement = select_record(TrialRecord).where(TrialRow.study_id == study_id, TrialRow.run_key == key)
    return find_one(session, TrialRecord, statement)


def list_trials(session: Session, wanted: TrialFilter, limit: int) -> list[TrialRecord]:
    """Return a page of trials. Trials without a value (start, duration) come last in either direction."""
    statement = select_record(TrialRecord).where(TrialRow.study_id == wanted.study_id)
    statement = statement.where(*wanted.conditions)
    return fetch_all(session, TrialRecord, _order(statement, wanted).limit(limit))


def ordering_key(trial: TrialRecord, order_by: OrderBy) -> Any:
    """Return the value by which `list_trials` ordered `trial`; durations are whole microseconds."""
    if order_by != "duration":
        return getattr(trial, order_by)
    if trial.started_at is None or trial.finished_at is None:
        return None
    return (trial.finished_at - trial.started_at) // timedelta(microseconds=1)


def list_history(session: Session, study_id: int, *, with_confirmations: bool = False) -> list[TrialRecord]:
    """Return the trials of a study in the order of their numbers: what samplers learn from, or all of them."""
    statement = select_record(TrialRecord).where(TrialRow.study_id == study_id).order_by(TrialRow.number)
    if not with_confirmations:
        statement = statement.where(TrialRow.confirms.is_(None))
    return fetch_all(session, TrialRecord, statement)


def list_numbers(session: Session, ids: Collection[int]) -> dict[int, int]:
    """Return the numbers of trials by their ids."""
    rows = session.execute(select(TrialRow.id, TrialRow.number).where(TrialRow.id.in_(ids))) if ids else ()
    return {row[0]: row[1] for row in rows}


def find_diagnosis(session: Session, trial_id: int) -> list[dict[str, Any]] | None:
    """Return what was found in a trial's curves; None where nobody looked."""
    statement = select(TrialRow.diagnosis).where(TrialRow.id == trial_id)
    found: list[dict[str, Any]] | None = session.execute(statement).scalar_one()
    return found


def find_study_diagnoses(session: Session, study_id: int) -> dict[int, list[dict[str, Any]]]:
    """Return what was found in the curves of a study's trials, by trial; those nobody looked at are left out."""
    statement = select(TrialRow.id, TrialRow.diagnosis).where(
        TrialRow.study_id == study_id, TrialRow.diagnosis.is_not(None)
    )
    return {row[0]: row[1] for row in session.execute(statement)}


def list_findings(session: Session, study_id: int) -> dict[int, list[str]]:
    """Return the kinds of what was found in the curves of a study's trials, by number; empty ones are left out."""
    statement = select(TrialRow.number, TrialRow.findings).where(
        TrialRow.study_id == study_id, cast(TrialRow.findings, Text) != "[]"
    )
    return {row[0]: row[1] for row in session.execute(statement)}


def list_waiting(session: Session, study_id: int, limit: int) -> list[TrialRecord]:
    """Return trials that wait, for a worker or to be promoted, lowest number first."""
    return fetch_all(session, TrialRecord, _WAITING, {"the_study": study_id, "the_limit": limit})


def list_ready(session: Session, study_id: int, limit: int) -> list[TrialRecord]:
    """Return trials that wait for a worker alone, lowest number first."""
    return fetch_all(session, TrialRecord, _READY, {"the_study": study_id, "the_limit": limit})


def list_paused(session: Session, study_id: int) -> list[TrialRecord]:
    """Return trials that a pruner has set aside and that wait to be promoted, lowest number first."""
    return fetch_all(session, TrialRecord, _PAUSED, {"the_study": study_id})


def start_trial(session: Session, trial_id: int) -> TrialRecord:
    """Move a waiting trial to RUNNING, count its new attempt, and return it.

    Raises:
        NoResultFound: The trial is not waiting; the caller does not hold the study's lock.
    """
    trial = find_one(session, TrialRecord, _START, {"the_id": trial_id})
    if trial is None:
        raise NoResultFound(f"trial {trial_id} is not waiting")
    return trial


def end_trial(
    session: Session, trial: TrialRecord, target: TrialState, values: Mapping[str, Any]
) -> TrialRecord | None:
    """Move a trial to `target` and return it; None where the lifecycle does not allow that from where it is."""
    times: dict[str, Any] = {}
    if target in FINISHED_TRIALS:
        times = {"finished_at": utc_now(), "finished_rev": bump_rev(session, trial.study_id)}
    statement = _UPDATE.where(TrialRow.id == trial.id, TrialRow.state.in_(trial_sources(target))).values(
        state=target, **values, **times
    )
    return find_one(session, TrialRecord, statement)


def advance_trial(session: Session, trial_id: int, step: int | None, n_steps: int | None) -> None:
    """Note how far a trial is; the step never goes back."""
    if step is None and n_steps is None:
        return
    session.execute(_ADVANCE, {"the_id": trial_id, "the_step": step, "the_n_steps": n_steps})


def set_tags(session: Session, trial_id: int, tags: Sequence[str]) -> TrialRecord:
    """Replace a trial's tags and return it as it is then.

    Raises:
        NoResultFound: There is no such trial.
    """
    trial = find_one(session, TrialRecord, _UPDATE.where(TrialRow.id == trial_id).values(tags=list(tags)))
    if trial is None:
        raise NoResultFound(f"no trial {trial_id}")
    return trial


def request_stop(
    session: Session, *, study_id: int, trial_id: int | None = None, spares_confirmations: bool = False
) -> list[int]:
    """Ask running trials (one, or all of the study) to stop and return their ids; waiting ones are for the caller.

    Args:
        session: Open transaction.
        study_id: The study.
        trial_id: This trial alone.
        spares_confirmations: Whether those that confirm others go on, and those that were asked before are left out.
    """
    condition = [TrialRow.study_id == study_id, TrialRow.state == TrialState.RUNNING]
    if trial_id is not None:
        condition.append(TrialRow.id == trial_id)
    if spares_confirmations:
        condition += [TrialRow.confirms.is_(None), TrialRow.is_stop_requested.is_(False)]
    statement = update(TrialRow).where(*condition).values(is_stop_requested=True).returning(TrialRow.id)
    return list(session.execute(statement).scalars())


def _order(statement: Select[Any], wanted: TrialFilter) -> Select[Any]:
    column = _COLUMNS[wanted.order_by]
    direction = column.desc() if wanted.descending else column.asc()
    if wanted.after_number is not None:
        statement = statement.where(_after(column, wanted))
    if wanted.order_by == "number":
        return statement.order_by(direction)  # as the index has it: nothing is sorted
    return statement.order_by(column.is_(None), direction, TrialRow.number)


def _after(column: ColumnElement[Any], wanted: TrialFilter) -> ColumnElement[bool]:
    later_number = TrialRow.number > wanted.after_number
    if wanted.after_key is None:
        return and_(column.is_(None), later_number)
    beyond: ColumnElement[bool] = column < wanted.after_key if wanted.descending else column > wanted.after_key
    if wanted.order_by == "number":
        return beyond
    return or_(beyond, and_(column == wanted.after_key, later_number), column.is_(None))
