"""Suggestions that were computed again."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.schemas.base import ParamValue, Shape


class ReplayedTrial(Shape):
    """A trial that the sampler proposed, and what it proposes for it now."""

    trial_id: int
    number: int
    status: Literal["same", "different", "unknown"] = Field(
        description="unknown: it cannot be computed again, because the study was changed since"
    )
    reason: str = Field(description="What is different, or why it is unknown; empty where it is the same")
    note: str = Field(description="How the suggestion came about, as stored")
    note_again: str | None
    params: dict[str, ParamValue]
    params_again: dict[str, ParamValue] | None


class ReplayPage(Shape):
    """Some of a study's suggestions, computed again, in the order of their numbers."""

    study_id: int
    n_trials: int = Field(description="Trials that the sampler proposed, on all pages")
    items: list[ReplayedTrial]
    next_cursor: str | None
