"""Tables about who comes in: sign-ins of browsers, and what people did."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.tables import Base
from db.types import BigIntId, UtcDateTime, utc_now


class BrowserSessionRow(Base):
    """A browser that signed in. Of its secret, and of the token it signed in with, only SHA-256 is kept.

    The token decides: a session is worth what its token is worth at that moment, and ends with it.
    """

    __tablename__ = "browser_session"
    __table_args__ = (
        UniqueConstraint("sha256"),
        Index("ix_browser_session_token_sha256_id", "token_sha256", "id"),
    )

    id: Mapped[int] = mapped_column(BigIntId, primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    token_sha256: Mapped[str] = mapped_column(String(64))
    # As they were at the sign-in, for those who read the list.
    name: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(8))
    address: Mapped[str] = mapped_column(String(64))
    agent: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())
    # Moves on while the browser is used, up to `ends_at`, which does not move.
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AuditRow(Base):
    """What somebody did or was refused. It names no rows of other tables by key: it outlives them."""

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_at", "at"),)

    id: Mapped[int] = mapped_column(BigIntId, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=utc_now())
    # Of the token as it was then; empty for somebody unknown.
    who: Mapped[str] = mapped_column(String(100))
    role: Mapped[str] = mapped_column(String(8))
    address: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(120))
    target: Mapped[str] = mapped_column(String(300))
    study_id: Mapped[int | None] = mapped_column(BigInteger)
    trial_id: Mapped[int | None] = mapped_column(BigInteger)
    # `done`, or the code of the refusal.
    result: Mapped[str] = mapped_column(String(64))
    n: Mapped[int] = mapped_column(Integer)
