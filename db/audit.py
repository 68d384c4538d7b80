"""Named queries on what people did."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, insert, select
from sqlalchemy.orm import Session

from db.access_tables import AuditRow
from db.types import utc_now

DONE = "done"


@dataclass(frozen=True, slots=True)
class NewEntry:
    """Something to remember. `n` is how often it happened, `result` `done` or the code of a refusal."""

    who: str
    role: str
    address: str
    action: str
    target: str
    study_id: int | None = None
    trial_id: int | None = None
    result: str = DONE
    n: int = 1


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One row of `audit`."""

    id: int
    at: datetime
    who: str
    role: str
    address: str
    action: str
    target: str
    study_id: int | None
    trial_id: int | None
    result: str
    n: int


@dataclass(frozen=True, slots=True)
class AuditChoice:
    """Which entries are wanted; None and empty text choose nothing. `action` and `target` are parts, case ignored."""

    who: str = ""
    action: str = ""
    target: str = ""
    study_id: int | None = None
    is_refused: bool | None = None
    since: datetime | None = None
    until: datetime | None = None


_ROW = AuditRow
_KNOWN = select(
    *(_ROW.id, _ROW.at, _ROW.who, _ROW.role, _ROW.address, _ROW.action, _ROW.target),
    *(_ROW.study_id, _ROW.trial_id, _ROW.result, _ROW.n),
)


def insert_entries(session: Session, entries: Iterable[NewEntry]) -> None:
    """Store entries; the database says when."""
    rows = [asdict(entry) for entry in entries]
    if rows:
        session.execute(insert(_ROW), rows)


def list_entries(session: Session, choice: AuditChoice, before_id: int | None, limit: int) -> list[AuditRecord]:
    """Return at most `limit` entries, the newest first, older than the one with `before_id` where that is given."""
    statement = _KNOWN.where(*_conditions(choice)).order_by(_ROW.id.desc()).limit(limit)
    if before_id is not None:
        statement = statement.where(_ROW.id < before_id)
    return [AuditRecord(*row) for row in session.execute(statement)]


def drop_old_entries(session: Session, older_than_s: float) -> None:
    """Delete entries older than `older_than_s` seconds."""
    session.execute(delete(_ROW).where(_ROW.at < utc_now(-older_than_s)))


def _conditions(choice: AuditChoice) -> Iterator[ColumnElement[bool]]:
    if choice.who:
        yield _ROW.who == choice.who
    if choice.action:
        yield _ROW.action.icontains(choice.action, autoescape=True)
    if choice.target:
        yield _ROW.target.icontains(choice.target, autoescape=True)
    if choice.study_id is not None:
        yield _ROW.study_id == choice.study_id
    if choice.is_refused is not None:
        yield _ROW.result != DONE if choice.is_refused else _ROW.result == DONE
    if choice.since is not None:
        yield _ROW.at >= choice.since
    if choice.until is not None:
        yield _ROW.at < choice.until
