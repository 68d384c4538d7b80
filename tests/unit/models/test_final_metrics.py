"""The metrics of finished networks: scikit-learn's figures, and something defined where a part cannot answer."""

import math

import pytest
import torch
from sklearn import metrics as reference
from torch import Tensor

from models.catalogue import CatalogueError, Task
from models.catalogue.metrics import METRICS_BY_TASK, TOP3_ACCURACY, task_metrics
from models.measures.final import confusion_matrix, final_metrics, objective_metric
from tests.unit.models.test_imports import loaded_after

TASKS: tuple[Task, ...] = ("classification", "regression", "next_token")


def scores(n_rows: int, n_classes: int) -> Tensor:
    """Make random scores (n, n_classes)."""
    return torch.randn(n_rows, n_classes, generator=torch.Generator().manual_seed(n_classes)) * 2


def classes(n_rows: int, n_classes: int) -> Tensor:
    """Make random classes (n,), unevenly many of each."""
    draws = torch.rand(n_rows, generator=torch.Generator().manual_seed(1)) ** 2  # (n,)
    return (draws * n_classes).long()


@pytest.mark.parametrize("n_classes", [2, 3, 6])
def test_classification_agrees_with_scikit_learn(n_classes: int) -> None:
    outputs, targets = scores(200, n_classes), classes(200, n_classes)
    found = final_metrics("test", "classification", outputs, targets, 1.0)
    truth, chosen, chances = targets.numpy(), outputs.argmax(1).numpy(), outputs.double().softmax(1).numpy()
    assert found["test_accuracy"] == pytest.approx(reference.accuracy_score(truth, chosen))
    assert found["test_balanced_accuracy"] == pytest.approx(reference.balanced_accuracy_score(truth, chosen))
    assert found["test_f1_macro"] == pytest.approx(reference.f1_score(truth, chosen, average="macro"))
    assert found["test_f1_micro"] == pytest.approx(found["test_accuracy"])
    assert found["test_log_loss"] == pytest.approx(found["test_loss"], rel=1e-5)
    area = reference.roc_auc_score(truth, chances[:, 1] if n_classes == 2 else chances, multi_class="ovr")
    assert found["test_roc_auc"] == pytest.approx(area)
    if n_classes > 3:
        assert found["test_top3_accuracy"] == pytest.approx(reference.top_k_accuracy_score(truth, chances, k=3))
    assert ("test_top3_accuracy" in found) == (n_classes > 3)
    assert reference.confusion_matrix(truth, chosen).tolist() == confusion_matrix(outputs, targets)


@pytest.mark.parametrize("n_classes", [2, 4, 10])
@pytest.mark.parametrize("n_levels", [1, 2, 5])
def test_tied_probabilities_count_half_under_the_curve(n_classes: int, n_levels: int) -> None:
    # Votes of a few neighbours, zeros among them: rows hold the same probabilities in different places.
    targets = classes(300, n_classes)
    source = torch.Generator().manual_seed(n_levels)
    votes = torch.randint(n_classes, (300, n_levels), generator=source)
    chances = torch.nn.functional.one_hot(votes, n_classes).double().mean(1)
    outputs = chances.clamp_min(1e-300).log()
    found = final_metrics("val", "classification", outputs, targets, 1.0)
    truth = targets.numpy()
    area = reference.roc_auc_score(truth, chances[:, 1] if n_classes == 2 else chances, multi_class="ovr")
    assert found["val_roc_auc"] == pytest.approx(area, abs=1e-9)


def test_regression_agrees_with_scikit_learn() -> None:
    outputs, targets = scores(50, 1), torch.linspace(-1, 1, 50)
    found = final_metrics("val", "regression", outputs, targets, 20.0)
    truth, predicted = targets.numpy() * 20, outputs[:, 0].numpy() * 20
    assert found["val_mse"] == pytest.approx(reference.mean_squared_error(truth, predicted), rel=1e-5)
    assert found["val_rmse"] == pytest.approx(reference.root_mean_squared_error(truth, predicted), rel=1e-5)
    assert found["val_mae"] == pytest.approx(reference.mean_absolute_error(truth, predicted), rel=1e-5)
    assert found["val_r2"] == pytest.approx(reference.r2_score(truth, predicted), rel=1e-5)


def test_tokens_have_perplexity_and_top_three() -> None:
    outputs, targets = scores(60, 8).view(10, 6, 8), classes(60, 8).view(10, 6)
    found = final_metrics("test", "next_token", outputs, targets, 1.0)
    assert set(found) == {"test_loss", "test_accuracy", "test_perplexity", "test_top3_accuracy"}
    among_three = (outputs.topk(3).indices == targets[..., None]).any(-1).double().mean().item()
    assert found["test_top3_accuracy"] == pytest.approx(among_three)
    assert found["test_perplexity"] == pytest.approx(math.exp(found["test_loss"]))


