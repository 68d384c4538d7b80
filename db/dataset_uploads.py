"""Named queries on uploads of data sets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from db.dataset_tables import DatasetUploadRow
from db.types import utc_now


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """One row of `dataset_upload`."""

    id: str
    name: str
    filename: str
    format: str | None
    options: Mapping[str, Any]
    n_bytes: int
    n_received: int
    sha256: str | None
    created_by: str
    created_at: datetime
    touched_at: datetime
    version_id: int | None


_UPLOAD = select(*(getattr(DatasetUploadRow, one.name) for one in fields(UploadRecord)))


def insert_upload(session: Session, values: Mapping[str, Any]) -> None:
    """Store an upload of which nothing is here yet."""
    session.execute(insert(DatasetUploadRow).values(**values))


def find_upload(session: Session, upload_id: str) -> UploadRecord | None:
    """Return an upload."""
    row = session.execute(_UPLOAD.where(DatasetUploadRow.id == upload_id)).one_or_none()
    return None if row is None else UploadRecord(*row)


def count_open(session: Session) -> int:
    """Return how many uploads have not become a version."""
    statement = select(func.count()).where(DatasetUploadRow.version_id.is_(None))
    found: int = session.execute(statement).scalar_one()
    return found


def advance(session: Session, upload_id: str, before: int, after: int) -> bool:
    """Note that bytes are here; False where the upload is not at `before` any more, or over.

    Its row stays locked until the transaction ends.
    """
    statement = (
        update(DatasetUploadRow)
        .where(
            DatasetUploadRow.id == upload_id,
            DatasetUploadRow.n_received == before,
            DatasetUploadRow.version_id.is_(None),
        )
        .values(n_received=after, touched_at=utc_now())
        .returning(DatasetUploadRow.id)
    )
    return session.execute(statement).one_or_none() is not None


def finish_upload(session: Session, upload_id: str, version_id: int) -> None:
    """Note which version an upload became."""
    values = {"version_id": version_id, "touched_at": utc_now()}
    session.execute(update(DatasetUploadRow).where(DatasetUploadRow.id == upload_id).values(**values))


def delete_upload(session: Session, upload_id: str) -> bool:
    """Forget an upload; False where there is none."""
    statement = delete(DatasetUploadRow).where(DatasetUploadRow.id == upload_id).returning(DatasetUploadRow.id)
    return session.execute(statement).one_or_none() is not None


def list_stale(session: Session, older_than_s: float) -> list[str]:
    """Return the uploads that nobody has touched for so long, finished ones too."""
    statement = select(DatasetUploadRow.id).where(DatasetUploadRow.touched_at < utc_now(-older_than_s))
    return list(session.execute(statement).scalars())
