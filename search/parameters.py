"""The three kinds of parameter a search space is made of: float, int and categorical.

A parameter knows its values: how many there are, the one at an index (for grids), the one at a point of the unit
interval (for random draws), and whether a value belongs. Stepped floats live on a decimal lattice, `low + i * step`
computed as people write it, so that 0.1, 0.2, 0.3 are those numbers and `high` belongs to the lattice where the
arithmetic on paper says so. Source: the same rule as `optuna.distributions.FloatDistribution`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from search.errors import SpaceError

ParamValue: TypeAlias = str | int | float | bool | None

# Samplers compute with doubles; beyond this, neighbouring integers are no longer told apart.
MAX_EXACT_INT = 2**53
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
        _check_range(self.low, self.high)
        if not math.isfinite(self.high - self.low):
            message = f"the range from {self.low} to {self.high} is wider than a double can hold"
            raise SpaceError("range_too_wide", message, "high", "narrow the range below 1.7e308")
        if self.log and self.low <= 0:
            message = f"a logarithmic range must lie above 0, but low is {self.low}"
            raise SpaceError("log_range_not_positive", message, "low", "give a low above 0, or set log to false")
        if self.step is not None:
            self._check_step(self.step)

    def _check_step(self, step: float) -> None:
        if self.log:
            message = f"a logarithmic float takes no step, but step is {step}"
            raise SpaceError("step_with_log", message, "step", "leave step out, or set log to false")
        _check_step_size(self.low, self.high, step)
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

    def from_unit(self, unit: float) -> float:
        """Map `unit` in [0, 1) to a value, uniformly over the range, its lattice or its logarithm."""
        count = self.n_values
        if count is not None:
            return self.value_at(_index(unit, count))
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
        return self.value_at(min(index, (self.n_values or 1) - 1))

    def check(self, value: object) -> float:
        """Return `value` as the parameter holds it.

        Raises:
            SpaceError: `invalid_type`, `out_of_range` or `off_step`.
        """
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise SpaceError("invalid_type", f"expected a number, got {describe(value)}", "", self.accepts())
        if not self.low <= value <= self.high:
            raise SpaceError("out_of_range", f"{value} lies outside the range", "", self.accepts())
        nearest = self.snap(value)
        if self.step is not None and abs(nearest - value) > LATTICE_TOLERANCE * self.step:
            raise SpaceError("off_step", f"{value} is not a multiple of the step", "", f"nearest: {nearest}")
        return nearest

    def accepts(self) -> str:
        """Say which values are accepted."""
        step = "" if self.step is None else f" in steps of {self.step}"
        return f"a number from {self.low} to {self.last}{step}"

    def to_json(self) -> dict[str, object]:
        """Return the JSON shape that `search.space.parse_space` reads."""
        shape: dict[str, object] = {"type": "float", "low": self.low, "high": self.high, "log": self.log}
        return shape if self.step is None else {**shape, "step": self.step}


@dataclass(frozen=True, slots=True)
class IntParameter:
    """An integer in [`low`, `high`], both included, in steps from `low`.

    Attributes:
        low: Least value; at least 1 when `log`.
        high: Greatest value, at least `low`. The greatest value taken is the last multiple of `step` from `low`.
        step: Distance of neighbouring values, at least 1; 1 when `log`.
        log: Whether the logarithm is uniform rather than the value.
    """

    low: int
    high: int
    step: int = 1
    log: bool = False

    def __post_init__(self) -> None:
        _check_range(self.low, self.high)
        for field, bound in (("low", self.low), ("high", self.high)):
            if abs(bound) > MAX_EXACT_INT:
                message = f"{field} {bound} is beyond the integers that samplers keep exact"
                raise SpaceError("range_too_wide", message, field, f"give an integer within +-{MAX_EXACT_INT}")
        if self.log and self.low < 1:
            message = f"a logarithmic range must lie above 0, but low is {self.low}"
            raise SpaceError("log_range_not_positive", message, "low", "give a low of at least 1, or set log to false")
        if self.log and self.step != 1:
            message = f"a logarithmic int takes every integer, but step is {self.step}"
            raise SpaceError("step_with_log", message, "step", "leave step out, or set log to false")
        _check_step_size(self.low, self.high, self.step)

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

    def from_unit(self, unit: float) -> int:
        """Map `unit` in [0, 1) to a value, uniformly over the values or their logarithm."""
        if not self.log:
            return self.value_at(_index(unit, self.n_values))
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
            raise SpaceError("off_step", f"{value} is not a multiple of the step", "", f"nearest: {nearest}")
        return value

    def accepts(self) -> str:
        """Say which values are accepted."""
        step = "" if self.step == 1 else f" in steps of {self.step}"
        return f"an integer from {self.low} to {self.last}{step}"

    def to_json(self) -> dict[str, object]:
        """Return the JSON shape that `search.space.parse_space` reads."""
        return {"type": "int", "low": self.low, "high": self.high, "step": self.step, "log": self.log}


@dataclass(frozen=True, slots=True)
class CategoricalParameter:
    """One of several unordered values.

    Attributes:
        choices: At least one; text, finite numbers, booleans or None. No two may be equal, and 1, 1.0 and True are.
    """

    choices: tuple[ParamValue, ...]

    def __post_init__(self) -> None:
        if not self.choices:
            raise SpaceError("empty_choices", "choices is empty", "choices", "give at least one choice")
        seen: dict[ParamValue, int] = {}
        for position, choice in enumerate(self.choices):
            if isinstance(choice, float) and not math.isfinite(choice):
                message = f"choice {position} is {choice}, which equals nothing or cannot be stored"
                raise SpaceError("not_finite", message, f"choices.{position}", "give a finite number or text")
            if choice in seen:
                message = (
                    f"choice {position} ({choice!r}) equals choice {seen[choice]} ({self.choices[seen[choice]]!r})"
                )
                raise SpaceError("duplicate_choice", message, f"choices.{position}", "list each choice once")
            seen[choice] = position

    @property
    def n_values(self) -> int:
        """Count the values."""
        return len(self.choices)

    def value_at(self, index: int) -> ParamValue:
        """Return the choice at `index` in 0..n_values-1."""
        return self.choices[index]

    def from_unit(self, unit: float) -> ParamValue:
        """Map `unit` in [0, 1) to a choice, each with the same share."""
        return self.choices[_index(unit, len(self.choices))]

    def check(self, value: object) -> ParamValue:
        """Return the choice that equals `value`.

        Raises:
            SpaceError: `not_a_choice`.
        """
        for choice in self.choices:
            # True equals 1 in Python but not to the people who wrote the choices.
            if choice == value and isinstance(choice, bool) == isinstance(value, bool):
                return choice
        raise SpaceError("not_a_choice", f"{describe(value)} is not one of the choices", "", self.accepts())

    def accepts(self) -> str:
        """Say which values are accepted."""
        return "one of " + ", ".join(repr(choice) for choice in self.choices)

    def to_json(self) -> dict[str, object]:
        """Return the JSON shape that `search.space.parse_space` reads."""
        return {"type": "categorical", "choices": list(self.choices)}


Parameter: TypeAlias = FloatParameter | IntParameter | CategoricalParameter


def describe(value: object) -> str:
    """Name a refused value with its type, shortened so that a message stays a sentence."""
    text = repr(value)
    return f"{text if len(text) <= 80 else text[:77] + '...'} ({type(value).__name__})"


def _check_range(low: float, high: float) -> None:
    for field, bound in (("low", low), ("high", high)):
        if isinstance(bound, float) and not math.isfinite(bound):
            raise SpaceError("not_finite", f"{field} must be finite, but is {bound}", field, "give a finite number")
    if low > high:
        message = f"low ({low}) must not be greater than high ({high})"
        raise SpaceError("low_above_high", message, "low", "give a low of at most high")


def _check_step_size(low: float, high: float, step: float) -> None:
    if not (math.isfinite(step) and step > 0):
        raise SpaceError("step_not_positive", f"step must be above 0, but is {step}", "step", "give a step above 0")
    # A parameter pinned by low == high has one value, whatever the step.
    if low < high and step > high - low:
        message = f"step ({step}) is larger than the range from {low} to {high}"
        raise SpaceError("step_too_large", message, "step", f"give a step of at most {high - low}")


def _index(unit: float, count: int) -> int:
    return min(int(unit * count), count - 1)
