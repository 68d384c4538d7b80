"""The metrics of a finished network, and of a study that made one of them its objective.

They are scikit-learn's figures, to which the tests hold them, in a few tensor operations each. Calling scikit-learn
itself cost a trial's process 1.4 seconds of processor time to import it and 70 ms a network of ten classes, as much as
a small network's training; this takes 2 ms.

A new metric is one function, one line in `FINAL_METRICS` and its entry in the catalogue.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor

from models.catalogue import CatalogueError, Task
from models.catalogue.metrics import N_CLASSES_TOP3_NEEDS
from models.measures.metrics import flatten_tokens, lane_metrics, part_metrics

SMALLEST_LOG_PROBABILITY = math.log(torch.finfo(torch.float64).eps)
"""About -36: being wrong with certainty costs much, but not infinitely much."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Classes beside what a network says of them.

    Attributes:
        classes: (n,) int64, the truth.
        log_probabilities: (n, n_classes) float64.
        counts: (n_classes, n_classes) float64, how often each class (row) was taken for each (column).
    """

    classes: Tensor
    log_probabilities: Tensor
    counts: Tensor


ClassMetric = Callable[[Scored], float | None]
"""Returns None where the part cannot answer, such as the area under the curve of a part with one class only."""


def final_metrics(part: str, task: Task, outputs: Tensor, targets: Tensor, unit: float) -> dict[str, float]:
    """Measure a finished network on one part of a data set by everything the catalogue lists.

    A metric that the part cannot answer is left out: `roc_auc` where only one class occurs, `top3_accuracy` up to three
    classes. Classes that do not occur in the part don't count in `balanced_accuracy` and `roc_auc`. Outputs that are
    not all finite have the cheap metrics only.

    Args:
        part: `train`, `val` or `test`, the prefix of each name.
        task: kind of data.
        outputs: (n, n_classes) scores; (n, steps, n_tokens) scores; or (n, 1) standardised predictions.
        targets: (n,) int64 classes; (n, steps) int64 tokens; or (n,) float32 standardised targets.
        unit: how much of the target's own unit one standard deviation is; without effect on classes.

    Returns:
        What `part_metrics` returns, and the others under names such as `test_f1_macro`.
    """
    metrics = part_metrics(part, task, outputs, targets, unit)
    if task == "regression":
        return metrics | {f"{part}_mse": metrics[f"{part}_rmse"] ** 2}
    if not bool(outputs.isfinite().all()):
        return metrics
    scored = score(task, outputs, targets)
    for name, measure in FINAL_METRICS[task].items():
        value = measure(scored)
        if value is not None:
            metrics[f"{part}_{name}"] = value
    return metrics


def objective_metric(name: str, task: Task, outputs: Tensor, targets: Tensor, unit: float) -> float:
    """Compute one metric of one lane, such as an objective that is not among the cheap metrics of every epoch.

    Args:
        name: a metric of the catalogue, such as `val_f1_macro`; the part in front is for the caller.
        task: kind of data.
        outputs: as `final_metrics` takes them.
        targets: as `final_metrics` takes them.
        unit: how much of the target's own unit one standard deviation is.

    Returns:
        The value; NaN where outputs are not all finite.

    Raises:
        CatalogueError: `undefined_metric`, where such data cannot answer it; the message says why.
    """
    short = name.partition("_")[2]
    if task == "regression" and short == "mse":
        return lane_metrics(task, outputs, targets, unit)["rmse"].item() ** 2
    if short not in FINAL_METRICS[task]:
        cheap = lane_metrics(task, outputs, targets, unit)
        if short in cheap:
            return cheap[short].item()
        known = ", ".join((*cheap, *FINAL_METRICS[task]))
        raise CatalogueError("undefined_metric", f"{name} does not exist for {task}.", "objective", f"Known: {known}.")
    if not bool(outputs.isfinite().all()):
        return float("nan")
    scored = score(task, outputs, targets)
    value = FINAL_METRICS[task][short](scored)
    if value is None:
        n_present = int((scored.counts.sum(dim=1) > 0).sum())
        raise CatalogueError(
            "undefined_metric",
            f"{name} cannot be computed on a part with {n_present} of {outputs.shape[-1]} classes.",
            "objective",
            "roc_auc needs two classes in the part, top3_accuracy four in the data; accuracy needs neither.",
        )
    return value


def confusion_matrix(outputs: Tensor, targets: Tensor) -> list[list[int]]:
    """Count which class was taken for which.

    Args:
        outputs: (n, n_classes) scores.
        targets: (n,) int64 classes.

    Returns:
        A row a true class, a column a chosen one: (n_classes, n_classes) counts that sum to n.
    """
    counts: list[list[int]] = _counts(outputs, targets).tolist()
    return counts


def score(task: Task, outputs: Tensor, targets: Tensor) -> Scored:
    """Turn scores of classes or tokens into probabilities beside the truth; each token is an example of its own."""
    outputs, targets = outputs.detach().cpu(), targets.cpu()
    if task == "next_token":
        outputs, targets = flatten_tokens(outputs, targets)  # (n, n_tokens), (n,)
    return Scored(targets, outputs.double().log_softmax(dim=-1), _counts(outputs, targets).double())


def balanced_accuracy(scored: Scored) -> float:
    """Return the mean recall of the classes that occur."""
    occurring = scored.counts.sum(dim=1)  # (n_classes,)
    recalls = scored.counts.diagonal() / occurring  # (n_classes,)  NaN where a class does not occur
    return recalls[occurring > 0].mean().item()


def f1_macro(scored: Scored) -> float:
    """Return the mean F1 of the classes that occur or were chosen; 0 for one that was never chosen rightly."""
    met = scored.counts.sum(dim=1) + scored.counts.sum(dim=0)  # (n_classes,)  times that it occurred or was chosen
    scores = 2 * scored.counts.diagonal() / met  # (n_classes,)
    return scores[met > 0].mean().item()


def f1_micro(scored: Scored) -> float:
    """Return the F1 of all decisions counted together: each wrong one is one false alarm and one miss."""
    return (scored.counts.diagonal().sum() / scored.counts.sum()).item()


def roc_auc(scored: Scored) -> float | None:
    """Return the area under the curve, each class against the rest, averaged over the classes that occur.

    With two classes this is the ordinary binary area. None where only one class occurs.

    Source: the area is the share of pairs in the right order, ties counting half (Hanley and McNeil, Radiology 143,
    1982), and follows from the ranks' sum (Mann and Whitney 1947).
    """
    present = scored.counts.sum(dim=1).nonzero()[:, 0]  # (p,)
    if len(present) < 2:
        return None
    if len(scored.counts) == 2:
        present = present[1:]  # (1,)  the other class' area is the same
    # Equal probabilities come out of a sum that is taken in another order for each row; what differs in the last bits
    # only is tied.
    scores = scored.log_probabilities[:, present].T.round(decimals=12).contiguous()  # (p, n)
    ordered = scores.sort(dim=1).values  # (p, n)
    below = torch.searchsorted(ordered, scores)  # (p, n)
    up_to = torch.searchsorted(ordered, scores, right=True)  # (p, n)
    ranks = (below + up_to + 1).double() / 2  # (p, n)  of equal numbers the mean rank
    is_class = scored.classes == present[:, None]  # (p, n)
    n_inside = is_class.sum(dim=1).double()  # (p,)
    n_outside = is_class.shape[1] - n_inside  # (p,)
    pairs = (ranks * is_class).sum(dim=1) - n_inside * (n_inside + 1) / 2  # (p,)
    area: float = (pairs / (n_inside * n_outside)).mean().item()
    return area


def log_loss(scored: Scored) -> float:
    """Return the cross-entropy in nats; a probability of 0 counts as the smallest step above it, not as infinity."""
    of_truth = scored.log_probabilities.gather(1, scored.classes[:, None])  # (n, 1)
    return -of_truth.clamp_min(SMALLEST_LOG_PROBABILITY).mean().item()


def top3_accuracy(scored: Scored) -> float | None:
    """Return the share of examples whose class is among the three most probable; None up to three classes."""
    if scored.log_probabilities.shape[1] < N_CLASSES_TOP3_NEEDS:
        return None
    three = scored.log_probabilities.topk(3, dim=1).indices  # (n, 3)
    return (three == scored.classes[:, None]).any(dim=1).double().mean().item()


def _counts(outputs: Tensor, targets: Tensor) -> Tensor:
    n_classes = outputs.shape[-1]
    pairs = targets * n_classes + outputs.argmax(dim=-1)  # (n,)
    return pairs.bincount(minlength=n_classes**2).view(n_classes, n_classes)  # (n_classes, n_classes)


FINAL_METRICS: Mapping[Task, Mapping[str, ClassMetric]] = MappingProxyType(
    {
        "classification": MappingProxyType(
            {
                "balanced_accuracy": balanced_accuracy,
                "f1_macro": f1_macro,
                "f1_micro": f1_micro,
                "roc_auc": roc_auc,
                "log_loss": log_loss,
                "top3_accuracy": top3_accuracy,
            }
        ),
        "regression": MappingProxyType({}),
        "next_token": MappingProxyType({"top3_accuracy": top3_accuracy}),
    }
)
"""What is not among the cheap metrics of every epoch, by task and by name without the part. Numbers need no more."""
