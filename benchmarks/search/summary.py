"""From runs to the published figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from benchmarks.search.comparison import OURS, Comparison, rank_samplers
from benchmarks.search.results import Runs, Stored
from benchmarks.search.runner import Plan
from benchmarks.search.statistics import chance_of_equal, mean_with_interval, paired_difference
from benchmarks.search.tasks import get_task

SIGNIFICANT = 0.05


def summarise_runs(plan: Plan, runs: Runs) -> dict[str, Any]:
    """Return the figures of a comparison as JSON."""
    comparison = Comparison(plan, runs, cache(get_task))
    groups: dict[str, list[str]] = {}
    for task in plan.tasks:
        groups.setdefault(comparison.task_of(task).group, []).append(task)
    if len(groups) > 1:
        groups["all"] = list(plan.tasks)
    return {
        "plan": {
            "tasks": list(plan.tasks),
            "samplers": list(plan.samplers),
            "seeds": plan.seeds,
            "budgets": list(plan.budgets),
            "parallel": list(plan.parallels),
        },
        "score": "0 is the mean of random search at the same budget, 1 the best there is; never below -1",
        "groups": {name: _group(comparison, tasks) for name, tasks in groups.items()},
        "where_we_lose": _losses(comparison),
        "cost": _cost(comparison),
        "made_by": _makers(comparison),
        "tasks": {task: _task_facts(comparison, task) for task in plan.tasks},
    }


def _group(comparison: Comparison, tasks: Sequence[str]) -> dict[str, Any]:
    plan = comparison.plan
    answer: dict[str, Any] = {"n_tasks": len(tasks), "by_mode": []}
    for parallel in plan.parallels:
        for budget in plan.budgets:
            answer["by_mode"].append(
                {
                    "parallel": parallel,
                    "budget": budget,
                    "score": _scores(comparison, tasks, parallel, budget),
                    **rank_samplers(comparison, tasks, parallel, budget),
                    "beats_random_at_twice_the_budget": _twice(comparison, tasks, parallel, budget),
                }
            )
    if len(plan.parallels) == 2:
        few, many = plan.parallels
        answer["parallel_minus_sequential"] = _parallel_gaps(comparison, tasks, 0)
        answer["parallel_minus_equally_informed"] = _parallel_gaps(comparison, tasks, many - few)
    return answer


def _scores(comparison: Comparison, tasks: Sequence[str], parallel: int, budget: int) -> dict[str, Any]:
    found = {}
    for sampler in comparison.plan.samplers:
        scores = comparison.scores(tasks, sampler, parallel, budget)
        if len(scores) == len(tasks):
            n_seeds = min(len(values) for values in scores.values())
            found[sampler] = {**mean_with_interval(scores), "seeds": n_seeds}
    return found


def _twice(comparison: Comparison, tasks: Sequence[str], parallel: int, budget: int) -> dict[str, Any]:
    """Return how probable it is that each sampler finds better than random search does with twice the trials.

    Computed from the table for each run, so that neither the luck of a random run nor the scale of a loss plays a part.
    """
    found = {}
    for sampler in comparison.plan.samplers:
        chances = {}
        for name in tasks:
            task, losses = comparison.task_of(name), comparison.losses(name, sampler, parallel, budget)
            if losses:
                chances[name] = [task.chance_to_beat_random(loss, 2 * budget) for loss in losses.values()]
        if len(chances) == len(tasks):
            n_better = sum(float(np.mean(values)) > 0.5 for values in chances.values())
            found[sampler] = {**mean_with_interval(chances), "tasks_better": n_better}
    return found


def _parallel_gaps(comparison: Comparison, tasks: Sequence[str], n_unseen: int) -> dict[str, Any]:
    """Return what is lost by running many at once, by sampler and budget.

    Args:
        comparison: Of two numbers of workers.
        tasks: To average over.
        n_unseen: How many trials fewer the search with few workers has. With as many as run beside a trial its last
            ask knows as many results as that of the other: what is lost beyond these, the sampler loses.
    """
    plan = comparison.plan
    few, many = plan.parallels
    found: dict[str, Any] = {}
    for sampler in plan.samplers:
        for budget in plan.budgets:
            pair: tuple[dict[str, list[float]], dict[str, list[float]]] = ({}, {})
            for name in tasks if budget > n_unseen else ():
                one = comparison.losses(name, sampler, few, budget - n_unseen)
                eight = comparison.losses(name, sampler, many, budget)
                seeds = sorted(one.keys() & eight.keys())
                if seeds:
                    for scores, losses in zip(pair, (one, eight), strict=True):
                        scores[name] = [comparison.task_of(name).score(losses[seed], budget) for seed in seeds]
            if pair[0] and len(pair[0]) == len(tasks):
                found.setdefault(sampler, {})[str(budget)] = paired_difference(*pair)
    return found


def _losses(comparison: Comparison) -> list[dict[str, Any]]:
    """List where another sampler's mean score is above ours, the largest gaps first."""
    plan, found = comparison.plan, []
    if OURS not in plan.samplers:
        return []
    for task in plan.tasks:
        for parallel in plan.parallels:
            for budget in plan.budgets:
                by_sampler = {
                    sampler: comparison.scores([task], sampler, parallel, budget).get(task, [])
                    for sampler in plan.samplers
                }
                found += _lost(by_sampler, {"task": task, "parallel": parallel, "budget": budget})
    return sorted(found, key=lambda entry: (not entry["is_significant"], entry["ours"] - entry["theirs"]))


