"""Hyperopt's TPE through its own trials object; dependent parameters hang below their parent's choices."""

from __future__ import annotations

import logging
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.search.peers.base import Setting
from benchmarks.search.spaces import Axis, Space, Value

hyperopt = import_module("hyperopt")


class HyperoptTpe:
    """Does by hand what `hyperopt.fmin` does with a queue of trials."""

    def __init__(self, setting: Setting) -> None:
        logging.getLogger("hyperopt").setLevel(logging.ERROR)
        self._axes = {axis.name: axis for axis in setting.space.axes}
        self._space = _to_hyperopt(setting.space)
        self._domain = hyperopt.base.Domain(lambda params: 0.0, self._space)
        self._trials: Any = hyperopt.Trials()
        self._rng = np.random.default_rng(setting.seed)

    def ask(self) -> dict[str, Value]:
        """Let TPE write a new trial's document, and read the parameters from it."""
        ids = self._trials.new_trial_ids(1)
        seed = int(self._rng.integers(2**31 - 1))
        [document] = hyperopt.tpe.suggest(ids, self._domain, self._trials, seed)
        document["state"] = hyperopt.JOB_STATE_RUNNING
        self._trials.insert_trial_docs([document])
        self._trials.refresh()
        chosen = {name: values[0] for name, values in document["misc"]["vals"].items() if values}
        return {name: _member(self._axes[name], value) for name, value in chosen.items()}

    def tell(self, number: int, loss: float) -> None:
        """Finish a trial's document."""
        document = self._trials._dynamic_trials[number]
        document["state"] = hyperopt.JOB_STATE_DONE
        document["result"] = {"status": hyperopt.STATUS_OK, "loss": loss}
        self._trials.refresh()


def _member(axis: Axis, value: Any) -> Value:
    if axis.kind == "categorical":
        return axis.levels[int(value)]
    inside = min(max(float(value), axis.low), axis.high)
    return round(inside) if axis.kind == "int" else inside


def _to_hyperopt(space: Space) -> dict[str, Any]:
    """Return hyperopt's tree. A parameter that two choices accept is one node below both, so it has one density."""
    nodes: dict[str, Any] = {}
    for axis in reversed(space.axes):  # children first
        children = [child for child in space.axes if child.parent == axis.name]
        nodes[axis.name] = _node(axis, {child.name: (child, nodes[child.name]) for child in children})
    return {axis.name: nodes[axis.name] for axis in space.axes if not axis.parent}


def _node(axis: Axis, children: dict[str, tuple[Axis, Any]]) -> Any:
    hp = hyperopt.hp
    if axis.kind == "categorical":
        branches = [
            {"level": at, **{name: node for name, (child, node) in children.items() if level in child.accepted}}
            for at, level in enumerate(axis.levels)
        ]
        return hp.choice(axis.name, branches)
    if axis.kind == "int":
        if axis.log:
            return hp.qloguniform(axis.name, np.log(axis.low - 0.5), np.log(axis.high + 0.5), 1)
        return hp.uniformint(axis.name, int(axis.low), int(axis.high))
    if axis.log:
        return hp.loguniform(axis.name, np.log(axis.low), np.log(axis.high))
    return hp.uniform(axis.name, axis.low, axis.high)


build = HyperoptTpe
