"""Counts and numbers the parameter sets of a space without listing them.

The parameters are taken one after another. What the rest can be depends only on a *state*: which later parameters are
already known to be inactive, and the values that a constraint still waits for. Equal states have equal rests, so sets
are counted state by state, and the set with a given number is found by walking down the counts. A space of 10**12 sets
takes as little time as one of ten, as long as few states occur.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from search.conditions import Conditions
from search.constraints import Constraint
from search.errors import SpaceError
from search.parameters import Parameter, ParamValue

# About a second of work, and 100 MB while the counts are kept.
MAX_BRANCHES = 200_000


class _State(NamedTuple):
    """All that the rest of the parameters depends on."""

    inactive: frozenset[str] = frozenset()
    awaited: tuple[tuple[str, ParamValue], ...] = ()


class _Branch(NamedTuple):
    """Neighbouring values of a parameter that lead to the same state.

    Attributes:
        first: Index of the first of them; None where the parameter is not active.
        n_values: How many; None for a range without step.
        state: Where they lead.
    """

    first: int | None
    n_values: int | None
    state: _State


class _Run(NamedTuple):
    """Neighbouring values, from index `first`, that make the same later parameters inactive."""

    first: int
    n_values: int | None
    inactive: frozenset[str]


class _Step(NamedTuple):
    """What a parameter does, whatever the state before it.

    Attributes:
        runs: Its values; one by one where a constraint speaks of it.
        dependents: The parameters whose conditions name it.
        due: The constraints that can be judged once it is taken.
        awaited_later: The names in constraints that are judged later.
        is_awaited: Whether a constraint needs its value.
    """

    runs: tuple[_Run, ...]
    dependents: frozenset[str]
    due: tuple[Constraint, ...]
    awaited_later: frozenset[str]
    is_awaited: bool


_Dependents: TypeAlias = Mapping[str, tuple[ParamValue, ...]]


class CellTree:
    """The parameter sets of a space, numbered in the order of their parameters: the last varies fastest.

    Attributes:
        n_cells: Number of sets; None where they are infinitely many.
        never_active: The names of parameters that no set has, whatever the values of the others.
    """

    def __init__(
        self,
        parameters: tuple[tuple[str, Parameter], ...],
        conditions: Conditions,
        constraints: tuple[Constraint, ...] = (),
    ) -> None:
        """Count the sets.

        Args:
            parameters: (name, parameter) pairs, each after those its conditions name.
            conditions: As a `SearchSpace` has them.
            constraints: Sets that break one are not counted.

        Raises:
            SpaceError: `space_too_entangled`, where more than `MAX_BRANCHES` steps would be needed.
        """
        self._parameters = parameters
        self._steps = _steps(parameters, conditions, constraints)
        self._levels = self._grow()
        self._counts = self._count()
        self.n_cells = self._counts[0][_State()]
        self.never_active = tuple(
            name
            for (name, _), level in zip(parameters, self._levels, strict=True)
            if all(name in state.inactive for state in level)
        )

    def params(self, cell: int) -> dict[str, ParamValue]:
        """Return the set with number `cell` in 0..n_cells-1, ordered by name; the sets must be countable."""
        found: dict[str, ParamValue] = {}
        state = _State()
        for place, (name, parameter) in enumerate(self._parameters):
            branch, index, cell = self._find(place, state, cell)
            if branch.first is not None:
                found[name] = parameter.value_at(branch.first + index)
            state = branch.state
        return dict(sorted(found.items()))

    def _find(self, place: int, state: _State, cell: int) -> tuple[_Branch, int, int]:
        """Return the branch that holds `cell`, the value's index in it, and the number that is left for the rest."""
        for branch in self._levels[place][state]:
            below = self._counts[place + 1][branch.state] or 0
            n_here = below * (branch.n_values or 0)
            if cell < n_here:
                return branch, *divmod(cell, below)
            cell -= n_here
        raise IndexError(f"no cell {cell} beyond the last")

    def _grow(self) -> list[dict[_State, list[_Branch]]]:
        """List, for each parameter, the states before it and where its values lead from them."""
        levels: list[dict[_State, list[_Branch]]] = []
        states: dict[_State, None] = {_State(): None}
        n_left = MAX_BRANCHES
        for place in range(len(self._parameters)):
            level: dict[_State, list[_Branch]] = {state: [] for state in states}
            for state, branches in level.items():
                for branch in self._branches(place, state):
                    branches.append(branch)
                    n_left -= 1
                    if n_left < 0:
                        raise _too_entangled()
            levels.append(level)
            states = {branch.state: None for branches in level.values() for branch in branches}
        return levels

    def _branches(self, place: int, state: _State) -> Iterator[_Branch]:
        """Yield where the values of a parameter lead, in the order of the values; those that break a constraint not."""
        (name, parameter), step = self._parameters[place], self._steps[place]
        if name in state.inactive:
            after = _after(name, state, step, step.dependents)
            if after is not None:
                yield _Branch(None, 1, after)
            return
        for run in step.runs:
            taken = ((name, parameter.value_at(run.first)),) if step.is_awaited else ()
            after = _after(name, state, step, run.inactive, taken)
            if after is not None:
                yield _Branch(run.first, run.n_values, after)

    def _count(self) -> list[dict[_State, int | None]]:
        """Count the sets below every state, from the last parameter back to the first."""
        last = (
            {branch.state for branches in self._levels[-1].values() for branch in branches} if self._levels else set()
        )
        counts: list[dict[_State, int | None]] = [dict.fromkeys(last | {_State()}, 1)]
        for level in reversed(self._levels):
            below = counts[-1]
            counts.append({state: _total(branches, below) for state, branches in level.items()})
        return counts[::-1]


