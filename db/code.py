"""Named queries on archives of code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.code_tables import CodeRow
from db.lifecycle import ENDED_STUDIES
from db.tables import StudyRow


@dataclass(frozen=True, slots=True)
class CodeRecord:
    """One row of `code`."""

    sha256: str
    n_bytes: int
    filename: str
    created_by: str
    created_at: datetime


_CODE = select(*(getattr(CodeRow, one.name) for one in fields(CodeRecord)))
_NAMED = StudyRow.spec[("source", "archive")].as_string()


def insert_code(session: Session, values: Mapping[str, Any]) -> None:
    """Store an archive, unless it is there."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    statement: Any = (sqlite.insert if is_sqlite else postgresql.insert)(CodeRow).values(dict(values))
    session.execute(statement.on_conflict_do_nothing(index_elements=["sha256"]))


def find_code(session: Session, sha256: str) -> CodeRecord | None:
    """Return an archive."""
    row = session.execute(_CODE.where(CodeRow.sha256 == sha256)).one_or_none()
    return None if row is None else CodeRecord(*row)


def lock_code(session: Session, sha256: str, *, shared: bool) -> CodeRecord | None:
    """Return an archive that stays as it is until the transaction ends; `shared`: others may hold it so, too."""
    row = session.execute(_CODE.where(CodeRow.sha256 == sha256).with_for_update(read=shared)).one_or_none()
    return None if row is None else CodeRecord(*row)


def list_code(session: Session, limit: int) -> list[CodeRecord]:
    """Return archives, the newest first."""
    ordered = _CODE.order_by(CodeRow.created_at.desc(), CodeRow.sha256).limit(limit)
    return [CodeRecord(*row) for row in session.execute(ordered)]


def delete_code(session: Session, sha256: str) -> None:
    """Forget an archive."""
    session.execute(delete(CodeRow).where(CodeRow.sha256 == sha256))


def count_uses(session: Session) -> dict[str, int]:
    """Return how many studies that are not deleted run each archive."""
    statement = select(_NAMED, func.count()).where(StudyRow.deleted_at.is_(None), _NAMED.is_not(None)).group_by(_NAMED)
    return {sha256: n for sha256, n in session.execute(statement) if sha256}


def list_uses(session: Session, sha256: str, limit: int) -> list[str]:
    """Return the names of studies that run an archive and have not ended, the newest first."""
    statement = (
        select(StudyRow.name)
        .where(StudyRow.deleted_at.is_(None), _NAMED == sha256, StudyRow.state.not_in(sorted(ENDED_STUDIES)))
        .order_by(StudyRow.id.desc())
        .limit(limit)
    )
    return list(session.execute(statement).scalars())
