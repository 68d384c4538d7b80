"""Named queries for budgets: how long slots were held for a study, and how long ago its best trial ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, func, not_, select
from sqlalchemy.orm import Session

from db.lifecycle import TrialState
from db.tables import AttemptRow, TrialRow, WorkerRow
from db.types import UtcDateTime, has_violation, utc_now

_HELD = (
    select(
        AttemptRow.id,
        AttemptRow.worker_id,
        AttemptRow.slot,
        WorkerRow.queues,
        AttemptRow.created_at,
        func.coalesce(AttemptRow.ended_at, utc_now(), type_=UtcDateTime()),
    )
    .join(TrialRow, TrialRow.id == AttemptRow.trial_id)
    .outerjoin(WorkerRow, WorkerRow.id == AttemptRow.worker_id)
    .where(TrialRow.study_id == bindparam("the_study"))
    .order_by(AttemptRow.created_at)
)


@dataclass(frozen=True, slots=True)
class Holding:
    """A stretch of time for which an attempt held a slot, up to now where it still does.

    `place` is the same for attempts that train together in one slot; one that named no slot has a place of its own.
    """

    place: tuple[int | None, int]
    queues: Sequence[str]
    start: datetime
    end: datetime


def list_holdings(session: Session, study_id: int) -> list[Holding]:
    """Return what each attempt of a study held, in the order in which they began."""
    rows = session.execute(_HELD, {"the_study": study_id})
    return [
        Holding((worker_id, -attempt_id if slot is None else slot), queues or (), start, end)
        for attempt_id, worker_id, slot, queues, start, end in rows
    ]


def count_since_best(session: Session, study_id: int, direction: str) -> int:
    """Count the trials that ended COMPLETE or PRUNED since the best of the study did; all while there is no best.

    Trials that confirm others are neither counted nor the best. Of
    equal values the one that came first is the best: the others were no improvement.
    """
    best = session.execute(_best_rev(direction), {"the_study": study_id}).scalar_one_or_none()
    counted = select(func.count()).where(
        TrialRow.study_id == study_id,
        TrialRow.confirms.is_(None),
        TrialRow.state.in_((TrialState.COMPLETE, TrialState.PRUNED)),
        TrialRow.finished_rev > (-1 if best is None else best),
    )
    n: int = session.execute(counted).scalar_one()
    return n


@cache
def _best_rev(direction: str) -> Select[Any]:
    order = TrialRow.value.desc() if direction == "maximize" else TrialRow.value.asc()
    return (
        select(TrialRow.finished_rev)
        .where(
            TrialRow.study_id == bindparam("the_study"),
            TrialRow.state == TrialState.COMPLETE,
            TrialRow.value.is_not(None),
            TrialRow.confirms.is_(None),
            not_(has_violation(TrialRow.outcome_constraints)),
        )
        .order_by(order, TrialRow.finished_rev)
        .limit(1)
    )
