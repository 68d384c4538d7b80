"""Credentials."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from api.schemas.base import Shape, Text

RoleName = Annotated[
    Literal["admin", "user", "worker"],
    Field(description="admin: everything. user: studies. worker: the worker protocol"),
]
_TEN_YEARS_S = 10 * 365 * 86400


class TokenCreate(Shape):
    """A token to make."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "gpu box in room 4", "role": "worker", "expires_in_s": 2_592_000}]}
    )
    name: Text = Field(min_length=1, max_length=100, description="Who or what it is for")
    role: RoleName
    expires_in_s: Annotated[float, Field(strict=True, ge=60, le=_TEN_YEARS_S, allow_inf_nan=False)] | None = Field(
        default=None, description="Seconds from now on; null: never"
    )


class TokenRead(Shape):
    """A token, without its secret: the database keeps only a hash of that."""

    token_id: int
    name: str
    role: RoleName
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class TokenCreated(TokenRead):
    """A token that was just made."""

    token: str = Field(description="Shown this once")


class TokenList(Shape):
    """Every token that was made, the newest first; those of the settings are not among them."""

    items: list[TokenRead]
