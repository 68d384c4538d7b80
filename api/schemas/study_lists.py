"""How lists of studies are chosen and ordered."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.schemas.base import Shape
from db.lifecycle import StudyState
from db.study_lists import StudyOrder


class StudyQuery(Shape):
    """Which studies a list shows, in which order."""

    q: str = Field(
        default="",
        max_length=2000,
        description="Conditions that all hold, such as `state:running tag:cnn owner:ann best>0.97 name~digits`; a word "
        "alone is part of name, notes or a tag. docs/filters.md has the language",
        examples=["state:running best>0.97"],
    )
    state: StudyState | None = Field(default=None, description="As `state:` in `q`")
    search: str | None = Field(default=None, max_length=100, description="Part of a name, of notes or of a tag")
    tag: str | None = Field(default=None, max_length=50, description="As `tag:` in `q`")
    archived: Literal["no", "yes", "all"] = Field(default="no", description="Whether studies put aside are shown")
    order_by: StudyOrder = Field(default="created", description="Studies without a value come last")
    descending: bool = Field(default=True, description="Highest, newest or last first")
    cursor: str | None = Field(default=None, max_length=500, description="`next_cursor` of the page before")
    limit: int = Field(default=50, ge=1, le=1000, description="Most items of a page")
