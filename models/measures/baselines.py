"""Simple models from scikit-learn on the same split: what a network has to beat to be worth its trouble.

A new baseline is one line in `BASELINES`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression, Ridge

from models.catalogue import CatalogueError, Task, unknown_name
from models.data.dataset import Dataset
from models.measures.evaluation import read_part
from models.measures.metrics import part_metrics


@dataclass(frozen=True, slots=True)
class Baseline:
    """An estimator with settings that suit standardised features.

    Attributes:
        name: key in `BASELINES`.
        task: kind of data it learns.
        make: builds an untrained estimator.
    """

    name: str
    task: Task
    make: Callable[[], Any]


BASELINES: Mapping[str, Baseline] = MappingProxyType(
    {
        baseline.name: baseline
        for baseline in (
            Baseline("logistic_regression", "classification", lambda: LogisticRegression(max_iter=5000)),
            Baseline("ridge", "regression", lambda: Ridge(alpha=1.0)),
        )
    }
)


def default_baseline(task: Task) -> str:
    """Name the linear baseline for a kind of data."""
    return next(name for name, baseline in BASELINES.items() if baseline.task == task)


def evaluate_baseline(dataset: Dataset, name: str) -> dict[str, float]:
    """Fit a baseline on the training part and measure it on the test part.

    Args:
        dataset: loaded data.
        name: key in `BASELINES`.

    Returns:
        The metrics that `evaluate_network` returns, by the same formulas.

    Raises:
        CatalogueError: `unknown_baseline`, or `unfit_baseline` for another kind of data.
    """
    if name not in BASELINES:
        raise unknown_name("baseline", name, BASELINES, "baseline")
    if BASELINES[name].task != dataset.task:
        raise CatalogueError(
            "unfit_baseline",
            f"{name} cannot learn data whose task is {dataset.task}.",
            "baseline",
            f"Try {default_baseline(dataset.task)}.",
        )
    train, test = read_part(dataset, "train"), read_part(dataset, "test")
    estimator = BASELINES[name].make().fit(train.features.numpy(), train.targets.numpy())
    outputs = _outputs(estimator, dataset.task, test.features.numpy())
    return part_metrics("test", dataset.task, outputs, test.targets, float(dataset.target_scale))


def _outputs(estimator: Any, task: Task, features: Any) -> torch.Tensor:
    # Log-probabilities are scores whose cross-entropy is the log loss.
    if task == "classification":
        return torch.from_numpy(np.asarray(estimator.predict_log_proba(features), np.float32))  # (n, n_classes)
    return torch.from_numpy(np.asarray(estimator.predict(features), np.float32)[:, None])  # (n, 1)
