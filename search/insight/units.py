"""Where a value lies in its parameter, from 0 to 1, so that a uniform draw of the parameter is uniform there."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from search.errors import SpaceError
from search.parameters import CategoricalParameter, FloatParameter, IntParameter, Parameter, ParamValue
from search.space import SearchSpace

Floats = npt.NDArray[np.float64]


def unit_of(parameter: Parameter, value: ParamValue) -> float:
    """Return where a value of the parameter lies in [0, 1]: what `from_unit` maps to it, or the middle of that.

    Args:
        parameter: Any.
        value: One that the parameter holds.
    """
    if isinstance(parameter, CategoricalParameter):
        return (_place(parameter, value) + 0.5) / parameter.n_values
    if parameter.n_values == 1:
        return 0.5
    assert isinstance(value, int | float), "a numeric parameter's value has passed its check"
    if isinstance(parameter, IntParameter) and parameter.log:
        return _between(math.log(value), math.log(parameter.low - 0.5), math.log(parameter.high + 0.5))
    if isinstance(parameter, FloatParameter) and parameter.n_values is None:
        scale = math.log if parameter.log else float
        return _between(scale(value), scale(parameter.low), scale(parameter.high))
    step, n_values = parameter.step or 1, parameter.n_values or 1
    return (round((value - parameter.low) / step) + 0.5) / n_values


def units_of(space: SearchSpace, params: Mapping[str, ParamValue]) -> list[float]:
    """Return (d,) where each of a point's values lies in its parameter; NaN for an inactive one."""
    return [unit_of(space[name], params[name]) if name in params else math.nan for name in space]


def units_of_all(space: SearchSpace, rows: Sequence[Mapping[str, object]]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return (n, d) `units_of` what `space.project` keeps of many points, and (n,) whether it keeps them at all.

    Where every parameter is always active, this goes parameter by parameter: a sixth of the time.
    """
    units = np.full((len(rows), len(space)), math.nan)
    if not space.is_conditional and not space.constraints:
        for place, (name, parameter) in enumerate(space.items()):
            units[:, place] = _column(parameter, [row.get(name, _MISSING) for row in rows])
        return units, ~np.isnan(units).any(axis=1)
    fits = np.zeros(len(rows), np.bool_)
    for place, row in enumerate(rows):
        params = space.project(row)
        if params is not None:
            units[place], fits[place] = units_of(space, params), True
    return units, fits


def is_choice(space: SearchSpace) -> npt.NDArray[np.bool_]:
    """Tell (d,) of each parameter whether its values have no order."""
    return np.array([isinstance(space[name], CategoricalParameter) for name in space], dtype=np.bool_)


def _between(at: float, low: float, high: float) -> float:
    return min(max((at - low) / (high - low), 0.0), 1.0)


def _place(parameter: CategoricalParameter, value: ParamValue) -> int:
    # Compared as the parameter does, for which True is not 1.
    is_bool = isinstance(value, bool)
    return next(
        place for place, one in enumerate(parameter.choices) if one == value and isinstance(one, bool) == is_bool
    )


def _column(parameter: Parameter, values: Sequence[object]) -> Floats:
    """Return (n,) where values lie in the parameter; NaN for those that it refuses."""
    if isinstance(parameter, FloatParameter) and parameter.n_values is None:
        floats = [value for value in values if type(value) is float]
        if len(floats) == len(values):
            return _floats_column(parameter, np.array(floats, np.float64))
    known: dict[tuple[type, object], float] = {}  # by type too: True is not 1
    units = []
    for value in values:
        key = type(value), value if isinstance(value, str | int | float | None) else _MISSING
        if key not in known:
            known[key] = _unit_or_nan(parameter, value)
        units.append(known[key])
    return np.array(units, np.float64)


def _floats_column(parameter: FloatParameter, values: Floats) -> Floats:
    fits = (parameter.low <= values) & (values <= parameter.high)  # (n,)
    scale = math.log if parameter.log else float
    # The logarithm of `math`, value by value: that of numpy may differ in the last bit from what `unit_of` says.
    at = np.array([scale(value) for value in values[fits].tolist()], np.float64)
    low, high = scale(parameter.low), scale(parameter.high)
    units = np.full(len(values), math.nan)
    units[fits] = np.clip((at - low) / (high - low), 0.0, 1.0)
    return units


def _unit_or_nan(parameter: Parameter, value: object) -> float:
    try:
        return unit_of(parameter, parameter.check(value))
    except SpaceError:
        return math.nan


_MISSING = object()  # a value of no parameter, None included
