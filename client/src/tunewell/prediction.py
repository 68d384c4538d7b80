"""Predictions of a finished network, from its ONNX file; needs the extra `tunewell[predict]`.

Example:
    >>> with Client() as client:                                                          # doctest: +SKIP
    ...     predictor = client.load_predictor("digits-mlp")
    ...     print(predictor.predict([[0.0] * 64]).values)
"""

from __future__ import annotations

import csv
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from tunewell.errors import Invalid, Problem

INSTALL = "pip install 'tunewell[predict]'"
_BATCH_ROWS = 4096  # so that a table of any length needs little memory
Rows = Sequence[Sequence[float]]


@dataclass(frozen=True, slots=True)
class Prediction:
    """A network's answers, one a row.

    Attributes:
        values: The most probable class (or token to come next), or the number in the target's own unit.
        probabilities: By row and class; None for numbers.
    """

    values: tuple[float, ...] | tuple[int, ...]
    probabilities: tuple[tuple[float, ...], ...] | None

    def write_csv(self, file: TextIO) -> None:
        """Write a table with a header: `prediction`, then `probability_0` and so on for classes."""
        table = csv.writer(file, lineterminator="\n")
        shares = self.probabilities or ((),) * len(self.values)
        table.writerow(["prediction", *(f"probability_{place}" for place in range(len(shares[0]) if shares else 0))])
        for value, share in zip(self.values, shares, strict=True):
            table.writerow([value, *share])


class Predictor:
    """A network that answers.

    Args:
        path: Its ONNX file, as our workers store it.

    Raises:
        Invalid: `predict_extra` where onnxruntime is not installed; `bad_network` where the file is not such a network.
    """

    def __init__(self, path: Path | str) -> None:
        self._numpy, runtime = _import_extra()
        try:
            self._session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
            (features,), (answer,) = self._session.get_inputs(), self._session.get_outputs()
        except Exception as error:  # the library has no tree of exceptions: a broken file raises any of a dozen
            raise Invalid(Problem("bad_network", f"{path} cannot be read as a network: {error}")) from error
        self._input_name, self._output_name = features.name, answer.name
        self.n_features = int(features.shape[-1])
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)

    @property
    def task(self) -> str:
        """What it learned: classification, regression or next_token."""
        default = "regression" if self._output_name == "prediction" else "classification"
        return self.metadata.get("task", default)

    def predict(self, rows: Rows) -> Prediction:
        """Answer rows of `n_features` raw numbers each, as the data set's source gives them.

        Raises:
            Invalid: `bad_rows` where a row has another number of columns.
        """
        for place, row in enumerate(rows):
            if len(row) != self.n_features:
                text = f"row {place} has {len(row)} numbers, where the network reads {self.n_features}"
                raise Invalid(Problem("bad_rows", text))
        values: list[Any] = []
        shares: list[Any] = []
        for start in range(0, len(rows), _BATCH_ROWS):
            answer = self._run(rows[start : start + _BATCH_ROWS])  # (n, 1), (n, classes) or (n, steps, tokens)
            if self.task == "regression":
                values += answer[:, 0].tolist()  # (n,)
                continue
            scores = answer[:, -1] if answer.ndim == 3 else answer  # (n, classes)
            values += scores.argmax(axis=-1).tolist()  # (n,)
            shares += self._softmax(scores).tolist()  # (n, classes)
        found = None if self.task == "regression" else tuple(tuple(row) for row in shares)
        return Prediction(tuple(values), found)

    def _run(self, rows: Rows) -> Any:
        features = self._numpy.asarray(rows, dtype=self._numpy.float32)  # (n, n_features)
        return self._session.run([self._output_name], {self._input_name: features})[0]

    def _softmax(self, scores: Any) -> Any:
        shifted = scores.astype(self._numpy.float64) - scores.max(axis=-1, keepdims=True)  # (n, classes)
        weights = self._numpy.exp(shifted)  # (n, classes)
        return weights / weights.sum(axis=-1, keepdims=True)  # (n, classes)


def _import_extra() -> tuple[Any, Any]:
    """Import what only predicting needs: it is tens of megabytes, and most users of the SDK never predict here."""
    try:
        return importlib.import_module("numpy"), importlib.import_module("onnxruntime")
    except ImportError as error:
        text = f"predicting needs the package {error.name or 'onnxruntime'}, which is not installed here"
        raise Invalid(Problem("predict_extra", text, hint=f"install it: {INSTALL}")) from error
