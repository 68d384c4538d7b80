"""Named queries on the changes of studies' settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import bindparam, insert
from sqlalchemy.orm import Session

from db.records import StudyEditRecord, fetch_all, select_record
from db.tables import StudyEditRow

_OF_STUDY = (
    select_record(StudyEditRecord).where(StudyEditRow.study_id == bindparam("the_study")).order_by(StudyEditRow.edit_no)
)


def list_edits(session: Session, study_id: int) -> list[StudyEditRecord]:
    """Return the changes of a study's settings, oldest first."""
    return fetch_all(session, StudyEditRecord, _OF_STUDY, {"the_study": study_id})


def insert_edit(session: Session, values: Mapping[str, Any]) -> None:
    """Store one change of a study's settings. The caller holds the study's lock."""
    session.execute(insert(StudyEditRow).values(**values))
