"""What queries return: immutable values. ORM rows stay inside `db`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cache
from typing import Any, Literal, TypeVar

from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql.selectable import TypedReturnsRows

from db.lifecycle import AttemptState, EvaluationState, StudyState, TrialState, WorkerState
from db.tables import (
    ArtifactRow,
    AttemptRow,
    Base,
    EvaluationRow,
    LentTrialRow,
    StudyEditRow,
    StudyRow,
    TrialRow,
    WorkerRow,
)

R = TypeVar("R")
Query = TypedReturnsRows[Any]
Values = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class StudyRecord:
    """One row of `study`."""

    id: int
    name: str
    kind: Literal["native", "optuna"]
    state: StudyState
    state_reason: str
    spec: Mapping[str, Any]
    queue: str
    direction: str
    directions: Sequence[str]
    n_trials: int | None
    max_parallel: int
    next_number: int
    next_cell: int
    n_confirmations: int
    is_exhausted: bool
    rev: int
    notes: str
    tags: Sequence[str]
    owner: str
    created_at: datetime
    finished_at: datetime | None
    deadline_at: datetime | None
    archived_at: datetime | None
    deleted_at: datetime | None

    @property
    def end_number(self) -> int | None:
        """The trial number at which the budget is used up; None without one. Confirmations are not counted."""
        return None if self.n_trials is None else self.n_trials + self.n_confirmations


@dataclass(frozen=True, slots=True)
class StudyEditRecord:
    """One row of `study_edit`."""

    study_id: int
    edit_no: int
    author: str
    rev: int
    next_number: int
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    replaced: Mapping[str, Mapping[str, Any]]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class LentRecord:
    """One row of `lent_trial`."""

    study_id: int
    number: int
    lender_id: int
    lender_number: int
    state: TrialState
    params: Mapping[str, Any]
    values: Sequence[Any] | None
    outcome_constraints: Sequence[Any] | None
    last_point: Sequence[Any] | None


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """One row of `trial`, without its diagnosis: `trials.find_diagnosis` reads that."""

    id: int
    study_id: int
    number: int
    cell: int | None
    state: TrialState
    reason: str
    source: str
    params: Mapping[str, Any]
    seen: Mapping[str, Any] | None
    finished_rev: int | None
    note: str
    tags: Sequence[str]
    run_key: str | None
    value: float | None
    values: Mapping[str, Any]
    outcome_constraints: Sequence[Any] | None
    paused_step: int | None
    reused_from: int | None
    confirms: int | None
    origin: int | None
    seed_number: int | None
    findings: Sequence[str]
    step: int | None
    n_steps: int | None
    n_attempts: int
    n_burned: int
    is_alone: bool
    is_stop_requested: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None

    @property
    def phase(self) -> str:
        """The state, but PAUSED for a trial that waits to be promoted: of that one Optuna's words know nothing."""
        is_paused = self.state is TrialState.WAITING and self.paused_step is not None
        return "PAUSED" if is_paused else self.state


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One row of `attempt`."""

    id: int
    trial_id: int
    worker_id: int | None
    attempt_no: int
    device: str | None
    peak_bytes: int | None
    state: AttemptState
    reason: str
    lease_token: str
    last_seq: int
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """One row of `worker`."""

    id: int
    name: str
    host: str
    pid: int
    version: str
    queues: Sequence[str]
    n_slots: int
    devices: Sequence[Mapping[str, Any]]
    state: WorkerState
    created_at: datetime
    heartbeat_at: datetime
    left_at: datetime | None
    machine: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ArtifactRecord:
    """One row of `artifact`."""

    id: int
    trial_id: int
    attempt_no: int
    name: str
    kind: str
    step: int | None
    sha256: str
    n_bytes: int
    media_type: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """One row of `evaluation`."""

    id: int
    study_id: int
    kind: str
    options: Mapping[str, Any]
    members: Sequence[int]
    state: EvaluationState
    reason: str
    result: Mapping[str, Any] | None
    n_done: int | None
    n_total: int | None
    note: str
    n_attempts: int
    n_burned: int
    worker_id: int | None
    lease_token: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


_ROWS: Mapping[type[Any], type[Base]] = {
    StudyRecord: StudyRow,
    StudyEditRecord: StudyEditRow,
    LentRecord: LentTrialRow,
    TrialRecord: TrialRow,
    AttemptRecord: AttemptRow,
    WorkerRecord: WorkerRow,
    ArtifactRecord: ArtifactRow,
    EvaluationRecord: EvaluationRow,
}
_ENUMS: Mapping[type[Any], type[Any]] = {
    StudyRecord: StudyState,
    LentRecord: TrialState,
    TrialRecord: TrialState,
    AttemptRecord: AttemptState,
    WorkerRecord: WorkerState,
    EvaluationRecord: EvaluationState,
}


def columns(record: type[Any]) -> tuple[InstrumentedAttribute[Any], ...]:
    """Return the columns that fill `record`, in the order of its fields."""
    row = _ROWS[record]
    return tuple(getattr(row, field.name) for field in fields(record))


@cache
def select_record(record: type[Any]) -> Select[Any]:
    """Start a query for `record`; `fetch_all` and `find_one` run it."""
    return select(*columns(record))


def build(record: type[R], row: Sequence[Any]) -> R:
    """Make a record of a result row that holds exactly its columns."""
    made: Any = record(*row)
    enum = _ENUMS.get(record)
    if enum is not None:
        object.__setattr__(made, "state", enum(made.state))
    result: R = made
    return result


def fetch_all(session: Session, record: type[R], statement: Query, values: Values = None) -> list[R]:
    """Run a query that answers the columns of `record`, with values for its parameters, and return every record."""
    return [build(record, tuple(row)) for row in session.execute(statement, values)]


def find_one(session: Session, record: type[R], statement: Query, values: Values = None) -> R | None:
    """Run a query that answers the columns of `record`, with values for its parameters: its only record, or None."""
    row = session.execute(statement, values).one_or_none()
    return None if row is None else build(record, tuple(row))
