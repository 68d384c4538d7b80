"""A search space as a box: every parameter is one column of numbers in [0, 1].

A Gaussian process wants points and distances. Ranges become [0, 1] on their own scale (a logarithmic one on its
logarithm, both ends included), choices become 0, 1/(n-1), ..., 1 and are told apart by a flag. Choices that are all
numbers are taken in their order: who lists batch sizes 16, 32, 64 means a quantity.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from search.parameters import CategoricalParameter, Parameter, ParamValue
from search.space import SearchSpace

Array: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Places: TypeAlias = NDArray[np.int64]

# Where an inactive parameter stands: in the middle it is as near to all its values as one place can be.
INACTIVE = 0.5
# A column with fewer values than this is a lattice whose steps matter.
COARSE = 1000


@dataclass(frozen=True)
class Column:
    """One parameter as numbers.

    Attributes:
        name: Of the parameter.
        parameter: As the space has it.
        values: The values of a categorical, in the order of their places; empty for ranges.
        is_unordered: Whether two different values are simply different, neither near nor far.
        n_values: How many places there are; None for a range without step.
    """

    name: str
    parameter: Parameter
    values: tuple[ParamValue, ...]
    is_unordered: bool
    n_values: int | None

    def encode(self, value: ParamValue) -> float:
        """Return the place in [0, 1] of a value of the parameter."""
        if self.values:
            return self.values.index(self.parameter.check(value)) / max(len(self.values) - 1, 1)
        assert isinstance(value, int | float)
        low, high = self._ends
        return 0.0 if high == low else min(max((self._scale(value) - low) / (high - low), 0.0), 1.0)

    def decode(self, unit: float) -> ParamValue:
        """Return the value whose place is nearest to `unit`."""
        if self.values:
            return self.values[round(min(max(unit, 0.0), 1.0) * (len(self.values) - 1))]
        assert not isinstance(self.parameter, CategoricalParameter)
        low, high = self._ends
        place = low + min(max(unit, 0.0), 1.0) * (high - low)
        return self.parameter.snap(math.exp(place) if self.parameter.log else place)

    def snap(self, units: Array) -> Array:
        """Return the places of values nearest to `units`, elementwise."""
        inside = np.clip(units, 0.0, 1.0)
        if self.n_values is None:
            return inside
        if self.n_values == 1:
            return np.zeros_like(inside)
        if self._lattice is not None:
            return self._nearest(inside)
        return np.round(inside * (self.n_values - 1)) / (self.n_values - 1)

    def draw(self, shares: Array) -> Array:
        """Map numbers uniform in [0, 1) to places, each value with its share of a random draw."""
        if self.n_values is None:
            return shares
        if self._lattice is not None or self._is_huge:
            return self.snap(shares)
        return np.minimum(np.floor(shares * self.n_values), self.n_values - 1) / max(self.n_values - 1, 1)

    @cached_property
    def _lattice(self) -> Array | None:
        """Return the places of a logarithmic integer's values, where they are few enough to matter."""
        if self.values or not self.parameter.log or self.n_values is None or self._is_huge:  # type: ignore[union-attr]
            return None
        return np.array([self.encode(self.parameter.value_at(i)) for i in range(self.n_values)])

    @property
    def _is_huge(self) -> bool:
        # Neighbours this near to each other are one to any model of the objective; listing them would only cost.
        return self.n_values is not None and self.n_values > 4096 and not self.values

    def _nearest(self, units: Array) -> Array:
        assert self._lattice is not None
        middles = (self._lattice[1:] + self._lattice[:-1]) / 2
        return self._lattice[np.searchsorted(middles, units)]

    @cached_property
    def _ends(self) -> tuple[float, float]:
        assert not isinstance(self.parameter, CategoricalParameter)
        return self._scale(self.parameter.low), self._scale(self.parameter.last)

    def _scale(self, value: float) -> float:
        assert not isinstance(self.parameter, CategoricalParameter)
        return math.log(value) if self.parameter.log else float(value)


