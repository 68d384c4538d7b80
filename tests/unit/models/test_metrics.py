"""Metrics equal their definitions, computed another way."""

import math

import pytest
import torch

from models.measures.metrics import batch_loss, part_metrics


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


def test_predicting_the_mean_explains_nothing() -> None:
    targets = torch.tensor([1.0, 2.0, 6.0])
    metrics = part_metrics("val", "regression", torch.full((3, 1), 3.0), targets, unit=1.0)
    assert metrics["val_r2"] == pytest.approx(0)


def test_loss_pairs_each_output_with_its_own_target() -> None:
    targets = torch.tensor([1.0, 2.0])
    assert batch_loss("regression", targets[:, None], targets).item() == 0
