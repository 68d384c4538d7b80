"""What can be trained on what, with which settings: the torch-free description of `models/`.

The API validates studies against it, forms and documentation are drawn from it, and workers complete parameters with
it. Importing it costs milliseconds: neither torch nor numpy is loaded.

A new model or data set is one entry in a file of its own and one line in `MODELS` or `DATASETS`.
"""

from collections.abc import Mapping
from types import MappingProxyType

from models.catalogue.capsnet import CAPSNET
from models.catalogue.checks import (
    accepted_values,
    check_params,
    check_space,
    check_value,
    complete_params,
    unknown_name,
)
from models.catalogue.cnn import CNN
from models.catalogue.datasets import (
    BREAST_CANCER,
    DESCRIPTIONS,
    DIABETES,
    DIAMONDS,
    DIGITS,
    IRIS,
    IRIS_TWO,
    JAPANESE_VOWELS,
    MNIST_5K,
    SUNSPOTS,
    WINE,
)
from models.catalogue.entries import (
    DataFacts,
    DatasetInfo,
    DataShape,
    Direction,
    Hyperparameter,
    HyperparameterType,
    MetricInfo,
    ModelInfo,
    ParamValue,
    Task,
)
from models.catalogue.errors import CatalogueError
from models.catalogue.gan import GAN
from models.catalogue.linear import LINEAR, LOGISTIC
from models.catalogue.metrics import COST_METRICS, GENERATIVE_METRICS, task_metrics
from models.catalogue.mlp import MLP
from models.catalogue.perceptron import PERCEPTRON
from models.catalogue.rnn import RNN
from models.catalogue.rules import check_combination, check_folds, check_space_combinations, structure_key
from models.catalogue.spaces import suggest_space

MODELS: Mapping[str, ModelInfo] = MappingProxyType(
    {model.name: model for model in (MLP, CNN, RNN, CAPSNET, GAN, PERCEPTRON, LINEAR, LOGISTIC)}
)
DATASETS: Mapping[str, DatasetInfo] = MappingProxyType(
    {
        dataset.name: dataset
        for dataset in (
            *(DIGITS, MNIST_5K),
            *(BREAST_CANCER, WINE, IRIS, IRIS_TWO, DIABETES, DIAMONDS),
            *(JAPANESE_VOWELS, SUNSPOTS, DESCRIPTIONS),
        )
    }
)


def get_model(name: str, field: str = "model") -> ModelInfo:
    """Return a model's entry.

    Raises:
        CatalogueError: `unknown_model`, with the nearest right name.
    """
    try:
        return MODELS[name]
    except KeyError:
        raise unknown_name("model", name, MODELS, field) from None


def get_dataset(name: str, field: str = "dataset") -> DatasetInfo:
    """Return a data set's entry.

    Raises:
        CatalogueError: `unknown_dataset`, with the nearest right name.
    """
    try:
        return DATASETS[name]
    except KeyError:
        raise unknown_name("dataset", name, DATASETS, field) from None


def metrics_for(model_name: str, data: str | DatasetInfo) -> tuple[MetricInfo, ...]:
    """Return what the model can report on data, and a study may therefore optimise.

    Args:
        model_name: a name in the catalogue.
        data: the name of a built-in data set, or what is known of any other.

    Raises:
        CatalogueError: `unknown_model`, `unknown_dataset`, or `unfit_dataset` where the model does not learn such data.
    """
    model = get_model(model_name)
    dataset = data if isinstance(data, DatasetInfo) else get_dataset(data)
    if not fits(model, dataset):
        fitting = [info.name for info in DATASETS.values() if fits(model, info)]
        raise CatalogueError(
            "unfit_dataset",
            f"{model.name} cannot learn {dataset.name}: {dataset.kind} data whose task is {dataset.task}.",
            "dataset",
            f"Data sets for {model.name}: {', '.join(fitting)}.",
        )
    if model.is_generative:
        return GENERATIVE_METRICS
    return task_metrics(dataset.task, dataset.n_classes)


def fits(model: ModelInfo, dataset: DatasetInfo) -> bool:
    """Tell whether a model reads data of the kind and learns the task."""
    return dataset.task in model.tasks and dataset.kind in model.kinds


def get_metric(model_name: str, data: str | DatasetInfo, metric: str, field: str = "metric") -> MetricInfo:
    """Return one of the metrics that the model reports on data, see `metrics_for`.

    Raises:
        CatalogueError: `unknown_metric`, with the nearest right name, or what `metrics_for` raises.
    """
    metrics = {info.name: info for info in metrics_for(model_name, data)}
    try:
        return metrics[metric]
    except KeyError:
        raise unknown_name("metric", metric, metrics, field) from None


def get_outcome(model_name: str, data: str | DatasetInfo, metric: str, field: str = "metric") -> MetricInfo:
    """Return one of the numbers that a finished trial has: what the model reports, or what its network costs.

    Raises:
        CatalogueError: `unknown_metric`, with the nearest right name, or what `metrics_for` raises.
    """
    model = get_model(model_name)
    costs = [info for info in COST_METRICS if not (model.is_generative and info.name == "predict_ms")]
    outcomes = {info.name: info for info in (*metrics_for(model_name, data), *costs)}
    if metric not in outcomes:
        raise unknown_name("metric", metric, outcomes, field)
    return outcomes[metric]


__all__ = [
    "COST_METRICS",
    "DATASETS",
    "MODELS",
    "CatalogueError",
    "DataFacts",
    "DataShape",
    "DatasetInfo",
    "Direction",
    "Hyperparameter",
    "HyperparameterType",
    "MetricInfo",
    "ModelInfo",
    "ParamValue",
    "Task",
    "accepted_values",
    "check_combination",
    "check_folds",
    "check_params",
    "check_space",
    "check_space_combinations",
    "check_value",
    "complete_params",
    "fits",
    "get_dataset",
    "get_metric",
    "get_model",
    "get_outcome",
    "metrics_for",
    "structure_key",
    "suggest_space",
    "unknown_name",
]
