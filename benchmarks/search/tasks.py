"""A task as the runner sees it: a space, a loss for every point of it, and what random search may expect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.search import bbob
from benchmarks.search.catalogue import TABLES
from benchmarks.search.spaces import Params, Space
from benchmarks.search.tables import TableError, load_columns

QUICK: Final = ("mlp_digits", "boosting_diabetes", "svm_digits", "cash_wine", "forest_cancer")
"""Five tables of different kinds: numeric, mixed and conditional."""


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """What is searched.

    Attributes:
        name: As in a table of results.
        group: `tables` or `bbob`.
        space: What samplers see.
        evaluate: Loss (smaller is better) and seconds that a worker would take, of parameters.
        losses: Ascending losses of all cells, or of many random points.
        weights: Probability of each under uniform random search; they sum to 1.
        best: Least loss there is.
    """

    name: str
    group: str
    space: Space
    evaluate: Callable[[Params], tuple[float, float]]
    losses: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]
    best: float

    def expected_random(self, n_trials: int) -> float:
        """Return the expected least loss of `n_trials` (>= 1) independent random trials, computed, not simulated."""
        return float(np.sum(self.losses * _chances(self, n_trials)))

    def chance_to_beat_random(self, loss: float, n_trials: int) -> float:
        """Return the probability that the best of `n_trials` random trials is worse than `loss`; a tie counts half."""
        better = float(self.weights[: np.searchsorted(self.losses, loss, "left")].sum())
        better_or_equal = float(self.weights[: np.searchsorted(self.losses, loss, "right")].sum())
        return float(((1.0 - better) ** n_trials + max(0.0, 1.0 - better_or_equal) ** n_trials) / 2)

    def score(self, loss: float, n_trials: int) -> float:
        """Return where a search's least loss lies between random search at `n_trials` (0) and the best there is (1).

        Never below -1: one search that found nothing must not outweigh twenty. What counts as 0 is chosen so that
        random search scores 0 on average, with that bound.
        """
        zero = _reference(self, n_trials)
        return max(-1.0, (zero - loss) / (zero - self.best))


@cache
def _chances(task: Task, n_trials: int) -> npt.NDArray[np.float64]:
    """Return the probability of each loss to be the least of `n_trials` random trials."""
    above = np.clip(1.0 - np.cumsum(task.weights), 0.0, 1.0)  # (n,): that one draw is worse
    chances: npt.NDArray[np.float64] = np.concatenate([[1.0], above[:-1]]) ** n_trials - above**n_trials
    return chances


@cache
def _reference(task: Task, n_trials: int) -> float:
    """Return the loss that scores 0.

    It is the expected best of random search but for the bound on scores, without which a rare catastrophe would decide
    what 0 is. Where random search finds the very best more often than not, no loss would do: it is the expected one.
    """
    chances, low, high = _chances(task, n_trials), task.best, task.expected_random(n_trials)
    if chances[task.losses == task.best].sum() >= 0.5:
        return high
    for _ in range(60):
        middle = (low + high) / 2
        mean = float(np.sum(chances * np.maximum(-1.0, (middle - task.losses) / (middle - task.best))))
        low, high = (middle, high) if mean < 0 else (low, middle)
    return high


def list_tasks() -> list[str]:
    """Return the names of all tasks: tables first, then the functions where cocoex is installed."""
    return [*TABLES, *bbob.list_names()]


def get_task(name: str) -> Task:
    """Return a task.

    Raises:
        KeyError: There is no such task.
        TableError: Its table is missing or unfinished.
    """
    return _tabulated(name) if name in TABLES else _function(name)


def _tabulated(name: str) -> Task:
    table = TABLES[name]
    columns = load_columns(name, table.space)
    if columns.n_missing:
        raise TableError(f"table {name} lacks {columns.n_missing} cells: run `python -m benchmarks.search.tabulate`")
    space, losses, seconds = table.space, columns.loss.astype(np.float64), columns.seconds

    def evaluate(params: Params) -> tuple[float, float]:
        place = space.place(params)
        return float(losses[place]), float(seconds[place])

    order = np.argsort(losses, kind="stable")
    return Task(name, "tables", space, evaluate, losses[order], space.weights[order], float(losses.min()))


def _function(name: str) -> Task:
    function = bbob.get_function(name)
    losses = np.sort(bbob.sample(function))
    weights = np.full(len(losses), 1.0 / len(losses))
    return Task(name, "bbob", function.space, function.evaluate, losses, weights, function.best)


def group_of(names: list[str]) -> Mapping[str, str]:
    """Return each task's group by its name, without loading it."""
    return {name: "tables" if name in TABLES else "bbob" for name in names}
