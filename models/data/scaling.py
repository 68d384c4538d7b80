"""Means and deviations that bring features and targets to a scale that networks learn well from."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.catalogue import DataShape
from models.data.digests import Array

Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Statistics = tuple[Doubles, Doubles]
"""Mean and scale of each column: two arrays (columns,)."""

UNSCALED: Statistics = (np.zeros(1), np.ones(1))


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """What is subtracted from raw numbers, and what they are then divided by.

    Attributes:
        feature_mean: (d,)
        feature_scale: (d,)
        target_mean: (1,), 0 unless regression.
        target_scale: (1,), 1 unless regression.
    """

    feature_mean: Doubles
    feature_scale: Doubles
    target_mean: Doubles
    target_scale: Doubles

    @classmethod
    def spread(cls, shape: DataShape, features: Statistics, targets: Statistics) -> "Scaling":
        """Give each of an example's numbers the statistics of the column that it belongs to, see `columns_of`."""
        n_times = shape.n_inputs // len(features[0])
        return cls(np.tile(features[0], n_times), np.tile(features[1], n_times), *targets)

    def members(self) -> dict[str, Array]:
        """Return the four as members of a data set's file."""
        members: dict[str, Array] = {
            "feature_mean": self.feature_mean.astype(np.float32),
            "feature_scale": self.feature_scale.astype(np.float32),
            "target_mean": self.target_mean.astype(np.float32).reshape(()),
            "target_scale": self.target_scale.astype(np.float32).reshape(()),
        }
        return members


def fit_scaling(features: Doubles, targets: Array, shape: DataShape, is_real: Flags | None = None) -> Scaling:
    """Measure the training part.

    Args:
        features: (n, d) raw.
        targets: (n,) or (n, steps).
        shape: how to read them.
        is_real: (n, steps) for a sequence: False for steps that only fill up; None where all are real.
    """
    of_features = UNSCALED if shape.kind == "text" else column_statistics(columns_of(features, shape, is_real))
    of_targets = column_statistics(targets[:, None].astype(np.float64)) if shape.task == "regression" else UNSCALED
    return Scaling.spread(shape, of_features, of_targets)


def columns_of(features: Doubles, shape: DataShape, is_real: Flags | None = None) -> Doubles:
    """Arrange features so that what shares a mean and a deviation stands in one column.

    Args:
        features: (n, d)
        shape: how to read them; see `Dataset` for what each kind shares.
        is_real: (n, steps), or None where all steps are real.

    Returns:
        (n, d) for a table, (n * d, 1) for images, (real steps, features) for sequences.
    """
    if shape.kind == "table":
        return features
    if shape.kind == "sequence":
        steps = features.reshape(-1, *shape.shape)
        return steps.reshape(-1, shape.shape[1]) if is_real is None else steps[is_real]
    return features.reshape(-1, 1)


def standardise(features: Array, shape: DataShape, scaling: Scaling, is_real: Flags | None = None) -> Array:
    """Return features (n, d) float32 on the scale that networks see; steps that only fill up become 0.

    They do so after standardising, so that they look like average steps.
    """
    standard = ((features - scaling.feature_mean) / scaling.feature_scale).astype(np.float32)  # (n, d)
    if is_real is not None:
        standard.reshape(-1, *shape.shape)[~is_real] = 0
    return standard


def column_statistics(rows: Doubles) -> Statistics:
    """Return each column's mean and standard deviation, the latter 1 where a column is constant.

    The sums are exact (`math.fsum`), so that the digest cannot depend on how a machine orders its additions.

    Args:
        rows: (n, columns)
    """
    n_rows = len(rows)
    mean = np.array([math.fsum(column) / n_rows for column in rows.T])
    squares = (rows - mean) ** 2
    deviation = np.array([math.sqrt(math.fsum(column) / n_rows) for column in squares.T])
    return mean, np.where(deviation > 0, deviation, 1.0)


class RunningStatistics:
    """Means and deviations of columns that come in chunks and are seen once.

    Source: T. Chan, G. Golub and R. LeVeque, Updating formulae and a pairwise algorithm for computing sample variances,
    1979.
    """

    def __init__(self) -> None:
        """Begin with no rows."""
        self._n_rows = 0
        self._mean = np.zeros(1)
        self._squares = np.zeros(1)

    def add(self, rows: Doubles) -> None:
        """Take rows (n, columns) into account."""
        if len(rows) == 0:
            return
        mean = rows.mean(axis=0)  # (columns,)
        n_all = self._n_rows + len(rows)
        gap = mean - self._mean
        self._squares = self._squares + ((rows - mean) ** 2).sum(axis=0) + gap**2 * (self._n_rows * len(rows) / n_all)
        self._mean = self._mean + gap * (len(rows) / n_all)
        self._n_rows = n_all

    def result(self) -> Statistics:
        """Return the mean and the deviation of each column, 1 where it is constant; 0 and 1 where nothing came."""
        deviation = np.sqrt(self._squares / max(1, self._n_rows))
        return self._mean, np.where(deviation > 0, deviation, 1.0)
