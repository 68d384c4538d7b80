"""Named queries on sign-ins of browsers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, delete, insert, select, update
from sqlalchemy.orm import Session

from db.access_tables import BrowserSessionRow
from db.tokens import hash_token
from db.types import utc_now

MAX_OF_A_TOKEN = 50
"""A token's oldest sign-ins end when there are more."""


@dataclass(frozen=True, slots=True)
class NewSession:
    """A sign-in to store. Durations are seconds from now."""

    secret: str
    token_sha256: str
    name: str
    role: str
    address: str
    agent: str
    idle_s: float
    max_s: float


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """One row of `browser_session`, without the hash of its secret."""

    id: int
    token_sha256: str
    name: str
    role: str
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


_ROW = BrowserSessionRow
_KNOWN = select(
    *(_ROW.id, _ROW.token_sha256, _ROW.name, _ROW.role, _ROW.address, _ROW.agent),
    *(_ROW.created_at, _ROW.seen_at, _ROW.expires_at),
)


def insert_session(session: Session, new: NewSession) -> int:
    """Store a sign-in and return its id.

    Effects: deletes sign-ins that are over, and the token's oldest beyond `MAX_OF_A_TOKEN`.
    """
    session.execute(delete(_ROW).where(_ROW.expires_at <= utc_now()))
    values = {
        "sha256": hash_token(new.secret),
        "token_sha256": new.token_sha256,
        "name": new.name,
        "role": new.role,
        "address": new.address,
        "agent": new.agent,
        "expires_at": utc_now(min(new.idle_s, new.max_s)),
        "ends_at": utc_now(new.max_s),
    }
    session_id = session.execute(insert(_ROW).values(**values).returning(_ROW.id)).scalar_one()
    kept = select(_ROW.id).where(_ROW.token_sha256 == new.token_sha256).order_by(_ROW.id.desc()).limit(MAX_OF_A_TOKEN)
    surplus = (_ROW.token_sha256 == new.token_sha256, _ROW.id.not_in(kept))
    session.execute(delete(_ROW).where(*surplus))
    return session_id


def find_session(session: Session, secret: str) -> SessionRecord | None:
    """Return the sign-in of a secret, unless it is over."""
    row = session.execute(_KNOWN.where(_ROW.sha256 == hash_token(secret), _ROW.expires_at > utc_now())).one_or_none()
    return None if row is None else SessionRecord(*row)


def is_renewal_due(session: Session, session_id: int, idle_s: float) -> bool:
    """Return whether a tenth of the idle time has passed since the sign-in was renewed: not every request writes."""
    statement = select(_ROW.id).where(_ROW.id == session_id, _ROW.seen_at < utc_now(-idle_s / 10))
    return session.execute(statement).one_or_none() is not None


def renew_session(session: Session, session_id: int, idle_s: float) -> None:
    """Let a sign-in last `idle_s` seconds from now, at most until its end."""
    until = case((_ROW.ends_at < utc_now(idle_s), _ROW.ends_at), else_=utc_now(idle_s))
    session.execute(
        update(_ROW)
        .where(_ROW.id == session_id, _ROW.expires_at > utc_now())
        .values(seen_at=utc_now(), expires_at=until)
    )


def list_sessions(session: Session, token_sha256: str | None) -> list[SessionRecord]:
    """Return the sign-ins that last, the newest first: of one token, or of all where it is None. At most 1,000."""
    statement = _KNOWN.where(_ROW.expires_at > utc_now()).order_by(_ROW.id.desc()).limit(1000)
    if token_sha256 is not None:
        statement = statement.where(_ROW.token_sha256 == token_sha256)
    return [SessionRecord(*row) for row in session.execute(statement)]


def delete_session(session: Session, session_id: int, token_sha256: str | None) -> bool:
    """End a sign-in, of one token or of any where it is None. Returns False if there is no such one."""
    statement = delete(_ROW).where(_ROW.id == session_id, _ROW.expires_at > utc_now())
    if token_sha256 is not None:
        statement = statement.where(_ROW.token_sha256 == token_sha256)
    return session.execute(statement.returning(_ROW.id)).one_or_none() is not None
