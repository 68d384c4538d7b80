"""Named queries on trials."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, case, func, insert, or_, update
from sqlalchemy.orm import Session

from db.lifecycle import FINISHED_TRIALS, TrialState, trial_sources
from db.records import TrialRecord, fetch_all, find_one, select_record
from db.studies import bump_rev
from db.tables import StudyRow, TrialRow
from db.types import utc_now

OrderBy = Literal["number", "value", "started_at"]
_COLUMNS: Mapping[OrderBy, ColumnElement[Any]] = {
    "number": TrialRow.number.expression,
    "value": TrialRow.value.expression,
    "started_at": TrialRow.started_at.expression,
}


@dataclass(frozen=True, slots=True)
class TrialFilter:
    """Which trials a list shows, in which order.

    `after_key` and `after_number` are the ordering value and the number of the last trial of the page before.
    """

    study_id: int
    states: Collection[TrialState] = ()
    order_by: OrderBy = "number"
    descending: bool = False
    after_key: Any = None
    after_number: int | None = None


def insert_trial(session: Session, values: Mapping[str, Any]) -> TrialRecord:
    """Store a trial and return it; a finished one gets its times from the database's clock."""
    is_finished = values["state"] in FINISHED_TRIALS
    times = {"finished_at": utc_now()} if is_finished else {}
    trial_id = session.execute(insert(TrialRow).values(**values, **times).returning(TrialRow.id)).scalar_one()
    return get_trial(session, trial_id)


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
    statement = select_record(TrialRecord).join(StudyRow, StudyRow.id == TrialRow.study_id)
    return find_one(session, TrialRecord, statement.where(TrialRow.id == trial_id, StudyRow.deleted_at.is_(None)))


def find_trial_by_number(session: Session, study_id: int, number: int) -> TrialRecord | None:
    """Return a trial of a study by its number."""
    statement = select_record(TrialRecord).where(TrialRow.study_id == study_id, TrialRow.number == number)
    return find_one(session, TrialRecord, statement)


def list_trials(session: Session, wanted: TrialFilter, limit: int) -> list[TrialRecord]:
    """Return a page of trials. Trials without a value (or start) come last in either direction."""
    statement = select_record(TrialRecord).where(TrialRow.study_id == wanted.study_id)
    if wanted.states:
        statement = statement.where(TrialRow.state.in_(wanted.states))
    return fetch_all(session, TrialRecord, _order(statement, wanted).limit(limit))


def ordering_key(trial: TrialRecord, order_by: OrderBy) -> Any:
    """Return the value by which `list_trials` ordered `trial`."""
    return getattr(trial, order_by)


def list_history(session: Session, study_id: int) -> list[TrialRecord]:
    """Return all trials of a study in the order of their numbers: what samplers learn from."""
    statement = select_record(TrialRecord).where(TrialRow.study_id == study_id).order_by(TrialRow.number)
    return fetch_all(session, TrialRecord, statement)


def list_waiting(session: Session, study_id: int, limit: int) -> list[TrialRecord]:
    """Return trials that wait for a worker, lowest number first."""
    statement = (
        select_record(TrialRecord)
        .where(TrialRow.study_id == study_id, TrialRow.state == TrialState.WAITING)
        .order_by(TrialRow.number)
        .limit(limit)
    )
    return fetch_all(session, TrialRecord, statement)


def start_trial(session: Session, trial_id: int) -> int:
    """Move a waiting trial to RUNNING and return the number of its new attempt.

    Raises:
        NoResultFound: The trial is not waiting; the caller does not hold the study's lock.
    """
    statement = (
        update(TrialRow)
        .where(TrialRow.id == trial_id, TrialRow.state == TrialState.WAITING)
        .values(
            state=TrialState.RUNNING,
            n_attempts=TrialRow.n_attempts + 1,
            started_at=func.coalesce(TrialRow.started_at, utc_now()),
        )
        .returning(TrialRow.n_attempts)
    )
    return session.execute(statement).scalar_one()


def end_trial(session: Session, trial: TrialRecord, target: TrialState, values: Mapping[str, Any]) -> bool:
    """Move a trial to `target` if the lifecycle allows it from where it is. Returns whether it moved."""
    times: dict[str, Any] = {}
    if target in FINISHED_TRIALS:
        times = {"finished_at": utc_now(), "finished_rev": bump_rev(session, trial.study_id)}
    statement = (
        update(TrialRow)
        .where(TrialRow.id == trial.id, TrialRow.state.in_(trial_sources(target)))
        .values(state=target, **values, **times)
        .returning(TrialRow.id)
    )
    return session.execute(statement).one_or_none() is not None


def advance_trial(session: Session, trial_id: int, step: int | None, n_steps: int | None) -> None:
    """Note how far a trial is; the step never goes back."""
    if step is None and n_steps is None:
        return
    further = case((func.coalesce(TrialRow.step, -1) < (step or 0), step), else_=TrialRow.step)
    values: dict[str, Any] = {"n_steps": TrialRow.n_steps if n_steps is None else n_steps}
    if step is not None:
        values["step"] = further
    session.execute(update(TrialRow).where(TrialRow.id == trial_id).values(**values))


def request_stop(session: Session, *, study_id: int, trial_id: int | None = None) -> list[int]:
    """Ask running trials (one, or all of the study) to stop and return their ids; waiting ones are for the caller."""
    condition = [TrialRow.study_id == study_id, TrialRow.state == TrialState.RUNNING]
    if trial_id is not None:
        condition.append(TrialRow.id == trial_id)
    statement = update(TrialRow).where(*condition).values(is_stop_requested=True).returning(TrialRow.id)
    return list(session.execute(statement).scalars())


def _order(statement: Select[Any], wanted: TrialFilter) -> Select[Any]:
    column = _COLUMNS[wanted.order_by]
    direction = column.desc() if wanted.descending else column.asc()
    if wanted.after_number is not None:
        statement = statement.where(_after(column, wanted))
    return statement.order_by(column.is_(None), direction, TrialRow.number)


def _after(column: ColumnElement[Any], wanted: TrialFilter) -> ColumnElement[bool]:
    later_number = TrialRow.number > wanted.after_number
    if wanted.after_key is None:
        return and_(column.is_(None), later_number)
    beyond = column < wanted.after_key if wanted.descending else column > wanted.after_key
    return or_(beyond, and_(column == wanted.after_key, later_number), column.is_(None))