class Encoding:
    """Turns parameter sets of one space into rows of numbers and back.

    Parameters with a single value carry nothing to learn: they have no column and return when a row is decoded.

    Attributes:
        columns: One a parameter with several values, each after those that its conditions name.
        n_columns: Their number.
        unordered: (n_columns,) whether a column's distance is 0 or 1 rather than a length.
        least_steps: (n_columns,) the distance of neighbours on a coarse lattice; 0 where columns are as good as
            continuous.
    """

    def __init__(self, space: SearchSpace) -> None:
        self.space = space
        self.columns = tuple(_column(name, space[name]) for name in space.order if space[name].n_values != 1)
        self.n_columns = len(self.columns)
        self.unordered: Mask = np.array([column.is_unordered for column in self.columns], dtype=bool)
        lattices = [column.n_values is not None and column.n_values < COARSE for column in self.columns]
        sizes = [max((column.n_values or 1) - 1, 1) for column in self.columns]
        self.least_steps = np.where(lattices, 1.0 / np.array(sizes, dtype=float), 0.0)
        self._single = {name: space[name].value_at(0) for name in space.order if space[name].n_values == 1}
        self._place = {column.name: place for place, column in enumerate(self.columns)}

    def place(self, name: str) -> int | None:
        """Return the column of the parameter `name`; None where it has a single value or does not exist."""
        return self._place.get(name)

    def encode(self, points: Sequence[Mapping[str, ParamValue]]) -> Array:
        """Return the rows of `points`, each with the active parameters of the space; (len(points), n_columns)."""
        rows = np.full((len(points), self.n_columns), INACTIVE)
        for row, params in zip(rows, points, strict=True):
            for place, column in enumerate(self.columns):
                if column.name in params:
                    row[place] = column.encode(params[column.name])
        return rows

    def decode(self, row: Array) -> dict[str, ParamValue]:
        """Return the active parameters that a row stands for, ordered by name."""
        params: dict[str, ParamValue] = {}
        for name in self.space.order:
            if self.space.is_active(name, params):
                place = self._place.get(name)
                params[name] = self._single[name] if place is None else self.columns[place].decode(float(row[place]))
        return dict(sorted(params.items()))

    def snap(self, rows: Array) -> Array:
        """Move each number to the nearest place of a value, and those of inactive parameters to `INACTIVE`."""
        snapped = np.empty_like(rows)
        for place, column in enumerate(self.columns):
            snapped[:, place] = column.snap(rows[:, place])
        return self.hide_inactive(snapped)

    def draw(self, shares: Array) -> Array:
        """Map rows uniform in [0, 1) to rows of values, as a random draw of the space would."""
        return self.hide_inactive(self.draw_all(shares))

    def draw_all(self, shares: Array) -> Array:
        """As `draw`, with a value for parameters that are not active too."""
        drawn = np.empty_like(shares)
        for place, column in enumerate(self.columns):
            drawn[:, place] = column.draw(shares[:, place])
        return drawn

    def hide_inactive(self, rows: Array) -> Array:
        """Set the numbers of inactive parameters to `INACTIVE`, in place; returns `rows`."""
        if self.space.is_conditional:
            rows[~self.active(rows)] = INACTIVE
        return rows

    def active(self, rows: Array) -> Mask:
        """Tell which columns of snapped `rows` are active; (n, n_columns)."""
        shown = {name: np.ones(len(rows), dtype=bool) for name in self.space.order}
        for name in self.space.order:
            for other in self.space.conditions.get(name, {}):
                shown[name] &= shown[other] & self._is_met(rows, name, other)
        return np.array([shown[column.name] for column in self.columns], dtype=bool).reshape(-1, len(rows)).T

    def _is_met(self, rows: Array, name: str, other: str) -> Mask:
        """Tell in which `rows` the parameter `other` has a value with which `name` may be active."""
        place = self._place.get(other)
        if place is None:
            return np.full(len(rows), self._single[other] in self.space.conditions[name][other])
        matches = np.abs(rows[:, place, None] - self._wanted[name, other]) < 1e-9
        return np.asarray(matches.any(axis=1))

    @cached_property
    def _wanted(self) -> dict[tuple[str, str], Array]:
        """Return the places that each condition accepts, by the parameter it is of and the one it names."""
        return {
            (name, other): np.array([self.columns[self._place[other]].encode(value) for value in accepted])
            for name, needed in self.space.conditions.items()
            for other, accepted in needed.items()
            if other in self._place
        }


def _column(name: str, parameter: Parameter) -> Column:
    if not isinstance(parameter, CategoricalParameter):
        return Column(name, parameter, (), False, parameter.n_values)
    choices = parameter.choices
    is_ordered = all(isinstance(choice, int | float) and not isinstance(choice, bool) for choice in choices)
    if is_ordered:
        choices = tuple(sorted(choices, key=lambda choice: float(str(choice))))
    # Of two values, different and far are the same thing.
    return Column(name, parameter, choices, not is_ordered and len(choices) > 2, len(choices))
