"""When a parameter is active: conditions on other parameters' values, and the order that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from search.errors import SpaceError, suggest_name
from search.parameters import FloatParameter, Parameter, ParamValue, describe

Conditions: TypeAlias = Mapping[str, Mapping[str, tuple[ParamValue, ...]]]
"""By parameter, and by the parameter it depends on: the values of which one must be taken."""


def parse_when(when: object, parameters: Mapping[str, Parameter]) -> dict[str, tuple[ParamValue, ...]]:
    """Read the conditions of one parameter.

    Args:
        when: For each parameter it depends on, the values accepted there; an empty object means always.
        parameters: The flat parameters of the space.

    Raises:
        SpaceError: `invalid_type`, `unknown_parameter`, `empty_condition`, `continuous_condition`, or what the other
            parameter refuses; the field is relative to `when`.
    """
    if not isinstance(when, Mapping):
        message = f"when must be an object, got {describe(when)}"
        raise SpaceError("invalid_type", message, "", 'give for instance {"optimizer": ["sgd", "nesterov"]}')
    return {str(other): _accepted(other, values, parameters) for other, values in when.items()}


def _accepted(other: object, values: object, parameters: Mapping[str, Parameter]) -> tuple[ParamValue, ...]:
    if other not in parameters or not isinstance(other, str):
        message = f"the search space has no parameter {other!r}"
        raise SpaceError("unknown_parameter", message, str(other), suggest_name(other, parameters))
    parameter = parameters[other]
    if isinstance(parameter, FloatParameter) and parameter.n_values is None:
        message = f"'{other}' is a float without step, which never takes a given value"
        raise SpaceError("continuous_condition", message, other, "give it a step, or make it an int or a categorical")
    if not isinstance(values, list | tuple):
        message = f"the accepted values must be a list, got {describe(values)}"
        raise SpaceError("invalid_type", message, other, f"give a list of values, each {parameter.accepts()}")
    if not values:
        message = f"no value of '{other}' is accepted, so the parameter would never be active"
        raise SpaceError("empty_condition", message, other, f"list values, each {parameter.accepts()}")
    try:
        return tuple(dict.fromkeys(parameter.check(value) for value in values))
    except SpaceError as error:
        raise error.under(other) from None


def order_names(names: Iterable[str], conditions: Conditions) -> tuple[str, ...]:
    """Return `names` so that each comes after those its conditions name, and soon after.

    Names without conditions come in alphabetical order, each followed by what became determined through it.

    Raises:
        SpaceError: `condition_cycle`; its field is the name of a parameter in the cycle.
    """
    waiting = {name: set(conditions.get(name, ())) for name in sorted(names)}
    dependents: dict[str, list[str]] = {name: [] for name in waiting}
    for name, others in waiting.items():
        for other in others:
            dependents[other].append(name)
    order: list[str] = []
    ready = [name for name in reversed(waiting) if not waiting[name]]
    while ready:
        name = ready.pop()
        order.append(name)
        for dependent in reversed(dependents[name]):
            waiting[dependent].discard(name)
            if not waiting[dependent]:
                ready.append(dependent)
    if len(order) < len(waiting):
        raise _cycle({name: others for name, others in waiting.items() if others})
    return tuple(order)


def _cycle(waiting: Mapping[str, set[str]]) -> SpaceError:
    """Name one cycle among parameters each of which waits for another."""
    path = [min(waiting)]
    while path[-1] not in path[:-1]:
        path.append(min(waiting[path[-1]] & waiting.keys()))
    cycle = path[path.index(path[-1]) :]
    message = f"conditions go round in a circle: {' depends on '.join(cycle)}"
    return SpaceError("condition_cycle", message, f"{cycle[0]}.when.{cycle[1]}", "remove one of these conditions")


def active_names(
    order: Iterable[str], conditions: Conditions, params: Mapping[str, ParamValue]
) -> Iterator[tuple[str, bool]]:
    """Yield each name of `order` with whether it is active, given `params`, which may hold inactive entries."""
    active: set[str] = set()
    for name in order:
        needed = conditions.get(name, {}).items()
        is_active = all(other in active and other in params and params[other] in values for other, values in needed)
        if is_active:
            active.add(name)
        yield name, is_active
