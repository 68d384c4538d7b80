"""The metrics of a finished network, and of a study that made one of them its objective. scikit-learn computes them.

scikit-learn is imported inside the functions: it costs a second, which a trial whose objective is a plain one never
pays. A new metric is one function, one line in `FINAL_METRICS` and its entry in the catalogue.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from models.catalogue import CatalogueError, Task
from models.catalogue.metrics import N_CLASSES_TOP3_NEEDS
from models.measures.metrics import flatten_tokens, lane_metrics, part_metrics


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Classes beside what a network says of them.

    Attributes:
        classes: (n,) int64, the truth.
        probabilities: (n, n_classes) float64, rows sum to 1.
        chosen: (n,) int64, the class with the highest probability.
    """

    classes: npt.NDArray[np.int64]
    probabilities: npt.NDArray[np.float64]
    chosen: npt.NDArray[np.int64]


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
        n_present = len(np.unique(scored.classes))
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
    n_classes = outputs.shape[-1]
    pairs = targets * n_classes + outputs.argmax(dim=-1)  # (n,)
    counts: list[list[int]] = pairs.bincount(minlength=n_classes**2).view(n_classes, n_classes).tolist()
    return counts


def score(task: Task, outputs: Tensor, targets: Tensor) -> Scored:
    """Turn scores of classes or tokens into probabilities beside the truth; each token is an example of its own."""
    if task == "next_token":
        outputs, targets = flatten_tokens(outputs, targets)  # (n, n_tokens), (n,)
    probabilities = outputs.detach().double().softmax(dim=-1).cpu().numpy()  # (n, n_classes)
    return Scored(targets.cpu().numpy(), probabilities, outputs.argmax(dim=-1).cpu().numpy())


def balanced_accuracy(scored: Scored) -> float:
    """Return the mean recall of the classes that occur."""
    from sklearn.metrics import recall_score

    present = np.unique(scored.classes)
    return _number(recall_score(scored.classes, scored.chosen, labels=present, average="macro", zero_division=0.0))


def f1_macro(scored: Scored) -> float:
    """Return the mean F1 of the classes that occur or were chosen; 0 for one that was never chosen rightly."""
    from sklearn.metrics import f1_score

    return _number(f1_score(scored.classes, scored.chosen, average="macro", zero_division=0.0))


def f1_micro(scored: Scored) -> float:
    """Return the F1 of all decisions counted together."""
    from sklearn.metrics import f1_score

    return _number(f1_score(scored.classes, scored.chosen, average="micro", zero_division=0.0))


def roc_auc(scored: Scored) -> float | None:
    """Return the area under the curve, each class against the rest, averaged over the classes that occur.

    With two classes this is the ordinary binary area. None where only one class occurs.
    """
    from sklearn.metrics import roc_auc_score

    present = np.unique(scored.classes)
    if len(present) < 2:
        return None
    if scored.probabilities.shape[1] == 2:
        return _number(roc_auc_score(scored.classes, scored.probabilities[:, 1]))
    areas = [roc_auc_score(scored.classes == one, scored.probabilities[:, one]) for one in present]
    return _number(np.mean(areas))


def log_loss(scored: Scored) -> float:
    """Return the cross-entropy in nats; a probability of 0 counts as the smallest step above it, not as infinity."""
    from sklearn import metrics

    labels = range(scored.probabilities.shape[1])
    return _number(metrics.log_loss(scored.classes, scored.probabilities, labels=labels))


def top3_accuracy(scored: Scored) -> float | None:
    """Return the share of examples whose class is among the three most probable; None up to three classes."""
    from sklearn.metrics import top_k_accuracy_score

    n_classes = scored.probabilities.shape[1]
    if n_classes < N_CLASSES_TOP3_NEEDS:
        return None
    return _number(top_k_accuracy_score(scored.classes, scored.probabilities, k=3, labels=range(n_classes)))


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
"""What scikit-learn computes, by task and by name without the part. Numbers need no more than tensor arithmetic."""


def _number(value: Any) -> float:
    return float(value)
