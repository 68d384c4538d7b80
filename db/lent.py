"""Named queries on trials that other studies lent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert
from sqlalchemy.orm import Session

from db.records import LentRecord, fetch_all, select_record
from db.tables import LentTrialRow

_OF_STUDY = (
    select_record(LentRecord).where(LentTrialRow.study_id == bindparam("the_study")).order_by(LentTrialRow.number)
)


def list_lent(session: Session, study_id: int) -> list[LentRecord]:
    """Return the trials that were lent to a study, by number; they never change."""
    return fetch_all(session, LentRecord, _OF_STUDY, {"the_study": study_id})


def insert_lent(session: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store trials that are lent to a study which nobody else sees yet."""
    if rows:
        session.execute(insert(LentTrialRow), rows)
