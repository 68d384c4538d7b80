"""Named queries on the data sets that people bring, and on looks into any data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.dataset_tables import DatasetLookRow, DatasetRow, DatasetVersionRow
from db.lifecycle import ENDED_STUDIES, StudyState
from db.tables import StudyRow
from db.types import utc_now

VersionState = Literal["preparing", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class DatasetRecord:
    """One row of `dataset`."""

    id: int
    name: str
    title: str
    owner: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One row of `dataset_version`, without its profile and its lease: `find_profile` reads the former."""

    id: int
    dataset_id: int
    version: int
    state: VersionState
    raw_sha256: str
    n_raw_bytes: int
    filename: str
    format: str
    options: Mapping[str, Any]
    created_by: str
    created_at: datetime
    ended_at: datetime | None
    sha256: str | None
    file_sha256: str | None
    n_bytes: int | None
    facts: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    reference: str | None


@dataclass(frozen=True, slots=True)
class Use:
    """A study that is not deleted, and what it says in `dataset`."""

    study_id: int
    name: str
    state: StudyState
    dataset: str


_DATASET = select(*(getattr(DatasetRow, one.name) for one in fields(DatasetRecord)))
_VERSION = select(*(getattr(DatasetVersionRow, one.name) for one in fields(VersionRecord)))
_NAMED = StudyRow.spec["dataset"].as_string()


def list_datasets(session: Session) -> list[DatasetRecord]:
    """Return every data set that somebody brought, by name."""
    return [DatasetRecord(*row) for row in session.execute(_DATASET.order_by(DatasetRow.name))]


def find_dataset(session: Session, name: str) -> DatasetRecord | None:
    """Return a data set that somebody brought."""
    row = session.execute(_DATASET.where(DatasetRow.name == name)).one_or_none()
    return None if row is None else DatasetRecord(*row)


def find_name(session: Session, dataset_id: int) -> str:
    """Return the name of a data set that is there."""
    found: str = session.execute(select(DatasetRow.name).where(DatasetRow.id == dataset_id)).scalar_one()
    return found


def lock_dataset(session: Session, name: str) -> DatasetRecord | None:
    """Do the same and let nobody else change it or its versions until the transaction ends."""
    row = session.execute(_DATASET.where(DatasetRow.name == name).with_for_update()).one_or_none()
    return None if row is None else DatasetRecord(*row)


def hold_dataset(session: Session, name: str) -> DatasetRecord | None:
    """Do the same, where others may do so too: nobody deletes it until the transaction ends."""
    row = session.execute(_DATASET.where(DatasetRow.name == name).with_for_update(read=True)).one_or_none()
    return None if row is None else DatasetRecord(*row)


def ensure_dataset(session: Session, name: str, title: str, owner: str) -> None:
    """Store a name, unless it is there."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    values = {"name": name, "title": title, "owner": owner}
    statement: Any = (sqlite.insert if is_sqlite else postgresql.insert)(DatasetRow).values(values)
    session.execute(statement.on_conflict_do_nothing(index_elements=["name"]))


def delete_dataset(session: Session, dataset_id: int) -> None:
    """Delete a data set with its versions and the uploads that became them."""
    session.execute(delete(DatasetRow).where(DatasetRow.id == dataset_id))


def list_versions(session: Session, dataset_id: int | None = None) -> list[VersionRecord]:
    """Return the versions of a data set, or of all, the newest first."""
    statement = _VERSION.order_by(DatasetVersionRow.dataset_id, DatasetVersionRow.version.desc())
    if dataset_id is not None:
        statement = statement.where(DatasetVersionRow.dataset_id == dataset_id)
    return [VersionRecord(*row) for row in session.execute(statement)]


def find_version(session: Session, version_id: int) -> VersionRecord | None:
    """Return a version by id."""
    row = session.execute(_VERSION.where(DatasetVersionRow.id == version_id)).one_or_none()
    return None if row is None else VersionRecord(*row)


def find_same(session: Session, dataset_id: int, request_key: str) -> VersionRecord | None:
    """Return the version that was made of the same bytes in the same way."""
    is_same = (DatasetVersionRow.dataset_id == dataset_id, DatasetVersionRow.request_key == request_key)
    row = session.execute(_VERSION.where(*is_same)).one_or_none()
    return None if row is None else VersionRecord(*row)


def find_by_content(session: Session, sha256: str) -> VersionRecord | None:
    """Return one of the versions whose prepared content is this."""
    row = session.execute(_VERSION.where(DatasetVersionRow.sha256 == sha256).limit(1)).one_or_none()
    return None if row is None else VersionRecord(*row)


def insert_version(session: Session, dataset_id: int, values: Mapping[str, Any]) -> VersionRecord:
    """Store a version to be prepared, under the next number of its data set, whose row the caller has locked."""
    newest = select(func.max(DatasetVersionRow.version)).where(DatasetVersionRow.dataset_id == dataset_id)
    version = (session.execute(newest).scalar_one() or 0) + 1
    row = {**values, "dataset_id": dataset_id, "version": version, "state": "preparing"}
    version_id = session.execute(insert(DatasetVersionRow).values(row).returning(DatasetVersionRow.id)).scalar_one()
    made = find_version(session, version_id)
    assert made is not None
    return made


def prepare_again(session: Session, version_id: int, reference: str | None) -> bool:
    """Let a version that failed be prepared once more, of bytes that are here or there; False where it did not fail."""
    values: dict[str, Any] = {"state": "preparing", "error": None, "ended_at": None, "n_attempts": 0}
    values |= {"reference": reference, "lease_expires_at": None}  # the lease of the try that failed
    return _change(session, version_id, "failed", values)


def find_profile(session: Session, version_id: int) -> Mapping[str, Any] | None:
    """Return what is known of a version's columns and classes; None before it is ready."""
    statement = select(DatasetVersionRow.profile).where(DatasetVersionRow.id == version_id)
    found: Mapping[str, Any] | None = session.execute(statement).scalar_one_or_none()
    return found


