"""Studies made of others, and what others lent to them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from api.schemas.base import ParamValue, Shape, Text
from api.schemas.resources import ResourcesSpec
from api.schemas.studies import (
    BudgetUpdate,
    EvaluationSpec,
    ObjectiveSpec,
    OutcomeConstraint,
    PrunerSpec,
    RepeatsSpec,
    SamplerSpec,
    StudyName,
    Tag,
)
from api.schemas.warm_start import WarmStart


class ForkChanges(Shape):
    """In what a study differs from the one it is made of. What is left out, or null, is as it was there."""

    dataset: str | None = None
    model: str | None = None
    fixed: dict[str, ParamValue] | None = Field(
        default=None, description="All fixed values, in place of those there are"
    )
    assumed: dict[str, ParamValue] | None = None
    search_space: dict[str, Any] | Literal["default"] | None = Field(
        default=None,
        description="By parameter, as when a running study is changed: a shape with `type` adds or replaces it, one "
        "without changes the given fields, null removes it; the others stay",
    )
    constraints: list[str] | None = Field(default=None, description="All of them, in place of those there are")
    sampler: SamplerSpec | None = Field(
        default=None, description="A whole sampler. Left out, the fork has the old one with a seed of its own"
    )
    pruner: PrunerSpec | None = None
    repeats: RepeatsSpec | None = None
    evaluation: EvaluationSpec | None = None
    objectives: list[ObjectiveSpec] | None = Field(default=None, min_length=1)
    outcome_constraints: list[OutcomeConstraint] | None = Field(default=None, max_length=8)
    budget: BudgetUpdate | None = Field(
        default=None, description="Limits to change; those left out are as they were, and null takes a limit away"
    )
    resources: ResourcesSpec | None = None
    warm_start: WarmStart | None = Field(default=None, description="Not taken over from the old study")
    notes: Text | None = Field(default=None, max_length=20_000)
    tags: list[Tag] | None = Field(default=None, max_length=50)


class ForkCreate(Shape):
    """A study to make of another one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "digits-mlp-wide",
                    "history": "finished",
                    "changes": {"search_space": {"hidden_units": {"high": 256}}, "budget": {"n_trials": 40}},
                }
            ]
        }
    )
    name: StudyName
    history: Literal["finished", "none"] = Field(
        default="finished",
        description="finished: the sampler learns from the old study's finished trials, as far as they fit; "
        "they count in no budget. none: it begins anew",
    )
    changes: ForkChanges = Field(default_factory=ForkChanges)


class Lender(Shape):
    """A study that lent trials to another one."""

    study_id: int
    name: str | None = Field(description="null where the study was deleted")
    n_trials: int = Field(description="Finished trials that were lent, with their values")


class LenderList(Shape):
    """All studies that lent trials to one, in the order of their ids."""

    items: list[Lender]
