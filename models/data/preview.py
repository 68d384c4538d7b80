"""A small look into a prepared data set, for people who have not seen it: how its rows are spread, and a few of them.

The server asks for it as a program of its own, because it imports neither numpy nor a data set, and keeps it.
"""

import base64
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from models.data.dataset import Dataset, Floats
from models.data.digests import Array
from models.data.layout import PART_NAMES
from models.data.profiles import count_classes, count_targets, image_column, name_column, number_column, shorten_all

MAX_ROWS = 20
MAX_COLUMNS = 64
MAX_PICTURES = 40
MAX_PICTURE_BYTES = 96 * 1024
MAX_CLASSES = 1_000
_DATA_ROWS = 10_000


def profile(dataset: Dataset) -> dict[str, Any]:
    """Return how a prepared data set is spread, as JSON values.

    Returns:
        `columns`: the first 64 features over up to 10,000 rows of the training part, in the unit of the source, and the
        target; images are one column. `n_columns`: how many there are. `classes`: how often each class or token occurs
        in each part; for a regression `target_histogram` instead. `findings`: none, because the columns of the source
        are not there any more.
    """
    targets = {part: getattr(dataset, f"y_{part}") for part in PART_NAMES}
    is_regression = dataset.task == "regression"
    names = [str(place) for place in range(min(dataset.n_outputs, MAX_CLASSES))]
    features = _features(dataset)
    return {
        "columns": [*features, _target(dataset)],
        "n_columns": (1 if dataset.kind == "image" else dataset.n_features) + 1,
        "classes": [] if is_regression else count_classes(names, targets),
        "target_histogram": count_targets(targets) if is_regression else None,
        "findings": [],
    }


def preview(dataset: Dataset) -> dict[str, Any]:
    """Return a few examples of the training part, as JSON values of less than 256 kB together with the profile.

    Returns:
        `columns` and `rows`: names and cells of the first 20 rows, in the unit of the source, with the first 64
        features and the target. `pictures`: up to 40 images, classes in turn, or None where examples are no images.
    """
    n_rows = min(len(dataset.x_train), MAX_ROWS)
    raw = _raw(dataset, np.arange(n_rows))[:, :MAX_COLUMNS]  # (rows, columns)
    targets = dataset.y_train[:n_rows].reshape(n_rows, -1)[:, :1]  # (rows, 1): a text's first token stands for all
    is_image = dataset.kind == "image"
    return {
        "columns": [] if is_image else [*_names(dataset), "target"],
        "rows": [] if is_image else [shorten_all(row) for row in np.concatenate([raw, targets], axis=1)],
        "pictures": pictures(dataset, [str(place) for place in range(dataset.n_outputs)]),
    }


def pictures(dataset: Dataset, names: Sequence[str]) -> dict[str, Any] | None:
    """Return up to 40 images of the training part as base64 of their bytes, or None where examples are no images.

    Args:
        dataset: prepared, in memory or mapped.
        names: of the classes; of no use for a regression, whose numbers are told.
    """
    if dataset.kind != "image" or dataset.shape[0] not in (1, 3):
        return None
    n = min(MAX_PICTURES, MAX_PICTURE_BYTES // math.prod(dataset.shape))
    is_classification = dataset.task == "classification"
    chosen = _in_turn(dataset.y_train[:_DATA_ROWS], n) if is_classification else np.arange(min(n, len(dataset.y_train)))
    if len(chosen) == 0:
        return None
    raw = _raw(dataset, chosen)  # (n, d)
    low, high = float(raw.min()), float(raw.max())
    pixels = ((raw - low) / max(high - low, 1e-12) * 255).round().astype(np.uint8)  # (n, d)
    targets = dataset.y_train[chosen]
    return {
        "channels": dataset.shape[0],
        "height": dataset.shape[1],
        "width": dataset.shape[2],
        "labels": [names[one] for one in targets] if is_classification else [f"{one:.6g}" for one in targets],
        "pixels": base64.b64encode(pixels.tobytes()).decode(),
    }


def _names(dataset: Dataset) -> list[str]:
    return [f"feature {place + 1}" for place in range(min(dataset.n_features, MAX_COLUMNS))]


def _features(dataset: Dataset) -> list[dict[str, Any]]:
    if dataset.kind == "image":
        return [image_column(dataset.shape)]
    raw = _raw(dataset, np.arange(min(len(dataset.x_train), _DATA_ROWS)))  # (n, d)
    return [number_column(name, raw[:, place]) for place, name in enumerate(_names(dataset))]


def _target(dataset: Dataset) -> dict[str, Any]:
    targets = dataset.y_train[:_DATA_ROWS].reshape(-1)
    if dataset.task == "regression":
        return number_column("target", targets, "target")
    return name_column("target", "category", [str(one) for one in targets.tolist()], "target")


def _raw(dataset: Dataset, rows: Array) -> Floats:
    """Return rows of the training part in the unit of the source: (n, d)."""
    raw: Floats = dataset.x_train[rows] * dataset.feature_scale + dataset.feature_mean
    return raw


def _in_turn(classes: Array, n: int) -> Array:
    """Return `n` rows or fewer: the first of each class, then the second of each, and so on."""
    order = np.argsort(classes, kind="stable")  # rows by class
    ordered = classes[order]
    rank = np.arange(len(classes)) - np.searchsorted(ordered, ordered)  # how many of its class stand in front
    return order[np.lexsort((ordered, rank))][:n]


__all__ = ["MAX_COLUMNS", "MAX_PICTURES", "MAX_ROWS", "pictures", "preview", "profile"]
