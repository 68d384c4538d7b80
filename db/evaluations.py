"""Named queries on evaluations and their leases. Each change is one conditional update that names where it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from db.lifecycle import ENDED_EVALUATIONS, EvaluationState, evaluation_sources
from db.records import EvaluationRecord, columns, fetch_all, find_one, select_record
from db.tables import EvaluationRow, StudyRow
from db.types import utc_now

_UPDATE = update(EvaluationRow).returning(*columns(EvaluationRecord))


def insert_evaluation(session: Session, values: Mapping[str, Any]) -> EvaluationRecord:
    """Store an evaluation that waits, and return it.

    Raises:
        IntegrityError: The same was asked for before, and did not fail.
    """
    statement = insert(EvaluationRow).values(values).returning(*columns(EvaluationRecord))
    found = find_one(session, EvaluationRecord, statement)
    assert found is not None
    return found


def find_evaluation(session: Session, evaluation_id: int) -> EvaluationRecord | None:
    """Return an evaluation of a study that is not deleted."""
    statement = (
        select_record(EvaluationRecord)
        .join(StudyRow, StudyRow.id == EvaluationRow.study_id)
        .where(EvaluationRow.id == evaluation_id, StudyRow.deleted_at.is_(None))
    )
    return find_one(session, EvaluationRecord, statement)


def find_same(session: Session, study_id: int, request_key: str) -> EvaluationRecord | None:
    """Return what was asked for before under the same key, unless it failed."""
    statement = select_record(EvaluationRecord).where(
        EvaluationRow.study_id == study_id,
        EvaluationRow.request_key == request_key,
        EvaluationRow.state != EvaluationState.FAIL,
    )
    return find_one(session, EvaluationRecord, statement)


def find_held(session: Session, evaluation_id: int, token: str) -> EvaluationRecord | None:
    """Return an evaluation whose latest lease has this token, whether it still runs or has ended."""
    statement = select_record(EvaluationRecord).where(
        EvaluationRow.id == evaluation_id, EvaluationRow.lease_token == token, EvaluationRow.n_attempts > 0
    )
    return find_one(session, EvaluationRecord, statement)


def list_evaluations(session: Session, study_id: int) -> list[EvaluationRecord]:
    """Return the evaluations of a study, newest first."""
    statement = select_record(EvaluationRecord).where(EvaluationRow.study_id == study_id)
    return fetch_all(session, EvaluationRecord, statement.order_by(EvaluationRow.id.desc()))


def start_oldest(
    session: Session, queues: Sequence[str], *, worker_id: int, token: str, lease_s: float
) -> EvaluationRecord | None:
    """Give the oldest waiting evaluation of `queues` to a worker, with a lease; None where none waits."""
    waiting = (
        select(EvaluationRow.id)
        .join(StudyRow, StudyRow.id == EvaluationRow.study_id)
        .where(
            EvaluationRow.state == EvaluationState.WAITING, StudyRow.queue.in_(queues), StudyRow.deleted_at.is_(None)
        )
        .order_by(EvaluationRow.id)
        .limit(1)
        .with_for_update(of=EvaluationRow, skip_locked=True)
    )
    target = EvaluationState.RUNNING
    statement = _UPDATE.where(
        EvaluationRow.id == waiting.correlate(None).scalar_subquery(),
        EvaluationRow.state.in_(evaluation_sources(target)),
    ).values(
        state=target,
        worker_id=worker_id,
        lease_token=token,
        lease_expires_at=utc_now(lease_s),
        n_attempts=EvaluationRow.n_attempts + 1,
        started_at=func.coalesce(EvaluationRow.started_at, utc_now()),
    )
    return find_one(session, EvaluationRecord, statement)


def renew(
    session: Session, evaluation_id: int, token: str, lease_s: float, progress: Mapping[str, Any]
) -> EvaluationRecord | None:
    """Renew a lease and note how far the work is; None if the lease is lost.

    Args:
        session: Open transaction.
        evaluation_id: The evaluation.
        token: Of the lease.
        lease_s: Seconds from now.
        progress: New values of `n_done`, `n_total` and `note`.
    """
    statement = _UPDATE.where(*_holds(evaluation_id, token)).values(lease_expires_at=utc_now(lease_s), **progress)
    return find_one(session, EvaluationRecord, statement)


def end_evaluation(
    session: Session, evaluation: EvaluationRecord, target: EvaluationState, values: Mapping[str, Any]
) -> EvaluationRecord | None:
    """Move a running evaluation to `target` and return it; None where it ended, or another lease holds it."""
    times = {"finished_at": utc_now()} if target in ENDED_EVALUATIONS else {}
    statement = _UPDATE.where(
        *_holds(evaluation.id, evaluation.lease_token), EvaluationRow.state.in_(evaluation_sources(target))
    ).values(state=target, **values, **times)
    return find_one(session, EvaluationRecord, statement)


def list_expired(session: Session) -> list[EvaluationRecord]:
    """Return running evaluations whose lease ran out by the database's clock."""
    statement = select_record(EvaluationRecord).where(
        EvaluationRow.state == EvaluationState.RUNNING, EvaluationRow.lease_expires_at < utc_now()
    )
    return fetch_all(session, EvaluationRecord, statement.order_by(EvaluationRow.id).limit(1000))


def is_expired(session: Session, evaluation: EvaluationRecord) -> bool:
    """Tell whether the lease has run out by the database's clock; the row is held until the transaction ends."""
    statement = (
        select(EvaluationRow.id)
        .where(*_holds(evaluation.id, evaluation.lease_token), EvaluationRow.lease_expires_at < utc_now())
        .with_for_update()
    )
    return session.execute(statement).one_or_none() is not None


def count_waiting(session: Session) -> dict[str, int]:
    """Return by queue how many evaluations wait for a worker."""
    statement = (
        select(StudyRow.queue, func.count())
        .join(EvaluationRow, EvaluationRow.study_id == StudyRow.id)
        .where(EvaluationRow.state == EvaluationState.WAITING, StudyRow.deleted_at.is_(None))
        .group_by(StudyRow.queue)
    )
    return {row[0]: row[1] for row in session.execute(statement)}


def _holds(evaluation_id: int, token: str) -> tuple[Any, ...]:
    return (
        EvaluationRow.id == evaluation_id,
        EvaluationRow.lease_token == token,
        EvaluationRow.state == EvaluationState.RUNNING,
    )
