"""Log lines and artifacts of trials."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.records import ArtifactRecord, fetch_all, find_one, select_record
from db.tables import ArtifactRow, LogLineRow, StudyRow, TrialRow, UnnamedArtifactRow
from db.types import utc_now


@dataclass(frozen=True, slots=True)
class Line:
    """One line that a trial wrote."""

    id: int
    attempt_no: int
    stream: str
    at: datetime
    text: str


def store_lines(session: Session, trial_id: int, attempt_no: int, lines: Sequence[Mapping[str, Any]]) -> None:
    """Store log lines (`stream`, `at`, `text`) in their order."""
    if lines:
        rows = [{"trial_id": trial_id, "attempt_no": attempt_no, **line} for line in lines]
        session.execute(insert(LogLineRow), rows)


def list_lines(session: Session, trial_id: int, after_id: int, limit: int, *, containing: str = "") -> list[Line]:
    """Return a trial's lines after line `after_id`, oldest first.

    Args:
        session: Open transaction.
        trial_id: The trial.
        after_id: Id of the last line that is known; 0 for none.
        limit: At most so many.
        containing: Only lines that hold this text. The case of letters does not matter; SQLite knows only that of
            the English ones.
    """
    statement = (
        select(LogLineRow.id, LogLineRow.attempt_no, LogLineRow.stream, LogLineRow.at, LogLineRow.text)
        .where(LogLineRow.trial_id == trial_id, LogLineRow.id > after_id)
        .order_by(LogLineRow.id)
        .limit(limit)
    )
    if containing:
        statement = statement.where(LogLineRow.text.icontains(containing, autoescape=True))
    return [Line(*row) for row in session.execute(statement)]


def list_ended(session: Session, behind_id: int, older_than_s: float, limit: int) -> list[int]:
    """Return ids of trials that ended so many seconds ago or more, in the order of their ids behind `behind_id`."""
    statement = select(TrialRow.id).where(TrialRow.id > behind_id, TrialRow.finished_at < utc_now(-older_than_s))
    return list(session.execute(statement.order_by(TrialRow.id).limit(limit)).scalars())


def find_lines(session: Session, trial_ids: Collection[int], limit: int) -> list[int]:
    """Return ids of lines that some trials wrote, at most `limit`."""
    statement = select(LogLineRow.id).where(LogLineRow.trial_id.in_(trial_ids)).limit(limit)
    return list(session.execute(statement).scalars())


def drop_lines(session: Session, ids: Collection[int]) -> None:
    """Delete log lines."""
    session.execute(delete(LogLineRow).where(LogLineRow.id.in_(ids)))


def store_artifact(session: Session, values: Mapping[str, Any]) -> int:
    """Store an artifact, or replace the trial's artifact of the same name, and return its id.

    Effects: Notes the bytes of the one that was replaced.
    """
    before = select(ArtifactRow.sha256).where(
        ArtifactRow.trial_id == values["trial_id"], ArtifactRow.name == values["name"]
    )
    note_unnamed(session, set(session.execute(before).scalars()) - {values["sha256"]})
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    statement: Any = (sqlite.insert if is_sqlite else postgresql.insert)(ArtifactRow).values(values)
    replaced = {key: value for key, value in values.items() if key not in {"trial_id", "name"}}
    statement = statement.on_conflict_do_update(index_elements=["trial_id", "name"], set_=replaced)
    artifact_id: int = session.execute(statement.returning(ArtifactRow.id)).scalar_one()
    return artifact_id


def list_artifacts(session: Session, trial_id: int) -> list[ArtifactRecord]:
    """Return a trial's artifacts by name."""
    statement = select_record(ArtifactRecord).where(ArtifactRow.trial_id == trial_id).order_by(ArtifactRow.name)
    return fetch_all(session, ArtifactRecord, statement)


def list_networks(session: Session, trial_ids: Collection[int]) -> dict[int, list[ArtifactRecord]]:
    """Return the network files of some trials, by trial and in the order of their names."""
    statement = (
        select_record(ArtifactRecord)
        .where(ArtifactRow.trial_id.in_(trial_ids), ArtifactRow.kind == "network")
        .order_by(ArtifactRow.trial_id, ArtifactRow.name)
    )
    found: dict[int, list[ArtifactRecord]] = {trial_id: [] for trial_id in trial_ids}
    for artifact in fetch_all(session, ArtifactRecord, statement):
        found[artifact.trial_id].append(artifact)
    return found


def find_artifact(session: Session, artifact_id: int) -> ArtifactRecord | None:
    """Return an artifact of a study that is not deleted."""
    statement = (
        select_record(ArtifactRecord)
        .join(TrialRow, TrialRow.id == ArtifactRow.trial_id)
        .join(StudyRow, StudyRow.id == TrialRow.study_id)
        .where(ArtifactRow.id == artifact_id, StudyRow.deleted_at.is_(None))
    )
    return find_one(session, ArtifactRecord, statement)


def find_checkpoint(session: Session, trial_id: int) -> ArtifactRecord | None:
    """Return the checkpoint from which a trial would resume."""
    statement = (
        select_record(ArtifactRecord)
        .where(ArtifactRow.trial_id == trial_id, ArtifactRow.kind == "checkpoint")
        .order_by(ArtifactRow.step.desc())
        .limit(1)
    )
    return find_one(session, ArtifactRecord, statement)


def note_unnamed(session: Session, hashes: Collection[str]) -> None:
    """Note bytes in the artifact store that perhaps nothing names any more, to be looked at later."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    for sha256 in sorted(hashes):  # in one order, so that two that note the same cannot deadlock
        adding: Any = (sqlite.insert if is_sqlite else postgresql.insert)(UnnamedArtifactRow).values(sha256=sha256)
        session.execute(adding.on_conflict_do_update(index_elements=["sha256"], set_={"since": utc_now()}))


def list_unnamed(session: Session, older_than_s: float, limit: int) -> dict[str, bool]:
    """Return bytes that were noted so long ago, the oldest first, and of each whether something names it after all."""
    found, named = UnnamedArtifactRow, ArtifactRow
    is_named = select(named.id).where(named.sha256 == found.sha256).exists()
    statement = select(found.sha256, is_named).where(found.since < utc_now(-older_than_s))
    rows = session.execute(statement.order_by(found.since, found.sha256).limit(limit))
    return {sha256: bool(named) for sha256, named in rows}


def forget_unnamed(session: Session, hashes: Collection[str], older_than_s: float) -> None:
    """Forget what was noted so long ago; what was noted again meanwhile stays."""
    found = UnnamedArtifactRow
    session.execute(delete(found).where(found.sha256.in_(hashes), found.since < utc_now(-older_than_s)))
