"""Where a value lies in its parameter, from 0 to 1, so that a uniform draw of the parameter is uniform there."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

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
