"""The perceptron learns by Rosenblatt's rule to the letter, parts what can be parted, and learns by gradient too."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch

from models.catalogue import DATASETS, CatalogueError, DataShape, ParamValue, check_combination, get_model
from models.data.dataset import Dataset, load_dataset
from models.data.prepare import prepare_dataset
from models.engine.stack import Stack
from models.measures.evaluation import forward_all
from models.networks.base import Batch
from models.networks.perceptron import Perceptron
from models.networks.registry import build_network
from models.networks.saved import load_network
from models.seeds import generator
from tests.unit.models.helpers import Run
from tests.unit.models.onnx_runs import assert_onnx_agrees

Weights = npt.NDArray[np.float64]
RULES: list[dict[str, ParamValue]] = [
    {"rule": "rosenblatt"},
    {"rule": "gradient", "activation": "sigmoid"},
    {"rule": "gradient", "activation": "step"},
]


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    """Return normal numbers."""
    return torch.randn(*shape, generator=generator(seed, "test"))


def rows_in_order(n_rows: int, n_epochs: int, seed: int) -> Iterator[int]:
    """Yield the training rows in the order in which the trainer shows them."""
    for epoch in range(1, n_epochs + 1):
        yield from torch.randperm(n_rows, generator=generator(seed, "order", epoch)).tolist()


def rosenblatt(dataset: Dataset, weights: Weights, rate: float, n_epochs: int, seed: int) -> Weights:
    """Train units by hand: (units, d + 1) weights, the last of each for the constant 1."""
    n_units = len(weights)
    for row in rows_in_order(len(dataset.y_train), n_epochs, seed):
        x = np.append(dataset.x_train[row], 1.0)
        wanted = [int(dataset.y_train[row] == (1 if n_units == 1 else unit)) for unit in range(n_units)]
        for unit in range(n_units):
            fired = 1 if weights[unit] @ x > 0 else 0
            weights[unit] += rate * (wanted[unit] - fired) * x
    return weights


def weights_of(network: torch.nn.Module) -> Weights:
    """Return a perceptron's (units, d + 1) weights, the bias last."""
    state = network.state_dict()
    return torch.cat([state["output.weight"], state["output.bias"].unsqueeze(1)], dim=1).double().numpy()


@pytest.mark.parametrize("name", ["iris_two", "iris", "breast_cancer"])
def test_rosenblatts_rule_is_the_one_written_by_hand(name: str, cache_dir: Path, tmp_path: Path) -> None:
    dataset = load_dataset(prepare_dataset(name, cache_dir))
    run = Run(dataset, tmp_path, "perceptron", {"epochs": 3, "learning_rate": 0.25}, seed=4)
    result, _ = run.train_one("a")
    first = weights_of(build_network("perceptron", {}, dataset.data_shape, seed=4))
    by_hand = rosenblatt(dataset, first, 0.25, 3, seed=4)
    np.testing.assert_allclose(weights_of(load_network(result.network_files[0].parent).body), by_hand, atol=1e-4)


def test_rosenblatts_rule_stops_where_nothing_is_judged_wrongly(cache_dir: Path, tmp_path: Path) -> None:
    dataset = load_dataset(prepare_dataset("iris_two", cache_dir))
    shorter, _ = Run(dataset, tmp_path, "perceptron", {"epochs": 20}).train_one("shorter")
    longer, _ = Run(dataset, tmp_path, "perceptron", {"epochs": 30}).train_one("longer")
    body = load_network(longer.network_files[0].parent).body
    answers = forward_all(body, torch.from_numpy(dataset.x_train)).argmax(dim=1)
    assert (answers.numpy() == dataset.y_train).all()
    np.testing.assert_array_equal(weights_of(body), weights_of(load_network(shorter.network_files[0].parent).body))


