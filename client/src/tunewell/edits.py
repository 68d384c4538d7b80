"""How studies were changed while they ran, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class StudyEdit:
    """One change of a study's settings.

    Attributes:
        edit_no: From 0.
        author: The role of who made it.
        created_at: When.
        next_number: Trials from this number on were proposed with the new settings.
        before: The settings that changed, as they were.
        after: The same, as they became.
        replaced: Numbers of trials that waited and got other parameters, because theirs fitted no longer.
    """

    edit_no: int
    author: str
    created_at: datetime
    next_number: int
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    replaced: tuple[int, ...] = ()