def _total(branches: list[_Branch], below: Mapping[_State, int | None]) -> int | None:
    total = 0
    for branch in branches:
        n_below = below[branch.state]
        if n_below == 0:
            continue
        if branch.n_values is None or n_below is None:
            return None
        total += branch.n_values * n_below
    return total


def _after(
    name: str, state: _State, step: _Step, inactive: frozenset[str], taken: tuple[tuple[str, ParamValue], ...] = ()
) -> _State | None:
    """Return the state after the parameter `name`; None where a constraint is broken."""
    awaited = state.awaited + taken
    if step.due and not all(constraint.holds(dict(awaited)) for constraint in step.due):
        return None
    if awaited:
        awaited = tuple(pair for pair in awaited if pair[0] in step.awaited_later)
    left = state.inactive | inactive if inactive else state.inactive
    return _State(left - {name} if name in left else left, awaited)


def _steps(
    parameters: tuple[tuple[str, Parameter], ...], conditions: Conditions, constraints: tuple[Constraint, ...]
) -> list[_Step]:
    """Gather what every parameter does, whatever the state before it."""
    dependents: dict[str, dict[str, tuple[ParamValue, ...]]] = {name: {} for name, _ in parameters}
    for name, needed in conditions.items():
        for other, values in needed.items():
            dependents[other][name] = values
    places = {name: place for place, (name, _) in enumerate(parameters)}
    last = [max(places[name] for name in constraint.names) for constraint in constraints]
    steps = []
    for place, (name, parameter) in enumerate(parameters):
        due = tuple(one for one, at in zip(constraints, last, strict=True) if at == place)
        later = frozenset(name for one, at in zip(constraints, last, strict=True) if at > place for name in one.names)
        is_awaited = parameter.n_values is not None and (name in later or any(name in one.names for one in due))
        runs = tuple(_runs(parameter, dependents[name], one_by_one=is_awaited))
        steps.append(_Step(runs, frozenset(dependents[name]), due, later, is_awaited))
    return steps


def _runs(parameter: Parameter, dependents: _Dependents, one_by_one: bool) -> Iterator[_Run]:
    """Cut a parameter's values into runs that make the same dependents inactive."""
    n_values = parameter.n_values
    if n_values is None or not (dependents or one_by_one):
        yield _Run(0, n_values, frozenset(dependents))
        return
    if one_by_one and n_values > MAX_BRANCHES:
        raise _too_entangled()
    wanted = {name: {parameter.index(value) for value in values} for name, values in dependents.items()}
    named = set(range(n_values)) if one_by_one else set().union(*wanted.values())
    borders = sorted({0, n_values} | named | {index + 1 for index in named})
    for first, after in pairwise(borders):
        yield _Run(first, after - first, frozenset(name for name in wanted if first not in wanted[name]))


def _too_entangled() -> SpaceError:
    message = "conditions and constraints tie too many combinations of values together to number them"
    hint = "use fewer values or larger steps where constraints speak, or the sampler 'random'"
    return SpaceError("space_too_entangled", message, "search_space", hint)
