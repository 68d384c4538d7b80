"""Optuna as `optuna.create_study()` makes it, but for the seed; conditional parameters are asked for when active."""

from __future__ import annotations

import optuna

from benchmarks.search.peers.base import Setting
from benchmarks.search.spaces import Axis, Value


class OptunaDefault:
    """Ask and tell."""

    def __init__(self, setting: Setting) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._space = setting.space
        self._study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=setting.seed))
        self._trials: list[optuna.Trial] = []

    def ask(self) -> dict[str, Value]:
        """Ask for a trial and for each of its active parameters."""
        trial = self._study.ask()
        self._trials.append(trial)
        params: dict[str, Value] = {}
        for axis in self._space.axes:
            if axis.is_active(params):
                params[axis.name] = _suggest(trial, axis)
        return params

    def tell(self, number: int, loss: float) -> None:
        """Finish a trial."""
        self._study.tell(self._trials[number], loss)


def _suggest(trial: optuna.Trial, axis: Axis) -> Value:
    if axis.kind == "categorical":
        chosen: Value = trial.suggest_categorical(axis.name, axis.levels)  # type: ignore[assignment]
        return chosen
    if axis.kind == "int":
        return trial.suggest_int(axis.name, int(axis.low), int(axis.high), log=axis.log)
    return trial.suggest_float(axis.name, axis.low, axis.high, log=axis.log)


build = OptunaDefault
