"""Networks and data sets that studies can name."""

from __future__ import annotations

from typing import Any

from api.schemas.base import ParamValue, Shape


class HyperparameterRead(Shape):
    """One hyperparameter of a network."""

    name: str
    type: str
    default: ParamValue
    low: float | None
    high: float | None
    log: bool
    step: float | None
    choices: list[ParamValue]
    meaning: str


class MetricRead(Shape):
    """One metric that a network reports on data of a task."""

    name: str
    direction: str
    meaning: str


class ModelRead(Shape):
    """A network."""

    name: str
    title: str
    meaning: str
    source: str
    tasks: list[str]
    hyperparameters: list[HyperparameterRead]
    metrics: dict[str, list[MetricRead]]
    default_space: dict[str, dict[str, Any]]


class ModelList(Shape):
    """All networks."""

    items: list[ModelRead]


class DatasetRead(Shape):
    """A data set."""

    name: str
    title: str
    task: str
    n_rows: int
    n_features: int
    n_classes: int | None
    n_train: int
    n_val: int
    n_test: int
    sha256: str
    source: str
    licence: str


class DatasetList(Shape):
    """All data sets."""

    items: list[DatasetRead]


class SamplerRead(Shape):
    """A sampler or pruner and its options."""

    name: str
    meaning: str
    options: list[HyperparameterRead]


class SamplerList(Shape):
    """All samplers and pruners."""

    samplers: list[SamplerRead]
    pruners: list[SamplerRead]
