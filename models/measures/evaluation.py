"""Networks held against one part of a data set, the test part included."""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from models.catalogue import get_model
from models.data.dataset import Array, Dataset
from models.measures.final import confusion_matrix, final_metrics
from models.networks.saved import Network

EVALUATION_ROWS = 8192
"""Rows in one forward pass of an evaluation: bounds its memory, not its result."""

PartName = Literal["train", "val", "test"]


class OtherDatasetError(ValueError):
    """A network meets other data than it was trained on, so that its test would prove nothing (`other_dataset`)."""

    code = "other_dataset"


class UnfitNetworkError(ValueError):
    """A network does not do what is asked of it, such as to predict where it makes examples (`unfit_network`)."""

    code = "unfit_network"


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One part of a data set as tensors: features (n, d) and targets (n,) or (n, steps), numbers standardised."""

    features: Tensor
    targets: Tensor


def read_part(dataset: Dataset, name: PartName) -> Part:
    """Return a part of a data set as tensors that share its memory; standardised targets are new."""
    features, targets = getattr(dataset, f"x_{name}"), getattr(dataset, f"y_{name}")
    if dataset.task == "regression":
        targets = (targets - dataset.target_mean) / dataset.target_scale  # (n,)
    return Part(_share(features), _share(targets))


def read_known(dataset: Dataset) -> Part:
    """Return training and validation part together, in memory: all that may be learned before the test."""
    train, val = read_part(dataset, "train"), read_part(dataset, "val")
    features = np.concatenate([dataset.x_train, dataset.x_val])
    return Part(torch.from_numpy(features), torch.cat([train.targets, val.targets]))


def _share(array: Array) -> Tensor:
    with warnings.catch_warnings():
        # Of data too large for memory the array is a read-only map of a file; nobody here writes to it.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)


def forward_all(network: nn.Module, features: Tensor) -> Tensor:
    """Run a network over many rows, in evaluation mode and without gradients.

    Args:
        network: maps (n, d) to (n, n_outputs), or (n, steps) to (n, steps, n_outputs).
        features: (n, d)

    Returns:
        (n, n_outputs) or (n, steps, n_outputs)

    Effects:
        Leaves the network in evaluation mode.
    """
    network.eval()
    with torch.inference_mode():
        return torch.cat([network(rows) for rows in torch.split(features, EVALUATION_ROWS)])  # (n, n_outputs)


def evaluate_network(network: Network, dataset: Dataset) -> dict[str, float]:
    """Measure a finished network on the test part, which nothing else in training or search looks at.

    Args:
        network: a trained network.
        dataset: the data it was trained on.

    Returns:
        All of `final_metrics`, under names such as `test_loss` and `test_accuracy`.

    Raises:
        OtherDatasetError: the network was trained on other data or another split, whose training part may well hold
            rows of this test part.
        UnfitNetworkError: the network makes examples instead of predicting.
    """
    part = read_part(dataset, "test")
    return measure_outputs(answer_part(network, dataset, part), dataset, part)


def evaluate_confusion(network: Network, dataset: Dataset) -> list[list[int]] | None:
    """Count on the test part which class a network took for which; None where there are no classes to confuse.

    Raises:
        OtherDatasetError, UnfitNetworkError: as `evaluate_network`.
    """
    part = read_part(dataset, "test")
    outputs = answer_part(network, dataset, part)
    return confusion_matrix(outputs, part.targets) if dataset.task == "classification" else None


def answer_part(network: Network, dataset: Dataset, part: Part) -> Tensor:
    """Return a network's scores or standardised predictions for a part of the data it was trained on.

    Raises:
        OtherDatasetError, UnfitNetworkError: as `evaluate_network`.
    """
    require_predicting(network)
    if network.config.dataset_sha256 != dataset.sha256:
        raise OtherDatasetError(
            f"The network was trained on the data set {network.config.dataset_sha256}, not on {dataset.sha256}."
        )
    return forward_all(network.body, part.features)  # (n, n_outputs)


def measure_outputs(outputs: Tensor, dataset: Dataset, part: Part) -> dict[str, float]:
    """Return `final_metrics` of outputs for the test part."""
    return final_metrics("test", dataset.task, outputs, part.targets, float(dataset.target_scale))


def require_predicting(network: Network) -> None:
    """Refuse a network that makes examples instead of predicting.

    Raises:
        UnfitNetworkError: it does.
    """
    if get_model(network.config.model).is_generative:
        raise UnfitNetworkError(f"The network is a {network.config.model}, which makes examples and predicts nothing.")
