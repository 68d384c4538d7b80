"""Integers, evenly spaced or over a logarithmic range."""

from __future__ import annotations

import math
from dataclasses import dataclass

from search.errors import SpaceError
from search.parameters.rules import (
    MAX_EXACT_INT,
    ParamValue,
    check_log_range,
    check_range,
    check_step_size,
    describe,
    index_of,
)


@dataclass(frozen=True, slots=True)
class IntParameter:
    """An integer in [`low`, `high`], both included, in steps from `low`.

    Attributes:
        low: Least value, -2**48 at least; 1 at least when `log`.
        high: Greatest value, at least `low` and 2**48 at most. The greatest one taken is the last reached from `low`.
        step: Distance of neighbouring values, at least 1; 1 when `log`.
        log: Whether the logarithm is uniform rather than the value.
    """

    low: int
    high: int
    step: int = 1
    log: bool = False

    def __post_init__(self) -> None:
        check_range(self.low, self.high)
        for field, bound in (("low", self.low), ("high", self.high)):
            if abs(bound) > MAX_EXACT_INT:
                message = f"{field} {bound} is beyond the integers that samplers keep exact"
                raise SpaceError("range_too_wide", message, field, f"give an integer within +-{MAX_EXACT_INT}")
        if self.log:
            check_log_range(self.low, self.high)
        if self.log and self.step != 1:
            message = f"a logarithmic int takes every integer, but step is {self.step}"
            raise SpaceError("step_with_log", message, "step", "leave step out, or set log to false")
        check_step_size(self.low, self.high, self.step)

    @property
    def n_values(self) -> int:
        """Count the values."""
        return (self.high - self.low) // self.step + 1

    @property
    def last(self) -> int:
        """Return the greatest value the parameter takes."""
        return self.value_at(self.n_values - 1)

    def value_at(self, index: int) -> int:
        """Return the value at `index` in 0..n_values-1, counted from `low`."""
        return self.low + index * self.step

    def index(self, value: ParamValue) -> int:
        """Return the index of a value of the parameter: the inverse of `value_at`."""
        return (self.check(value) - self.low) // self.step

    def from_unit(self, unit: float) -> int:
        """Map `unit` in [0, 1) to a value, uniformly over the values or their logarithm."""
        if not self.log:
            return self.value_at(index_of(unit, self.n_values))
        # Half a unit beyond either end, so that the end values get the share of their neighbours.
        low, high = math.log(self.low - 0.5), math.log(self.high + 0.5)
        return self.snap(math.exp(low + unit * (high - low)))

    def snap(self, value: float) -> int:
        """Return the nearest value of the parameter."""
        inside = min(max(value, self.low), self.last)
        return self.value_at(round((inside - self.low) / self.step))

    def check(self, value: object) -> int:
        """Return `value` as the parameter holds it.

        Raises:
            SpaceError: `invalid_type`, `out_of_range` or `off_step`.
        """
        if isinstance(value, bool) or not isinstance(value, int):
            raise SpaceError("invalid_type", f"expected an integer, got {describe(value)}", "", self.accepts())
        if not self.low <= value <= self.high:
            raise SpaceError("out_of_range", f"{value} lies outside the range", "", self.accepts())
        if (value - self.low) % self.step:
            nearest = self.snap(value)
            raise SpaceError(
                "off_step", f"{value} is not {self.low} plus a multiple of {self.step}", "", f"nearest: {nearest}"
            )
        return value

    def accepts(self) -> str:
        """Say which values are accepted."""
        step = "" if self.step == 1 else f" in steps of {self.step}"
        return f"an integer from {self.low} to {self.last}{step}"

    def to_json(self) -> dict[str, object]:
        """Return the JSON shape that `search.space.parse_space` reads."""
        return {"type": "int", "low": self.low, "high": self.high, "step": self.step, "log": self.log}
