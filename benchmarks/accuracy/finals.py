"""From the best trials to one network that has learned all but the test part, and its single look at that."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.accuracy.lines import Line
from benchmarks.accuracy.search import Bench, Trial, ranked
from models.engine.members import Plan
from models.measures.ensemble import evaluate_ensemble
from models.networks.saved import load_network

N_FINALISTS = 2
N_REPEATS = 2
"""Trainings of each finalist on each fold: with other seeds than in the search, so that luck there does not count."""
N_REFITS = 5


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a search ends with, before anything was tested.

    Attributes:
        finalists: the best trials trained anew with other seeds, several times on each fold; best mean first.
        network_dirs: refits of the first finalist; the first one is the network to be tested, by its number alone.
    """

    finalists: Sequence[Trial]
    network_dirs: Sequence[Path]


def choose(bench: Bench, trials: Sequence[Trial]) -> Chosen:
    """Train the best trials anew, choose one by folds, or by the validation part, and refit it.

    Raises:
        RuntimeError: no trial of the search, or no finalist, ended with a network.
    """
    sound = [trial for trial in trials if trial.metrics]
    batch = [(trial.number, trial.params) for trial in sound[:N_FINALISTS]]
    plan = Plan(N_REPEATS, n_folds=bench.line.n_folds)
    finalists = ranked(bench.train("finals", batch, plan), bench.line) if batch else []
    if not finalists or not finalists[0].metrics:
        raise RuntimeError(f"{bench.line.name}: nothing to choose from, all {len(trials)} trials failed")
    return Chosen(finalists, bench.refit(finalists[0], N_REFITS))


def measure(bench: Bench, chosen: Chosen) -> dict[str, Any]:
    """Hold the chosen network, its other refits and all of them together against the test part.

    Returns:
        `network`: all test metrics of the chosen one. `refits`: the line's metric of each refit, mean and standard
        deviation. `ensemble`: the metrics of all refits answering together.
    """
    name = f"test_{bench.line.metric}"
    found = evaluate_ensemble([load_network(folder) for folder in chosen.network_dirs], bench.dataset)
    values = [metrics[name] for metrics in found.members]
    return {
        "network": found.members[0],
        "refits": {name: values, "mean": statistics.fmean(values), "deviation": statistics.stdev(values)},
        "ensemble": {"n_members": len(values), **found.ensemble},
    }


def judge(line: Line, value: float, baselines: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Hold a test figure against the line's bar.

    Args:
        line: what is expected.
        value: the chosen network's figure.
        baselines: answers of `evaluate_baselines` on the same data.

    Returns:
        The bar, where it comes from, and whether it is reached; None for a line without one.
    """
    if line.bar is None:
        return None
    bar, source = line.bar.value, "set"
    if bar is None:
        candidates = [one for one in baselines if one["name"] in line.bar.baselines]
        best = best_baseline(line, candidates)
        bar, source = float(best[f"test_{line.metric}"]), str(best["name"])
    is_reached = value >= bar if line.direction == "maximize" else value <= bar
    return {"value": bar, "source": source, "is_reached": is_reached}


def best_baseline(line: Line, baselines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the baseline with the best test figure, which is more than an honest choice reaches: a hard bar."""
    sign = 1 if line.direction == "maximize" else -1
    return max(baselines, key=lambda one: sign * one[f"test_{line.metric}"])
