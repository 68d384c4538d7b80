"""Named queries that erase deleted studies for good."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import Session

from db.lifecycle import AttemptState
from db.tables import ArtifactRow, AttemptRow, StudyRow, TrialRow
from db.types import utc_now


def list_erasable(session: Session, retention_s: float) -> list[int]:
    """Return ids of studies that were deleted longer than `retention_s` seconds ago and of which nothing runs."""
    running = (
        select(AttemptRow.id)
        .join(TrialRow, TrialRow.id == AttemptRow.trial_id)
        .where(TrialRow.study_id == StudyRow.id, AttemptRow.state == AttemptState.RUNNING)
    )
    statement = select(StudyRow.id).where(_is_over(retention_s), ~running.correlate(StudyRow).exists())
    return list(session.execute(statement.order_by(StudyRow.deleted_at)).scalars())


def is_over(session: Session, study_id: int, retention_s: float) -> bool:
    """Tell whether a study was deleted so long ago that it may be erased in part already."""
    statement = select(StudyRow.id).where(StudyRow.id == study_id, _is_over(retention_s))
    return session.execute(statement).one_or_none() is not None


def erase_trials(session: Session, study_id: int, limit: int) -> tuple[int, set[str]]:
    """Erase some trials of a study, with all that belongs to them.

    Returns:
        How many they were, and the hashes of their artifacts that nothing names any more.
    """
    chosen = select(TrialRow.id).where(TrialRow.study_id == study_id).order_by(TrialRow.number.desc()).limit(limit)
    ids = list(session.execute(chosen).scalars())
    named = set(session.execute(select(ArtifactRow.sha256).where(ArtifactRow.trial_id.in_(ids))).scalars())
    session.execute(delete(TrialRow).where(TrialRow.id.in_(ids)))
    return len(ids), named - _named(session, named)


def erase_study(session: Session, study_id: int) -> None:
    """Erase a study, with all that belongs to it."""
    session.execute(delete(StudyRow).where(StudyRow.id == study_id, StudyRow.deleted_at.is_not(None)))


def _is_over(retention_s: float) -> ColumnElement[bool]:
    return StudyRow.deleted_at < utc_now(-retention_s)


def _named(session: Session, hashes: Collection[str]) -> set[str]:
    found = session.execute(select(ArtifactRow.sha256).where(ArtifactRow.sha256.in_(hashes)))
    return set(found.scalars())