def is_raw_used(session: Session, raw_sha256: str) -> bool:
    """Tell whether a version was made of these bytes."""
    return _exists(session, DatasetVersionRow.raw_sha256 == raw_sha256)


def is_file_used(session: Session, file_sha256: str) -> bool:
    """Tell whether a version's prepared content lies in this file."""
    return _exists(session, DatasetVersionRow.file_sha256 == file_sha256)


def start_preparing(session: Session, token: str, lease_s: float) -> tuple[VersionRecord, int] | None:
    """Lease the oldest version that nobody prepares, and tell how often that was tried before."""
    is_free = or_(DatasetVersionRow.lease_expires_at.is_(None), DatasetVersionRow.lease_expires_at < utc_now())
    oldest = (
        select(DatasetVersionRow.id)
        .where(DatasetVersionRow.state == "preparing", is_free)
        .order_by(DatasetVersionRow.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(DatasetVersionRow)
        .where(DatasetVersionRow.id == oldest.scalar_subquery())
        .values(lease_token=token, lease_expires_at=utc_now(lease_s), n_attempts=DatasetVersionRow.n_attempts + 1)
        .returning(DatasetVersionRow.id, DatasetVersionRow.n_attempts)
    )
    row = session.execute(statement).one_or_none()
    if row is None:
        return None
    version = find_version(session, row[0])
    assert version is not None
    return version, row[1] - 1


def renew_preparing(session: Session, version_id: int, token: str, lease_s: float) -> bool:
    """Keep a lease; False where the version is gone or another's."""
    return _change(session, version_id, "preparing", {"lease_expires_at": utc_now(lease_s)}, token)


def end_preparing(session: Session, version_id: int, token: str, values: Mapping[str, Any]) -> bool:
    """Store what came of a version under its lease; False where the version is gone or another's."""
    return _change(session, version_id, "preparing", {**values, "ended_at": utc_now(), "lease_token": None}, token)


def release(session: Session, version_id: int, token: str) -> bool:
    """Give a lease back, as if it had never been."""
    tried = DatasetVersionRow.n_attempts - 1
    return _change(session, version_id, "preparing", {"lease_expires_at": None, "n_attempts": tried}, token)


def find_look(session: Session, sha256: str) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
    """Return profile and preview of prepared content."""
    statement = select(DatasetLookRow.profile, DatasetLookRow.preview).where(DatasetLookRow.sha256 == sha256)
    row = session.execute(statement).one_or_none()
    return None if row is None else (row[0], row[1])


def store_look(session: Session, sha256: str, profile: Mapping[str, Any], preview: Mapping[str, Any]) -> None:
    """Keep a look; the newest replaces one that is there."""
    is_sqlite = session.get_bind().dialect.name == "sqlite"
    values = {"sha256": sha256, "profile": profile, "preview": preview}
    statement: Any = (sqlite.insert if is_sqlite else postgresql.insert)(DatasetLookRow).values(values)
    replaced = {"profile": profile, "preview": preview}
    session.execute(statement.on_conflict_do_update(index_elements=["sha256"], set_=replaced))


def drop_look(session: Session, sha256: str) -> None:
    """Forget a look."""
    session.execute(delete(DatasetLookRow).where(DatasetLookRow.sha256 == sha256))


def count_uses(session: Session) -> dict[str, int]:
    """Return how many studies that are not deleted name each data set, by what stands in their `dataset`."""
    statement = select(_NAMED, func.count()).where(StudyRow.deleted_at.is_(None)).group_by(_NAMED)
    return {name: n for name, n in session.execute(statement) if name}


def list_uses(session: Session, name: str, limit: int, *, live: bool = False) -> Sequence[Use]:
    """Return studies that use any version of a data set, the newest first; `live`: only those that have not ended."""
    is_version = _NAMED.startswith(f"{name}@", autoescape=True)
    statement = (
        select(StudyRow.id, StudyRow.name, StudyRow.state, _NAMED)
        .where(StudyRow.deleted_at.is_(None), or_(_NAMED == name, is_version))
        .order_by(StudyRow.id.desc())
        .limit(limit)
    )
    if live:
        statement = statement.where(StudyRow.state.not_in(sorted(ENDED_STUDIES)))
    return [Use(row[0], row[1], StudyState(row[2]), row[3]) for row in session.execute(statement)]


def _change(session: Session, version_id: int, state: str, values: Mapping[str, Any], token: str | None = None) -> bool:
    conditions = [DatasetVersionRow.id == version_id, DatasetVersionRow.state == state]
    if token is not None:
        conditions.append(DatasetVersionRow.lease_token == token)
    statement = update(DatasetVersionRow).where(*conditions).values(**values).returning(DatasetVersionRow.id)
    return session.execute(statement).one_or_none() is not None


def _exists(session: Session, condition: Any) -> bool:
    return session.execute(select(DatasetVersionRow.id).where(condition).limit(1)).first() is not None
