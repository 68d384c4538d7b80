"""Trials of any studies beside each other."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints, field_validator

from api.schemas.base import ParamValue, Shape
from api.schemas.environments import Environment
from api.schemas.studies import ObjectiveSpec
from api.schemas.trials import TrialDetail

MAX_COMPARED = 50
TrialRef = Annotated[
    str, StringConstraints(pattern=r"^.{1,512}:\d{1,9}$"), Field(description="STUDY:NUMBER; STUDY is a name or an id")
]


class CompareQuery(Shape):
    """Which trials, and which of their curves."""

    trials: list[TrialRef] = Field(
        min_length=1, max_length=MAX_COMPARED, description="Repeat, or separate by commas, for several"
    )
    metric: str | None = Field(default=None, max_length=200, description="Default: the first trial's objective")
    max_points: int = Field(default=500, ge=4, le=10_000, description="Points of a curve at most, about")

    @field_validator("trials", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        """Take one text with commas for several; each trial counts once."""
        texts = value if isinstance(value, list) else [value]
        return list(dict.fromkeys(ref for text in texts for ref in str(text).split(",") if ref))


class ComparedStudy(Shape):
    """What the trials of one study have in common."""

    study_id: int
    name: str
    dataset: str | None
    model: str | None
    sampler: str
    fixed: dict[str, ParamValue]
    objectives: list[ObjectiveSpec]


class ComparedPlace(Shape):
    """A worker on which one of the trials ran last."""

    worker_id: int
    worker_name: str
    host: str
    worker_version: str
    environment: Environment | None = Field(description="Null where the worker did not say")


class ComparedCurve(Shape):
    """The metric's curve, down-sampled; minima, maxima and non-finite points survive."""

    n_points: int
    steps: list[int]
    values: list[float]


class ComparedTrial(Shape):
    """One of the trials."""

    ref: str = Field(description="As it was asked for")
    trial: TrialDetail
    worker_id: int | None = Field(description="Of the place; null before it ran, and where no worker of ours ran it")
    curve: ComparedCurve | None = Field(description="Null where it has no point of the metric")


class CompareRead(Shape):
    """Trials in the order in which they were asked for."""

    metric: str | None = Field(description="Whose curves these are; null where no trial was found")
    metrics: list[str] = Field(description="Names of all metrics that one of the trials has")
    studies: list[ComparedStudy]
    places: list[ComparedPlace]
    trials: list[ComparedTrial]
    missing: list[str] = Field(description="Asked for, and not there (any more)")
