"""Objectives that behave as trainings do, cheap enough for a test."""

from __future__ import annotations

import math
from collections.abc import Iterable

from search.parameters import ParamValue
from search.space import parse_space

MIXED = parse_space(
    {
        "learning_rate": {"type": "float", "low": 1e-5, "high": 1.0, "log": True},
        "dropout": {"type": "float", "low": 0.0, "high": 0.8},
        "hidden_units": {"type": "int", "low": 16, "high": 256, "step": 16},
        "activation": {"type": "categorical", "choices": ["relu", "tanh", "swish", "sigmoid"]},
    }
)
CONDITIONAL = parse_space(
    {
        "optimizer": {"type": "categorical", "choices": ["sgd", "adam", "rprop"]},
        "momentum": {"type": "float", "low": 0, "high": 1, "when": {"optimizer": ["sgd"]}},
        "sgd_rate": {"type": "float", "low": 1e-4, "high": 10, "log": True, "when": {"optimizer": ["sgd"]}},
        "adam_rate": {"type": "float", "low": 1e-6, "high": 1, "log": True, "when": {"optimizer": ["adam"]}},
        "widths": {"type": "list", "length": {"low": 1, "high": 3}, "each": {"type": "int", "low": 8, "high": 128}},
    }
)
NUMERIC = parse_space({f"x{i}": {"type": "float", "low": 0, "high": 1} for i in range(4)})


def mixed(params: dict[str, ParamValue]) -> float:
    """Return a loss >= 0 with one optimum, where numbers interact and the choice shifts the level; like a network's."""
    rate, dropout, units = (_number(params, name) for name in ("learning_rate", "dropout", "hidden_units"))
    off_rate = math.log10(rate) + 2.5 + units / 256
    off_units = (units - 176) / 128
    level = {"relu": 0.3, "tanh": 0.6, "swish": 0.0, "sigmoid": 1.0}[str(params["activation"])]
    return off_rate**2 + off_units**2 + 4 * (dropout - 0.2) ** 2 + level


def heavy_tailed(params: dict[str, ParamValue]) -> float:
    """Return `mixed`, exploding for large rates, and NaN beyond: what a diverging training reports."""
    rate = _number(params, "learning_rate")
    return math.nan if rate > 0.3 else mixed(params) + math.exp(40 * rate) - 1


def conditional(params: dict[str, ParamValue]) -> float:
    """Return a loss >= 0 whose optimum lies in a branch with parameters of its own."""
    widths = [_number(params, f"widths.{i}") for i in range(1, int(_number(params, "widths.length")) + 1)]
    shape = sum(((width - 48) / 60) ** 2 for width in widths) / len(widths) + 0.3 * abs(len(widths) - 2)
    if params["optimizer"] == "sgd":
        off = math.log10(_number(params, "sgd_rate")) + 1
        return shape + off**2 + 3 * (_number(params, "momentum") - 0.8) ** 2
    if params["optimizer"] == "adam":
        return shape + (math.log10(_number(params, "adam_rate")) + 3) ** 2 + 0.4
    return shape + 1.5


def valley(params: dict[str, ParamValue]) -> float:
    """Return a loss >= 0 with a curved valley between the first two parameters; the minimum lies at 0.6 each."""
    x = [_number(params, f"x{i}") for i in range(4)]
    bend = x[1] - 0.6 - (x[0] - 0.6) * (0.5 + x[0])
    return 20 * bend**2 + (x[0] - 0.6) ** 2 + 2 * (x[2] - 0.6) ** 2 + (x[3] - 0.6) ** 2


def two(params: dict[str, ParamValue]) -> tuple[float, float]:
    """Return a loss to minimize and a gain to maximize that disagree on the first parameter alone."""
    x = [_number(params, f"x{i}") for i in range(4)]
    off = sum((one - 0.3) ** 2 for one in x[1:])
    return x[0] + 2 * off, math.sqrt(x[0]) - 2 * off


def hypervolume(values: Iterable[tuple[float, ...]]) -> float:
    """Return the area that (minimized, maximized) pairs dominate, up to the point (1, 0)."""
    area, level = 0.0, 0.0
    for loss, gain in sorted(values):
        if loss < 1 and gain > level:
            area += (1 - loss) * (gain - level)
            level = gain
    return area


def _number(params: dict[str, ParamValue], name: str) -> float:
    value = params[name]
    assert isinstance(value, int | float)
    return value
