"""The runs of a plan as losses and scores, and how the samplers rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from benchmarks.search.peers import PEERS
from benchmarks.search.results import Key, Runs, Stored
from benchmarks.search.runner import Plan
from benchmarks.search.statistics import average_ranks, sign_p
from benchmarks.search.tasks import Task

OURS = "bayesian"
Cells: TypeAlias = dict[tuple[str, int], float]
"""Least loss by (task, seed)."""


@dataclass(frozen=True)
class Comparison:
    """Runs and how they are read.

    Attributes:
        plan: Which there should be; those that are missing are left out.
        runs: By key.
        task_of: Loads a task.
    """

    plan: Plan
    runs: Runs
    task_of: Callable[[str], Task]

    def find(self, task: str, sampler: str, parallel: int, seed: int, budget: int) -> Stored | None:
        """Return the run whose first `budget` trials are those of a search with this budget; None if it is missing.

        Of a sampler that does not use its budget it is the longest there is: a slow one may have run only short ones.
        """
        longer = [told for told in self.plan.budgets if told >= budget]
        budgets = [budget] if PEERS[sampler].uses_budget else sorted(longer, reverse=True)
        found = (self.runs.get(Key(task, sampler, parallel, seed, told)) for told in budgets)
        return next((run for run in found if run is not None), None)

    def losses(self, task: str, sampler: str, parallel: int, budget: int) -> dict[int, float]:
        """Return the least loss of each seed that ran."""
        found = {seed: self.find(task, sampler, parallel, seed, budget) for seed in range(self.plan.seeds)}
        return {seed: run.least(budget) for seed, run in found.items() if run is not None}

    def scores(self, tasks: Sequence[str], sampler: str, parallel: int, budget: int) -> dict[str, list[float]]:
        """Return the scores of each task that has any."""
        found = {}
        for task in tasks:
            losses = self.losses(task, sampler, parallel, budget)
            if losses:
                found[task] = [self.task_of(task).score(loss, budget) for loss in losses.values()]
        return found

    def cells(self, tasks: Sequence[str], sampler: str, parallel: int, budget: int) -> Cells:
        """Return the least loss of each task and seed that ran."""
        return {
            (task, seed): loss for task in tasks for seed, loss in self.losses(task, sampler, parallel, budget).items()
        }


def rank_samplers(comparison: Comparison, tasks: Sequence[str], parallel: int, budget: int) -> dict[str, Any]:
    """Rank samplers on (task, seed) pairs.

    Returns:
        `average_rank` of those that ran everything that any ran, `n_ranked` pairs; `average_rank_of_all` on the pairs
        that all ran, `n_ranked_of_all`, which a slow peer may leave few; and how each fares `against_ours`.
    """
    every = {name: comparison.cells(tasks, name, parallel, budget) for name in comparison.plan.samplers}
    every = {name: cells for name, cells in every.items() if cells}
    most = max((len(cells) for cells in every.values()), default=0)
    whole = {name: cells for name, cells in every.items() if len(cells) == most}
    ranks, n_ranked = _rank(whole)
    ranks_of_all, n_of_all = _rank(every)
    return {
        "average_rank": ranks,
        "n_ranked": n_ranked,
        "average_rank_of_all": ranks_of_all,
        "n_ranked_of_all": n_of_all,
        "against_ours": {name: _duel(every[OURS], cells) for name, cells in every.items() if name != OURS}
        if OURS in every
        else {},
    }


def _rank(every: dict[str, Cells]) -> tuple[dict[str, float], int]:
    shared = sorted(set.intersection(*(set(cells) for cells in every.values()))) if every else []
    if not shared:
        return {}, 0
    return average_ranks({name: [cells[case] for case in shared] for name, cells in every.items()}), len(shared)


def _duel(ours: Cells, theirs: Cells) -> dict[str, Any]:
    """Return in how many pairs ours is better, equal and worse, and the p of the sign of the differences."""
    shared = sorted(ours.keys() & theirs.keys())
    signs = [int(np.sign(theirs[case] - ours[case])) for case in shared]
    return {"better": signs.count(1), "equal": signs.count(0), "worse": signs.count(-1), "p": sign_p(signs)}
