"""How the flat rows of a data set are to be read: as members of its file, and as a rule for its rows."""

from collections.abc import Mapping
from typing import cast

import numpy as np

from models.catalogue import DataShape, Task
from models.catalogue.entries import DataKind
from models.data.digests import Array
from models.data.errors import DatasetError

LAYOUT_NAMES = ("task", "kind", "shape", "n_outputs", "is_chronological")


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
            tokens.

    Raises:
        DatasetError: `inconsistent_dataset`, with the shape or the number that does not fit.
    """
    wanted_features = (len(features), shape.n_inputs)
    wanted_targets = (len(features), *shape.shape) if shape.task == "next_token" else (len(features),)
    if (features.shape, targets.shape) != (wanted_features, wanted_targets):
        raise DatasetError(
            "inconsistent_dataset",
            f"Features {features.shape} and targets {targets.shape} do not fit {shape.task} from a {shape.kind} of "
            f"shape {shape.shape}, which needs {wanted_features} and {wanted_targets}.",
        )
    if shape.task != "regression":
        _check_classes(targets, shape)


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
