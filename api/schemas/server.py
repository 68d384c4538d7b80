"""What a server says of itself, for those who look why something does not work."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from api.schemas.base import Shape
from api.schemas.tokens import RoleName


class CallerRead(Shape):
    """Who asks."""

    name: str = Field(description="Of the token; the role's where the settings name it, `anonymous` without one")
    role: RoleName
    expires_at: datetime | None = Field(description="When the token expires; null: never")


class ServerRead(Shape):
    """Version, clocks and the caller."""

    version: str
    at: datetime = Field(description="The clock of the machine that answers")
    database_at: datetime = Field(description="The database's clock, by which leases and tokens expire")
    database: Literal["sqlite", "postgresql"]
    needs_tokens: bool = Field(description="Whether this server wants a token; without, everybody is admin")
    caller: CallerRead


class WorkerTerms(Shape):
    """What a worker would hear if it joined."""

    broker_url: str
    key_prefix: str = Field(description="Prefix of every key and queue in the broker")
    lease_s: float
    heartbeat_s: float
    checkpoint_every_s: float
