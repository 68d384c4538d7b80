"""Networks that studies can name, and the samplers and pruners."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from api.schemas.base import ParamValue, Shape


class HyperparameterRead(Shape):
    """One hyperparameter of a network."""

    name: str
    type: str = Field(description="float, int, categorical, bool or text")
    default: ParamValue
    low: float | None
    high: float | None
    log: bool
    step: float | None
    choices: list[ParamValue]
    pattern: str | None = Field(description="Regular expression that a text must match as a whole")
    per_lane: bool = Field(description="Whether trials that differ in it alone train as one program")
    meaning: str


class MetricRead(Shape):
    """One metric that a network reports on data of a task."""

    name: str
    direction: str
    is_per_epoch: bool = Field(description="False: measured at the end alone, unless it is the objective")
    meaning: str


class TemplateRead(Shape):
    """A study to begin with: the network with its default space on data that it suits."""

    dataset: str
    n_trials: int
    sampler: str


class ModelRead(Shape):
    """A network."""

    name: str
    title: str
    meaning: str
    source: str
    tasks: list[str]
    kinds: list[str] = Field(description="Kinds of data that it reads")
    is_generative: bool = Field(description="Whether it makes examples instead of predicting")
    hyperparameters: list[HyperparameterRead]
    metrics: dict[str, list[MetricRead]]
    default_space: dict[str, dict[str, Any]]
    template: TemplateRead | None = Field(description="null where there is no data to show it on")


class ModelList(Shape):
    """All networks."""

    items: list[ModelRead]


class SamplerRead(Shape):
    """A sampler or pruner and its options."""

    name: str
    meaning: str
    options: list[HyperparameterRead]


class SamplerList(Shape):
    """All samplers and pruners."""

    samplers: list[SamplerRead]
    pruners: list[SamplerRead]


class LearnedDefault(Shape):
    """What one hyperparameter was in the best trials of past studies."""

    name: str
    value: ParamValue = Field(description="Median of numbers, the most frequent of other values")
    catalogue_value: ParamValue = Field(description="What it is where nobody sets it")
    n_trials: int = Field(description="How many of the best trials had it searched")
    n_studies: int = Field(description="From how many studies they are")


class LearnedDefaults(Shape):
    """What hyperparameters were in the best tenth of the results of each past study of a network."""

    model: str
    dataset: str | None = Field(description="null: on any data")
    items: list[LearnedDefault] = Field(description="Hyperparameters that were searched, in the catalogue's order")
