"""A study's history as a chart shows it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.schemas.base import Shape


class HistoryQuery(Shape):
    """Which objective, and how much of it a chart can show."""

    metric: str | None = Field(default=None, max_length=200, description="An objective; the first where left out")
    n_columns: int = Field(
        default=160, ge=1, le=4000, description="Into so many columns the trials are cut by number, about"
    )
    n_rows: int = Field(default=80, ge=1, le=4000, description="Into so many rows they are cut by value")


class HistoryRead(Shape):
    """Ended trials that have a finite value, by number; of many only those that a chart shows apart.

    Of each column the least and the greatest value of each state are there, and of each place at least one trial.
    Trials that confirm others are left out.
    """

    study_id: int
    rev: int
    metric: str
    direction: Literal["minimize", "maximize"]
    n_complete: int = Field(description="Completed trials with a finite value, shown or not")
    n_pruned: int
    n_failed: int
    is_whole: bool = Field(description="Whether every completed and pruned trial with a finite value is there")
    numbers: list[int]
    is_pruned: list[bool] = Field(description="Whether the trial was pruned; else it completed")
    values: list[float] = Field(description="To seven significant digits")
