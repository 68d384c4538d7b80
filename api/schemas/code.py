"""Code that people bring for their commands: archives known by their hash."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from api.schemas.base import Shape

SHA256 = r"^[0-9a-f]{64}$"


class CodeUploadCreate(Shape):
    """Bytes of an archive to come."""

    n_bytes: int = Field(gt=0, le=2**50, description="How many")
    sha256: str = Field(pattern=SHA256, description="What studies will call the archive; checked when all are here")
    filename: str = Field(min_length=1, max_length=255, pattern=r"^[^\x00/\\]+$", description="For people")


class CodeRead(Shape):
    """An archive of code: a ZIP file."""

    sha256: str
    n_bytes: int
    filename: str
    created_by: str
    created_at: datetime
    n_studies: int = Field(description="Studies that run it")


class CodeList(Shape):
    """Archives of code, the newest first."""

    items: list[CodeRead]
