"""Real numbers, over all of a range or on a lattice.

Stepped floats live on a decimal lattice, `low + i * step` computed as people write it, so that 0.1, 0.2, 0.3 are those
numbers and `high` belongs to the lattice where the arithmetic on paper says so.
Source: the same rule as `optuna.distributions.FloatDistribution`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

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

# How far from a lattice point, in steps, a value may lie and still be that point (as in Optuna).
LATTICE_TOLERANCE = 1e-8


@dataclass(frozen=True, slots=True)
class FloatParameter:
    """A real number in [`low`, `high`], both included.

    Attributes:
        low: Least value; above 0 when `log`.
        high: Greatest value, at least `low`. With a step, the greatest value taken is the last lattice point <= `high`.
        log: Whether the logarithm is uniform rather than the value.
        step: Distance of neighbouring values, or None for all of the range; never together with `log`.
    """

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def __post_init__(self) -> None:
        for field in ("low", "high"):  # an int is a fair way to write a bound, but every value is a float
            object.__setattr__(self, field, float(getattr(self, field)))
        check_range(self.low, self.high)
        if not math.isfinite(self.high - self.low):
            message = f"the range from {self.low} to {self.high} is wider than a double can hold"
            raise SpaceError("range_too_wide", message, "high", "narrow the range below 1.7e308")
        if self.log:
            check_log_range(self.low, self.high)
        if self.step is not None:
            self._check_step(self.step)

    def _check_step(self, step: float) -> None:
        if self.log:
            message = f"a logarithmic float takes no step, but step is {step}"
            raise SpaceError("step_with_log", message, "step", "leave step out, or set log to false")
        check_step_size(self.low, self.high, step)
        largest = max(abs(self.low), abs(self.high))
        if step < 4 * math.ulp(largest) or (self.high - self.low) / step > MAX_EXACT_INT:
            message = f"step {step} is too fine: doubles near {largest} cannot tell its multiples apart"
            raise SpaceError("step_too_fine", message, "step", "give a larger step, or leave it out")

    @property
    def n_values(self) -> int | None:
        """Count the values; None where there are infinitely many."""
        if self.low == self.high:
            return 1
        if self.step is None:
            return None
        span = Decimal(str(self.high)) - Decimal(str(self.low))
        return int(span // Decimal(str(self.step))) + 1

    @property
    def last(self) -> float:
        """Return the greatest value the parameter takes: `high`, or the last lattice point below it."""
        return self.high if self.step is None else self.value_at((self.n_values or 1) - 1)

    def value_at(self, index: int) -> float:
        """Return the value at `index` in 0..n_values-1, counted from `low`; a range without step has only index 0."""
        if index == 0 or self.step is None:
            return self.low
        return float(Decimal(str(self.low)) + index * Decimal(str(self.step)))

    def index(self, value: ParamValue) -> int:
        """Return the index of a value of the parameter: the inverse of `value_at`; 0 for a range without step."""
        return 0 if self.step is None else round((self.check(value) - self.low) / self.step)

    def from_unit(self, unit: float) -> float:
        """Map `unit` in [0, 1) to a value, uniformly over the range, its lattice or its logarithm."""
        count = self.n_values
        if count is not None:
            return self.value_at(index_of(unit, count))
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            return self.snap(math.exp(low + unit * (high - low)))
        return self.snap(self.low + unit * (self.high - self.low))

    def snap(self, value: float) -> float:
        """Return the nearest value of the parameter."""
        inside = min(max(float(value), self.low), self.high)
        if self.step is None:
            return inside
        index = round((inside - self.low) / self.step)
        nearest = self.value_at(index)
        return nearest if nearest <= self.high else self.value_at(index - 1)

    def check(self, value: object) -> float:
        """Return `value` as the parameter holds it.

        Raises:
            SpaceError: `invalid_type`, `out_of_range` or `off_step`.
        """
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SpaceError("invalid_type", f"expected a number, got {describe(value)}", "", self.accepts())
        if not self.low <= value <= self.high:
            raise SpaceError("out_of_range", f"{value} lies outside the range", "", self.accepts())
        if self.step is None:
            return float(value)
        nearest = self.snap(value)
        if abs(nearest - value) > LATTICE_TOLERANCE * self.step:
            raise SpaceError(
                "off_step", f"{value} is not {self.low} plus a multiple of {self.step}", "", f"nearest: {nearest}"
            )
        return nearest

    def accepts(self) -> str:
        """Say which values are accepted."""
        step = "" if self.step is None else f" in steps of {self.step}"
        return f"a number from {self.low} to {self.last}{step}"

    def to_json(self) -> dict[str, object]:
        """Return the JSON shape that `search.space.parse_space` reads."""
        shape: dict[str, object] = {"type": "float", "low": self.low, "high": self.high, "log": self.log}
        return shape if self.step is None else {**shape, "step": self.step}
