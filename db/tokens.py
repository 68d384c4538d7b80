"""Named queries on credentials."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, or_, select, update
from sqlalchemy.orm import Session

from db.tables import ApiTokenRow
from db.types import utc_now


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """One row of `api_token`, without the hash."""

    id: int
    name: str
    role: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


_ROW = ApiTokenRow
_KNOWN = select(_ROW.id, _ROW.name, _ROW.role, _ROW.created_at, _ROW.expires_at, _ROW.revoked_at)


def hash_token(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def insert_token(session: Session, *, name: str, role: str, token: str, expires_in_s: float | None) -> int:
    """Store a token's hash and return the row's id."""
    expires_at = None if expires_in_s is None else utc_now(expires_in_s)
    values = {"name": name, "role": role, "sha256": hash_token(token)}
    statement = insert(ApiTokenRow).values(**values, expires_at=expires_at).returning(ApiTokenRow.id)
    return session.execute(statement).scalar_one()


def find_holder(session: Session, sha256: str) -> tuple[str, str] | None:
    """Return name and role of the token with this hash, if it is stored, not revoked and not expired."""
    statement = select(ApiTokenRow.name, ApiTokenRow.role).where(
        ApiTokenRow.sha256 == sha256,
        ApiTokenRow.revoked_at.is_(None),
        or_(ApiTokenRow.expires_at.is_(None), ApiTokenRow.expires_at > utc_now()),
    )
    found = session.execute(statement).one_or_none()
    return None if found is None else (found[0], found[1])


def find_expiry(session: Session, sha256: str) -> datetime | None:
    """Return when the token with this hash expires; None for one that never does, and for one that is not stored."""
    return session.execute(select(_ROW.expires_at).where(_ROW.sha256 == sha256)).scalar_one_or_none()


def find_token(session: Session, token_id: int) -> TokenRecord | None:
    """Return what is known of a token."""
    row = session.execute(_KNOWN.where(ApiTokenRow.id == token_id)).one_or_none()
    return None if row is None else TokenRecord(*row)


def list_tokens(session: Session) -> list[TokenRecord]:
    """Return every token, revoked and expired ones too, the newest first."""
    return [TokenRecord(*row) for row in session.execute(_KNOWN.order_by(ApiTokenRow.id.desc()))]


def revoke_token(session: Session, token_id: int) -> bool:
    """Make a token worthless. Returns False if there is no such token in force."""
    statement = (
        update(ApiTokenRow)
        .where(ApiTokenRow.id == token_id, ApiTokenRow.revoked_at.is_(None))
        .values(revoked_at=utc_now())
        .returning(ApiTokenRow.id)
    )
    return session.execute(statement).one_or_none() is not None
