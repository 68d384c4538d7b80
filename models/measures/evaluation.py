"""Networks held against one part of a data set, the test part included."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from models.data.dataset import Dataset
from models.measures.metrics import part_metrics
from models.networks.saved import Network

EVALUATION_ROWS = 8192
"""Rows in one forward pass of an evaluation: bounds its memory, not its result."""

PartName = Literal["train", "val", "test"]


class OtherDatasetError(ValueError):
    """A network meets other data than it was trained on, so that its test would prove nothing (`other_dataset`)."""

    code = "other_dataset"


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One part of a data set as tensors: features (n, d) and targets (n,), numbers among them standardised."""

    features: Tensor
    targets: Tensor


def read_part(dataset: Dataset, name: PartName) -> Part:
    """Return a part of a data set as tensors that share its memory; standardised targets are new."""
    features, targets = getattr(dataset, f"x_{name}"), getattr(dataset, f"y_{name}")
    if dataset.task == "regression":
        targets = (targets - dataset.target_mean) / dataset.target_scale  # (n,)
    return Part(torch.from_numpy(features), torch.from_numpy(targets))


def forward_all(network: nn.Module, features: Tensor) -> Tensor:
    """Run a network over many rows, in evaluation mode and without gradients.

    Args:
        network: maps (n, d) to (n, n_outputs).
        features: (n, d)

    Returns:
        (n, n_outputs)

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
        `test_loss` and `test_accuracy`, or `test_loss`, `test_rmse`, `test_mae` and `test_r2`.

    Raises:
        OtherDatasetError: the network was trained on other data or another split, whose training part may well hold
            rows of this test part.
    """
    if network.config.dataset_sha256 != dataset.sha256:
        raise OtherDatasetError(
            f"The network was trained on the data set {network.config.dataset_sha256}, not on {dataset.sha256}."
        )
    part = read_part(dataset, "test")
    outputs = forward_all(network.body, part.features)
    return part_metrics("test", dataset.task, outputs, part.targets, float(dataset.target_scale))
