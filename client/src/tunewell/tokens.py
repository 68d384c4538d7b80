"""Credentials, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its text.

    Attributes:
        token_id: Its id.
        name: Who or what it is for.
        role: admin, user or worker.
        created_at: When it was made.
        expires_at: None: never.
        revoked_at: None: it is not.
    """

    token_id: int
    name: str
    role: str
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def state_at(self, now: datetime) -> str:
        """Say whether it is `valid`, `expired` or `revoked` at a moment."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "valid"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken(Token):
    """A token that was just made.

    Attributes:
        token: Its text, which the server does not keep. It is not shown where the record is.
    """

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class BrowserSession:
    """A browser that is signed in to the dashboard.

    Attributes:
        session_id: Its id.
        name: Of the token it signed in with.
        role: admin or user.
        address: Where it signed in from.
        agent: What the browser called itself.
        created_at: When it signed in.
        seen_at: When it was last used, roughly.
        expires_at: When it ends if it is not used until then.
    """

    session_id: int
    name: str
    role: str
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
