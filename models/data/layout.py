"""How the flat rows of a data set are to be read: as members of its file, and as a rule for its rows."""

import math
from collections.abc import Mapping
from typing import cast

import numpy as np

from models.catalogue import DataShape, Task
from models.catalogue.entries import DataKind
from models.data.digests import Array
from models.data.errors import DatasetError

PART_NAMES = ("train", "val", "test")
LAYOUT_NAMES = ("task", "kind", "shape", "n_outputs", "is_chronological")
ARRAY_NAMES = (
    *("x_train", "y_train", "x_val", "y_val", "x_test", "y_test"),
    *("feature_mean", "feature_scale", "target_mean", "target_scale"),
)
MEMBER_NAMES = LAYOUT_NAMES + ARRAY_NAMES
"""What a file of a data set holds."""


def layout_members(shape: DataShape, is_chronological: bool) -> dict[str, Array]:
    """Return what a data set's file says about itself, as arrays by `LAYOUT_NAMES`."""
    return {
        "task": np.array(shape.task),
        "kind": np.array(shape.kind),
        "shape": np.array(shape.shape, np.int64),
        "n_outputs": np.array(shape.n_outputs, np.int64),
        "is_chronological": np.array(is_chronological),
    }


def read_layout(members: Mapping[str, Array]) -> tuple[DataShape, bool]:
    """Return the shape that a data set's file states, and whether its rows are chronological.

    Raises:
        KeyError: a member is missing.
        ValueError: a member is not of the right type.
    """
    shape = DataShape(
        task=cast(Task, str(members["task"])),
        kind=cast(DataKind, str(members["kind"])),
        shape=tuple(int(size) for size in members["shape"]),
        n_outputs=int(members["n_outputs"]),
    )
    return shape, bool(members["is_chronological"])


def check_rows(shape: DataShape, features: Array, targets: Array) -> None:
    """Refuse rows that are not of the shape.

    Args:
        shape: the rule.
        features: should be (n, n_inputs).
        targets: should be (n,), or (n, steps) to predict next tokens; whole numbers below `n_outputs` for classes and
            tokens. All numbers should be finite.

    Raises:
        DatasetError: `inconsistent_dataset`, with the shape, the row or the number that does not fit.
    """
    wanted_features = (len(features), shape.n_inputs)
    wanted_targets = (len(features), *shape.shape) if shape.task == "next_token" else (len(features),)
    if (features.shape, targets.shape) != (wanted_features, wanted_targets):
        raise DatasetError(
            "inconsistent_dataset",
            f"Features {features.shape} and targets {targets.shape} do not fit {shape.task} from a {shape.kind} of "
            f"shape {shape.shape}, which needs {wanted_features} and {wanted_targets}.",
        )
    _check_finite("Features", features)
    if shape.task == "regression":
        _check_finite("Targets", targets)
    else:
        _check_classes(targets, shape)


def _check_finite(name: str, numbers: Array) -> None:
    is_wrong = ~np.isfinite(numbers.reshape(len(numbers), math.prod(numbers.shape[1:]))).all(axis=1)  # (n,)
    if is_wrong.any():
        message = f"{name} must be finite numbers; those of row {is_wrong.argmax()} of {len(numbers)} are not."
        raise DatasetError("inconsistent_dataset", message)


def _check_classes(targets: Array, shape: DataShape) -> None:
    if targets.dtype.kind not in "iu":
        message = f"Targets of {shape.task} must be whole numbers, not {targets.dtype}."
        raise DatasetError("inconsistent_dataset", message)
    if targets.size and not (targets.min() >= 0 and targets.max() < shape.n_outputs):
        raise DatasetError(
            "inconsistent_dataset",
            f"Targets from {targets.min()} to {targets.max()} do not fit {shape.n_outputs} classes or tokens, "
            f"which are numbered 0 to {shape.n_outputs - 1}.",
        )
