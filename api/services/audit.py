"""The audit log: read, kept up and cleared away."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from sqlalchemy.orm import Session

from api.audit import Refusals
from api.errors import Invalid
from api.schemas.audit import AuditEntry, AuditPage, AuditQuery
from api.services.paging import decode_cursor, encode_cursor
from api.transaction import Ledger
from db import audit


def read_audit(session: Session, query: AuditQuery) -> AuditPage:
    """Return entries, the newest first.

    Raises:
        Invalid: `cursor_malformed`, `time_range`.
    """
    before = decode_cursor(query.cursor, int)
    choice = audit.AuditChoice(
        who=query.who,
        action=query.action,
        target=query.target,
        study_id=query.study_id,
        is_refused=None if query.result is None else query.result == "refused",
        since=_moment(query.since, "since"),
        until=_moment(query.until, "until"),
    )
    found = audit.list_entries(session, choice, None if before is None else before[0], query.limit + 1)
    shown = found[: query.limit]
    next_cursor = encode_cursor(shown[-1].id) if len(found) > len(shown) else None
    return AuditPage(items=[_show(record) for record in shown], next_cursor=next_cursor)


def store_refusals(ledger: Ledger, refusals: Refusals) -> None:
    """Store the refusals that wait."""
    entries = refusals.take()
    if entries:
        with ledger.write() as tx:
            audit.insert_entries(tx.session, entries)


def _moment(value: datetime | None, field: str) -> datetime | None:
    try:
        return None if value is None else value.astimezone(UTC)
    except OverflowError as error:
        message = f"{field} is {value}, which no calendar has in UTC"
        raise Invalid("time_range", message, field, "a time from the year 1 to 9999 in UTC") from error


def _show(record: audit.AuditRecord) -> AuditEntry:
    values = asdict(record)
    return AuditEntry(entry_id=values.pop("id"), **values)
