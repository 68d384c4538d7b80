"""What the kinds of parameter share: the rules of ranges and steps, and words for a refused value."""

from __future__ import annotations

import math
from typing import TypeAlias

from search.errors import SpaceError

ParamValue: TypeAlias = str | int | float | bool | None

# Samplers compute with doubles and place cell borders between integers; estimators divide by zero well before 2**53.
MAX_EXACT_INT = 2**48
# Ends of a logarithmic range whose logarithms differ by less than this share are one point to an estimator.
LEAST_LOG_SPAN = 1e-12


def describe(value: object) -> str:
    """Name a refused value with its type, shortened so that a message stays a sentence."""
    text = repr(value)
    return f"{text if len(text) <= 80 else text[:77] + '...'} ({type(value).__name__})"


def check_range(low: float, high: float) -> None:
    """Refuse a range that is not finite or upside down.

    Raises:
        SpaceError: `not_finite` or `low_above_high`.
    """
    for field, bound in (("low", low), ("high", high)):
        if isinstance(bound, float) and not math.isfinite(bound):
            raise SpaceError("not_finite", f"{field} must be finite, but is {bound}", field, "give a finite number")
    if low > high:
        message = f"low ({low}) must not be greater than high ({high})"
        raise SpaceError("low_above_high", message, "low", "give a low of at most high")


def check_log_range(low: float, high: float) -> None:
    """Refuse a logarithmic range that reaches 0 or below, or is too narrow for logarithms of doubles to tell apart.

    Raises:
        SpaceError: `log_range_not_positive` or `log_range_too_narrow`.
    """
    if low <= 0:
        message = f"a logarithmic range must lie above 0, but low is {low}"
        raise SpaceError("log_range_not_positive", message, "low", "give a low above 0, or set log to false")
    ends = math.log(low), math.log(high)
    if low < high and ends[1] - ends[0] < LEAST_LOG_SPAN * max(1.0, abs(ends[0]), abs(ends[1])):
        message = f"the range from {low} to {high} is too narrow for a logarithmic one"
        raise SpaceError("log_range_too_narrow", message, "log", "set log to false")


def check_step_size(low: float, high: float, step: float) -> None:
    """Refuse a step that is not above 0 or skips the whole range.

    Raises:
        SpaceError: `step_not_positive` or `step_too_large`.
    """
    if not (math.isfinite(step) and step > 0):
        raise SpaceError("step_not_positive", f"step must be above 0, but is {step}", "step", "give a step above 0")
    # A parameter pinned by low == high has one value, whatever the step.
    if low < high and step > high - low:
        message = f"step ({step}) is larger than the range from {low} to {high}"
        raise SpaceError("step_too_large", message, "step", f"give a step of at most {high - low}")


def index_of(unit: float, count: int) -> int:
    """Return the index in 0..count-1 whose share of the unit interval holds `unit`."""
    return min(int(unit * count), count - 1)
