"""SMAC3's facade for hyperparameters, told the budget; conditions are ConfigSpace's."""

from __future__ import annotations

import logging
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.search.peers.base import Setting
from benchmarks.search.spaces import Axis, Space, Value

configspace = import_module("ConfigSpace")
smac = import_module("smac")
runhistory = import_module("smac.runhistory")


class Smac:
    """Ask and tell, with the facade's own defaults."""

    def __init__(self, setting: Setting) -> None:
        logging.getLogger("smac").setLevel(logging.ERROR)
        self._folder = tempfile.TemporaryDirectory(prefix="tunewell-bench-")
        self._space = setting.space
        scenario = smac.Scenario(
            _to_configspace(setting.space, setting.seed),
            deterministic=True,
            n_trials=setting.n_trials,
            seed=setting.seed,
            output_directory=Path(self._folder.name),
        )
        self._facade = smac.HyperparameterOptimizationFacade(
            scenario, lambda config, seed=0: 0.0, overwrite=True, logging_level=False
        )
        self._asked: list[Any] = []

    def ask(self) -> dict[str, Value]:
        """Ask for a trial."""
        info = self._facade.ask()
        self._asked.append(info)
        config = dict(info.config)
        return {axis.name: _plain(axis, config[axis.name]) for axis in self._space.axes if axis.name in config}

    def tell(self, number: int, loss: float) -> None:
        """Finish a trial."""
        self._facade.tell(self._asked[number], runhistory.TrialValue(cost=loss))


def _plain(axis: Axis, value: Any) -> Value:
    if axis.kind == "categorical":
        return next(level for level in axis.levels if level == value)
    return int(value) if axis.kind == "int" else float(value)


def _to_configspace(space: Space, seed: int) -> Any:
    answer = configspace.ConfigurationSpace(seed=seed)
    made = {axis.name: _hyperparameter(axis) for axis in space.axes}
    answer.add(*made.values())
    for axis in space.axes:
        if axis.parent:
            answer.add(configspace.InCondition(made[axis.name], made[axis.parent], list(axis.accepted)))
    return answer


def _hyperparameter(axis: Axis) -> Any:
    if axis.kind == "categorical":
        return configspace.CategoricalHyperparameter(axis.name, list(axis.levels))
    if axis.kind == "int":
        return configspace.UniformIntegerHyperparameter(axis.name, int(axis.low), int(axis.high), log=axis.log)
    return configspace.UniformFloatHyperparameter(axis.name, axis.low, axis.high, log=axis.log)


build = Smac