def test_a_plane_cannot_part_exclusive_or() -> None:
    x = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    y = torch.tensor([0, 1, 1, 0])
    network = build_network("perceptron", {}, DataShape("classification", "table", (2,), 2))
    assert isinstance(network, Perceptron)
    seen = set()
    for step in range(400):
        row = torch.tensor([step % 4])
        losses, _ = network.training_losses(Batch(x[row], y[row], torch.tensor(0, dtype=torch.int32)), {})
        weights: list[torch.Tensor] = list(network.parameters())
        with torch.no_grad():
            torch._foreach_add_(weights, torch.autograd.grad(losses, weights), alpha=-0.5)
        seen.add(int((network(x).argmax(dim=1) == y).sum()))
    assert max(seen) == 3


@pytest.mark.parametrize("params", RULES, ids=lambda params: " ".join(map(str, params.values())))
@pytest.mark.parametrize(("name", "least"), [("iris_two", 0.9), ("breast_cancer", 0.94)])
def test_each_rule_learns_two_classes(
    params: dict[str, ParamValue], name: str, least: float, cache_dir: Path, tmp_path: Path
) -> None:
    dataset = load_dataset(prepare_dataset(name, cache_dir))
    result, _ = Run(dataset, tmp_path, "perceptron", {"epochs": 5}).train_one("a", **params)
    assert result.metrics["val_accuracy"] >= least


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("params", RULES, ids=lambda params: " ".join(map(str, params.values())))
def test_a_lane_answers_and_learns_as_it_does_alone(params: dict[str, ParamValue], n_classes: int) -> None:
    data = DataShape("classification", "table", (5,), n_classes)
    networks = [build_network("perceptron", params, data, seed=seed) for seed in range(3)]
    stack = Stack(networks[0], [network.state_dict() for network in networks])
    x, y, keys = draw(3, 16, 5), torch.arange(48).view(3, 16) % n_classes, torch.zeros(3, dtype=torch.int32)
    assert isinstance(stack.network, Perceptron)
    together = stack.network.training_losses(Batch(x, y, keys), {})
    gradients = torch.autograd.grad(together.losses.sum(), stack.parameters)
    assert together.outputs is not None
    for lane, network in enumerate(networks):
        assert isinstance(network, Perceptron)
        alone = network.training_losses(Batch(x[lane], y[lane], keys[lane]), {})
        torch.testing.assert_close(together.losses[lane], alone.losses, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(together.outputs[lane], alone.outputs, rtol=1e-5, atol=1e-5)
        for mine, right in zip(gradients, torch.autograd.grad(alone.losses, list(network.parameters())), strict=True):
            torch.testing.assert_close(mine[lane], right, rtol=1e-5, atol=1e-5)


def test_the_answer_of_two_classes_is_that_of_the_step() -> None:
    network = build_network("perceptron", {}, DataShape("classification", "table", (5,), 2))
    x = draw(64, 5)
    assert isinstance(network, Perceptron)
    fired = network.output.sums(x)[:, 0] > 0
    assert torch.equal(network(x).argmax(dim=1), fired.long())


def test_onnx_file_answers_as_the_network_does(cache_dir: Path, tmp_path: Path) -> None:
    dataset = load_dataset(prepare_dataset("iris_two", cache_dir))
    result, _ = Run(dataset, tmp_path, "perceptron", {"epochs": 1}).train_one("a")
    network = load_network(result.network_files[0].parent)
    assert_onnx_agrees(network, torch.from_numpy(dataset.x_test), tmp_path / "network.onnx")


def test_another_optimizer_than_the_rule_itself_is_refused() -> None:
    entry = get_model("perceptron")
    with pytest.raises(CatalogueError, match="the optimizer adam changes it") as refusal:
        check_combination(entry, {"optimizer": "adam"}, DATASETS["iris_two"])
    assert (refusal.value.code, refusal.value.field) == ("impossible_combination", "params.optimizer")
    check_combination(entry, {"optimizer": "adam", "rule": "gradient"}, DATASETS["iris_two"])
