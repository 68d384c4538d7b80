"""Models that are fitted once a cell."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, SVR

from benchmarks.search.recipes.base import Numbers, Part, Result, log_loss, rmse, softmax, timed
from benchmarks.search.spaces import Params

SEED = 1
N_FOLDS = 4
MAX_STEPS = 100_000
"""Of a support vector solver: a bad setting then ends with a bad model rather than never."""


def svm(part: Part, cells: Sequence[Params]) -> list[Result]:
    """Fit support vector classifiers; the log loss is that of the softmax of their decision values."""
    return [_fit(SVC(**cell, max_iter=MAX_STEPS), part, _decision_loss) for cell in cells]


def svr(part: Part, cells: Sequence[Params]) -> list[Result]:
    """Fit support vector regressions."""
    return [_fit(SVR(**cell, max_iter=MAX_STEPS), part, _error) for cell in cells]


def sgd(part: Part, cells: Sequence[Params]) -> list[Result]:
    """Fit logistic regressions by stochastic gradient descent, 5 passes."""
    options = {"loss": "log_loss", "max_iter": 5, "tol": None, "random_state": SEED}
    return [_fit(SGDClassifier(**options, **cell), part, _probability_loss) for cell in cells]


def kernel_ridge(part: Part, cells: Sequence[Params]) -> list[Result]:
    """Forecast from the last `n_lags` years with kernel ridge regression."""
    found = []
    for cell in cells:
        options = {name: value for name, value in cell.items() if name != "n_lags"}
        n_lags = int(cell["n_lags"])
        seen = Part(
            part.x[:, -n_lags:], part.y, part.x_val[:, -n_lags:], part.y_val, part.x_test[:, -n_lags:], part.y_test,
            part.constant_loss,
        )  # fmt: skip
        found.append(_fit(KernelRidge(**options), seen, _error))
    return found


def cash(part: Part, cells: Sequence[Params]) -> list[Result]:
    """Cross-validate one of four kinds of model: a kind and its hyperparameters are one search."""
    return [_cross_validate(cell, part) for cell in cells]


def _fit(model: Any, part: Part, measure: Callable[[Any, Numbers, Numbers], float]) -> Result:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)  # overflows of a rate that is too large
        try:
            _, seconds = timed(lambda: model.fit(part.x, part.y))
            val, test = measure(model, part.x_val, part.y_val), measure(model, part.x_test, part.y_test)
        except ValueError as error:
            if "overflow" not in str(error):
                raise
            return Result(np.inf, np.inf, 0.01)
    return Result(val, test, seconds)


def _decision_loss(model: Any, x: Numbers, y: Numbers) -> float:
    return log_loss(softmax(model.decision_function(x)), y)


def _probability_loss(model: Any, x: Numbers, y: Numbers) -> float:
    return log_loss(model.predict_proba(x), y)


def _error(model: Any, x: Numbers, y: Numbers) -> float:
    return rmse(model.predict(x), y)


def _build(cell: Params) -> tuple[Any, Callable[[Any, Numbers, Numbers], float]]:
    options: dict[str, Any] = {name: value for name, value in cell.items() if name != "model"}
    if cell["model"] == "neighbours":
        return KNeighborsClassifier(**options), _probability_loss
    if cell["model"] == "logistic":
        elastic = {"solver": "saga", "l1_ratio": options["l1_ratio"], "max_iter": 300, "random_state": SEED}
        return LogisticRegression(C=options["logistic_C"], **elastic), _probability_loss
    if cell["model"] == "support_vectors":
        return SVC(**options, max_iter=MAX_STEPS), _decision_loss
    return RandomForestClassifier(**options, random_state=SEED), _probability_loss


def _cross_validate(cell: Params, part: Part) -> Result:
    """Return the mean over folds: the validation part of so small a data set says little."""
    x, y = np.concatenate([part.x, part.x_val]), np.concatenate([part.y, part.y_val])
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=SEED).split(x, y)
    results = []
    for rows, held_out in folds:
        fold = Part(x[rows], y[rows], x[held_out], y[held_out], part.x_test, part.y_test, part.constant_loss)
        model, measure = _build(cell)
        results.append(_fit(model, fold, measure))
    loss, test, _ = (float(np.mean(column)) for column in zip(*results, strict=True))
    return Result(loss, test, sum(result.seconds for result in results))
