"""Ax's client with its own choice of strategy; dependent parameters as Ax's hierarchical spaces have them."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

from benchmarks.search.peers.base import Setting
from benchmarks.search.spaces import Axis, Space, Value

api = import_module("ax.api.client")
configs = import_module("ax.api.configs")
loggers = import_module("ax.utils.common.logger")
exceptions = import_module("ax.exceptions.core")


class AxClient:
    """Ask and tell."""

    def __init__(self, setting: Setting) -> None:
        loggers.ROOT_STREAM_HANDLER.setLevel(logging.ERROR)  # it announces every trial
        import_module("torch").set_num_threads(1)
        self._space = setting.space
        self._client = api.Client(random_seed=setting.seed)
        self._client.configure_experiment(parameters=_to_ax(setting.space))
        self._client.configure_optimization(objective="-loss")
        self._asked: list[int] = []

    def ask(self) -> dict[str, Value] | None:
        """Ask for a trial; None after Ax's first random ones, until enough of these have ended."""
        try:
            found = self._client.get_next_trials(max_trials=1)
        except exceptions.DataRequiredError:
            return None
        if not found:
            return None
        [(index, params)] = found.items()
        self._asked.append(index)
        return {
            axis.name: _plain(axis, params[name])
            for axis in self._space.axes
            for name in _names(axis)
            if name in params
        }

    def tell(self, number: int, loss: float) -> None:
        """Finish a trial."""
        self._client.complete_trial(self._asked[number], raw_data={"loss": loss})


def _plain(axis: Axis, value: Any) -> Value:
    if axis.kind == "categorical":
        return next(level for level in axis.levels if level == value)
    return round(value) if axis.kind == "int" else float(value)


def _names(axis: Axis) -> list[str]:
    """Return what Ax calls a parameter: its spaces are trees, so one that two choices accept is a parameter of each."""
    if len(axis.accepted) < 2:
        return [axis.name]
    return [f"{axis.name}.{level}" for level in axis.accepted]


def _to_ax(space: Space) -> list[Any]:
    return [_parameter(axis, name, space) for axis in space.axes for name in _names(axis)]


def _parameter(axis: Axis, name: str, space: Space) -> Any:
    if axis.kind != "categorical":
        scaling = "log" if axis.log else None
        return configs.RangeParameterConfig(name, (axis.low, axis.high), axis.kind, scaling=scaling)
    dependent = {level: _dependent(axis, level, space) for level in axis.levels}
    return configs.ChoiceParameterConfig(
        name,
        list(axis.levels),
        {str: "str", int: "int", float: "float", bool: "bool"}[type(axis.levels[0])],
        is_ordered=False,
        dependent_parameters={level: names for level, names in dependent.items() if names} or None,
    )


def _dependent(axis: Axis, level: Value, space: Space) -> list[str]:
    children = [child for child in space.axes if child.parent == axis.name and level in child.accepted]
    return [child.name if len(child.accepted) < 2 else f"{child.name}.{level}" for child in children]


build = AxClient
