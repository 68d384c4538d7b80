"""Named queries on what workers do and what waits for them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.orm import Session

from db.lifecycle import AttemptState, EvaluationState, StudyState, TrialState, WorkerState
from db.tables import AttemptRow, EvaluationRow, StudyRow, TrialRow, WorkerRow

_IS_STUDY_OPEN = and_(
    StudyRow.deleted_at.is_(None),
    StudyRow.kind == "native",
    StudyRow.state.in_((StudyState.RUNNING, StudyState.PAUSED, StudyState.STOPPING)),
)


@dataclass(frozen=True, slots=True)
class Run:
    """An attempt, its trial and where it runs."""

    worker_id: int
    attempt_id: int
    trial_id: int
    study_id: int
    study_name: str
    number: int
    slot: int | None
    attempt_state: AttemptState
    trial_state: TrialState
    step: int | None
    n_steps: int | None
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Measured:
    """A running evaluation and its worker."""

    worker_id: int
    evaluation_id: int
    study_id: int
    study_name: str
    kind: str


@dataclass(frozen=True, slots=True)
class Depth:
    """What a queue holds. `n_to_come` is None where a study has no budget of trials."""

    name: str
    n_studies: int
    n_waiting: int
    n_to_come: int | None
    n_running: int
    oldest_waiting_at: datetime | None


def list_runs(session: Session, worker_ids: Collection[int], limit: int) -> list[Run]:
    """Return what runs on some workers, and what lost ones left behind: the attempts open when they were heard last.

    Args:
        session: Open transaction.
        worker_ids: The workers.
        limit: At most so many attempts, the newest.
    """
    is_left = and_(WorkerRow.state == WorkerState.LOST, AttemptRow.ended_at >= WorkerRow.heartbeat_at)
    statement = (
        select(
            *(WorkerRow.id, AttemptRow.id, TrialRow.id, StudyRow.id, StudyRow.name, TrialRow.number, AttemptRow.slot),
            *(AttemptRow.state, TrialRow.state, TrialRow.step, TrialRow.n_steps),
            *(AttemptRow.created_at, AttemptRow.ended_at),
        )
        .join(WorkerRow, WorkerRow.id == AttemptRow.worker_id)
        .join(TrialRow, TrialRow.id == AttemptRow.trial_id)
        .join(StudyRow, StudyRow.id == TrialRow.study_id)
        .where(AttemptRow.worker_id.in_(worker_ids), or_(AttemptRow.state == AttemptState.RUNNING, is_left))
        .where(StudyRow.deleted_at.is_(None))
        .order_by(AttemptRow.id.desc())
        .limit(limit)
    )
    return [_run(row) for row in session.execute(statement)]


def _run(row: Any) -> Run:
    values = list(row)
    values[7:9] = AttemptState(row[7]), TrialState(row[8])
    return Run(*values)


def list_measured(session: Session, worker_ids: Collection[int]) -> list[Measured]:
    """Return the evaluations that run on some workers."""
    statement = (
        select(EvaluationRow.worker_id, EvaluationRow.id, StudyRow.id, StudyRow.name, EvaluationRow.kind)
        .join(StudyRow, StudyRow.id == EvaluationRow.study_id)
        .where(EvaluationRow.worker_id.in_(worker_ids), EvaluationRow.state == EvaluationState.RUNNING)
        .order_by(EvaluationRow.id)
    )
    return [Measured(row[0] or 0, *row[1:]) for row in session.execute(statement)]


def list_depths(session: Session) -> list[Depth]:
    """Return what each queue holds that a study names which is not over, by name."""
    trials = {row.queue: row for row in session.execute(_trials_by_queue())}
    return [_depth(row, trials.get(row.queue)) for row in session.execute(_studies_by_queue())]


def _studies_by_queue() -> Select[*tuple[Any, ...]]:
    is_running = StudyRow.state == StudyState.RUNNING
    proposes = and_(is_running, StudyRow.is_exhausted.is_(False))
    left = StudyRow.n_trials + StudyRow.n_confirmations - StudyRow.next_number
    return (
        select(
            StudyRow.queue,
            func.sum(case((is_running, 1), else_=0)).label("n_studies"),
            func.sum(case((and_(proposes, left > 0), left), else_=0)).label("n_to_come"),
            func.sum(case((and_(proposes, StudyRow.n_trials.is_(None)), 1), else_=0)).label("n_endless"),
        )
        .where(_IS_STUDY_OPEN)
        .group_by(StudyRow.queue)
        .order_by(StudyRow.queue)
    )


def _trials_by_queue() -> Select[*tuple[Any, ...]]:
    is_ready = and_(
        TrialRow.state == TrialState.WAITING, TrialRow.paused_step.is_(None), StudyRow.state == StudyState.RUNNING
    )
    # One that was handed back has waited since then.
    tried = select(func.max(AttemptRow.ended_at)).where(AttemptRow.trial_id == TrialRow.id).scalar_subquery()
    since = func.coalesce(tried, TrialRow.created_at, type_=TrialRow.created_at.type)
    return (
        select(
            StudyRow.queue,
            func.sum(case((is_ready, 1), else_=0)).label("n_waiting"),
            func.sum(case((TrialRow.state == TrialState.RUNNING, 1), else_=0)).label("n_running"),
            func.min(case((is_ready, since)), type_=TrialRow.created_at.type).label("oldest_waiting_at"),
        )
        .join(StudyRow, StudyRow.id == TrialRow.study_id)
        .where(_IS_STUDY_OPEN, TrialRow.state.in_((TrialState.WAITING, TrialState.RUNNING)))
        .group_by(StudyRow.queue)
    )


def _depth(study: Any, trial: Any | None) -> Depth:
    return Depth(
        name=study.queue,
        n_studies=study.n_studies,
        n_waiting=0 if trial is None else trial.n_waiting,
        n_to_come=None if study.n_endless else study.n_to_come,
        n_running=0 if trial is None else trial.n_running,
        oldest_waiting_at=None if trial is None else trial.oldest_waiting_at,
    )


def list_served(session: Session) -> list[Sequence[str]]:
    """Return the queues of each living worker."""
    statement = select(WorkerRow.queues).where(WorkerRow.state == WorkerState.ALIVE)
    return list(session.execute(statement).scalars())
