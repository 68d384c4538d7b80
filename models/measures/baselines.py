"""Simple models on the same split and by the same metrics: what a network has to beat to be worth its trouble."""

import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models.catalogue import CatalogueError, unknown_name
from models.catalogue.baselines import BASELINES, default_baseline
from models.data.dataset import Dataset
from models.measures.estimators import ESTIMATORS, Setting
from models.measures.evaluation import Part, PartName, read_known, read_part
from models.measures.final import final_metrics
from models.measures.persistence import can_persist

SMALLEST_PROBABILITY = 1e-300
"""Stands for 0, whose logarithm is not finite. Naive Bayes ranks by probabilities not much larger."""
MOST_POLYNOMIAL_FEATURES = 150
"""Beyond, `polynomial` would multiply more than 11,000 columns."""

Array = npt.NDArray[Any]
Clock = Callable[[], float]


def fitting_baselines(dataset: Dataset) -> tuple[str, ...]:
    """Name the baselines that can learn a data set, the linear one first."""
    return tuple(name for name in BASELINES if _objection(dataset, name) is None)


def evaluate_baselines(
    dataset: Dataset,
    names: Sequence[str] | None = None,
    seed: int = 0,
    clock: Clock = time.perf_counter,
    is_refit: bool = False,
) -> list[dict[str, Any]]:
    """Fit baselines on the training part and measure each on the validation and the test part.

    Settings are chosen within the training part, so the validation part is as fresh to a baseline as the test part.
    With `is_refit` they learn from training and validation part together, as a network's refit does, and only the test
    part is left to measure them on.

    Args:
        dataset: loaded data.
        names: keys in the catalogue's `BASELINES`; all that fit the data by default.
        seed: decides folds, and the random draws of forests.
        clock: seconds, for `fit_s`.
        is_refit: whether the validation part is learned too.

    Returns:
        One mapping a baseline, in the order asked for: `name`, all of `final_metrics` under names such as `val_loss`
        and `test_loss` (of classes the log loss, which is finite), and `fit_s`, the seconds it took to learn.

    Raises:
        CatalogueError: `unknown_baseline`, or `unfit_baseline` for data that it cannot learn; before any is fitted.
    """
    wanted = fitting_baselines(dataset) if names is None else tuple(names)
    for name in wanted:
        require_fitting(dataset, name)
    return [_evaluate(dataset, name, seed, clock, is_refit) for name in wanted]


def require_fitting(dataset: Dataset, name: str) -> None:
    """Refuse a baseline that does not exist or cannot learn the data.

    Raises:
        CatalogueError: `unknown_baseline` or `unfit_baseline`.
    """
    if name not in BASELINES:
        raise unknown_name("baseline", name, BASELINES, "baseline")
    objection = _objection(dataset, name)
    if objection is not None:
        hint = f"Try {default_baseline(dataset.task)}."
        raise CatalogueError("unfit_baseline", f"{name} cannot learn {objection}.", "baseline", hint)


def _objection(dataset: Dataset, name: str) -> str | None:
    if dataset.task not in BASELINES[name].tasks:
        return f"data whose task is {dataset.task}"
    if name == "persistence" and not can_persist(dataset):
        return "anything but forecasts of a series of one feature"
    if name == "polynomial" and dataset.n_features > MOST_POLYNOMIAL_FEATURES:
        return f"{dataset.n_features} features; it takes up to {MOST_POLYNOMIAL_FEATURES}"
    return None


def _evaluate(dataset: Dataset, name: str, seed: int, clock: Clock, is_refit: bool) -> dict[str, Any]:
    from threadpoolctl import threadpool_limits

    estimator = ESTIMATORS[name](Setting(dataset, seed))  # loads the libraries whose threads are then limited
    # One thread, as everywhere in a slot: two threads that wait for each other on a busy machine took 15 to 60 times
    # the processor time of one on the digits.
    with threadpool_limits(1):
        started_at = clock()
        _fit(estimator, read_known(dataset) if is_refit else read_part(dataset, "train"))
        answer: dict[str, Any] = {"name": name, "fit_s": clock() - started_at}
        parts: tuple[PartName, ...] = ("test",) if is_refit else ("val", "test")
        for part_name in parts:
            part = read_part(dataset, part_name)
            outputs, unit = _outputs(estimator, dataset, part), float(dataset.target_scale)
            metrics = final_metrics(part_name, dataset.task, outputs, part.targets, unit)
            # Trees and neighbours hold classes for impossible; as a loss, being wrong about that counts 36 nats.
            answer |= metrics | {
                f"{part_name}_loss": metrics.get(f"{part_name}_log_loss", metrics[f"{part_name}_loss"])
            }
    return answer


def _fit(estimator: Any, train: Part) -> None:
    with warnings.catch_warnings():
        # Of the strengths tried, some are too weak: coordinate descent then stops short of its tolerance, or a system
        # is nearly singular. The strength that cross-validation chooses is judged by its result.
        for category in _warnings_of_weak_penalties():
            warnings.filterwarnings("ignore", category=category)
        estimator.fit(train.features.numpy(), train.targets.numpy())


def _warnings_of_weak_penalties() -> tuple[type[Warning], ...]:
    from scipy.linalg import LinAlgWarning
    from sklearn.exceptions import ConvergenceWarning

    return ConvergenceWarning, LinAlgWarning


def _outputs(estimator: Any, dataset: Dataset, part: Part) -> Tensor:
    features = part.features.numpy()
    if dataset.task == "regression":
        return torch.from_numpy(np.asarray(estimator.predict(features), np.float32).reshape(-1, 1))  # (n, 1)
    chances = np.asarray(estimator.predict_proba(features), np.float64)  # (n, n_seen) or (n, steps, n_tokens)
    if dataset.task == "classification":
        chances = _all_classes(chances, np.asarray(estimator.classes_), dataset.n_outputs)
    # Log-probabilities are scores whose softmax are the probabilities again; float64 keeps equal ones equal.
    return torch.from_numpy(np.log(np.maximum(chances, SMALLEST_PROBABILITY)))  # (n, n_outputs)


def _all_classes(chances: Array, seen: Array, n_classes: int) -> Array:
    # A class without a single training example has no column, and a chance of 0.
    everything = np.zeros((len(chances), n_classes))  # (n, n_classes)
    everything[:, seen.astype(np.int64)] = chances
    return everything
