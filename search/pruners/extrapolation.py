"""Extrapolation: stop a trial that is unlikely to end better than the best one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from operator import attrgetter
from typing import ClassVar

from search.curves import Curves, Forecast, forecast
from search.curves.forecasts import TAIL
from search.objectives import best_value
from search.options import Option
from search.pruners.base import BasePruner, completed_peers
from search.pruners.curve_grid import Grid, grid_of, oriented, row_of
from search.pruners.settings import Settings
from search.pruners.steps import finite_json, is_due
from search.types import Band, PastTrial, PruneDecision, PruneRequest

LEAST_POINTS = 4
N_PEERS = 48


class ExtrapolationPruner(BasePruner):
    """Continues the trial's curve to its last step, and stops it where the chance to beat the best is below `level`.

    The forecast is made of a family of curves and of what the latest 48 completed trials of the study say about shape,
    noise and how wrong such forecasts were: see `search.curves`. As the chance is a probability whenever it is asked
    for, at most `level` of the trials that are stopped would have become the best, however often they are judged;
    docs/pruners.md says how well that holds on real curves.
    Source: Domhan, Springenberg and Hutter, IJCAI 2015, for the criterion; the closed forms are our own.
    """

    name: ClassVar[str] = "extrapolation"
    meaning: ClassVar[str] = (
        "Continues the trial's learning curve and stops it where the chance to beat the best trial is below `level`."
    )
    n_peers: ClassVar[int | None] = N_PEERS
    options: ClassVar[tuple[Option, ...]] = (
        Option("level", "float", 0.05, 0.0, 0.5, "Chance to beat the best trial below which a trial is stopped."),
        Option("n_startup_trials", "int", 10, 3, 100_000, "Trials that must be completed before any is stopped."),
        Option("n_warmup_steps", "int", 0, 0, 2**31 - 1, "Steps during which no trial is stopped."),
        Option("interval_steps", "int", 1, 1, 2**31 - 1, "Steps from one decision to the next."),
        Option("max_resource", "int", None, 1, 2**31 - 1, "Last step of a trial; absent: as the trial says itself."),
    )

    def steps_needed(self, request: PruneRequest) -> Sequence[int]:
        """Name some of the reported steps and some of those ahead, 32 at most; nothing while it is too early."""
        settings = self.settings(request.options)
        grid = _grid(request, settings)
        return [] if grid is None or _why_not_yet(request, settings) else list(grid.steps)

    def decide(self, request: PruneRequest) -> PruneDecision:
        """Judge the trial by where its curve is going.

        Raises:
            PrunerError: `needs_one_objective`.
            OptionError: A bad option.
        """
        self.check(request.directions)
        settings = self.settings(request.options)
        waits = _why_not_yet(request, settings)
        if waits:
            return PruneDecision("continue", waits)
        completed = completed_peers(request)
        n_startup = settings.whole("n_startup_trials")
        best = best_value([one.values[0] for one in completed if one.values], request.directions[0])
        if len(completed) < n_startup or best is None or math.isinf(best):
            return PruneDecision("continue", f"{len(completed)} of {n_startup} start-up trials are completed")
        if all(math.isnan(value) for value in request.trial.intermediate.values()):
            return PruneDecision("prune", f"every value up to step {max(request.trial.intermediate)} is NaN")
        grid = _grid(request, settings)
        if grid is None or len(grid.seen) < LEAST_POINTS:
            return PruneDecision("continue", f"a forecast needs {LEAST_POINTS} finite values and a step to come")
        sign = -1.0 if request.directions[0] == "minimize" else 1.0
        curves = _curves(request.trial, grid, _latest(completed), sign)
        if curves is None:
            return PruneDecision("continue", f"fewer than 3 of the latest {N_PEERS} completed trials have a curve")
        return self._judge(request, settings, forecast(curves), sign * best)

    def _judge(self, request: PruneRequest, settings: Settings, seen: Forecast, best: float) -> PruneDecision:
        """Judge by a forecast and the best completed trial's value, both to be maximised."""
        sign = -1.0 if request.directions[0] == "minimize" else 1.0
        chance, level = seen.chance_above(best), settings.number("level")
        reason = (
            f"chance {chance:.3g} to end better than {sign * best:.6g}, expected {sign * float(seen.at(0.0)[-1]):.6g} "
            f"at step {seen.steps[-1]}"
        )
        ahead = any(sign * value > best for value in request.trial.intermediate.values())
        prune = chance < level and not ahead
        return PruneDecision("prune" if prune else "continue", reason, chance, _band(seen, sign))


def _why_not_yet(request: PruneRequest, settings: Settings) -> str | None:
    own, n_warmup = request.trial.intermediate, settings.whole("n_warmup_steps")
    if not own:
        return "nothing has been reported yet"
    if max(own) < n_warmup:
        return f"step {max(own)} is within the {n_warmup} warm-up steps"
    if not is_due(request, n_warmup, settings.whole("interval_steps")):
        return f"step {max(own)} is between two decisions"
    if settings.find_whole("max_resource") is None and request.n_steps is None:
        return "nobody has said how many steps a trial has: set max_resource"
    return None


def _grid(request: PruneRequest, settings: Settings) -> Grid | None:
    n_steps = settings.find_whole("max_resource") or request.n_steps
    return None if n_steps is None or not request.trial.intermediate else grid_of(request.trial.intermediate, n_steps)


def _final(trial: PastTrial) -> float:
    return trial.values[0] if trial.values else math.nan


def _latest(completed: list[PastTrial]) -> list[PastTrial]:
    return sorted(completed, key=attrgetter("number"), reverse=True)[:N_PEERS]


def _curves(trial: PastTrial, grid: Grid, peers: list[PastTrial], sign: float) -> Curves | None:
    rows, finals = [], []
    for peer in peers:
        row = row_of(peer.intermediate, grid.steps)
        if row is not None and math.isfinite(_final(peer)):
            rows.append(row)
            finals.append(_final(peer))
    if len(rows) < 3:
        return None
    own = [trial.intermediate[step] for step in grid.seen]
    return Curves(grid.steps, oriented(own, sign), oriented(rows, sign), oriented(finals, sign))


def _band(seen: Forecast, sign: float) -> Band:
    low, middle, high = (
        tuple(finite_json(sign * float(value)) for value in seen.at(far)) for far in (-sign * TAIL, 0.0, sign * TAIL)
    )
    return Band(seen.steps, low, middle, high)
