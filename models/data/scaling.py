"""Means and deviations that bring features and targets to a scale that networks learn well from."""

import math

import numpy as np
import numpy.typing as npt

from models.catalogue import DataShape

Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def fit_features(rows: Doubles, shape: DataShape, is_real: Flags | None = None) -> tuple[Doubles, Doubles]:
    """Return what to subtract from each feature and what to divide it by.

    Args:
        rows: (n, d) raw training examples.
        shape: how to read them; see `Dataset` for what each kind shares.
        is_real: (n, steps) for a sequence: False for steps that only fill up; None where all are real.

    Returns:
        Mean (d,) and scale (d,).
    """
    width = shape.n_inputs
    if shape.kind == "text":
        return np.zeros(width), np.ones(width)
    if shape.kind == "table":
        return column_statistics(rows)
    if shape.kind == "image":
        mean, scale = column_statistics(rows.reshape(-1, 1))
        return np.repeat(mean, width), np.repeat(scale, width)
    steps = rows.reshape(-1, *shape.shape)
    real_steps = steps.reshape(-1, shape.shape[1]) if is_real is None else steps[is_real]
    mean, scale = column_statistics(real_steps)
    return np.tile(mean, shape.shape[0]), np.tile(scale, shape.shape[0])


def column_statistics(rows: Doubles) -> tuple[Doubles, Doubles]:
    """Return each column's mean and standard deviation, the latter 1 where a column is constant.

    The sums are exact (`math.fsum`), so that the digest cannot depend on how a machine orders its additions.

    Args:
        rows: (n, d)

    Returns:
        Mean (d,) and scale (d,), float64.
    """
    n_rows = len(rows)
    mean = np.array([math.fsum(column) / n_rows for column in rows.T])
    squares = (rows - mean) ** 2
    deviation = np.array([math.sqrt(math.fsum(column) / n_rows) for column in squares.T])
    return mean, np.where(deviation > 0, deviation, 1.0)
