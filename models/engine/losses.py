"""Losses of supervised training by name, for one network or for lanes."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.catalogue import Task
from models.networks.base import Numbers

Criterion = Callable[[Tensor, Tensor, Numbers], Tensor]
"""From outputs (..., n, c), targets (..., n) and the lanes' numbers to a loss for each example, (..., n)."""


def loss_name(wanted: object, task: Task) -> str:
    """Resolve `auto`, or a missing choice: cross-entropy for classes and tokens, the squared error for numbers."""
    if wanted not in (None, "auto"):
        return str(wanted)
    return "mse" if task == "regression" else "cross_entropy"


def per_lane(values: Tensor) -> Tensor:
    """Shape a number a lane so that it applies to (lanes, n); a number alone stays ()."""
    return values.unsqueeze(-1) if values.dim() else values


def _cross_entropy(outputs: Tensor, targets: Tensor, numbers: Numbers) -> Tensor:
    """Cross-entropy in nats; smoothing as in Szegedy et al., arXiv 1512.00567, section 7."""
    losses = F.cross_entropy(outputs.flatten(0, -2), targets.flatten(), reduction="none").view(targets.shape)  # (.., n)
    smoothing = numbers.get("label_smoothing")
    if smoothing is None:
        return losses
    even = -F.log_softmax(outputs, dim=-1).mean(dim=-1)  # (..., n)  the right answer if all classes were equally so
    return torch.lerp(losses, even, per_lane(smoothing))  # (..., n)


def _binary_cross_entropy(outputs: Tensor, targets: Tensor, numbers: Numbers) -> Tensor:
    """Each class against the others, summed over the classes."""
    wanted = F.one_hot(targets, outputs.shape[-1]).to(outputs.dtype)  # (..., n, c)
    return F.binary_cross_entropy_with_logits(outputs, wanted, reduction="none").sum(dim=-1)  # (..., n)


def _hinge(outputs: Tensor, targets: Tensor, numbers: Numbers) -> Tensor:
    """Each class against the others with a margin of 1, summed over the classes (Rifkin and Klautau, JMLR 5, 2004)."""
    sign = 2.0 * F.one_hot(targets, outputs.shape[-1]) - 1  # (..., n, c)
    return (1 - sign * outputs).clamp(min=0).sum(dim=-1)  # (..., n)


def _huber(outputs: Tensor, targets: Tensor, numbers: Numbers) -> Tensor:
    """Squared up to delta and straight beyond (Huber 1964), divided by delta so that far errors count alike."""
    delta = per_lane(numbers["huber_delta"])  # () or (lanes, 1)
    errors = (outputs[..., 0] - targets).abs()  # (..., n)
    return torch.where(errors < delta, errors.square() / (2 * delta), errors - delta / 2)  # (..., n)


CRITERIA: Mapping[str, Criterion] = MappingProxyType(
    {
        "cross_entropy": _cross_entropy,
        "binary_cross_entropy": _binary_cross_entropy,
        "hinge": _hinge,
        "mse": lambda outputs, targets, _: (outputs[..., 0] - targets).square(),
        "mae": lambda outputs, targets, _: (outputs[..., 0] - targets).abs(),
        "huber": _huber,
    }
)


def balanced_weights(targets: Tensor, n_classes: int) -> Tensor:
    """Return the weight of each class that lets all count equally.

    Args:
        targets: (n,) classes of the training part.
        n_classes: how many there are.

    Returns:
        (n_classes,), 1 on average over the examples; 0 for a class without examples.
    """
    counts = torch.bincount(targets, minlength=n_classes).float()  # (n_classes,)
    present = counts > 0
    return torch.where(present, len(targets) / (present.sum() * counts.clamp(min=1)), 0.0)  # (n_classes,)
