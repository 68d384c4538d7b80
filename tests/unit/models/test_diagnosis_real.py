"""The diagnosis of real training runs: healthy ones are left in peace, sick ones named.

Gradients and silent units are measured here on the networks themselves, so that the rules are held against real numbers
whatever the trainer reports.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.catalogue import ParamValue
from models.data.dataset import Dataset, load_dataset
from models.data.prepare import prepare_dataset
from models.diagnosis.curves import Curves, Divergence, reference_loss
from models.diagnosis.diagnose import diagnose
from models.diagnosis.findings import Finding
from models.engine.jobs import Outcome
from tests.unit.models.helpers import Run

Params = dict[str, ParamValue]


@pytest.fixture(scope="module", autouse=True)
def _one_thread_a_module() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def diagnose_run(dataset: Dataset, folder: Path, **params: ParamValue) -> dict[str, Finding]:
    """Train a multilayer perceptron and diagnose what it reported."""
    result, recorder = Run(dataset, folder).train_one("lane", **params)
    names = recorder.reports[0].metrics if recorder.reports else {}
    counts = np.bincount(dataset.y_train).tolist() if dataset.task == "classification" else []
    curves = Curves(
        metrics={name: recorder.curve("lane", name) for name in names},
        n_epochs=int(params["epochs"]),
        task=dataset.task,
        n_train=len(dataset.y_train),
        reference_loss=reference_loss(dataset.task, counts),
        divergence=Divergence(result.epoch + 1, reason=result.reason) if result.outcome is Outcome.DIVERGED else None,
        params=params,
    )
    return {finding.kind: finding for finding in diagnose(curves)}


def only(dataset: Dataset, n_rows: int) -> Dataset:
    """Keep the first training rows, of each class equally many."""
    classes = dataset.y_train if dataset.task == "classification" else np.zeros(len(dataset.y_train))
    names = np.unique(classes)
    rows = np.concatenate([np.flatnonzero(classes == name)[: n_rows // len(names)] for name in names])
    return replace(dataset, x_train=dataset.x_train[rows], y_train=dataset.y_train[rows])


HEALTHY: dict[str, tuple[str, Params]] = {
    "digits": ("digits", {"epochs": 20}),
    "digits, long": ("digits", {"epochs": 40}),
    "digits, dropout": ("digits", {"epochs": 30, "dropout": 0.3}),
    "digits, fast": ("digits", {"epochs": 20, "learning_rate": 0.01}),
    "digits, deep tanh": ("digits", {"epochs": 20, "hidden_layers": 8, "activation": "tanh"}),
    "breast cancer": ("breast_cancer", {"epochs": 20}),
    "breast cancer, long": ("breast_cancer", {"epochs": 60, "hidden_units": 128}),
    "breast cancer, small": ("breast_cancer", {"epochs": 30, "hidden_units": 8, "hidden_layers": 1}),
    "diabetes": ("diabetes", {"epochs": 20, "hidden_units": 16, "hidden_layers": 1, "learning_rate": 0.01}),
    "diabetes, linear": ("diabetes", {"epochs": 60, "hidden_layers": 0, "learning_rate": 0.01}),
}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_runs_have_no_problem(name: str, cache_dir: Path, tmp_path: Path) -> None:
    source, params = HEALTHY[name]
    found = diagnose_run(load_dataset(prepare_dataset(source, cache_dir)), tmp_path, **params)
    assert [finding.kind for finding in found.values() if finding.severity == "problem"] == []
    assert found.keys() & {"good_fit", "still_improving"}


def test_a_linear_model_of_noisy_targets_has_reached_its_plateau(cache_dir: Path, tmp_path: Path) -> None:
    diabetes = load_dataset(prepare_dataset("diabetes", cache_dir))
    assert "plateau" in diagnose_run(diabetes, tmp_path, epochs=60, hidden_layers=0, learning_rate=0.01)
    assert "plateau" not in diagnose_run(diabetes, tmp_path, epochs=10, hidden_layers=0, learning_rate=0.01)


def test_a_tiny_network_underfits(digits: Dataset, tmp_path: Path) -> None:
    found = diagnose_run(digits, tmp_path, epochs=20, hidden_units=1, activation="tanh", learning_rate=0.01)
    assert "underfitting" in found
    assert "overfitting" not in found


def test_too_short_a_step_underfits(digits: Dataset, tmp_path: Path) -> None:
    assert "underfitting" in diagnose_run(digits, tmp_path, epochs=20, learning_rate=1e-5)


@pytest.mark.parametrize(("source", "n_rows"), [("digits", 40), ("diabetes", 60)])
def test_a_wide_network_learns_few_rows_by_heart(source: str, n_rows: int, cache_dir: Path, tmp_path: Path) -> None:
    rows = only(load_dataset(prepare_dataset(source, cache_dir)), n_rows)
    found = diagnose_run(rows, tmp_path, epochs=60, hidden_units=256, batch_size=16)
    assert "overfitting" in found
    assert not found.keys() & {"underfitting", "good_fit", "still_improving"}


def test_one_layer_of_sigmoids_is_still_improving(digits: Dataset, tmp_path: Path) -> None:
    assert "still_improving" in diagnose_run(digits, tmp_path, epochs=20, hidden_layers=2, activation="sigmoid")


def test_a_learning_rate_ten_times_too_high_makes_noise(digits: Dataset, tmp_path: Path) -> None:
    found = diagnose_run(digits, tmp_path, epochs=20, optimizer="rmsprop", learning_rate=0.03, batch_size=8)
    assert "noisy_validation" in found
    assert found["noisy_validation"].remedy.hints[0].to_json() == {"parameter": "learning_rate", "direction": "down"}


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_learning_rate_of_a_hundred_diverges(optimizer: str, digits: Dataset, tmp_path: Path) -> None:
    # Plain descent ends at a loss that is no number, Adam at one that is far too high.
    found = diagnose_run(digits, tmp_path, epochs=10, learning_rate=100.0, optimizer=optimizer)
    assert next(iter(found)) == "diverged"
    assert not found.keys() & {"underfitting", "overfitting", "good_fit"}


# ---- what happens inside the network


def plain_network(widths: tuple[int, ...], activation: type[nn.Module], seed: int) -> nn.Sequential:
    """Build dense layers as torch draws them, each but the last with an activation."""
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for n, m in pairwise(widths):
        layers += [nn.Linear(n, m), activation()]
    return nn.Sequential(*layers[:-1])


def length(tensors: list[torch.Tensor]) -> float:
    """Return the length of several gradients together."""
    return float(torch.stack([tensor.norm() for tensor in tensors]).norm())


def gradient_curves(data: Dataset, network: nn.Sequential, learning_rate: float, n_epochs: int = 10) -> Curves:
    """Train by hand and measure, after each epoch, gradients and silent units on whole parts of the data."""
    x, y, x_val, y_val = (torch.from_numpy(part) for part in (data.x_train, data.y_train, data.x_val, data.y_val))
    weights = list(network.parameters())
    optimizer = torch.optim.Adam(weights, learning_rate)
    metrics: dict[str, list[float]] = {name: [] for name in ("train_loss", "val_loss", *GRADIENTS)}
    for _ in range(n_epochs):
        for rows in torch.split(torch.randperm(len(x)), 64):
            optimizer.zero_grad()
            torch.autograd.backward(F.cross_entropy(network(x[rows]), y[rows]))
            optimizer.step()
        loss = F.cross_entropy(network(x), y)
        gradients = list(torch.autograd.grad(loss, weights))
        metrics["train_loss"].append(loss.item())
        metrics["val_loss"].append(F.cross_entropy(network(x_val), y_val).item())
        metrics["grad_norm"].append(length(gradients))
        # The last layer's own gradient is 0 where everything below is silent.
        last = length(gradients[-2:-1])
        metrics["grad_ratio"].append(length(gradients[:1]) / last if last else float("nan"))
        metrics["dead_units"].append(silent_share(network, x_val))
    return Curves(
        metrics, n_epochs, "classification", len(x), reference_loss("classification", np.bincount(y).tolist())
    )


GRADIENTS = ("grad_norm", "grad_ratio", "dead_units")


@torch.no_grad()
def silent_share(network: nn.Sequential, x: torch.Tensor) -> float:
    """Return the share of hidden units that answer 0 to every row."""
    silent: list[torch.Tensor] = []
    for layer in list(network)[:-1]:
        x = layer(x)
        if not isinstance(layer, nn.Linear):
            silent.append((x == 0).all(dim=0))
    return float(torch.cat(silent).double().mean())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_gradients_vanish_in_eight_layers_of_sigmoids(seed: int, digits: Dataset) -> None:
    deep = (64, *[64] * 8, 10)
    found = [f.kind for f in diagnose(gradient_curves(digits, plain_network(deep, nn.Sigmoid, seed), 1e-3))]
    assert found[:2] == ["vanishing_gradients", "underfitting"]


@pytest.mark.parametrize(
    ("activation", "n_layers"), [(nn.Sigmoid, 2), (nn.Tanh, 2), (nn.Tanh, 8), (nn.ReLU, 1), (nn.ReLU, 2), (nn.ReLU, 4)]
)
def test_gradients_reach_healthy_networks(activation: type[nn.Module], n_layers: int, digits: Dataset) -> None:
    network = plain_network((64, *[64] * n_layers, 10), activation, 1)
    found = {f.kind for f in diagnose(gradient_curves(digits, network, 1e-3, n_epochs=12))}
    assert not found & {"vanishing_gradients", "exploding_gradients", "dead_relus", "diverged"}


def test_long_steps_silence_units_for_good(digits: Dataset) -> None:
    found = diagnose(gradient_curves(digits, plain_network((64, 64, 64, 10), nn.ReLU, 1), learning_rate=0.1))
    assert "dead_relus" in [finding.kind for finding in found]


def test_weights_drawn_too_large_make_gradients_explode(digits: Dataset) -> None:
    network = plain_network((64, 64, 64, 64, 10), nn.ReLU, 1)
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(10)
    found = diagnose(gradient_curves(digits, network, learning_rate=1e-3))
    assert "exploding_gradients" in [finding.kind for finding in found]
