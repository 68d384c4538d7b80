"""The diagnosis of real training runs: healthy ones are left in peace, sick ones named."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.catalogue import ParamValue, get_model
from models.data.dataset import Dataset, load_dataset
from models.data.prepare import prepare_dataset
from models.diagnosis.curves import Curves, Divergence, reference_accuracy, reference_loss
from models.diagnosis.diagnose import diagnose
from models.diagnosis.findings import Finding
from models.engine.jobs import Outcome
from tests.unit.models.helpers import Run

Params = dict[str, ParamValue]


def diagnose_run(
    dataset: Dataset, folder: Path, model: str = "mlp", seed: int = 1, **params: ParamValue
) -> dict[str, Finding]:
    """Train a network and diagnose what it reported."""
    result, recorder = Run(dataset, folder, model, seed=seed).train_one("lane", **params)
    names = recorder.reports[0].metrics if recorder.reports else {}
    counts = np.bincount(dataset.y_train).tolist() if dataset.task == "classification" else []
    curves = Curves(
        metrics={name: recorder.curve("lane", name) for name in names},
        n_epochs=int(params["epochs"]),
        task=dataset.task,
        n_train=len(dataset.y_train),
        reference_loss=reference_loss(dataset.task, counts),
        reference_accuracy=reference_accuracy(dataset.task, counts),
        divergence=Divergence(result.epoch + 1, reason=result.reason) if result.outcome is Outcome.DIVERGED else None,
        # Hints are for what the model has, defaults included.
        params={**defaults_of(model), **params},
    )
    return {finding.kind: finding for finding in diagnose(curves)}


def defaults_of(model: str) -> Params:
    """Return a model's hyperparameters as they are where nothing is said."""
    return {name: one.default for name, one in get_model(model).hyperparameters.items()}


def only(dataset: Dataset, n_rows: int) -> Dataset:
    """Keep the first training rows, of each class equally many."""
    classes = dataset.y_train if dataset.task == "classification" else np.zeros(len(dataset.y_train))
    names = np.unique(classes)
    rows = np.concatenate([np.flatnonzero(classes == name)[: n_rows // len(names)] for name in names])
    return replace(dataset, x_train=dataset.x_train[rows], y_train=dataset.y_train[rows])


HEALTHY: dict[str, tuple[str, dict[str, Any]]] = {
    "digits": ("digits", {"epochs": 20}),
    "digits, long": ("digits", {"epochs": 40}),
    "digits, dropout": ("digits", {"epochs": 30, "dropout": 0.3}),
    "digits, fast": ("digits", {"epochs": 20, "learning_rate": 0.01}),
    "digits, deep tanh": ("digits", {"epochs": 20, "hidden_layers": 8, "activation": "tanh"}),
    "breast cancer": ("breast_cancer", {"epochs": 20}),
    "breast cancer, long": ("breast_cancer", {"epochs": 60, "hidden_units": 128}),
    "breast cancer, small": ("breast_cancer", {"epochs": 30, "hidden_units": 8, "hidden_layers": 1}),
    "diabetes": ("diabetes", {"epochs": 20, "hidden_units": 16, "hidden_layers": 1, "learning_rate": 0.01}),
    "digits, convolutions": ("digits", {"model": "cnn", "epochs": 8}),
    "digits, fast convolutions": ("digits", {"model": "cnn", "epochs": 8, "learning_rate": 0.005}),
    "digits, capsules": ("digits", {"model": "capsnet", "epochs": 4}),
    "digits, logistic": ("digits", {"model": "logistic", "epochs": 15}),
    "two irises, Rosenblatt": ("iris_two", {"model": "perceptron", "epochs": 20}),
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


@pytest.mark.parametrize(("source", "n_rows"), [("digits", 60), ("diabetes", 60)])
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


def test_gradients_vanish_in_eight_layers_of_sigmoids(digits: Dataset, tmp_path: Path) -> None:
    found = diagnose_run(digits, tmp_path, epochs=12, hidden_layers=8, activation="sigmoid")
    assert list(found)[:2] == ["vanishing_gradients", "underfitting"]
    assert found["vanishing_gradients"].remedy.hints[0].parameter == "activation"


@pytest.mark.parametrize(("activation", "hidden_layers"), [("sigmoid", 4), ("tanh", 8), ("relu", 1), ("relu", 8)])
def test_gradients_reach_healthy_networks(activation: str, hidden_layers: int, digits: Dataset, tmp_path: Path) -> None:
    found = diagnose_run(digits, tmp_path, epochs=12, hidden_layers=hidden_layers, activation=activation)
    assert not found.keys() & {"vanishing_gradients", "exploding_gradients", "dead_relus", "diverged"}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_long_steps_silence_units_for_good(seed: int, digits: Dataset, tmp_path: Path) -> None:
    found = diagnose_run(digits, tmp_path, seed=seed, epochs=5, learning_rate=0.3)
    assert "dead_relus" in found
    assert "vanishing_gradients" not in found


def test_far_too_long_steps_make_gradients_explode(digits: Dataset, tmp_path: Path) -> None:
    found = diagnose_run(digits, tmp_path, epochs=5, learning_rate=10.0)
    assert "exploding_gradients" in found
    assert found["exploding_gradients"].evidence.numbers["grad_norm"] >= 100
