"""Losses and the cheap metrics of every epoch: tensor arithmetic on whole parts of a data set, for many lanes at once.

Shapes here leave out the optional leading dimension of lanes, which outputs may have and results then have too; targets
have it where lanes see different rows, as the folds of a cross-validation do.
"""

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.catalogue import Task


def batch_loss(task: Task, outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean loss of a batch: cross-entropy in nats, or the squared error of the standardised target.

    Args:
        task: kind of data.
        outputs: (n, n_classes) scores; (n, steps, n_tokens) scores; or (n, 1) standardised predictions.
        targets: (n,) int64 classes; (n, steps) int64 tokens; or (n,) float32 standardised targets.

    Returns:
        (), or (lanes,) where outputs have a lane dimension.
    """
    stacked, targets, is_stacked = _stacked(task, outputs, targets)
    losses = _losses(task, stacked, targets)  # (lanes,)
    return losses if is_stacked else losses[0]


def lane_metrics(task: Task, outputs: Tensor, targets: Tensor, unit: float) -> dict[str, Tensor]:
    """Measure the outputs of all lanes on one part of a data set.

    A lane's numbers do not depend on its neighbours: outputs without a lane dimension are measured as one lane.

    Args:
        task: kind of data.
        outputs: (n, n_classes) scores; (n, steps, n_tokens) scores; or (n, 1) standardised predictions.
        targets: (n,) int64 classes; (n, steps) int64 tokens; or (n,) float32 standardised targets.
        unit: how much of the target's own unit one standard deviation is; without effect on classes.

    Returns:
        `loss` and `accuracy`, with `perplexity` for tokens; or `loss`, `rmse`, `mae` and `r2`. Each (), or (lanes,).
    """
    stacked, targets, is_stacked = _stacked(task, outputs, targets)
    measure = _number_metrics if task == "regression" else _class_metrics
    metrics = {"loss": _losses(task, stacked, targets)}  # (lanes,)
    metrics |= measure(stacked, targets, unit)  # (lanes,) each
    if task == "next_token":
        metrics["perplexity"] = metrics["loss"].double().exp()  # (lanes,)
    return metrics if is_stacked else {name: values[0] for name, values in metrics.items()}


def part_metrics(part: str, task: Task, outputs: Tensor, targets: Tensor, unit: float) -> dict[str, float]:
    """Measure one network's outputs on one part of a data set: `lane_metrics` as plain floats.

    Args:
        part: `train`, `val` or `test`, the prefix of each name.
        task: kind of data.
        outputs: as `lane_metrics` takes them, without a lane dimension.
        targets: as `lane_metrics` takes them.
        unit: how much of the target's own unit one standard deviation is; without effect on classes.

    Returns:
        What `lane_metrics` returns, under names such as `val_loss`.
    """
    return {f"{part}_{name}": value.item() for name, value in lane_metrics(task, outputs, targets, unit).items()}


def flatten_tokens(outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Make every token an example of its own.

    Args:
        outputs: (..., n, steps, n_tokens)
        targets: (..., n, steps)

    Returns:
        (..., n * steps, n_tokens) and (..., n * steps)
    """
    return outputs.flatten(-3, -2), targets.flatten(-2)


def _stacked(task: Task, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, bool]:
    # Everything is measured in the shape (lanes, n, n_outputs), a single network as one lane: the same sums in the
    # same order, whoever else is in the batch.
    if task == "next_token":
        outputs, targets = flatten_tokens(outputs, targets)  # (..., n, n_tokens), (..., n)
    is_stacked = outputs.ndim == 3
    outputs = outputs.float() if is_stacked else outputs.float()[None]  # (lanes, n, n_outputs)
    return outputs, targets.expand(outputs.shape[:2]), is_stacked  # targets (lanes, n)


def _losses(task: Task, outputs: Tensor, targets: Tensor) -> Tensor:
    if task == "regression":
        return (outputs[..., 0] - targets).square().mean(dim=-1)  # (lanes,)
    losses = F.cross_entropy(outputs.flatten(0, 1), targets.flatten(), reduction="none")  # (lanes * n,)
    return losses.view(targets.shape).mean(dim=-1)  # (lanes,)


def _class_metrics(outputs: Tensor, targets: Tensor, unit: float) -> dict[str, Tensor]:
    return {"accuracy": (outputs.argmax(dim=-1) == targets).double().mean(dim=-1)}  # (lanes,)


def _number_metrics(outputs: Tensor, targets: Tensor, unit: float) -> dict[str, Tensor]:
    targets = targets.double()  # (lanes, n)
    errors = outputs[..., 0].double() - targets  # (lanes, n)
    squared = errors.square().mean(dim=-1)  # (lanes,)
    spread = (targets - targets.mean(dim=-1, keepdim=True)).square().mean(dim=-1)  # (lanes,)
    return {
        "rmse": squared.sqrt() * unit,  # (lanes,)
        "mae": errors.abs().mean(dim=-1) * unit,  # (lanes,)
        "r2": torch.where(spread > 0, 1 - squared / spread, (squared == 0).double()),  # (lanes,)  constant: 1 or 0
    }
