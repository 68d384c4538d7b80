"""What a server says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AboutCaller:
    """Whom the server takes the caller for; `expires_at` is that of the token, None: never."""

    name: str
    role: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class About:
    """Version and clocks of a server.

    Attributes:
        version: Of its code.
        at: The clock of the machine that answered.
        database_at: The database's clock, by which leases and tokens expire.
        database: `sqlite` or `postgresql`.
        needs_tokens: Whether it wants a token.
        caller: Who asked.
    """

    version: str
    at: datetime
    database_at: datetime
    database: str
    needs_tokens: bool
    caller: AboutCaller


@dataclass(frozen=True, slots=True)
class WorkerTerms:
    """What a worker would hear if it joined; the broker's address holds its password."""

    broker_url: str
    key_prefix: str
    lease_s: float
    heartbeat_s: float
    checkpoint_every_s: float
