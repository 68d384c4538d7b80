"""What the catalogue says about hyperparameters, metrics, models and data sets: plain values, no behaviour."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, Protocol

ParamValue = float | int | str | bool
HyperparameterType = Literal["float", "int", "categorical", "bool", "text"]
Direction = Literal["minimize", "maximize"]
Task = Literal["classification", "regression", "next_token"]
DataKind = Literal["table", "image", "sequence", "text"]


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
        pattern: regular expression that the whole of a text must match; None for every other type.
        per_lane: whether trials that differ in this setting alone can train together as lanes of one program: it is a
            number that changes neither shapes nor code.
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
    pattern: str | None = None
    per_lane: bool = False


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """A number that a model reports, and whether less or more of it is better.

    Attributes:
        name: key of its curve.
        direction: what an improvement is.
        meaning: one sentence with unit and range.
        is_per_epoch: whether it is reported after every epoch; the others only with a finished network, or after every
            epoch of a study whose objective they are.
    """

    name: str
    direction: Direction
    meaning: str
    is_per_epoch: bool = True


@dataclass(frozen=True, slots=True)
class Template:
    """A study to begin with: a network with its default space on data that it suits.

    Attributes:
        dataset: name of a data set of the catalogue.
        n_trials: as many as the space needs to be searched with some care.
        sampler: what proposes them.
    """

    dataset: str
    n_trials: int = 20
    sampler: str = "bayesian"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A kind of network: what it is for, its settings and a search space to begin with.

    Attributes:
        name: key in a study's `model`.
        title: name for people.
        meaning: what it computes and when to choose it.
        source: paper or book that describes it.
        tasks: what it can learn to predict.
        kinds: kinds of data it can read.
        hyperparameters: its settings by name, in the order a form shows them.
        default_space: search space in the shape a study's `search_space` has, ready for JSON.
        rules: combinations that cannot be built or make no sense, each refused before training starts.
        is_generative: whether it makes examples instead of predicting; its metrics are then those of the examples.
        template: a study to begin with; None where there is no data to show it on.
    """

    name: str
    title: str
    meaning: str
    source: str
    tasks: tuple[Task, ...]
    hyperparameters: Mapping[str, Hyperparameter]
    default_space: Mapping[str, Mapping[str, object]]
    kinds: tuple[DataKind, ...] = ("table", "image", "sequence")
    rules: tuple["Rule", ...] = ()
    is_generative: bool = False
    template: Template | None = None


class DataFacts(Protocol):
    """What rules may ask of data: a `DatasetInfo` of the catalogue, or the `DataShape` of any other data."""

    @property
    def name(self) -> str:
        """What to call it."""
        ...

    @property
    def task(self) -> Task:
        """What is predicted."""
        ...

    @property
    def kind(self) -> DataKind:
        """What the features of one example are."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """How they are arranged."""
        ...

    @property
    def n_features(self) -> int:
        """Numbers in one example."""
        ...


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition on several hyperparameters, or on hyperparameters and the data, at once.

    Attributes:
        fields: the hyperparameters it speaks of; an error points at the first.
        check: takes a value for every hyperparameter of the model, and the data set where it is known; returns what is
            wrong in one sentence, or None. Must not assume that the data set is there.
        hint: what would be accepted.
    """

    fields: tuple[str, ...]
    check: Callable[[Mapping[str, ParamValue], "DataFacts | None"], str | None]
    hint: str


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """A data set with its fixed split.

    Attributes:
        name: key in a study's `dataset`.
        title: name for people.
        task: what is predicted.
        kind: what the features of one example are.
        shape: how they are arranged: (features,), (channels, height, width), (steps, features) or (steps,) tokens;
            `n_features` is the product.
        n_rows: examples in all three parts together.
        n_features: numbers in one example, whose arrays are flat: (n, n_features).
        n_classes: classes or tokens to tell apart; None for regression.
        n_train: examples that networks are fitted on.
        n_val: examples that rank trials.
        n_test: examples that no search sees; used once, for the finished network.
        sha256: digest of the prepared arrays (names, types, shapes and bytes), lower-case hexadecimal.
        source: who made the data.
        licence: terms under which it may be used.
        is_chronological: whether its rows are in the order of time, so that they must not be shuffled into folds.
    """

    name: str
    title: str
    task: Task
    kind: DataKind
    shape: tuple[int, ...]
    n_rows: int
    n_features: int
    n_classes: int | None
    n_train: int
    n_val: int
    n_test: int
    sha256: str
    source: str
    licence: str
    is_chronological: bool = False


@dataclass(frozen=True, slots=True)
class DataShape:
    """What a network must know about data to be built for it.

    Attributes:
        task: what is predicted.
        kind: what the features of one example are.
        shape: how they are arranged, as in `DatasetInfo`.
        n_outputs: classes, tokens, or 1 for regression.
    """

    task: Task
    kind: DataKind
    shape: tuple[int, ...]
    n_outputs: int

    @property
    def n_inputs(self) -> int:
        """Numbers in one example."""
        return math.prod(self.shape)

    @property
    def n_features(self) -> int:
        """Numbers in one example, under the name that `DatasetInfo` has for it."""
        return self.n_inputs

    @property
    def name(self) -> str:
        """What to call data of which nothing but the shape is known."""
        return "the data"


def by_name(*hyperparameters: Hyperparameter) -> Mapping[str, Hyperparameter]:
    """Index hyperparameters by name, read-only, keeping their order."""
    return MappingProxyType({hyperparameter.name: hyperparameter for hyperparameter in hyperparameters})
