"""What is measured of lanes in an epoch: while they trained, and on the validation part afterwards."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from models.catalogue import MetricInfo, Task
from models.catalogue.metrics import GENERATIVE_METRICS, METRICS_BY_TASK, TRAINING_METRICS
from models.data.dataset import Dataset
from models.engine.observe import UnitWatch, gradient_ratio
from models.engine.parts import Parts
from models.engine.stack import Slot, Stack
from models.measures.final import objective_metric
from models.measures.metrics import lane_metrics
from models.networks.base import HasMeasure

EVALUATION_ROWS = 1024
"""Rows of a lane in one forward pass of an evaluation; fixed, since the size of a pass may show in the last digit."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a lane did in an epoch.

    Attributes:
        metrics: by name; empty when it diverged.
        reason: where it diverged; empty when it did not.
    """

    metrics: Mapping[str, float]
    reason: str = ""


@dataclass(slots=True, eq=False)
class Trace:
    """What the steps of an epoch leave behind.

    Attributes:
        losses: (lanes,) of each step, by phase.
        rates: the learning rate of each lane in the last step.
        norms: (lanes,) length of the gradient, of some steps.
        outputs: answers to each batch, for the training metrics; empty where a network has none.
        targets: beside them.
    """

    losses: dict[str, list[Tensor]]
    rates: Sequence[float]
    norms: list[Tensor] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    targets: list[Tensor] = field(default_factory=list)

    def is_any_finite(self) -> bool:
        """Tell whether any lane still had finite losses in the last step."""
        last = torch.stack([values[-1] for values in self.losses.values()])  # (phases, lanes)
        return bool(last.isfinite().all(dim=0).any())


def find_divergence(trace: Trace, epochs: Sequence[int], n_steps: int) -> list[str]:
    """Say where each lane's loss stopped being a finite number.

    Args:
        trace: of the epoch.
        epochs: which epoch it was, a lane.
        n_steps: of an epoch.

    Returns:
        A sentence a lane that names the first bad step; empty where all was well.
    """
    reasons = [""] * len(epochs)
    for name, steps in trace.losses.items():
        losses = torch.stack(steps)  # (n_steps, lanes)
        bad = ~losses.isfinite()  # (n_steps, lanes)
        for place in bad.any(dim=0).nonzero().flatten().tolist():
            step = int(bad[:, place].nonzero()[0])
            label = f"train_{name}_loss" if name else "train_loss"
            value = losses[step, place].item()
            reasons[place] = f"{label} became {value} in epoch {epochs[place]}, step {step + 1} of {n_steps}."
    return reasons


def measure_training(trace: Trace, task: Task, n_lane_dims: int) -> dict[str, Tensor]:
    """Return the metrics of the training part, each example measured before its own step; () or (lanes,)."""
    if not trace.outputs:
        return {f"train_{name}_loss": torch.stack(steps).mean(dim=0) for name, steps in trace.losses.items()}
    metrics = lane_metrics(task, torch.cat(trace.outputs, n_lane_dims), torch.cat(trace.targets, n_lane_dims), 1.0)
    return {f"train_{name}": metrics[name] for name in ("loss", "accuracy") if name in metrics}


def measure_gradients(trace: Trace, stack: Stack, gradients: Tensor, slots: Sequence[Slot]) -> dict[str, Tensor]:
    """Return what gradients and weights were like: () or (lanes,) by name.

    Args:
        trace: of the epoch.
        stack: the networks.
        gradients: (lanes, n) of the last step.
        slots: where the parameters lie in a row of them.
    """
    measured = {
        "learning_rate": torch.tensor(trace.rates),  # (lanes,)
        "grad_norm": torch.stack(trace.norms).mean(dim=0),  # (lanes,)
        "weight_norm": stack.weights.norm(dim=1),  # (lanes,)
    }
    ratio = gradient_ratio(gradients, slots)
    return measured if ratio is None else measured | {"grad_ratio": ratio}


def measure_validation(
    stack: Stack, parts: Parts, dataset: Dataset, keys: Tensor, objective: MetricInfo
) -> dict[str, Tensor]:
    """Return the metrics of the validation part, () or (lanes,) by name.

    Args:
        stack: the networks.
        parts: their data.
        dataset: where it comes from.
        keys: () or (lanes,) for networks that draw random numbers while they are measured.
        objective: computed too where it is not among the cheap metrics.
    """
    if isinstance(stack.network, HasMeasure):
        stack.network.eval()
        with torch.inference_mode():
            return dict(stack.network.measure(parts.x_val, parts.y_val, keys))
    watch = UnitWatch(stack.network, stack.lane_shape)
    with watch.watching():
        outputs = answer(stack, parts.x_val)  # (..., n_val, ...)
    unit = float(dataset.target_scale)
    metrics = lane_metrics(dataset.task, outputs, parts.y_val, unit)
    measured = {f"val_{name}": values for name, values in metrics.items()}
    dead = watch.dead_share()
    if dead is not None:
        measured["dead_units"] = dead
    if not objective.is_per_epoch:
        measured[objective.name] = _each_objective(objective.name, stack, parts, outputs, dataset)
    return measured


def answer(stack: Stack, x: Tensor) -> Tensor:
    """Return the networks' answers to some rows, in evaluation mode.

    Args:
        stack: the networks.
        x: (n, d) for all lanes, or (lanes, n, d).

    Returns:
        (n, ...), or (lanes, n, ...).
    """
    lanes = stack.lane_shape
    if lanes and x.dim() == 2:
        x = x.expand(*lanes, *x.shape)  # (lanes, n, d)
    stack.network.eval()
    with torch.inference_mode():
        pieces = [stack.forward(rows) for rows in torch.split(x, EVALUATION_ROWS, dim=len(lanes))]
    return torch.cat(pieces, dim=len(lanes))


def measured_lane(place: int, measured: Mapping[str, Sequence[float]], reason: str, epoch: int) -> Measured:
    """Return one lane's metrics as numbers in the catalogue's order, or why there are none.

    Args:
        place: which lane.
        measured: a number a lane by name.
        reason: where it diverged while it trained; may be empty.
        epoch: for the sentence about a metric that is not finite.
    """
    if reason:
        return Measured({}, reason)
    numbers = {name: values[place] for name, values in measured.items()}
    metrics = {name: numbers[name] for name in sorted(numbers, key=lambda name: _RANKS.get(name, -1))}
    for name, value in metrics.items():
        if not math.isfinite(value):
            return Measured({}, f"{name} became {value} at the end of epoch {epoch}.")
    return Measured(metrics)


def _each_objective(name: str, stack: Stack, parts: Parts, outputs: Tensor, dataset: Dataset) -> Tensor:
    n_lanes = stack.n_lanes
    each = outputs if stack.lane_shape else outputs.unsqueeze(0)  # (lanes, n_val, ...)
    differs = bool(stack.lane_shape) and parts.x_val.dim() == 3
    targets = parts.y_val if differs else parts.y_val.expand(n_lanes, *parts.y_val.shape)  # (lanes, n_val, ...)
    unit = float(dataset.target_scale)
    values = [
        objective_metric(name, dataset.task, one, wanted, unit) for one, wanted in zip(each, targets, strict=True)
    ]
    return torch.tensor(values, dtype=torch.float64)  # (lanes,)


_KNOWN = [info.name for infos in (*METRICS_BY_TASK.values(), GENERATIVE_METRICS, TRAINING_METRICS) for info in infos]
_RANKS = {name: rank for rank, name in reversed(list(enumerate(_KNOWN)))}
