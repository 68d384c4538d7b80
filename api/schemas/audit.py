"""What people did."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from api.schemas.base import Shape, Text

_Part = Annotated[Text, Field(max_length=100)]


class AuditQuery(Shape):
    """Which entries are wanted. What is left out chooses nothing."""

    who: _Part = Field(default="", description="Name of a token, in full")
    action: _Part = Field(default="", description="Part of method and route, such as `DELETE` or `/tokens`")
    target: _Part = Field(default="", description="Part of what it was done to")
    study_id: Annotated[int, Field(ge=0, le=2**62)] | None = Field(default=None, description="Changes of one study")
    result: Literal["done", "refused"] | None = Field(default=None, description="Changes made, or requests refused")
    since: AwareDatetime | None = Field(default=None, description="Not before; with a time zone")
    until: AwareDatetime | None = Field(default=None, description="Before; with a time zone")
    cursor: str | None = Field(default=None, max_length=500, description="`next_cursor` of the page before")
    limit: int = Field(default=100, ge=1, le=1000, description="Most items of a page")


class AuditEntry(Shape):
    """Something that somebody did or was refused."""

    entry_id: int
    at: AwareDatetime
    who: str = Field(description="Name of the token as it was then; empty for somebody unknown")
    role: str = Field(description="admin, user or worker; empty for somebody unknown")
    address: str = Field(description="Network address that it came from")
    action: str = Field(description="Method and route, without the ids in it", examples=["DELETE /studies/{study}"])
    target: str = Field(description="What it was done to", examples=["study=digits-mlp"])
    study_id: int | None
    trial_id: int | None
    result: str = Field(description="`done`, or the code of the refusal")
    n: int = Field(description="How often: refusals that are alike are one entry each few seconds")


class AuditPage(Shape):
    """Entries, the newest first."""

    items: list[AuditEntry]
    next_cursor: str | None
