"""Named queries on workers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Text, bindparam, case, cast, func, insert, or_, select, update
from sqlalchemy.orm import Session

from db.lifecycle import AttemptState, EvaluationState, WorkerState
from db.records import WorkerRecord, columns, find_one, select_record
from db.tables import AttemptRow, EvaluationRow, WorkerRow
from db.types import Json, utc_now


def _beating(**more: Any) -> Any:
    revived = case((WorkerRow.state == WorkerState.LOST, WorkerState.ALIVE), else_=WorkerRow.state)
    changed = update(WorkerRow).where(WorkerRow.id == bindparam("the_id"))
    return changed.values(heartbeat_at=utc_now(), state=revived, left_at=None, **more).returning(WorkerRow.state)


# Built once: every claim runs the first.
_BEAT = _beating()
_BEAT_WITH_READING = _beating(machine=bindparam("the_reading", type_=Json))


def insert_worker(session: Session, values: Mapping[str, Any]) -> int:
    """Store a worker and return its id."""
    return session.execute(insert(WorkerRow).values(values).returning(WorkerRow.id)).scalar_one()


def find_worker(session: Session, worker_id: int) -> WorkerRecord | None:
    """Return a worker by id."""
    return find_one(session, WorkerRecord, select_record(WorkerRecord).where(WorkerRow.id == worker_id))


def beat(session: Session, worker_id: int, machine: Mapping[str, Any] | None = None) -> WorkerState | None:
    """Note a sign of life and return the worker's state; None if it is unknown.

    A worker that was thought lost is alive again.

    Args:
        session: Open transaction.
        worker_id: The worker.
        machine: What its machine uses; None keeps what was told before.
    """
    statement = _BEAT if machine is None else _BEAT_WITH_READING
    values = {"the_id": worker_id} | ({} if machine is None else {"the_reading": machine})
    state = session.execute(statement, values).scalar_one_or_none()
    return None if state is None else WorkerState(state)


def set_worker_state(session: Session, worker_id: int, state: WorkerState) -> bool:
    """Set a worker's state. Returns False if it is unknown."""
    statement = update(WorkerRow).where(WorkerRow.id == worker_id).values(state=state).returning(WorkerRow.id)
    return session.execute(statement).one_or_none() is not None


def let_worker_go(session: Session, worker_id: int) -> bool:
    """Note that a worker said goodbye: it is not here any more, and was not lost. Returns False if it is unknown."""
    statement = update(WorkerRow).where(WorkerRow.id == worker_id).values(state=WorkerState.LOST, left_at=utc_now())
    return session.execute(statement.returning(WorkerRow.id)).one_or_none() is not None


def lose_silent_workers(session: Session, silence_s: float) -> list[int]:
    """Mark workers LOST that gave no sign of life for `silence_s` seconds and return their ids."""
    statement = (
        update(WorkerRow)
        .where(WorkerRow.state != WorkerState.LOST, WorkerRow.heartbeat_at < utc_now(-silence_s))
        .values(state=WorkerState.LOST)
        .returning(WorkerRow.id)
    )
    return list(session.execute(statement).scalars())


def list_workers(session: Session, lost_within_s: float) -> list[tuple[WorkerRecord, int]]:
    """Return workers with their number of busy slots; lost ones only if seen in the last `lost_within_s` seconds."""
    statement = (
        select(*columns(WorkerRecord), _n_busy())
        .where(or_(WorkerRow.state != WorkerState.LOST, WorkerRow.heartbeat_at > utc_now(-lost_within_s)))
        .where(
            cast(WorkerRow.queues, Text) != "[]"
        )  # a script serves no queue: it is seen where it runs, at its trials
        .order_by(WorkerRow.state, WorkerRow.id)
    )
    return [(WorkerRecord(*row[:-1]), row[-1]) for row in session.execute(statement)]


def count_idle_slots(session: Session) -> dict[str, int]:
    """Return by queue how many slots of living workers are free."""
    statement = select(WorkerRow.queues, WorkerRow.n_slots, _n_busy()).where(WorkerRow.state == WorkerState.ALIVE)
    idle: dict[str, int] = {}
    for queues, n_slots, n_busy in session.execute(statement):
        for queue in queues:
            idle[queue] = idle.get(queue, 0) + max(0, n_slots - n_busy)
    return idle


def count_slots(session: Session, queue: str) -> int:
    """Return how many slots of living workers serve a queue, busy or free."""
    statement = select(WorkerRow.queues, WorkerRow.n_slots).where(WorkerRow.state == WorkerState.ALIVE)
    return sum(n_slots for queues, n_slots in session.execute(statement) if queue in queues)


def _n_busy() -> Any:
    """Count the slots in use: attempts in one slot train together, and one that names no slot has one to itself."""
    slot = func.coalesce(AttemptRow.slot, -AttemptRow.id)
    return _count_running(slot, AttemptRow.worker_id, AttemptRow.state == AttemptState.RUNNING) + _count_running(
        EvaluationRow.id, EvaluationRow.worker_id, EvaluationRow.state == EvaluationState.RUNNING
    )


def _count_running(place: Any, worker_id: Any, is_running: Any) -> Any:
    counted = select(func.count(place.distinct())).where(worker_id == WorkerRow.id, is_running)
    return counted.correlate(WorkerRow).scalar_subquery()
