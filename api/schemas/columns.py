"""All trials of a study as columns, for charts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.base import MAX_INT, Shape

Rounded = Annotated[
    list[float | None],
    Field(description='One a trial, of six digits; null for none; "NaN", "Infinity" and "-Infinity" as text'),
]


class NumberColumnRead(Shape):
    """A parameter whose values are numbers."""

    name: str
    kind: Literal["number"]
    is_log: bool = Field(description="Whether the search space spaces it logarithmically")
    values: Rounded = Field(description="Null where the parameter is inactive")


class CategoryColumnRead(Shape):
    """A parameter whose values are choices."""

    name: str
    kind: Literal["category"]
    choices: list[str] = Field(description="Those of the search space, then others that trials have")
    codes: list[int] = Field(description="Places among the choices; -1 where the parameter is inactive")


class ObjectiveColumnRead(Shape):
    """An objective of the study."""

    metric: str
    direction: Literal["minimize", "maximize"]
    values: Rounded


class ColumnsRead(Shape):
    """A study's trials as columns, by number. Trials that confirm others are left out: they repeat a point."""

    study_id: int
    rev: int = Field(description="Pass it as `after` to get only what may have changed since")
    is_whole: bool = Field(description="Whether these are all trials, and not only those that may have changed")
    numbers: list[int]
    trial_ids: list[int]
    state_names: list[str] = Field(description="As `phase` of a trial names them")
    states: list[int] = Field(description="Places among `state_names`")
    objectives: list[ObjectiveColumnRead]
    params: list[Annotated[NumberColumnRead | CategoryColumnRead, Field(discriminator="kind")]]
    infeasible: list[int] = Field(description="Numbers of the trials that break a constraint on outcomes")
    started_at_s: list[float | None] = Field(description="Seconds since 1970, to the millisecond")
    durations_s: Rounded


class ColumnsQuery(Shape):
    """Which trials are asked for."""

    after: int | None = Field(
        default=None, ge=0, le=MAX_INT, description="`rev` of the answer before: only what may have changed since"
    )
