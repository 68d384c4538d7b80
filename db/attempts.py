"""Named queries on attempts and their leases. Each write is one conditional update that the lease token guards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from db.lifecycle import AttemptState, StudyState
from db.records import AttemptRecord, TrialRecord, columns, fetch_all, find_one, select_record
from db.tables import AttemptRow, StudyRow, TrialRow, WorkerRow
from db.types import utc_now


@dataclass(frozen=True, slots=True)
class Renewed:
    """An attempt whose lease was just renewed."""

    attempt_id: int
    trial_id: int
    attempt_no: int


@dataclass(frozen=True, slots=True)
class Orders:
    """What a report's decision depends on."""

    study_id: int
    number: int
    study_state: StudyState
    is_deleted: bool
    is_stop_requested: bool
    spec: Mapping[str, Any]


def open_attempt(
    session: Session, *, trial_id: int, attempt_no: int, worker_id: int, token: str, lease_s: float
) -> int:
    """Store a running attempt with its lease and return its id."""
    values = {
        "trial_id": trial_id,
        "attempt_no": attempt_no,
        "worker_id": worker_id,
        "lease_token": token,
        "lease_expires_at": utc_now(lease_s),
    }
    return session.execute(insert(AttemptRow).values(values).returning(AttemptRow.id)).scalar_one()


def renew_attempt(session: Session, attempt_id: int, token: str, seq: int, lease_s: float) -> Renewed | None:
    """Renew a lease for report number `seq`; None if the lease is lost or `seq` was stored before.

    A lease that ran out but was not taken away yet still counts: nobody else holds the trial.
    """
    statement = (
        update(AttemptRow)
        .where(*_holds(attempt_id, token), AttemptRow.last_seq < seq)
        .values(last_seq=seq, lease_expires_at=utc_now(lease_s))
        .returning(AttemptRow.id, AttemptRow.trial_id, AttemptRow.attempt_no)
    )
    row = session.execute(statement).one_or_none()
    return None if row is None else Renewed(*row)


def extend_lease(session: Session, attempt_id: int, token: str, lease_s: float) -> bool:
    """Renew a lease without a report. Returns False if it is lost."""
    statement = (
        update(AttemptRow)
        .where(*_holds(attempt_id, token))
        .values(lease_expires_at=utc_now(lease_s))
        .returning(AttemptRow.id)
    )
    return session.execute(statement).one_or_none() is not None


def close_attempt(session: Session, attempt_id: int, token: str, end: AttemptState, reason: str) -> bool:
    """End a running attempt as `end`. Returns False if the lease is lost."""
    statement = (
        update(AttemptRow)
        .where(*_holds(attempt_id, token))
        .values(state=end, reason=reason, ended_at=utc_now())
        .returning(AttemptRow.id)
    )
    return session.execute(statement).one_or_none() is not None


def find_attempt(session: Session, attempt_id: int) -> AttemptRecord | None:
    """Return an attempt by id."""
    return find_one(session, AttemptRecord, select_record(AttemptRecord).where(AttemptRow.id == attempt_id))


def list_attempts(session: Session, trial_id: int) -> list[tuple[AttemptRecord, str | None]]:
    """Return the attempts of a trial, first one first, each with its worker's name."""
    statement = (
        select(*columns(AttemptRecord), WorkerRow.name)
        .outerjoin(WorkerRow, WorkerRow.id == AttemptRow.worker_id)
        .where(AttemptRow.trial_id == trial_id)
        .order_by(AttemptRow.attempt_no)
    )
    return [(AttemptRecord(*row[:-1]), row[-1]) for row in session.execute(statement)]


def find_orders(session: Session, trial_id: int) -> Orders:
    """Return what the decision on a report of `trial_id` depends on."""
    statement = (
        select(
            StudyRow.id,
            TrialRow.number,
            StudyRow.state,
            StudyRow.deleted_at.is_not(None),
            TrialRow.is_stop_requested,
            StudyRow.spec,
        )
        .join(TrialRow, TrialRow.study_id == StudyRow.id)
        .where(TrialRow.id == trial_id)
    )
    return Orders(*session.execute(statement).one())


def find_trial_of(session: Session, attempt_id: int) -> TrialRecord | None:
    """Return the trial that an attempt runs."""
    statement = select_record(TrialRecord).join(AttemptRow, AttemptRow.trial_id == TrialRow.id)
    return find_one(session, TrialRecord, statement.where(AttemptRow.id == attempt_id))


def list_expired(session: Session, limit: int = 1000) -> list[AttemptRecord]:
    """Return running attempts whose lease ran out by the database's clock."""
    statement = (
        select_record(AttemptRecord)
        .where(AttemptRow.state == AttemptState.RUNNING, AttemptRow.lease_expires_at < utc_now())
        .order_by(AttemptRow.id)
        .limit(limit)
    )
    return fetch_all(session, AttemptRecord, statement)


def is_expired(session: Session, attempt_id: int) -> bool:
    """Tell whether a running attempt's lease has run out by the database's clock."""
    statement = select(func.count()).where(
        AttemptRow.id == attempt_id,
        AttemptRow.state == AttemptState.RUNNING,
        AttemptRow.lease_expires_at < utc_now(),
    )
    return session.execute(statement).scalar_one() > 0


def _holds(attempt_id: int, token: str) -> tuple[Any, ...]:
    return (
        AttemptRow.id == attempt_id,
        AttemptRow.lease_token == token,
        AttemptRow.state == AttemptState.RUNNING,
    )
