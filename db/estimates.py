"""Named queries on how long trials of a network on a data set held their slots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.budgets import Holding
from db.lifecycle import TrialState
from db.records import StudyRecord, fetch_all, select_record
from db.tables import AttemptRow, StudyRow, TrialRow, WorkerRow
from db.types import UtcDateTime, utc_now

_TRAINED = (
    TrialRow.state.in_((TrialState.COMPLETE, TrialState.PRUNED)),
    TrialRow.reused_from.is_(None),
)


@dataclass(frozen=True, slots=True)
class Trained:
    """What the newest finished trials of a study took: how many they were, and which slots they held."""

    n_trials: int
    holdings: Sequence[Holding]


def list_similar(session: Session, model: str, dataset: str, queue: str, limit: int) -> list[StudyRecord]:
    """Return studies on a queue with the same network and data that have finished trials of workers, newest first."""
    has_trained = (
        select(TrialRow.id)
        .join(AttemptRow, AttemptRow.trial_id == TrialRow.id)
        .where(TrialRow.study_id == StudyRow.id, *_TRAINED)
        .exists()
    )
    statement = (
        select_record(StudyRecord)
        .where(StudyRow.deleted_at.is_(None), StudyRow.kind == "native", StudyRow.queue == queue)
        .where(StudyRow.spec["model"].as_string() == model, StudyRow.spec["dataset"].as_string() == dataset)
        .where(has_trained)
        .order_by(StudyRow.id.desc())
        .limit(limit)
    )
    return fetch_all(session, StudyRecord, statement)


def read_trained(session: Session, study_id: int, limit: int) -> Trained:
    """Return what the newest trials that finished in a study took, at most `limit` of them."""
    newest = (
        select(TrialRow.id)
        .where(TrialRow.study_id == study_id, TrialRow.finished_rev.is_not(None), *_TRAINED)
        .order_by(TrialRow.finished_rev.desc())
        .limit(limit)
        .subquery()
    )
    rows = session.execute(
        select(
            AttemptRow.trial_id,
            AttemptRow.id,
            AttemptRow.worker_id,
            AttemptRow.slot,
            WorkerRow.queues,
            AttemptRow.created_at,
            func.coalesce(AttemptRow.ended_at, utc_now(), type_=UtcDateTime()),
        )
        .join(newest, newest.c.id == AttemptRow.trial_id)
        .outerjoin(WorkerRow, WorkerRow.id == AttemptRow.worker_id)
    ).all()
    holdings = [
        Holding((worker_id, -attempt_id if slot is None else slot), queues or (), start, end)
        for _, attempt_id, worker_id, slot, queues, start, end in rows
    ]
    return Trained(len({row[0] for row in rows}), holdings)
