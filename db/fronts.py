"""Named queries on the outcomes of a study with several objectives."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import not_, select
from sqlalchemy.orm import Session

from db.lifecycle import TrialState
from db.records import TrialRecord, fetch_all, select_record
from db.tables import TrialRow
from db.types import decode_float, has_violation


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a trial achieved: one finite number an objective."""

    trial_id: int
    values: tuple[float, ...]


def list_outcomes(session: Session, study_id: int, metrics: Sequence[str]) -> list[Outcome]:
    """Return the outcomes of the finished trials with a finite value of every objective and no violation, by number.

    Args:
        session: Open transaction.
        study_id: The study.
        metrics: The objectives' names.
    """
    statement = (
        select(TrialRow.id, TrialRow.values)
        .where(
            TrialRow.study_id == study_id,
            TrialRow.state == TrialState.COMPLETE,
            TrialRow.value.is_not(None),
            TrialRow.confirms.is_(None),
            not_(has_violation(TrialRow.outcome_constraints)),
        )
        .order_by(TrialRow.number)
    )
    found = [
        Outcome(trial_id, tuple(decode_float(values.get(name, "NaN")) for name in metrics))
        for trial_id, values in session.execute(statement)
    ]
    return [one for one in found if all(math.isfinite(value) for value in one.values)]


def list_by_id(session: Session, ids: Collection[int]) -> dict[int, TrialRecord]:
    """Return trials by their ids."""
    if not ids:
        return {}
    statement = select_record(TrialRecord).where(TrialRow.id.in_(ids))
    return {trial.id: trial for trial in fetch_all(session, TrialRecord, statement)}
