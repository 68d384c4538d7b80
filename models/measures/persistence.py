"""The forecast that every other one has to beat: nothing changes."""

from typing import Any

import numpy as np
import numpy.typing as npt

from models.data.dataset import Dataset

Array = npt.NDArray[Any]


class Persistence:
    """Foretell a series' next value to be the last one of the window, with the two methods of an estimator."""

    def __init__(self, dataset: Dataset) -> None:
        """Take over how windows and targets were standardised.

        Args:
            dataset: windows of one feature, shape (steps, 1), in the target's own series.
        """
        self._mean, self._scale = float(dataset.feature_mean[-1]), float(dataset.feature_scale[-1])
        self._target_mean, self._target_scale = float(dataset.target_mean), float(dataset.target_scale)

    def fit(self, features: Array, targets: Array) -> "Persistence":
        """Learn nothing."""
        return self

    def predict(self, features: Array) -> Array:
        """Return the last value of each window, standardised as targets are.

        Args:
            features: (n, steps), standardised.

        Returns:
            (n,)
        """
        last = features[:, -1].astype(np.float64) * self._scale + self._mean  # (n,)  in the series' own unit
        return np.asarray((last - self._target_mean) / self._target_scale)  # (n,)


def can_persist(dataset: Dataset) -> bool:
    """Tell whether a data set is a forecast of a single series, so that its last value is a forecast too."""
    is_forecast = dataset.task == "regression" and dataset.kind == "sequence" and dataset.is_chronological
    return is_forecast and dataset.shape[-1] == 1
