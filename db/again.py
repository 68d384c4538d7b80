"""Named queries on trials that people asked to run again."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import TrialRow


def list_descendants(session: Session, study_id: int, number: int) -> list[int]:
    """Return the numbers of the trials that run a study's trial `number` again, the lowest first."""
    statement = (
        select(TrialRow.number)
        .where(TrialRow.study_id == study_id, TrialRow.origin.is_not(None), TrialRow.origin == number)
        .order_by(TrialRow.number)
    )
    return list(session.execute(statement).scalars())
