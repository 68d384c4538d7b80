"""Discretised search spaces: an axis has levels, which the table has cells for, and a range, which samplers see.

A sampler proposes a float or an integer within the range; the task answers with the cell of the nearest level. So every
sampler, whatever it makes of grids, searches the same objective, which is constant within a cell.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

Value: TypeAlias = str | int | float | bool
Params: TypeAlias = Mapping[str, Value]
INACTIVE = -1


@dataclass(frozen=True, slots=True)
class Axis:
    """One parameter.

    Attributes:
        name: The parameter's.
        kind: What samplers are told that it is.
        levels: Values that were tabulated, ascending unless categorical.
        low: Least value that samplers may propose; unused for categorical ones.
        high: Greatest one.
        log: Whether it counts by its logarithm.
        parent: The categorical parameter that it depends on; empty without one.
        accepted: The parent's values that it is active with.
    """

    name: str
    kind: Literal["float", "int", "categorical"]
    levels: tuple[Value, ...]
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    parent: str = ""
    accepted: tuple[Value, ...] = ()

    def given(self, parent: str, *accepted: Value) -> Axis:
        """Return this axis, active only while `parent` has one of these values."""
        return replace(self, parent=parent, accepted=accepted)

    def is_active(self, params: Params) -> bool:
        """Tell whether the parent, if there is one, is active with an accepted value."""
        return not self.parent or (self.parent in params and params[self.parent] in self.accepted)

    def snap(self, value: Value) -> int:
        """Return the index of the level that stands for a value.

        Raises:
            ValueError: The value is no choice, or lies outside the range by more than rounding.
        """
        if self.kind == "categorical":
            if value not in self.levels:
                raise ValueError(f"{self.name} must be one of {', '.join(map(str, self.levels))}, got {value!r}")
            return self.levels.index(value)
        number = float(value)
        if not self.low - 1e-9 * abs(self.low) <= number <= self.high + 1e-9 * abs(self.high):
            raise ValueError(f"{self.name} must lie from {self.low} to {self.high}, got {value!r}")
        at = self._scaled(number)
        if self.kind == "float":  # bins of equal width, levels in their middle
            low, high = self._scaled(self.low), self._scaled(self.high)
            return min(max(int((at - low) / (high - low) * len(self.levels)), 0), len(self.levels) - 1)
        return min(range(len(self.levels)), key=lambda index: abs(self._scaled(float(self.levels[index])) - at))

    def weights(self) -> list[float]:
        """Return the probability of each level under uniform sampling of the natural range."""
        n = len(self.levels)
        if self.kind != "int":
            return [1 / n] * n
        found = [0.0] * n
        for value in range(int(self.low), int(self.high) + 1):
            found[self.snap(value)] += math.log((value + 0.5) / (value - 0.5)) if self.log else 1.0
        return [weight / sum(found) for weight in found]

    def draw(self, rng: np.random.Generator) -> Value:
        """Draw uniformly from the natural range, or its logarithm."""
        if self.kind == "categorical":
            return self.levels[int(rng.integers(len(self.levels)))]
        edge = 0.5 if self.kind == "int" else 0.0
        at = float(rng.uniform(self._scaled(self.low - edge), self._scaled(self.high + edge)))
        value = min(max(math.exp(at) if self.log else at, self.low), self.high)
        return round(value) if self.kind == "int" else value

    def to_json(self) -> dict[str, object]:
        """Return the axis as a study's search space names it."""
        if self.kind == "categorical":
            shape: dict[str, object] = {"type": "categorical", "choices": list(self.levels)}
        else:
            cast = int if self.kind == "int" else float
            shape = {"type": self.kind, "low": cast(self.low), "high": cast(self.high), "log": self.log}
        return {**shape, "when": {self.parent: list(self.accepted)}} if self.parent else shape

    def _scaled(self, value: float) -> float:
        return math.log(value) if self.log else value


def floats(name: str, low: float, high: float, n: int, log: bool = False) -> Axis:
    """Return a float axis whose range is cut into `n` bins of equal width, on a log scale where asked."""
    a, b = (math.log(low), math.log(high)) if log else (low, high)
    middles = [a + (index + 0.5) * (b - a) / n for index in range(n)]
    levels = tuple(float(f"{math.exp(middle) if log else middle:.6g}") for middle in middles)
    return Axis(name, "float", levels, low, high, log)


def ints(name: str, *levels: int, log: bool = False) -> Axis:
    """Return an integer axis from the first to the last of these levels, ascending."""
    return Axis(name, "int", levels, levels[0], levels[-1], log)


def choices(name: str, *levels: Value) -> Axis:
    """Return a categorical axis."""
    return Axis(name, "categorical", levels)


@dataclass(frozen=True)
class Space:
    """Axes, each after the one it depends on."""

    axes: tuple[Axis, ...]

    @cached_property
    def cells(self) -> tuple[tuple[int, ...], ...]:
        """Every distinct setting: a level's index for each axis, INACTIVE for one that is not."""
        return tuple(self._expand({}, ()))

    @cached_property
    def weights(self) -> npt.NDArray[np.float64]:
        """(n_cells,): the probability of each cell under uniform random search; they sum to 1."""
        by_axis = [axis.weights() for axis in self.axes]
        return np.array(
            [math.prod(w[at] for w, at in zip(by_axis, cell, strict=True) if at != INACTIVE) for cell in self.cells]
        )

    @cached_property
    def _places(self) -> dict[tuple[int, ...], int]:
        return {cell: place for place, cell in enumerate(self.cells)}

    @property
    def is_conditional(self) -> bool:
        """Whether some parameter depends on another."""
        return any(axis.parent for axis in self.axes)

    def _expand(self, params: dict[str, Value], cell: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if len(cell) == len(self.axes):
            yield cell
            return
        axis = self.axes[len(cell)]
        if not axis.is_active(params):
            yield from self._expand(params, (*cell, INACTIVE))
            return
        for index, level in enumerate(axis.levels):
            yield from self._expand({**params, axis.name: level}, (*cell, index))

    def params_of(self, cell: tuple[int, ...]) -> dict[str, Value]:
        """Return a cell's active parameters at their levels."""
        return {axis.name: axis.levels[at] for axis, at in zip(self.axes, cell, strict=True) if at != INACTIVE}

    def place(self, params: Params) -> int:
        """Return the number of the cell that holds these parameters; those that are not active are ignored.

        Raises:
            KeyError: An active parameter is missing.
            ValueError: One lies outside its range.
        """
        active: dict[str, Value] = {}
        cell = []
        for axis in self.axes:
            if axis.is_active(active):
                active[axis.name] = params[axis.name]
            cell.append(axis.snap(params[axis.name]) if axis.name in active else INACTIVE)
        return self._places[tuple(cell)]

    def draw(self, rng: np.random.Generator) -> dict[str, Value]:
        """Draw the active parameters at random, each uniformly over its range."""
        params: dict[str, Value] = {}
        for axis in self.axes:
            if axis.is_active(params):
                params[axis.name] = axis.draw(rng)
        return params

    def to_json(self) -> dict[str, object]:
        """Return the `search_space` of a study."""
        return {axis.name: axis.to_json() for axis in self.axes}
