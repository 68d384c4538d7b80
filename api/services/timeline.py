"""When each attempt at a study's trials ran, and where."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from api.schemas.timeline import AttemptsQuery, AttemptsRead, TimelineWorker
from api.services.lookup import get_study
from db.timeline import count_attempts, list_stretches, read_clock


def read_attempts(session: Session, ref: str, query: AttemptsQuery) -> AttemptsRead:
    """Return the newest attempts at a study's trials as columns, the oldest of them first.

    Raises:
        NotFound: `study_not_found`.
    """
    study = get_study(session, ref)
    # One more than wanted tells whether there are earlier ones.
    newest = list_stretches(session, study.id, before=query.before, limit=query.limit + 1)
    shown = newest[: query.limit][::-1]
    names = {one.worker_id: one.worker_name or "" for one in shown if one.worker_id is not None}
    return AttemptsRead(
        now_s=_seconds(read_clock(session)),
        n_attempts=count_attempts(session, study.id),
        earlier=shown[0].attempt_id if len(newest) > query.limit else None,
        workers=[TimelineWorker(worker_id=worker_id, name=names[worker_id]) for worker_id in sorted(names)],
        attempt_ids=[one.attempt_id for one in shown],
        trial_numbers=[one.trial_number for one in shown],
        attempt_nos=[one.attempt_no for one in shown],
        states=[one.state for one in shown],
        reasons=[one.reason for one in shown],
        worker_ids=[one.worker_id for one in shown],
        slots=[one.slot for one in shown],
        started_s=[_seconds(one.created_at) for one in shown],
        ended_s=[None if one.ended_at is None else _seconds(one.ended_at) for one in shown],
    )


def _seconds(at: datetime) -> float:
    return round(at.timestamp(), 3)
