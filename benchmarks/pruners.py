"""`python -m benchmarks.pruners`: what a decision costs, and how often extrapolation stops what would be the best.

Errors are counted on real curves (`benchmarks.pruner_curves`), of which every one is known to its end. Each study is
played in several orders, one trial after the other; only what was not stopped counts as completed, as in a real study.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer

from benchmarks.pruner_curves import FILE
from benchmarks.report import describe_run, percentile
from search.curves import Curves, forecast
from search.pruners import PRUNERS, check_options, get_pruner
from search.pruners.curve_grid import grid_of
from search.pruners.settings import Settings
from search.types import Direction, PastTrial, PruneRequest

LEVELS = (0.02, 0.05, 0.1)
TUNED_ON = ("digits-mlp", "cancer-scheduled", "diabetes-mlp")
"""The constants of `search.curves` were chosen on these studies; the others had a say in the tails' form alone."""
N_TRIALS, N_EPOCHS = 10_000, 100
_NORMAL_95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one trial.

    Attributes:
        stopped_at: The step at which it was stopped; None if it ran to its end.
        n_steps: How many it would have had.
        beats: Whether its end is better than that of the best completed trial when it was stopped or ended.
    """

    stopped_at: int | None
    n_steps: int
    beats: bool


@dataclass(frozen=True, slots=True)
class Game:
    """A study played to its end: its trials after the start-up, and how much worse its best is than without pruning."""

    outcomes: list[Outcome]
    lost: float


def play(curves: npt.NDArray[np.floating[Any]], direction: Direction, options: Mapping[str, Any], seed: int) -> Game:
    """Play a study in the order that `seed` shuffles.

    Args:
        curves: (trials, epochs); those with NaN failed and take no part.
        direction: of the metric.
        options: of the pruner `extrapolation`.
        seed: of the order.
    """
    pruner = get_pruner("extrapolation")
    settings = Settings(check_options("extrapolation", options))
    n_startup = settings.whole("n_startup_trials")
    rows = [row for row in curves.tolist() if all(map(math.isfinite, row))]
    random.Random(seed).shuffle(rows)
    sign = -1.0 if direction == "minimize" else 1.0
    completed: list[PastTrial] = []
    outcomes: list[Outcome] = []
    for number, row in enumerate(rows):
        best = max((sign * one.values[0] for one in completed if one.values), default=-math.inf)
        stopped = None
        for step in range(1, len(row)) if len(completed) >= n_startup else ():
            own = PastTrial(number, "RUNNING", {}, None, dict(enumerate(row[:step], start=1)))
            request = PruneRequest(own, (direction,), completed, settings.values, len(row))
            if pruner.decide(request).prune:
                stopped = step
                break
        if len(completed) >= n_startup:
            outcomes.append(Outcome(stopped, len(row), sign * row[-1] > best))
        if stopped is None:
            completed.append(PastTrial(number, "COMPLETE", {}, (row[-1],), dict(enumerate(row, start=1))))
    ends = sorted((sign * row[-1] for row in rows), reverse=True)
    found = max(sign * one.values[0] for one in completed if one.values)
    return Game(outcomes, (ends[0] - found) / ((ends[0] - ends[len(ends) // 2]) or 1.0))


def summarise_games(games: Sequence[Game]) -> dict[str, Any]:
    """Return how often a stop was wrong, what was missed and what was saved.

    `error_rate` is of the trials that were stopped, `missed` of those that would have become the best; `lost` is the
    mean distance of the best trial found from the best of all, where 1 is the median trial's.
    """
    outcomes = [one for game in games for one in game.outcomes]
    stopped = [one for one in outcomes if one.stopped_at is not None]
    wrong, best = sum(one.beats for one in stopped), sum(one.beats for one in outcomes)
    total = sum(one.n_steps for one in outcomes)
    saved = sum(one.n_steps - one.stopped_at for one in stopped if one.stopped_at is not None)
    return {
        "n_trials": len(outcomes),
        "n_stopped": len(stopped),
        "n_wrong": wrong,
        "error_rate": _share(wrong, len(stopped)),
        "n_best": best,
        "missed": _share(wrong, best),
        "steps_saved": round(saved / max(total, 1), 4),
        "lost": round(sum(game.lost for game in games) / max(len(games), 1), 4),
    }


def wilson(n: int, of: int) -> tuple[float, float]:
    """Return the 95 % confidence interval of a share (Wilson, JASA 22, 1927)."""
    if of == 0:
        return 0.0, 1.0
    part, square = n / of, _NORMAL_95**2
    middle = (part + square / (2 * of)) / (1 + square / of)
    half = _NORMAL_95 / (1 + square / of) * math.sqrt(part * (1 - part) / of + square / (4 * of * of))
    return max(0.0, middle - half), min(1.0, middle + half)


def measure_errors(file: Path, n_orders: int, levels: Iterable[float]) -> list[dict[str, Any]]:
    """Play all studies at each level; one row for those the constants were chosen on, one for the others."""
    rows = []
    with np.load(file) as stored:
        curves = {name: stored[name] for name in sorted(stored.files)}
    for level in levels:
        games: dict[bool, list[Game]] = {True: [], False: []}
        for name, values in curves.items():
            study, metric = name.split("/")
            direction: Direction = "minimize" if metric.endswith("loss") else "maximize"
            for seed in range(n_orders):
                games[study in TUNED_ON].append(play(values, direction, {"level": level}, seed))
        for tuned, played in games.items():
            rows.append({"level": level, "studies": "chosen on" if tuned else "held out", **summarise_games(played)})
    return rows


def measure_forecasts(file: Path, seed: int) -> list[dict[str, Any]]:
    """Return how often curves ended above what the forecast held for passed with a small chance.

    The bar is set where the forecast's chance is `level`; of a sound forecast that share of curves ends above it.
    Unlike the stops of a study this judges good and bad trials alike, and does not depend on how rare new bests are.
    """
    rows = []
    with np.load(file) as stored:
        for tuned in (True, False):
            ends = [
                far
                for name in sorted(stored.files)
                if (name.split("/")[0] in TUNED_ON) == tuned
                for far in _surprises(stored[name].astype(float), -1.0 if name.endswith("loss") else 1.0, seed)
            ]
            within = sum(0.1 < chance < 0.9 for chance in ends)
            row: dict[str, Any] = {"studies": "chosen on" if tuned else "held out", "n": len(ends)}
            row["in_band_80"] = _share(within, len(ends))
            row["above"] = {str(level): _share(sum(chance < level for chance in ends), len(ends)) for level in LEVELS}
            rows.append(row)
    return rows


def _surprises(curves: npt.NDArray[np.float64], sign: float, seed: int) -> list[float]:
    """Return, for forecasts at several steps, the chance that was given to ends as good as the one that came."""
    rows = curves[np.isfinite(curves).all(axis=1)] * sign
    rows = rows[np.random.default_rng(seed).permutation(len(rows))]
    n_steps, found = rows.shape[1], []
    for i in range(12, len(rows), 2):
        others = rows[i - (12 if i % 4 else min(i, 48)) : i]
        for t in (step for step in (4, 8, 12, 20, 28) if step < n_steps):
            grid = grid_of(dict(enumerate(rows[i, :t].tolist(), start=1)), n_steps)
            assert grid is not None
            at = np.asarray(grid.steps) - 1
            known = Curves(grid.steps, rows[i, at[: len(grid.seen)]], others[:, at], others[:, -1])
            found.append(forecast(known).chance_above(float(rows[i, -1])))
    return found


def measure_costs(n_decisions: int, seed: int) -> dict[str, dict[str, float]]:
    """Return the CPU milliseconds of a decision with 10,000 completed trials, as a caller feeds it: thinned."""
    rng = random.Random(seed)
    curves = [_curve(rng) for _ in range(N_TRIALS)]
    costs = {}
    for name in PRUNERS:
        pruner, options = get_pruner(name), check_options(name, {"lower": 0.0} if name == "threshold" else {})
        taken = []
        for _ in range(n_decisions):
            step = rng.choice((16, 27, 48, 64))
            own = {at: value for at, value in _curve(rng).items() if at <= step}
            asked = PruneRequest(PastTrial(N_TRIALS, "RUNNING", {}, None, own), ("maximize",), (), options, N_EPOCHS)
            needed = pruner.steps_needed(asked)
            request = PruneRequest(asked.trial, ("maximize",), _history(curves, needed), options, N_EPOCHS)
            began_s = time.process_time()
            pruner.decide(request)
            taken.append((time.process_time() - began_s) * 1e3)
        taken.sort()
        costs[name] = {"median_ms": round(taken[len(taken) // 2], 3), "p95_ms": round(percentile(taken, 0.95), 3)}
    return costs


def main(
    orders: Annotated[int, typer.Option(help="In how many orders each study is played.", min=1)] = 5,
    decisions: Annotated[int, typer.Option(help="Decisions of each pruner whose cost is taken.", min=3)] = 40,
    file: Annotated[Path, typer.Option(help="Curves, as `benchmarks.pruner_curves` stores them.")] = FILE,
) -> None:
    """Measure pruners and print one JSON document; about four minutes of one core."""
    document = describe_run(seed=0, is_quick=False, started_at=datetime.now(UTC))
    document["decision_cost"] = measure_costs(decisions, seed=0)
    document["forecasts"] = measure_forecasts(file, seed=1)
    document["extrapolation"] = measure_errors(file, orders, LEVELS)
    print(json.dumps(document, indent=2))


def _curve(rng: random.Random) -> dict[int, float]:
    end, decay = rng.uniform(0.6, 0.98), rng.uniform(3.0, 30.0)
    return {step: end - 0.4 * math.exp(-step / decay) + rng.gauss(0.0, 0.005) for step in range(1, N_EPOCHS + 1)}


def _history(curves: Sequence[Mapping[int, float]], needed: Sequence[int] | None) -> list[PastTrial]:
    rows = []
    for number, curve in enumerate(curves):
        kept = curve if needed is None else {step: curve[step] for step in needed if step in curve}
        rows.append(PastTrial(number, "COMPLETE", {}, (curve[N_EPOCHS],), kept))
    return rows


def _share(n: int, of: int) -> dict[str, float]:
    low, high = wilson(n, of)
    return {"share": round(n / max(of, 1), 4), "low": round(low, 4), "high": round(high, 4)}


if __name__ == "__main__":
    typer.run(main)