def test_a_class_that_does_not_occur_in_the_part_does_not_count() -> None:
    outputs, targets = scores(100, 4), classes(100, 3)
    assert (outputs.argmax(1) == 3).any()
    found = final_metrics("val", "classification", outputs, targets, 1.0)
    recalls = [(outputs.argmax(1)[targets == one] == one).double().mean().item() for one in range(3)]
    assert found["val_balanced_accuracy"] == pytest.approx(sum(recalls) / 3)
    areas = [reference.roc_auc_score(targets == one, outputs.double().softmax(1)[:, one]) for one in range(3)]
    assert found["val_roc_auc"] == pytest.approx(sum(areas) / 3)
    assert confusion_matrix(outputs, targets)[3] == [0, 0, 0, 0]


@pytest.mark.parametrize("n_classes", [2, 5])
def test_one_class_alone_has_no_area_under_the_curve(n_classes: int) -> None:
    outputs, targets = scores(20, n_classes), torch.ones(20, dtype=torch.int64)
    found = final_metrics("val", "classification", outputs, targets, 1.0)
    assert "val_roc_auc" not in found
    assert all(math.isfinite(value) for value in found.values())
    with pytest.raises(CatalogueError) as refusal:
        objective_metric("val_roc_auc", "classification", outputs, targets, 1.0)
    assert refusal.value.code == "undefined_metric"
    targets[0] = 0
    assert 0 <= objective_metric("val_roc_auc", "classification", outputs, targets, 1.0) <= 1


def test_certainty_of_a_wrong_class_costs_much_but_not_infinitely_much() -> None:
    outputs = torch.tensor([[0.0, -torch.inf], [0.0, 2000.0]])
    found = final_metrics("val", "classification", outputs[1:], torch.tensor([0]), 1.0)
    assert 30 < found["val_log_loss"] < 1000


@pytest.mark.parametrize("task", TASKS)
def test_outputs_that_are_not_finite_have_the_cheap_metrics_only(task: Task) -> None:
    shape, kind = {"regression": ((4, 1), torch.float32), "classification": ((4, 5), torch.int64)}.get(
        task, ((4, 2, 5), torch.int64)
    )
    targets = torch.zeros(shape[:-1], dtype=kind)
    found = final_metrics("val", task, torch.full(shape, torch.nan), targets, 1.0)
    assert math.isnan(found["val_loss"])
    assert "val_log_loss" not in found
    name = METRICS_BY_TASK[task][-1].name
    assert math.isnan(objective_metric(name, task, torch.full(shape, torch.nan), targets, 1.0))
    assert math.isfinite(objective_metric(name, task, torch.zeros(shape), targets, 1.0))


@pytest.mark.parametrize(
    ("task", "outputs", "targets"),
    [
        ("classification", scores(40, 5), classes(40, 5)),
        ("classification", scores(40, 2), classes(40, 2)),
        ("regression", scores(40, 1), torch.linspace(-2, 2, 40)),
        ("next_token", scores(40, 5).view(8, 5, 5), classes(40, 5).view(8, 5)),
    ],
)
def test_whatever_the_catalogue_lists_can_be_computed_and_nothing_else(
    task: Task, outputs: Tensor, targets: Tensor
) -> None:
    n_classes = None if task == "regression" else outputs.shape[-1]
    listed = {info.name for info in task_metrics(task, n_classes) if info.name.startswith("val_")}
    found = final_metrics("val", task, outputs, targets, 7.0)
    assert listed == set(found)
    assert {name: objective_metric(name, task, outputs, targets, 7.0) for name in listed} == found


def test_three_classes_leave_out_the_top_three() -> None:
    assert TOP3_ACCURACY not in task_metrics("classification", 3)
    assert TOP3_ACCURACY in task_metrics("classification", 4)
    with pytest.raises(CatalogueError) as refusal:
        objective_metric("val_top3_accuracy", "classification", scores(9, 3), classes(9, 3), 1.0)
    assert refusal.value.code == "undefined_metric"
    assert objective_metric("val_top3_accuracy", "classification", scores(9, 4), classes(9, 4), 1.0) > 0


def test_a_metric_of_another_task_is_refused() -> None:
    with pytest.raises(CatalogueError) as refusal:
        objective_metric("val_r2", "classification", scores(9, 4), classes(9, 4), 1.0)
    assert refusal.value.code == "undefined_metric"
    assert "f1_macro" in refusal.value.hint
    assert objective_metric("val_r2", "regression", scores(9, 1), torch.linspace(0, 1, 9), 1.0) <= 1


def test_measuring_a_network_loads_no_scikit_learn() -> None:
    program = """
import torch
from models.measures.final import final_metrics
assert "val_roc_auc" in final_metrics("val", "classification", torch.eye(4), torch.arange(4), 1.0)
"""
    assert loaded_after(program) == {"torch", "numpy"}
