"""What is trained: one network a case, described to the engine and built from torch.nn alone for the peers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from benchmarks.training import plain_capsnet, plain_cnn, plain_rnn
from models.catalogue import ParamValue

BATCH_SIZE = 64


@dataclass(frozen=True, slots=True)
class Case:
    """One network on one data set.

    Attributes:
        name: what the report calls it.
        dataset: a name in the catalogue.
        model: a name in the catalogue.
        params: hyperparameters of all trials.
        epochs: of a trial.
        build: makes the same network from torch.nn.
        loss: its mean loss over a batch; from the network, features and targets.
        scores: its class scores, for accuracies.
        bar: least gain over the careful loop that is asked for.
    """

    name: str
    dataset: str
    model: str
    params: Mapping[str, ParamValue]
    epochs: int
    build: Callable[[], nn.Module]
    loss: Callable[[Any, Tensor, Tensor], Tensor]
    scores: Callable[[nn.Module, Tensor], Tensor]
    bar: float


def trial_rate(number: int) -> float:
    """Return the learning rate of a trial: from 0.0005 to 0.004, spread evenly over 64 trials on a log scale."""
    return float(5e-4 * 8 ** ((number * 37 % 64) / 63))


def _mlp(*widths: int) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        sizes = (64, *widths)
        layers: list[nn.Module] = []
        for d, m in pairwise(sizes):
            layers += [nn.Linear(d, m), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(sizes[-1], 10))

    return build


def _answer(network: nn.Module, x: Tensor) -> Tensor:
    scores: Tensor = network(x)
    return scores


def _cross_entropy(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(network(x), y)


def _mlp_case(name: str, widths: tuple[int, ...], bar: float) -> Case:
    params: dict[str, ParamValue] = {"widths": "-".join(map(str, widths)), "batch_size": BATCH_SIZE}
    return Case(name, "digits", "mlp", params, 20, _mlp(*widths), _cross_entropy, _answer, bar)


CASES: tuple[Case, ...] = (
    _mlp_case("mlp 128-64", (128, 64), 2.0),
    _mlp_case("mlp 16-8", (16, 8), 2.0),
    _mlp_case("mlp 512-512", (512, 512), 0.95),
    Case(
        "cnn 16-32",
        "digits",
        "cnn",
        {"channels": "16-32", "widths": "64", "batch_size": BATCH_SIZE, "dropout": 0.0},
        8,
        plain_cnn.build,
        plain_cnn.loss,
        _answer,
        1.3,
    ),
    Case(
        "gru 64",
        "digits",
        "rnn",
        {"cell": "gru", "hidden_units": 64, "batch_size": BATCH_SIZE, "dropout": 0.0},
        8,
        plain_rnn.build,
        plain_rnn.loss,
        _answer,
        1.7,
    ),
    Case(
        "capsnet 64-16",
        "digits",
        "capsnet",
        {"conv_channels": 64, "primary_types": 16, "routings": 3, "batch_size": BATCH_SIZE},
        3,
        plain_capsnet.build,
        plain_capsnet.loss,
        lambda network, x: torch.linalg.vector_norm(_answer(network, x), dim=-1),
        1.5,
    ),
)
