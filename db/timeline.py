"""Named queries for the timeline of a study: its attempts at trials, over the workers that made them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.lifecycle import AttemptState
from db.tables import AttemptRow, TrialRow, WorkerRow
from db.types import utc_now


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a timeline shows of one attempt; `worker_id` is empty where the worker was forgotten."""

    attempt_id: int
    trial_number: int
    attempt_no: int
    state: AttemptState
    reason: str
    worker_id: int | None
    worker_name: str | None
    slot: int | None
    created_at: datetime
    ended_at: datetime | None


def list_stretches(session: Session, study_id: int, *, before: int | None, limit: int) -> list[Stretch]:
    """Return a study's newest attempts, newest first.

    Args:
        session: Open transaction.
        study_id: The study.
        before: Only attempts with a smaller id, to go back in time.
        limit: Most attempts to return.
    """
    statement = (
        select(
            AttemptRow.id,
            TrialRow.number,
            AttemptRow.attempt_no,
            AttemptRow.state,
            AttemptRow.reason,
            AttemptRow.worker_id,
            WorkerRow.name,
            AttemptRow.slot,
            AttemptRow.created_at,
            AttemptRow.ended_at,
        )
        .join(TrialRow, TrialRow.id == AttemptRow.trial_id)
        .outerjoin(WorkerRow, WorkerRow.id == AttemptRow.worker_id)
        .where(TrialRow.study_id == study_id)
        .order_by(AttemptRow.id.desc())
        .limit(limit)
    )
    if before is not None:
        statement = statement.where(AttemptRow.id < before)
    rows: list[Any] = list(session.execute(statement))
    return [Stretch(*row) for row in rows]


def count_attempts(session: Session, study_id: int) -> int:
    """Count the attempts at a study's trials."""
    statement = select(func.count()).select_from(AttemptRow).join(TrialRow, TrialRow.id == AttemptRow.trial_id)
    return session.execute(statement.where(TrialRow.study_id == study_id)).scalar_one()


def read_clock(session: Session) -> datetime:
    """Return the database's time, by which attempts begin and end."""
    now: datetime = session.execute(select(utc_now())).scalar_one()
    return now
