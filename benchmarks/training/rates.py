"""Trials per CPU-second on one thread: engine, careful loop and usual loop, interleaved."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.report import rates, ratio
from benchmarks.training.cases import Case
from benchmarks.training.loops import careful, engine, usual
from models.data.dataset import Dataset

Run = Callable[[], object]


def measure_case(case: Case, data: Dataset, n_rounds: int, n_trials: int) -> dict[str, Any]:
    """Measure one case.

    Args:
        case: what to train.
        data: on what.
        n_rounds: how often everything is measured, in turns.
        n_trials: trials that the engine gets at once; the loops train two of them a round.

    Returns:
        Trials per CPU-second of each, the ratios of neighbouring rounds and whether the bar was reached.
    """
    few = range(2)
    runs: dict[str, tuple[int, Run]] = {
        "engine": (n_trials, lambda: engine(case, data, range(n_trials))),
        "engine, one at a time": (len(few), lambda: engine(case, data, few, n_lanes=1)),
        "careful loop": (len(few), lambda: [careful(case, data, number) for number in few]),
        "DataLoader loop": (len(few), lambda: [usual(case, data, number) for number in few]),
    }
    found: dict[str, list[float]] = {name: [] for name in runs}
    accuracies: dict[str, object] = {}
    for round_ in range(n_rounds):
        for name, (n, run) in runs.items():
            began_s = time.process_time()
            accuracies[name] = run()
            found[name].append(n / (time.process_time() - began_s))
        print(f"{case.name}: round {round_ + 1} of {n_rounds}", file=sys.stderr)
    return _report(case, found, accuracies)


def _report(case: Case, found: dict[str, list[float]], accuracies: dict[str, object]) -> dict[str, Any]:
    gain = ratio(found["engine"], found["careful loop"])
    alone = ratio(found["engine, one at a time"], found["careful loop"])
    return {
        "trials_per_cpu_s": {name: rates(values) for name, values in found.items()},
        "engine_to_careful": gain,
        "engine_to_dataloader": ratio(found["engine"], found["DataLoader loop"]),
        "engine_one_at_a_time_to_careful": alone,
        "bar_to_careful": case.bar,
        "reaches_bar": gain >= case.bar,
        "mean_val_accuracy": {name: _mean(values) for name, values in accuracies.items()},
    }


def _mean(values: object) -> float | None:
    if not isinstance(values, Sequence) or not values:
        return None
    return round(sum(values) / len(values), 4)
