"""From the best trials to one network, and its single look at the test part."""

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
from models.measures.evaluation import evaluate_network
from models.networks.saved import load_network

N_FINALISTS = 3
N_REPEATS = 3
N_MEMBERS = 5


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a search ends with, before anything was tested.

    Attributes:
        finalists: the best trials trained anew with other seeds, several times each; best mean first.
        network_dir: the network to be tested: of the first finalist's repeats the best by the validation metric.
        repeat_dirs: all of its repeats.
        member_dirs: networks of the best trials of the search, for an ensemble.
    """

    finalists: Sequence[Trial]
    network_dir: Path
    repeat_dirs: Sequence[Path]
    member_dirs: Sequence[Path]


def choose(bench: Bench, trials: Sequence[Trial]) -> Chosen:
    """Train the best trials anew and choose a network by the validation part, or by folds where the line has them.

    Raises:
        RuntimeError: no trial of the search, or no finalist, ended with a network.
    """
    sound = [trial for trial in trials if trial.network_dir is not None]
    batch = [(trial.number, trial.params) for trial in sound[:N_FINALISTS]]
    finalists = ranked(bench.train("finals", batch, Plan(N_REPEATS, n_folds=bench.line.n_folds)), bench.line)
    if not finalists or finalists[0].network_dir is None:
        raise RuntimeError(f"{bench.line.name}: nothing to choose from, all {len(trials)} trials failed")
    winner, purpose = finalists[0], "finals"
    if bench.line.n_folds:  # folds ranked it; the network itself learns from the training part, like the baselines
        purpose = "network"
        [winner] = bench.train(purpose, [(winner.number, winner.params)], Plan(N_REPEATS))
    assert winner.network_dir is not None  # the same parameters have just been trained
    folder = bench.folder / purpose / str(winner.number)
    repeats = [folder / f"@r{repeat}f1" / "network" for repeat in range(1, N_REPEATS + 1)]
    members = [trial.network_dir for trial in sound[:N_MEMBERS] if trial.network_dir is not None]
    return Chosen(finalists, winner.network_dir, repeats, members)


def measure(bench: Bench, chosen: Chosen) -> dict[str, Any]:
    """Hold the chosen network, its other repeats and the ensemble against the test part.

    Returns:
        `network`: all test metrics of the chosen one. `repeats`: the line's metric of each repeat, mean and standard
        deviation. `ensemble`: the metrics of the best trials of the search together.
    """
    name, data = f"test_{bench.line.metric}", bench.dataset
    repeats = [evaluate_network(load_network(folder), data)[name] for folder in chosen.repeat_dirs]
    answer: dict[str, Any] = {
        "network": evaluate_network(load_network(chosen.network_dir), data),
        "repeats": {name: repeats, "mean": statistics.fmean(repeats), "deviation": statistics.stdev(repeats)},
    }
    if len(chosen.member_dirs) > 1:
        networks = [load_network(folder) for folder in chosen.member_dirs]
        answer["ensemble"] = {"n_members": len(networks), **evaluate_ensemble(networks, data).ensemble}
    return answer


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


def best_baseline(line: Line, baselines: Sequence[Mapping[str, Any]], part: str = "test") -> Mapping[str, Any]:
    """Return the baseline with the best figure on a part.

    The best by the test part is more than an honest choice reaches, so it makes a hard bar; `val` makes that choice.
    """
    sign = 1 if line.direction == "maximize" else -1
    return max(baselines, key=lambda one: sign * one[f"{part}_{line.metric}"])
