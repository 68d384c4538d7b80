"""What the catalogue says about hyperparameters, metrics, models and data sets: plain values, no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

ParamValue = float | int | str | bool
HyperparameterType = Literal["float", "int", "categorical", "bool"]
Direction = Literal["minimize", "maximize"]
Task = Literal["classification", "regression"]


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """One setting of a model.

    Attributes:
        name: key in `fixed`, in a search space and in a trial's parameters.
        type: kind of value; `int` refuses `true`, `float` accepts whole numbers.
        default: value used where a study says nothing.
        meaning: one sentence for a person who meets the setting for the first time.
        low: smallest accepted value, inclusive; None for categorical and bool.
        high: largest accepted value, inclusive; None for categorical and bool.
        log: whether equal ratios matter rather than equal differences, so that forms and searches use a log scale.
        step: distance between neighbouring values worth trying; None where any value is.
        choices: accepted values of a categorical hyperparameter.
    """

    name: str
    type: HyperparameterType
    default: ParamValue
    meaning: str
    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    choices: tuple[ParamValue, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """A number that a model reports after every epoch, and whether less or more of it is better."""

    name: str
    direction: Direction
    meaning: str


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A kind of network: what it is for, its settings and a search space to begin with.

    Attributes:
        name: key in a study's `model`.
        title: name for people.
        meaning: what it computes and when to choose it.
        source: paper or book that describes it.
        tasks: kinds of data it can learn.
        hyperparameters: its settings by name, in the order a form shows them.
        default_space: search space in the shape a study's `search_space` has, ready for JSON.
    """

    name: str
    title: str
    meaning: str
    source: str
    tasks: tuple[Task, ...]
    hyperparameters: Mapping[str, Hyperparameter]
    default_space: Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """A data set with its fixed split.

    Attributes:
        name: key in a study's `dataset`.
        title: name for people.
        task: what is predicted.
        n_rows: examples in all three parts together.
        n_features: inputs of one example.
        n_classes: classes to tell apart; None for regression.
        n_train: examples that networks are fitted on.
        n_val: examples that rank trials.
        n_test: examples that no search sees; used once, for the finished network.
        sha256: digest of the prepared arrays (names, types, shapes and bytes), lower-case hexadecimal.
        source: who made the data.
        licence: terms under which it may be used.
    """

    name: str
    title: str
    task: Task
    n_rows: int
    n_features: int
    n_classes: int | None
    n_train: int
    n_val: int
    n_test: int
    sha256: str
    source: str
    licence: str


def by_name(*hyperparameters: Hyperparameter) -> Mapping[str, Hyperparameter]:
    """Index hyperparameters by name, read-only, keeping their order."""
    return MappingProxyType({hyperparameter.name: hyperparameter for hyperparameter in hyperparameters})
