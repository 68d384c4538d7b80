"""Who the caller is, and sign-ins of browsers."""

from __future__ import annotations

from datetime import datetime

from pydantic import ConfigDict, Field

from api.schemas.base import Shape, Text
from api.schemas.tokens import RoleName


class SessionRead(Shape):
    """Who the caller is."""

    name: str = Field(description="By which the caller's token is known")
    role: RoleName
    needs_tokens: bool = Field(description="Whether this server wants a token; without, everybody is admin")
    csrf_token: str | None = Field(
        description="What a browser that signed in sends along with changes, as `X-CSRF-Token`; null for others"
    )


class SignIn(Shape):
    """A token to sign a browser in with."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"token": "tw_..."}]})
    token: Text = Field(min_length=1, max_length=500, description="Of a user or an administrator")


class BrowserSessionRead(Shape):
    """A browser that is signed in."""

    session_id: int
    name: str = Field(description="Of the token it signed in with")
    role: RoleName
    address: str = Field(description="Where it signed in from")
    agent: str = Field(description="What the browser called itself")
    created_at: datetime
    seen_at: datetime = Field(description="When it was last used, within a tenth of the time it may stay unused")
    expires_at: datetime = Field(description="When it ends if it is not used until then")
    is_current: bool = Field(description="Whether it is the one that asks")


class BrowserSessionList(Shape):
    """Browsers that are signed in, the newest first, 1,000 at most."""

    items: list[BrowserSessionRead]
