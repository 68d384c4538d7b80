"""The stream of what happened: written with each change, read from a cursor onwards.

A reader must never skip an event. On SQLite one writer at a time makes ids visible in their order. On PostgreSQL ids
are drawn before transactions commit, so id 9 can appear after id 10. There each event carries the id of the
transaction that wrote it, readers take only events of transactions older than every one that still runs, and the
cursor is the pair (transaction, id): whatever commits later lies behind it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic_core import to_json
from sqlalchemy import (
    Insert,
    Integer,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session
from sqlalchemy.types import BigInteger

from db.tables import EventRow
from db.types import utc_now

_STRICT_JSON = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_MAX_DIGITS = 18  # what fits a 64-bit column, whatever the digits


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """A place in the stream; what follows it is new."""

    xid: int
    id: int

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """Read `"xid-id"`; None if it is anything else."""
        xid, dash, event_id = text.partition("-")
        if not dash or not (xid.isdecimal() and event_id.isdecimal()) or max(len(xid), len(event_id)) > _MAX_DIGITS:
            return None
        return cls(int(xid), int(event_id))

    def __str__(self) -> str:
        return f"{self.xid}-{self.id}"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """Something that happened in this transaction. Kinds: study, trial, metrics, logs, worker, evaluation, dataset."""

    kind: str
    payload: Mapping[str, Any]
    study_id: int | None = None
    trial_id: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """A stored event and its place in the stream."""

    cursor: Cursor
    kind: str
    study_id: int | None
    trial_id: int | None
    payload: Mapping[str, Any]


def store_events(session: Session, events: Sequence[NewEvent]) -> None:
    """Append events; readers see them once the transaction commits."""
    if not events:
        return
    rows = [
        {"kind": e.kind, "study_id": e.study_id, "trial_id": e.trial_id, "the_payload": _as_json(e.payload)}
        for e in events
    ]
    session.execute(_storing(_is_sqlite(session)), rows)


def newest_cursor(session: Session) -> Cursor:
    """Return the end of the stream: what follows it is yet to happen or to become visible."""
    statement = select(EventRow.xid, EventRow.id).order_by(EventRow.xid.desc(), EventRow.id.desc()).limit(1)
    row = session.execute(statement.where(_visible(session))).one_or_none()
    return Cursor(0, 0) if row is None else Cursor(*row)


def list_after(session: Session, cursor: Cursor, limit: int, study_id: int | None = None) -> list[Event]:
    """Return events behind `cursor` in order, of all studies or of one (and of no study)."""
    statement = (
        select(EventRow.xid, EventRow.id, EventRow.kind, EventRow.study_id, EventRow.trial_id, EventRow.payload)
        .where(_behind(cursor), _visible(session))
        .order_by(EventRow.xid, EventRow.id)
        .limit(limit)
    )
    if study_id is not None:
        statement = statement.where(EventRow.study_id == study_id)
    return [Event(Cursor(row[0], row[1]), *row[2:]) for row in session.execute(statement)]


def is_kept(session: Session, cursor: Cursor) -> bool:
    """Tell whether everything behind `cursor` is still stored.

    The cursor of an empty stream counts as kept: it is handed out only before the first event of a database, and no
    event's id tells whether there was one before it (a transaction that was rolled back uses ids up, too).
    """
    if cursor == Cursor(0, 0):
        return True
    statement = select(func.count()).where(EventRow.xid == cursor.xid, EventRow.id == cursor.id)
    return session.execute(statement).scalar_one() > 0


def drop_old_events(session: Session, older_than_s: float) -> None:
    """Delete events older than `older_than_s` seconds; the newest one stays, as the mark of where the stream is."""
    newest = select(func.max(EventRow.id)).scalar_subquery()
    session.execute(delete(EventRow).where(EventRow.at < utc_now(-older_than_s), EventRow.id != newest))


@cache
def _storing(is_sqlite: bool) -> Insert:
    xid = literal(0) if is_sqlite else cast(text("pg_current_xact_id()::text"), BigInteger)
    payload = bindparam("the_payload", type_=Text())
    return insert(EventRow).values(xid=xid, payload=payload if is_sqlite else cast(payload, JSONB))


def _as_json(payload: Mapping[str, Any]) -> str:
    """Write a payload as JSON, several times faster than the standard library, which matters for a thousand points.

    Raises:
        ValueError: It holds a number that is not finite.
    """
    written = to_json(payload)
    # The standard library refuses numbers that are not finite; the words may also stand in a text.
    return _STRICT_JSON(payload) if b"NaN" in written or b"Infinity" in written else written.decode()


def _behind(cursor: Cursor) -> Any:
    return or_(EventRow.xid > cursor.xid, and_(EventRow.xid == cursor.xid, EventRow.id > cursor.id))


def _visible(session: Session) -> Any:
    if _is_sqlite(session):
        return type_coerce(literal(1), Integer) == 1
    oldest_running = cast(text("pg_snapshot_xmin(pg_current_snapshot())::text"), BigInteger)
    return EventRow.xid < oldest_running


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"
