"""Losses and metrics of supervised training, on whole parts of a data set at once."""

from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.catalogue import Task


def batch_loss(task: Task, outputs: Tensor, targets: Tensor) -> Tensor:
    """Return the mean loss of a batch: cross-entropy in nats, or the squared error of the standardised target.

    Args:
        task: kind of data.
        outputs: (n, n_classes) scores, or (n, 1) standardised predictions.
        targets: (n,) int64 classes, or (n,) float32 standardised targets.

    Returns:
        ()
    """
    if task == "classification":
        return F.cross_entropy(outputs, targets)  # ()
    return F.mse_loss(outputs[:, 0], targets)  # ()


def part_metrics(part: str, task: Task, outputs: Tensor, targets: Tensor, unit: float) -> dict[str, float]:
    """Measure a network's outputs on one part of a data set.

    Args:
        part: `train`, `val` or `test`, the prefix of each name.
        task: kind of data.
        outputs: (n, n_classes) scores, or (n, 1) standardised predictions.
        targets: (n,) int64 classes, or (n,) float32 standardised targets.
        unit: how much of the target's own unit one standard deviation is; without effect on classes.

    Returns:
        `loss` and `accuracy`, or `loss`, `rmse`, `mae` and `r2`, as plain floats.
    """
    metrics = {f"{part}_loss": batch_loss(task, outputs, targets).item()}
    if task == "classification":
        metrics[f"{part}_accuracy"] = (outputs.argmax(dim=1) == targets).double().mean().item()
        return metrics
    errors = (outputs[:, 0] - targets).double()  # (n,)
    spread = (targets.double() - targets.double().mean()).square().mean()  # ()
    metrics[f"{part}_rmse"] = errors.square().mean().sqrt().item() * unit
    metrics[f"{part}_mae"] = errors.abs().mean().item() * unit
    metrics[f"{part}_r2"] = (1 - errors.square().mean() / spread).item()
    return metrics
