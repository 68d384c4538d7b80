"""Where in its range a numeric parameter's value lies, and what a wider range would be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from search.errors import SpaceError
from search.parameters import CategoricalParameter, FloatParameter, IntParameter, Parameter

Numeric: TypeAlias = FloatParameter | IntParameter
Side: TypeAlias = Literal["low", "high"]

EDGE = 0.1
"""The outer tenth of a range is its edge."""
FEW_VALUES = 10
"""A parameter of at most so many values has only its last one at the edge."""
LATTICE_SLACK = Decimal("1e-9")
"""Share of a step by which a bound may miss a lattice point and still reach it."""
WIDEN = 1 / 3
"""Share of the range by which it is widened: a decade for a learning rate that spans three."""


def position(parameter: Numeric, value: float) -> float:
    """Return where a value lies, from 0 at the low end to 1 at the high one, on the parameter's own scale."""
    low, high, at = (_scaled(parameter, bound) for bound in (parameter.low, parameter.last, value))
    return (at - low) / (high - low) if high > low else 0.0


def positions(parameter: Numeric, values: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return (n,) the `position` of many values."""
    low, high = _scaled(parameter, parameter.low), _scaled(parameter, parameter.last)
    if high <= low:
        return np.zeros(len(values))
    scale = math.log if parameter.log else float
    at = np.array([scale(value) for value in values], np.float64)
    return (at - low) / (high - low)


def is_at_edge(parameter: Numeric, value: float, side: Side) -> bool:
    """Tell whether a value lies at an end of the range: its outer tenth, or of few values the last."""
    reach = 0.0 if _has_few_values(parameter) else EDGE
    from_end = position(parameter, value)
    return (from_end if side == "low" else 1 - from_end) <= reach


def part_of(parameter: Numeric, value: float) -> int | float:
    """Name the part of the range that a value lies in: its tenth, or of few values the value itself."""
    return value if _has_few_values(parameter) else min(int(position(parameter, value) / EDGE), round(1 / EDGE) - 1)


def edge_share(parameter: Numeric, side: Side) -> float:
    """Return the chance that a value drawn from the whole range lies at that edge."""
    if not _has_few_values(parameter):
        return EDGE
    assert parameter.n_values is not None
    if not parameter.log:
        return 1 / parameter.n_values
    low, high = math.log(parameter.low - 0.5), math.log(parameter.last + 0.5)
    ends = (low, math.log(parameter.low + 0.5)) if side == "low" else (math.log(parameter.last - 0.5), high)
    return (ends[1] - ends[0]) / (high - low)


def is_searched(parameter: Parameter) -> bool:
    """Tell whether there is more than one value to choose from."""
    return parameter.n_values is None or parameter.n_values > 1


def as_numeric(parameter: Parameter) -> Numeric | None:
    """Return the parameter if it has an order and more than one value."""
    return None if isinstance(parameter, CategoricalParameter) or not is_searched(parameter) else parameter


def widen(parameter: Numeric, side: Side, limits: tuple[float, float]) -> Numeric | None:
    """Return the parameter with one end moved outwards by a third of its range.

    Args:
        parameter: With at least two values.
        side: The end to move.
        limits: Least and greatest value that makes sense.

    Returns:
        A wider parameter on the same lattice, or None where the limit or the arithmetic leaves no room.
    """
    low, high = _scaled(parameter, parameter.low), _scaled(parameter, parameter.last)
    end, moved = (low, low - WIDEN * (high - low)) if side == "low" else (high, high + WIDEN * (high - low))
    try:
        bound = _at_least_one_step(parameter, side, _round(_unscaled(parameter, moved), _unscaled(parameter, end)))
        wider = _moved(parameter, side, max(bound, limits[0]) if side == "low" else min(bound, limits[1]))
    except (SpaceError, OverflowError):
        return None
    # The slack of the lattice may carry an end a hair's breadth over the limit, where the model would refuse it.
    if side == "low":
        gained = limits[0] <= wider.low < parameter.low
    else:
        gained = parameter.last < wider.last <= limits[1]
    return wider if gained else None


def _at_least_one_step(parameter: Numeric, side: Side, bound: float) -> float:
    if parameter.step is None:
        return bound
    return min(bound, parameter.low - parameter.step) if side == "low" else max(bound, parameter.last + parameter.step)


def _moved(parameter: Numeric, side: Side, bound: float) -> Numeric:
    """Move an end to `bound`, or to the lattice point next to it on its inner side."""
    if isinstance(parameter, IntParameter):
        end = int(_lattice_end(parameter, side, bound))
        low, high = (end, parameter.high) if side == "low" else (parameter.low, end)
        return IntParameter(low, high, parameter.step, parameter.log)
    if parameter.step is not None:
        bound = float(_lattice_end(parameter, side, bound))
    ends = (bound, parameter.high) if side == "low" else (parameter.low, bound)
    return FloatParameter(*ends, parameter.log, parameter.step)


def _lattice_end(parameter: Numeric, side: Side, bound: float) -> Decimal:
    # In decimals, as the parameter computes its own lattice.
    step = Decimal(str(parameter.step))
    end = Decimal(str(parameter.low if side == "low" else parameter.last))
    n_steps = math.floor((Decimal(bound) - end) / step * (-1 if side == "low" else 1) + LATTICE_SLACK)
    return end - n_steps * step if side == "low" else end + n_steps * step


def _has_few_values(parameter: Numeric) -> bool:
    return parameter.n_values is not None and parameter.n_values <= FEW_VALUES


def _scaled(parameter: Numeric, value: float) -> float:
    return math.log(value) if parameter.log else float(value)


def _unscaled(parameter: Numeric, value: float) -> float:
    return math.exp(value) if parameter.log else value


def _round(value: float, end: float) -> float:
    """Round a new end to the leading digit of the move and of itself: it is a suggestion, and people read it."""
    finest = min(abs(number) for number in (value, value - end) if number)
    unit = 10.0 ** math.floor(math.log10(finest))
    return float(f"{round(value / unit) * unit:.12g}") if unit else value
