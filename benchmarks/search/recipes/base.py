"""What every recipe takes and returns, and the losses of a prediction."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from benchmarks.search.spaces import Params
from models.data.dataset import Dataset

Numbers: TypeAlias = npt.NDArray[Any]
LEAST_PROBABILITY = 1e-3
"""A forest is certain of what all its trees say; a log loss must survive that it errs."""
WORST = 10.0
"""A loss counts as at most this many times that of a constant prediction."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Examples to learn from, to validate on and to test on; targets are class numbers, or standardised numbers.

    Attributes:
        constant_loss: That of a constant prediction.
        dataset: The same for the engine; None for data sets that the catalogue of models does not have.
    """

    x: Numbers
    y: Numbers
    x_val: Numbers
    y_val: Numbers
    x_test: Numbers
    y_test: Numbers
    constant_loss: float
    dataset: Dataset | None = None


class Result(NamedTuple):
    """Validation loss, test loss (it plays no part in any search) and CPU seconds of the training."""

    loss: float
    test: float
    seconds: float


Recipe: TypeAlias = Callable[[Part, Sequence[Params]], list[Result]]
"""Evaluates cells that one fit serves: they differ in the table's `together` alone."""


def log_loss(probabilities: Numbers, classes: Numbers) -> float:
    """Return the mean log loss of (n, k) probabilities for (n,) class numbers."""
    clipped = np.clip(probabilities, LEAST_PROBABILITY, None)
    clipped = clipped / clipped.sum(axis=1, keepdims=True)
    return float(-np.log(clipped[np.arange(len(classes)), classes]).mean())


def softmax(scores: Numbers) -> Numbers:
    """Return (n, k) probabilities for (n, k) decision values; (n,) values stand for two classes."""
    if scores.ndim == 1:
        scores = np.stack([-scores / 2, scores / 2], axis=1)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def rmse(predicted: Numbers, targets: Numbers) -> float:
    """Return the root of the mean squared error; infinite where a prediction is."""
    if not np.isfinite(predicted).all():
        return math.inf
    # A diverged linear model predicts 1e200: its square would overflow.
    return float(np.sqrt(np.mean(np.clip(predicted - targets, -1e6, 1e6) ** 2)))


def capped(result: Result, part: Part) -> Result:
    """Bound the losses of a training that diverged."""
    worst = WORST * part.constant_loss
    loss, test = (min(one, worst) if math.isfinite(one) else worst for one in (result.loss, result.test))
    return Result(loss, test, result.seconds)


def timed(fit: Callable[[], Any]) -> tuple[Any, float]:
    """Return what `fit` returns and the CPU seconds it took."""
    began_s = time.process_time()
    answer = fit()
    return answer, time.process_time() - began_s
