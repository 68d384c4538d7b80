"""Metrics equal their definitions, computed another way, for one network and for many lanes at once."""

import math

import pytest
import torch
from torch import Tensor

from models.catalogue import Task
from models.catalogue.metrics import METRICS_BY_TASK
from models.measures.metrics import batch_loss, lane_metrics, part_metrics

TASKS: tuple[Task, ...] = ("classification", "regression", "next_token")
N_LANES, N_ROWS, N_STEPS, N_CLASSES = 5, 77, 6, 4


def outputs_and_targets(task: Task, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Make outputs of several lanes (lanes, n, ...) and the targets that they share."""
    source = torch.Generator().manual_seed(seed)
    if task == "regression":
        return torch.randn(N_LANES, N_ROWS, 1, generator=source), torch.randn(N_ROWS, generator=source)
    rows = (N_ROWS,) if task == "classification" else (N_ROWS, N_STEPS)
    outputs = torch.randn(N_LANES, *rows, N_CLASSES, generator=source) * 3
    return outputs, torch.randint(N_CLASSES, rows, generator=source)


def test_classification_metrics() -> None:
    scores = torch.log(torch.tensor([[0.7, 0.3], [0.4, 0.6], [0.9, 0.1]]))
    metrics = part_metrics("val", "classification", scores, torch.tensor([0, 0, 0]), unit=1.0)
    assert metrics["val_accuracy"] == pytest.approx(2 / 3)
    assert metrics["val_loss"] == pytest.approx(-(math.log(0.7) + math.log(0.4) + math.log(0.9)) / 3)
    assert set(metrics) == {"val_accuracy", "val_loss"}


def test_regression_metrics_are_in_the_targets_unit() -> None:
    outputs, targets = torch.tensor([[0.0], [1.0], [2.0]]), torch.tensor([0.0, 2.0, 4.0])
    metrics = part_metrics("test", "regression", outputs, targets, unit=10.0)
    assert metrics["test_loss"] == pytest.approx(5 / 3)
    assert metrics["test_rmse"] == pytest.approx(10 * math.sqrt(5 / 3))
    assert metrics["test_mae"] == pytest.approx(10.0)
    assert metrics["test_r2"] == pytest.approx(1 - 5 / 8)


def test_token_metrics_count_each_token_once() -> None:
    probabilities = torch.tensor([[[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]], [[0.2, 0.2, 0.6], [0.4, 0.3, 0.3]]])
    targets = torch.tensor([[0, 1], [2, 1]])
    metrics = part_metrics("val", "next_token", probabilities.log(), targets, unit=1.0)
    surprise = -(math.log(0.5) + math.log(0.8) + math.log(0.6) + math.log(0.3)) / 4
    assert metrics["val_loss"] == pytest.approx(surprise)
    assert metrics["val_perplexity"] == pytest.approx(math.exp(surprise))
    assert metrics["val_accuracy"] == pytest.approx(3 / 4)


def test_predicting_the_mean_explains_nothing() -> None:
    targets = torch.tensor([1.0, 2.0, 6.0])
    metrics = part_metrics("val", "regression", torch.full((3, 1), 3.0), targets, unit=1.0)
    assert metrics["val_r2"] == pytest.approx(0)


@pytest.mark.parametrize(("prediction", "r2"), [(2.0, 1.0), (2.5, 0.0)])
def test_constant_targets_are_explained_wholly_or_not_at_all(prediction: float, r2: float) -> None:
    metrics = part_metrics("val", "regression", torch.full((3, 1), prediction), torch.full((3,), 2.0), unit=1.0)
    assert metrics["val_r2"] == r2


def test_loss_pairs_each_output_with_its_own_target() -> None:
    targets = torch.tensor([1.0, 2.0])
    assert batch_loss("regression", targets[:, None], targets).item() == 0


@pytest.mark.parametrize("task", TASKS)
def test_lanes_measure_what_each_measures_alone_to_the_last_bit(task: Task) -> None:
    outputs, targets = outputs_and_targets(task)
    together = lane_metrics(task, outputs, targets, 3.0)
    for lane in range(N_LANES):
        alone = lane_metrics(task, outputs[lane], targets, 3.0)
        assert list(alone) == list(together)
        assert all(value.shape == () and torch.equal(value, together[name][lane]) for name, value in alone.items())
    assert torch.equal(batch_loss(task, outputs, targets), together["loss"])
    assert batch_loss(task, outputs[0], targets).shape == ()


@pytest.mark.parametrize("task", TASKS)
def test_lanes_may_have_targets_of_their_own(task: Task) -> None:
    outputs, first = outputs_and_targets(task)
    targets = torch.stack([outputs_and_targets(task, seed)[1] for seed in range(N_LANES)])
    metrics = lane_metrics(task, outputs, targets, 1.0)
    assert torch.equal(targets[0], first)
    for lane in range(N_LANES):
        alone = lane_metrics(task, outputs[lane], targets[lane], 1.0)
        assert all(torch.equal(value, metrics[name][lane]) for name, value in alone.items())


@pytest.mark.parametrize("task", TASKS)
def test_loss_is_torchs_own_and_has_its_gradient(task: Task) -> None:
    outputs, targets = outputs_and_targets(task)
    weights = outputs[0].clone().requires_grad_()
    if task == "regression":
        expected = torch.nn.functional.mse_loss(weights[:, 0], targets)
    else:
        expected = torch.nn.functional.cross_entropy(weights.reshape(-1, N_CLASSES), targets.reshape(-1))
    found = batch_loss(task, weights, targets)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(*(torch.autograd.grad(loss, weights)[0] for loss in (found, expected)))


@pytest.mark.parametrize("task", TASKS)
def test_a_lane_that_diverged_leaves_its_neighbours_alone(task: Task) -> None:
    outputs, targets = outputs_and_targets(task)
    sound = lane_metrics(task, outputs, targets, 1.0)
    broken = outputs.clone()
    broken[2] = torch.nan
    metrics = lane_metrics(task, broken, targets, 1.0)
    assert metrics["loss"][2].isnan()
    others = [0, 1, 3, 4]
    assert all(torch.equal(values[others], sound[name][others]) for name, values in metrics.items())


@pytest.mark.parametrize("task", TASKS)
def test_each_epochs_metrics_are_those_of_the_catalogue(task: Task) -> None:
    outputs, targets = outputs_and_targets(task)
    measured = part_metrics("val", task, outputs[0], targets, 1.0) | part_metrics(
        "train", task, outputs[0], targets, 1.0
    )
    assert {info.name for info in METRICS_BY_TASK[task] if info.is_per_epoch} <= set(measured)
