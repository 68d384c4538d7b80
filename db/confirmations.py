"""Named queries on the trials that train a study's best again before it names a winner."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from db.records import TrialRecord, fetch_all, select_record
from db.tables import ArtifactRow, StudyRow, TrialRow


def list_confirmations(session: Session, study_id: int) -> list[TrialRecord]:
    """Return the trials of a study that confirm others, by number."""
    statement = (
        select_record(TrialRecord)
        .where(TrialRow.study_id == study_id, TrialRow.confirms.is_not(None))
        .order_by(TrialRow.number)
    )
    return fetch_all(session, TrialRecord, statement)


def list_by_number(session: Session, study_id: int, numbers: Collection[int]) -> list[TrialRecord]:
    """Return trials of a study by their numbers, the lowest first."""
    statement = (
        select_record(TrialRecord)
        .where(TrialRow.study_id == study_id, TrialRow.number.in_(numbers))
        .order_by(TrialRow.number)
    )
    return fetch_all(session, TrialRecord, statement)


def count_confirmations(session: Session, study_id: int, n_more: int) -> None:
    """Note that `n_more` of a study's numbers were taken by trials that its budget does not count."""
    statement = update(StudyRow).where(StudyRow.id == study_id)
    session.execute(statement.values(n_confirmations=StudyRow.n_confirmations + n_more, rev=StudyRow.rev + 1))


def with_network(session: Session, trial_ids: Collection[int]) -> set[int]:
    """Return the ids of those trials that stored a network."""
    statement = select(ArtifactRow.trial_id).where(ArtifactRow.trial_id.in_(trial_ids), ArtifactRow.kind == "network")
    return set(session.execute(statement).scalars())
