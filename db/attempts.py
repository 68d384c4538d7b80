"""Named queries on attempts and their leases. Each write is one conditional update that the lease token guards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Float, Integer, String, bindparam, func, insert, or_, select, update
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
    """What a report's decision depends on; `rev` and `created_at` are the study's. `is_exempt`: no pruner ends it."""

    study_id: int
    number: int
    study_state: StudyState
    is_deleted: bool
    is_stop_requested: bool
    spec: Mapping[str, Any]
    rev: int
    created_at: datetime
    attempt_no: int
    n_steps: int | None
    is_exempt: bool


_HOLDS = (
    AttemptRow.id == bindparam("the_id"),
    AttemptRow.lease_token == bindparam("the_token"),
    AttemptRow.state == AttemptState.RUNNING,
)
_LEASE_END = utc_now(bindparam("the_lease_s", type_=Float()))
# Statements of the hot path are built once: building one costs several times what running it does.
_OPEN = (
    insert(AttemptRow)
    .values(
        trial_id=bindparam("the_trial"),
        attempt_no=bindparam("the_no"),
        worker_id=bindparam("the_worker"),
        slot=bindparam("the_slot", type_=Integer()),
        device=bindparam("the_device", type_=String()),
        reserved_bytes=bindparam("the_bytes", type_=BigInteger()),
        lease_token=bindparam("the_token"),
        lease_expires_at=_LEASE_END,
        last_seq=bindparam("the_seq"),
    )
    .returning(AttemptRow.id)
)
_RENEW = (
    update(AttemptRow)
    .where(*_HOLDS, AttemptRow.last_seq < bindparam("the_seq"))
    .values(last_seq=bindparam("the_seq"), lease_expires_at=_LEASE_END)
    .returning(AttemptRow.id, AttemptRow.trial_id, AttemptRow.attempt_no)
)
_EXTEND = update(AttemptRow).where(*_HOLDS).values(lease_expires_at=_LEASE_END).returning(AttemptRow.id)
_CLOSE = (
    update(AttemptRow)
    .where(*_HOLDS)
    .values(state=bindparam("the_end"), reason=bindparam("the_reason"), ended_at=utc_now())
    .returning(AttemptRow.id)
)
_ORDERS = (
    select(
        StudyRow.id,
        TrialRow.number,
        StudyRow.state,
        StudyRow.deleted_at.is_not(None),
        TrialRow.is_stop_requested,
        StudyRow.spec,
        StudyRow.rev,
        StudyRow.created_at,
        TrialRow.n_attempts,
        TrialRow.n_steps,
        or_(TrialRow.confirms.is_not(None), TrialRow.origin.is_not(None)),
    )
    .join(TrialRow, TrialRow.study_id == StudyRow.id)
    .where(TrialRow.id == bindparam("the_trial"))
)
_TRIAL_OF = (
    select_record(TrialRecord)
    .join(AttemptRow, AttemptRow.trial_id == TrialRow.id)
    .where(AttemptRow.id == bindparam("the_id"))
)


@dataclass(frozen=True, slots=True)
class Holder:
    """Who takes an attempt: a worker, and the slot in which it trains where the worker says so.

    `device` is the GPU of that slot, and `reserved_bytes` the attempt's share of what the slot's process may take.
    """

    worker_id: int
    slot: int | None
    device: str | None = None
    reserved_bytes: int | None = None


def open_attempt(
    session: Session, *, trial: TrialRecord, holder: Holder, token: str, lease_s: float, last_seq: int = 0
) -> int:
    """Store a running attempt at a trial that was just started, with its lease, and return its id.

    Args:
        session: Open transaction.
        trial: The trial.
        holder: Who takes it.
        token: What guards each write.
        lease_s: How long the lease lasts without a sign of life.
        last_seq: The last report that an earlier attempt stored, where this one goes on with the same reports.
    """
    values = {
        "the_trial": trial.id,
        "the_no": trial.n_attempts,
        "the_worker": holder.worker_id,
        "the_slot": holder.slot,
        "the_device": holder.device,
        "the_bytes": holder.reserved_bytes,
        "the_token": token,
        "the_lease_s": lease_s,
        "the_seq": last_seq,
    }
    attempt_id: int = session.execute(_OPEN, values).scalar_one()
    return attempt_id


def renew_attempt(session: Session, attempt_id: int, token: str, seq: int, lease_s: float) -> Renewed | None:
    """Renew a lease for report number `seq`; None if the lease is lost or `seq` was stored before.

    A lease that ran out but was not taken away yet still counts: nobody else holds the trial.
    """
    values = {"the_id": attempt_id, "the_token": token, "the_seq": seq, "the_lease_s": lease_s}
    row = session.execute(_RENEW, values).one_or_none()
    return None if row is None else Renewed(*row)


def extend_lease(session: Session, attempt_id: int, token: str, lease_s: float) -> bool:
    """Renew a lease without a report. Returns False if it is lost."""
    values = {"the_id": attempt_id, "the_token": token, "the_lease_s": lease_s}
    return session.execute(_EXTEND, values).one_or_none() is not None


def close_attempt(session: Session, attempt_id: int, token: str, end: AttemptState, reason: str) -> bool:
    """End a running attempt as `end`. Returns False if the lease is lost."""
    values = {"the_id": attempt_id, "the_token": token, "the_end": end, "the_reason": reason}
    return session.execute(_CLOSE, values).one_or_none() is not None


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
    return Orders(*session.execute(_ORDERS, {"the_trial": trial_id}).one())


def find_trial_of(session: Session, attempt_id: int) -> TrialRecord | None:
    """Return the trial that an attempt runs."""
    return find_one(session, TrialRecord, _TRIAL_OF, {"the_id": attempt_id})


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
