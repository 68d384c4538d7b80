"""Runs what is missing of a comparison, in one process or two."""

from __future__ import annotations

import multiprocessing
import statistics
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from threadpoolctl import threadpool_limits

from benchmarks.search.peers import PEERS, Setting, describe_peer, open_peer
from benchmarks.search.results import Key, Stored, append_run, load_runs
from benchmarks.search.simulate import simulate
from benchmarks.search.tasks import Task, get_task


@dataclass(frozen=True, slots=True)
class Plan:
    """A comparison.

    Attributes:
        tasks: Names.
        samplers: Names of peers.
        seeds: From 0 up to this many.
        budgets: Ascending numbers of trials.
        parallels: Numbers of simulated workers.
    """

    tasks: Sequence[str]
    samplers: Sequence[str]
    seeds: int
    budgets: Sequence[int]
    parallels: Sequence[int]

    def keys(self) -> Iterator[Key]:
        """Yield every run; seeds vary slowest, so that a comparison that is stopped has whole seeds."""
        for seed in range(self.seeds):
            for sampler in self.samplers:
                budgets = self.budgets if PEERS[sampler].uses_budget else self.budgets[-1:]
                for parallel in self.parallels:
                    for task in self.tasks:
                        yield from (Key(task, sampler, parallel, seed, budget) for budget in budgets)


def run_missing(plan: Plan, path: Path, n_processes: int) -> None:
    """Run what a file of results lacks.

    Args:
        plan: What there should be.
        path: Of the results.
        n_processes: How many runs at once, each with one thread.

    Raises:
        RuntimeError: A run failed; the message names it. Those that ended before it are stored.

    Effects:
        Appends each run to the file as soon as it ends; shows a progress bar on standard error.
    """
    done = load_runs(path)
    missing = [key for key in plan.keys() if key not in done]
    if not missing:
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as bar:
        shown = bar.add_task("runs", total=len(missing))
        for key, run in _results(missing, n_processes):
            append_run(path, key, run)
            bar.update(shown, advance=1, description=f"{key.sampler} on {key.task}")


def _results(keys: Sequence[Key], n_processes: int) -> Iterator[tuple[Key, Stored]]:
    if n_processes == 1:
        for key in keys:
            try:
                yield key, run_one(key)
            except Exception as error:
                raise RuntimeError(f"{key} failed: {error!r}") from error
        return
    # Spawned: forking a process that has loaded torch may hang.
    pool = ProcessPoolExecutor(n_processes, mp_context=multiprocessing.get_context("spawn"))
    try:
        futures = {pool.submit(run_one, key): key for key in keys}
        for future in as_completed(futures):
            problem = future.exception()
            if problem is not None:
                raise RuntimeError(f"{futures[future]} failed: {problem!r}") from problem
            yield futures[future], future.result()
    finally:
        # Not by `with`, whose own shutdown would take back that the rest is cancelled.
        pool.shutdown(cancel_futures=True)


def run_one(key: Key) -> Stored:
    """Run one search."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peers warn of their own ways
        task = _task(key.task)
        peer = open_peer(key.sampler, Setting(task.space, key.seed, key.n_trials, key.parallel))
        run = simulate(peer, task, key.n_trials, key.parallel)
    tail = run.ask_s[-max(1, len(run.ask_s) // 10) :]
    # Not rounded: a loss is told from its neighbours in the table, and equal ones are ties.
    mean_s, late_s = (round(statistics.fmean(seconds), 6) for seconds in (run.ask_s, tail))
    return Stored(tuple(run.losses), mean_s, late_s, describe_peer(key.sampler))


@cache
def _task(name: str) -> Task:
    return get_task(name)
