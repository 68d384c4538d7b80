"""The search space of a study: which parameters are searched, within which values, and when."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeGuard

from search.cells import CellTree
from search.conditions import Conditions, active_names, order_names
from search.constraints import Constraint, parse_constraints
from search.errors import SpaceError, suggest_name
from search.parameters import FixedParameter, FloatParameter, IntParameter, ListParameter, Parameter, ParamValue
from search.parse import parse_shapes


@dataclass(frozen=True, slots=True)
class SearchSpace(Mapping[str, Parameter]):
    """Parameters by name: an immutable mapping whose order is that of the names.

    A trial has a value for each *active* parameter and for no other. All parameters are flat: lists stand among them
    as their length and their places. `parse_space` checks what is not checked here.

    Attributes:
        parameters: (name, parameter) pairs; any order is accepted and sorted. Names are unique.
        conditions: Of the parameters that have any: by the other parameter's name, which of its values are accepted.
        constraints: Statements that every suggestion makes true.
        lists: (name, list) pairs of the lists whose places are among the parameters.
        order: The names, each after those its conditions name; alphabetical in a space without conditions.
    """

    parameters: tuple[tuple[str, Parameter], ...]
    conditions: Conditions = field(default_factory=dict, hash=False)
    constraints: tuple[Constraint, ...] = ()
    lists: tuple[tuple[str, ListParameter], ...] = ()
    order: tuple[str, ...] = field(init=False, repr=False, compare=False)
    _by_name: dict[str, Parameter] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Sorted: a grid's cells and a sampler's draws must not depend on the order in which a file lists parameters.
        object.__setattr__(self, "parameters", tuple(sorted(self.parameters, key=lambda pair: pair[0])))
        object.__setattr__(self, "_by_name", dict(self.parameters))
        object.__setattr__(self, "order", order_names(self._by_name, self.conditions))

    def __getitem__(self, name: str) -> Parameter:
        return self._by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)

    @property
    def is_conditional(self) -> bool:
        """Tell whether the parameters that a trial has depend on their values."""
        return bool(self.conditions)

    def is_active(self, name: str, params: Mapping[str, ParamValue]) -> bool:
        """Tell whether a trial with `params` has the parameter `name`.

        Args:
            name: Of a parameter of the space.
            params: Those before `name` in `order`, at least; inactive entries do no harm.
        """
        return all(
            other in params and params[other] in values and self.is_active(other, params)
            for other, values in self.conditions.get(name, {}).items()
        )

    def active(self, params: Mapping[str, ParamValue]) -> dict[str, ParamValue]:
        """Return the entries of `params` that are active parameters, ordered by name."""
        if not self.conditions:
            return {name: params[name] for name in self._by_name if name in params}
        walked = active_names(self.order, self.conditions, params)
        return {
            name: params[name] for name in sorted(name for name, is_active in walked if is_active and name in params)
        }

    def satisfies(self, params: Mapping[str, ParamValue]) -> bool:
        """Tell whether every constraint holds for `params`, the active parameters of a trial."""
        return all(constraint.holds(params) for constraint in self.constraints)

    def size(self) -> int | None:
        """Count the sets of active parameters, before constraints; None where they are infinitely many; 1 when empty.

        Raises:
            SpaceError: `space_too_entangled`.
        """
        return self.tree().n_cells

    def tree(self, constraints: tuple[Constraint, ...] = ()) -> CellTree:
        """Return the parameter sets as a tree that counts and numbers them, those that break a constraint left out.

        Raises:
            SpaceError: `space_too_entangled`.
        """
        return CellTree(tuple((name, self._by_name[name]) for name in self.order), self.conditions, constraints)

    def pin(self, values: Mapping[str, ParamValue]) -> SearchSpace:
        """Return the space with parameters held at a value, for a suggestion in which they must not vary.

        Conditions follow: what needs another value of a pinned parameter is never active.

        Raises:
            SpaceError: `unknown_parameter`, or what a parameter refuses of its value; field `pinned.NAME`.
        """
        fixed: dict[str, Parameter] = {}
        for name, value in values.items():
            if name not in self._by_name:
                raise self._unknown(name).under("pinned")
            try:
                fixed[name] = FixedParameter((self._by_name[name].check(value),))
            except SpaceError as error:
                raise error.under(f"pinned.{name}") from None
        conditions = {
            name: {other: _common(values, fixed.get(other)) for other, values in needed.items()}
            for name, needed in self.conditions.items()
        }
        return replace(self, parameters=tuple({**self._by_name, **fixed}.items()), conditions=conditions)

    def to_json(self) -> dict[str, object]:
        """Return the JSON shape that `parse_space` reads back into an equal space, given the same constraints."""
        flat = {name for group, one in self.lists for name, _ in one.expand(group)}
        shapes = {name: self.shape(name, parameter) for name, parameter in self.parameters if name not in flat}
        for group, one in self.lists:
            shapes[group] = self.shape(one.length_name(group), one)
        return dict(sorted(shapes.items()))

    def shape(self, name: str, parameter: Parameter | ListParameter) -> dict[str, object]:
        """Return the JSON of `parameter` if it stood in the place of the parameter `name`, under its conditions."""
        shape = parameter.to_json()
        when = {other: list(values) for other, values in self.conditions.get(name, {}).items()}
        return {**shape, "when": when} if when else shape

    def assemble(self, params: Mapping[str, ParamValue]) -> dict[str, ParamValue]:
        """Return what the network takes: each list as its text, such as `64-32`, in place of its length and places."""
        flat = {name for group, one in self.lists for name, _ in one.expand(group)}
        whole = {name: value for name, value in params.items() if name not in flat}
        for group, one in self.lists:
            text = one.assemble(group, params)
            if text is not None:
                whole[group] = text
        return dict(sorted(whole.items()))

    def problems(self, params: Mapping[str, object]) -> list[SpaceError]:
        """List what keeps `params` from being a point of the space, one error a parameter; empty if nothing does.

        A parameter whose activity hangs on one that is missing or refused is not judged; constraints are, once all
        else is sound.
        """
        found = [self._unknown(name) for name in params if name not in self._by_name]
        known: dict[str, ParamValue] = {}
        unclear: set[str] = set()
        for name in self.order:
            problem = self._judge(name, params, known, unclear)
            found += [] if problem is None else [problem]
        return found or [self._broken(one, known) for one in self.constraints if not one.holds(known)]

    def _judge(
        self, name: str, params: Mapping[str, object], known: dict[str, ParamValue], unclear: set[str]
    ) -> SpaceError | None:
        """Add `name` to `known` if it is sound, to `unclear` if it cannot be told; return what is wrong with it."""
        needed = self.conditions.get(name, {})
        refuted = [one for one, values in needed.items() if one not in unclear and known.get(one, _NONE) not in values]
        if refuted:
            return self._inactive(name, refuted[0]) if name in params else None
        if unclear & needed.keys():
            unclear.add(name)
            return None
        try:
            known[name] = self._take(name, params)
        except SpaceError as error:
            unclear.add(name)
            return error
        return None

    def _take(self, name: str, params: Mapping[str, object]) -> ParamValue:
        parameter = self._by_name[name]
        if name not in params:
            raise SpaceError("missing_parameter", f"parameter '{name}' is missing", name, f"give {parameter.accepts()}")
        try:
            return parameter.check(params[name])
        except SpaceError as error:
            raise SpaceError(error.code, f"{name}: {error.message}", name, error.hint) from None

    def check(self, params: Mapping[str, object], under: str = "params") -> dict[str, ParamValue]:
        """Return `params` as the space holds them: ordered by name, integers of a float parameter as floats.

        Args:
            params: A value for every active parameter of the space and for no other.
            under: Where the parameters stand in the request; prefix of an error's field.

        Raises:
            SpaceError: `unknown_parameter`, `missing_parameter`, `inactive_parameter`, `invalid_type`, `out_of_range`,
                `off_step`, `not_a_choice` or `constraint_broken`, for the first problem.
        """
        for problem in self.problems(params):
            raise problem.under(under)
        return {name: self._by_name[name].check(params[name]) for name in sorted(params)}

    def project(self, params: Mapping[str, object]) -> dict[str, ParamValue] | None:
        """Return the part of `params` that lies in the space, or None if a parameter is missing or does not fit.

        Entries that the space does not have or that are not active are dropped, so trials made before a parameter was
        removed stay usable. A trial that breaks a constraint does not fit.
        """
        kept: dict[str, ParamValue] = {}
        try:
            for name in self.order:
                needed = self.conditions.get(name)
                if needed is None or all(kept.get(one, _NONE) in values for one, values in needed.items()):
                    kept[name] = self._by_name[name].check(params[name])
        except (KeyError, SpaceError):
            return None
        # Without conditions their order is that of the names already.
        ordered = {name: kept[name] for name in sorted(kept)} if self.conditions else kept
        return ordered if self.satisfies(ordered) else None

    def nearest(self, params: Mapping[str, object]) -> dict[str, ParamValue] | None:
        """Return the point of the space nearest to `params`, parameter by parameter: numbers move, choices do not.

        None where a parameter is missing, a choice is none of the space's, or what comes out breaks a constraint.
        """
        moved: dict[str, object] = {}
        for name, value in params.items():
            one = self._by_name.get(name)
            if isinstance(one, FixedParameter):
                moved[name] = one.value
            elif isinstance(one, FloatParameter | IntParameter) and _is_number(value):
                moved[name] = one.snap(value)
            else:
                moved[name] = value
        return self.project(moved)

    def fits(self, params: Mapping[str, object]) -> bool:
        """Tell whether every active parameter of the space has a value in `params` that it accepts."""
        return self.project(params) is not None

    def _unknown(self, name: object) -> SpaceError:
        hint = suggest_name(name, self)
        places = dict(self.lists)
        if isinstance(name, str) and name in places:
            hint = f"'{name}' is a list: give '{places[name].length_name(name)}' and '{name}.1' onwards"
        return SpaceError("unknown_parameter", f"the search space has no parameter {name!r}", str(name), hint)

    def _inactive(self, name: str, other: str) -> SpaceError:
        accepted = ", ".join(repr(value) for value in self.conditions[name][other][:10])
        message = f"parameter '{name}' is not active: it takes '{other}' among {accepted}"
        return SpaceError("inactive_parameter", message, name, f"leave '{name}' out, or change '{other}'")

    def _broken(self, constraint: Constraint, params: Mapping[str, ParamValue]) -> SpaceError:
        values = ", ".join(f"{name} = {params[name]!r}" for name in constraint.names)
        message = f"the constraint {constraint.text!r} does not hold for {values}"
        return SpaceError("constraint_broken", message, constraint.names[0], "change one of these values")


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _common(values: tuple[ParamValue, ...], pinned: Parameter | None) -> tuple[ParamValue, ...]:
    return values if pinned is None else tuple(value for value in values if value == pinned.value_at(0))


def parse_space(mapping: object, under: str = "search_space", constraints: object = ()) -> SearchSpace:
    """Read a search space from its JSON shape.

    Args:
        mapping: For each parameter's name `{"type": "float", "low", "high", "log"?, "step"?}`,
            `{"type": "int", "low", "high", "step"?, "log"?}`, `{"type": "categorical", "choices": [...]}`,
            `{"type": "fixed", "value"}` or `{"type": "list", "length": {"low", "high"}, "each": {a parameter}}`; each
            with `"when": {other: [values]}` where it is active only for some values of others.
            May be empty: whether a sampler can do with that is for its `check` to say.
        under: Where the space stands in the request; prefix of an error's field.
        constraints: Expressions that every suggestion makes true; they stand beside the space, as `constraints`.

    Raises:
        SpaceError: The first rule broken, with a field such as `search_space.learning_rate.low` or `constraints.0`.
    """
    shapes = parse_shapes(mapping, under)
    try:
        space = SearchSpace(shapes.parameters, shapes.conditions, (), shapes.lists)
    except SpaceError as error:
        raise error.under(under) from None
    for name in space.tree().never_active if space.is_conditional else ():
        message = f"no values of the other parameters make '{name}' active"
        raise SpaceError("never_active", message, f"{under}.{name}.when", "conditions must be able to hold together")
    return replace(space, constraints=parse_constraints(constraints, space))


_NONE = object()  # equals no value of a parameter, None included
