"""Reads the parameters of a search space from their JSON shape, refusing what is not meant."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from search.conditions import parse_when
from search.errors import SpaceError, suggest_name
from search.parameters import (
    CategoricalParameter,
    FixedParameter,
    FloatParameter,
    IntParameter,
    ListParameter,
    Parameter,
    ParamValue,
    describe,
)

MAX_NAME_LENGTH = 200


@dataclass(slots=True)
class Shapes:
    """What the JSON of a search space says, lists taken apart.

    Attributes:
        parameters: (name, parameter) pairs of the flat parameters.
        lists: (name, list) pairs.
        conditions: By flat parameter, by the parameter it depends on, the accepted values.
    """

    parameters: tuple[tuple[str, Parameter], ...] = ()
    lists: tuple[tuple[str, ListParameter], ...] = ()
    conditions: dict[str, dict[str, tuple[ParamValue, ...]]] = field(default_factory=dict)


def parse_shapes(mapping: object, under: str) -> Shapes:
    """Read the parameters of a space and their conditions; see `search.space.parse_space` for the shapes.

    Raises:
        SpaceError: The first rule broken, with a field below `under`.
    """
    if not isinstance(mapping, Mapping):
        message = f"{under} must be an object, got {describe(mapping)}"
        raise SpaceError("invalid_type", message, under, 'give {"name": {"type": "float", "low": 0, "high": 1}}')
    flat: dict[str, Parameter] = {}
    lists: dict[str, ListParameter] = {}
    for name, shape in mapping.items():
        check_parameter_name(name, under)
        try:
            parameter = parse_parameter(shape)
        except SpaceError as error:
            raise error.under(f"{under}.{name}") from None
        if isinstance(parameter, ListParameter):
            lists[name] = parameter
        else:
            flat[name] = parameter
    for name, one in lists.items():
        _add_places(name, one, flat, lists, f"{under}.{name}")
    shapes = Shapes(tuple(flat.items()), tuple(sorted(lists.items())))
    for name, one in lists.items():
        shapes.conditions.update(one.place_conditions(name))
    for name, shape in mapping.items():
        _add_conditions(shapes, name, shape.get("when", {}), flat, f"{under}.{name}.when")
    return shapes


def _add_places(
    name: str, one: ListParameter, flat: dict[str, Parameter], lists: Mapping[str, ListParameter], where: str
) -> None:
    for place, parameter in one.expand(name):
        if place in flat or place in lists:
            message = f"the list '{name}' has a parameter '{place}', and so has the search space"
            raise SpaceError("duplicate_name", message, where, "rename one of them")
        flat[place] = parameter


def _add_conditions(shapes: Shapes, name: str, when: object, flat: Mapping[str, Parameter], where: str) -> None:
    try:
        conditions = parse_when(when, flat)
    except SpaceError as error:
        raise error.under(where) from None
    one = dict(shapes.lists).get(name)
    names = [name] if one is None else [place for place, _ in one.expand(name)]
    for each in names if conditions else ():
        shapes.conditions[each] = {**shapes.conditions.get(each, {}), **conditions}


def check_parameter_name(name: object, under: str) -> None:
    """Refuse a parameter name that could not be told apart or shown.

    Raises:
        SpaceError: `invalid_name`.
    """
    if isinstance(name, str) and name and len(name) <= MAX_NAME_LENGTH and name.isprintable() and name == name.strip():
        return
    message = f"{describe(name)} is no parameter name"
    hint = f"give 1 to {MAX_NAME_LENGTH} printable characters with no space at either end"
    raise SpaceError("invalid_name", message, under, hint)


def parse_parameter(shape: object) -> Parameter | ListParameter:
    """Read one parameter without its conditions; see `search.space.parse_space` for the shapes.

    Raises:
        SpaceError: The first rule broken; its field is relative to the parameter, e.g. `low`.
    """
    if not isinstance(shape, Mapping):
        message = f"a parameter must be an object, got {describe(shape)}"
        raise SpaceError("invalid_type", message, "", 'give for instance {"type": "float", "low": 0, "high": 1}')
    kind = _require(shape, "type", f"one of {', '.join(_TYPES)}")
    if not isinstance(kind, str) or kind not in _TYPES:
        raise SpaceError("unknown_type", f"unknown type {describe(kind)}", "type", suggest_name(kind, _TYPES))
    keys, build = _TYPES[kind]
    for key in shape:
        if key not in keys and key != "when":
            message = f"a {kind} parameter has no '{key}'"
            raise SpaceError("unknown_key", message, str(key), suggest_name(key, (*keys, "when")))
    return build(shape)


def _float(shape: Mapping[object, object]) -> FloatParameter:
    step = shape.get("step")
    return FloatParameter(
        low=_number(_require(shape, "low", "a number"), "low"),
        high=_number(_require(shape, "high", "a number"), "high"),
        log=_boolean(shape.get("log", False), "log"),
        step=None if step is None else _number(step, "step"),
    )


def _int(shape: Mapping[object, object]) -> IntParameter:
    step = shape.get("step")
    return IntParameter(
        low=_integer(_require(shape, "low", "an integer"), "low"),
        high=_integer(_require(shape, "high", "an integer"), "high"),
        step=1 if step is None else _integer(step, "step"),
        log=_boolean(shape.get("log", False), "log"),
    )


def _categorical(shape: Mapping[object, object]) -> CategoricalParameter:
    choices = _require(shape, "choices", "a list of choices")
    if isinstance(choices, str) or not isinstance(choices, list | tuple):
        message = f"choices must be a list, got {describe(choices)}"
        raise SpaceError("invalid_type", message, "choices", 'give for instance ["relu", "tanh"]')
    return CategoricalParameter(tuple(_choice(choice, position) for position, choice in enumerate(choices)))


def _fixed(shape: Mapping[object, object]) -> FixedParameter:
    value = _require(shape, "value", "the value to hold the parameter at")
    try:
        return FixedParameter((_choice(value, 0),))
    except SpaceError as error:
        message = f"the value is {describe(value)}"
        raise SpaceError(error.code, message, "value", "give text, a finite number, true, false or null") from None


def _list(shape: Mapping[object, object]) -> ListParameter:
    length = _require(shape, "length", 'for instance {"low": 1, "high": 3}')
    each = _require(shape, "each", "the parameter that every place holds")
    if not isinstance(length, Mapping) or set(length) != {"low", "high"}:
        message = f"length must have 'low' and 'high', got {describe(length)}"
        raise SpaceError("invalid_type", message, "length", 'give for instance {"low": 1, "high": 3}')
    low, high = _integer(length["low"], "length.low"), _integer(length["high"], "length.high")
    try:
        parameter = parse_parameter(each)
    except SpaceError as error:
        raise error.under("each") from None
    if isinstance(each, Mapping) and "when" in each:
        message = "the places of a list have no conditions of their own"
        raise SpaceError("unknown_key", message, "each.when", "put 'when' beside 'each', for the whole list")
    if isinstance(parameter, ListParameter):
        raise SpaceError("unwritable_list", "a list of lists cannot be written as text", "each.type", "give int")
    return ListParameter(low, high, parameter)


_TYPES: Final[dict[str, tuple[tuple[str, ...], Callable[[Mapping[object, object]], Parameter | ListParameter]]]] = {
    "float": (("type", "low", "high", "log", "step"), _float),
    "int": (("type", "low", "high", "step", "log"), _int),
    "categorical": (("type", "choices"), _categorical),
    "fixed": (("type", "value"), _fixed),
    "list": (("type", "length", "each"), _list),
}


def _require(shape: Mapping[object, object], key: str, accepted: str) -> object:
    if key in shape:
        return shape[key]
    raise SpaceError("missing_key", f"'{key}' is missing", key, f"give {accepted}")


def _number(value: object, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise SpaceError("invalid_type", f"{key} must be a number, got {describe(value)}", key, _number_hint(value))
    try:
        return float(value)
    except OverflowError:
        message = f"{key} is an integer of {value.bit_length() if isinstance(value, int) else 0} bits"
        raise SpaceError("not_finite", message, key, "give a number below 1.7e308") from None


def _number_hint(value: object) -> str:
    try:
        number = float(value) if isinstance(value, str) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        return "give a number, e.g. 0.001"
    # YAML 1.1 reads 1e-4 as text: a float needs a dot there.
    return f"{value!r} is text: write the number without quotes, in YAML with a dot (1.0e-4 rather than 1e-4)"


def _integer(value: object, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e15
        hint = f"write {value:.0f}" if whole else 'give an integer, or use the type "float"'
        raise SpaceError("invalid_type", f"{key} must be an integer, got {describe(value)}", key, hint)
    return value


def _boolean(value: object, key: str) -> bool:
    if not isinstance(value, bool):
        raise SpaceError("invalid_type", f"{key} must be true or false, got {describe(value)}", key, "true or false")
    return value


def _choice(value: object, position: int) -> ParamValue:
    if value is None or isinstance(value, str | bool | int | float):
        return value
    message = f"choice {position} is {describe(value)}"
    hint = "give text, a finite number, true, false or null"
    raise SpaceError("unsupported_choice", message, f"choices.{position}", hint)