def _lost(by_sampler: Mapping[str, Sequence[float]], where: Mapping[str, Any]) -> list[dict[str, Any]]:
    ours = by_sampler[OURS]
    means = {sampler: float(np.mean(scores)) for sampler, scores in by_sampler.items() if scores}
    if not ours or max(means.values()) <= means[OURS]:
        return []
    best = max(means, key=means.__getitem__)
    p = chance_of_equal(ours, by_sampler[best])
    entry = {**where, "to": best, "ours": round(means[OURS], 3), "theirs": round(means[best], 3), "p": p}
    return [{**entry, "is_significant": p < SIGNIFICANT}]


def _cost(comparison: Comparison) -> dict[str, Any]:
    found: dict[str, list[Stored]] = {}
    for key in comparison.plan.keys():
        if key in comparison.runs:
            found.setdefault(key.sampler, []).append(comparison.runs[key])
    return {
        sampler: {
            "ask_cpu_s": float(f"{np.mean([run.ask_s for run in runs]):.3g}"),
            "late_ask_cpu_s": float(f"{np.mean([run.last_ask_s for run in runs]):.3g}"),
        }
        for sampler, runs in found.items()
    }


def _makers(comparison: Comparison) -> dict[str, list[str]]:
    """List what made each sampler's runs; more than one entry means that they should not be read together."""
    found: dict[str, set[str]] = {}
    for key in comparison.plan.keys():
        if key in comparison.runs:
            found.setdefault(key.sampler, set()).add(comparison.runs[key].made_by)
    return {sampler: sorted(makers) for sampler, makers in found.items()}


def _task_facts(comparison: Comparison, name: str) -> dict[str, Any]:
    task, plan = comparison.task_of(name), comparison.plan
    return {
        "group": task.group,
        "parameters": len(task.space.axes),
        "is_conditional": task.space.is_conditional,
        "best": float(f"{task.best:.6g}"),
        "random_expects": {str(budget): float(f"{task.expected_random(budget):.6g}") for budget in plan.budgets},
        "score": {
            f"{parallel} at once, {budget} trials": {
                sampler: round(float(np.mean(scores)), 3)
                for sampler in plan.samplers
                for scores in comparison.scores([name], sampler, parallel, budget).values()
            }
            for parallel in plan.parallels
            for budget in plan.budgets
        },
    }
