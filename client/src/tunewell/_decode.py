"""Read JSON into frozen dataclasses, leniently: unknown fields are ignored, so an older client reads a newer server."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from tunewell.errors import Problem, ServerFailure

T = TypeVar("T")
NON_FINITE = frozenset({"NaN", "Infinity", "-Infinity"})


def decode(cls: type[T], data: object) -> T:
    """Build a dataclass from a JSON object.

    Args:
        cls: A dataclass of scalars, `datetime`, other dataclasses, `tuple[X, ...]` and `Mapping[str, X]`.
        data: The parsed JSON.

    Returns:
        An instance; fields that `cls` does not know are dropped, missing ones take their default.

    Raises:
        ServerFailure: `bad_answer` where a field without default is missing or has another type.
    """
    return typing.cast("T", _dataclass(cls, data, cls.__name__))


def number(value: object, where: str = "number") -> float:
    """Read a number, or one of the words by which JSON carries non-finite ones.

    Raises:
        ServerFailure: `bad_answer` for anything else.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and value in NON_FINITE:
        return float(value)
    raise _unreadable(where, "a number", value)


def encode_number(value: float) -> float | str:
    """Write a number for JSON, which has no word for NaN and infinities of its own."""
    if value != value:  # only NaN differs from itself
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return value


@functools.cache
def _shape(cls: Any) -> tuple[tuple[str, Any, bool], ...]:
    """Return name, type and whether it is required of each field."""
    hints = typing.get_type_hints(cls)
    return tuple(
        (f.name, hints[f.name], f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING)
        for f in dataclasses.fields(cls)
    )


def _dataclass(cls: Any, data: object, where: str) -> object:
    if not isinstance(data, Mapping):
        raise _unreadable(where, "an object", data)
    values: dict[str, object] = {}
    for name, kind, is_required in _shape(cls):
        if name in data:
            values[name] = _convert(kind, data[name], f"{where}.{name}")
        elif is_required:
            raise _unreadable(f"{where}.{name}", "a value", None)
    return cls(**values)


def _convert(kind: Any, value: object, where: str) -> object:
    origin = typing.get_origin(kind)
    if origin in (typing.Union, types.UnionType):
        return _optional(typing.get_args(kind), value, where)
    if origin is tuple:
        return _items(typing.get_args(kind)[0], value, where)
    if origin is not None:
        return _mapping(typing.get_args(kind)[1], value, where)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, where)
    return _scalar(kind, value, where)


def _optional(kinds: tuple[Any, ...], value: object, where: str) -> object:
    if value is None:
        return None
    others = [kind for kind in kinds if kind is not type(None)]
    # A union of several scalars is a parameter's value: JSON already carries its type.
    return _convert(others[0], value, where) if len(others) == 1 else value


def _items(kind: Any, value: object, where: str) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise _unreadable(where, "a list", value)
    return tuple(_convert(kind, item, f"{where}[{place}]") for place, item in enumerate(value))


def _mapping(kind: Any, value: object, where: str) -> dict[str, object]:
    if not isinstance(value, Mapping):
        raise _unreadable(where, "an object", value)
    return {str(key): _convert(kind, item, f"{where}.{key}") for key, item in value.items()}


def _scalar(kind: Any, value: object, where: str) -> object:
    if kind is float:
        return number(value, where)
    if kind is datetime:
        return _time(value, where)
    if kind is Any or type(value) is kind:
        return value
    raise _unreadable(where, kind.__name__, value)


def _time(value: object, where: str) -> datetime:
    try:
        return datetime.fromisoformat(str(value))
    except ValueError as error:
        raise _unreadable(where, "a time", value) from error


def _unreadable(where: str, wanted: str, value: object) -> ServerFailure:
    return ServerFailure(
        Problem(
            "bad_answer",
            f"the server's answer has {value!r:.80} where {where} should be {wanted}",
            hint="client and server may be of different versions: compare `tunewell --version` with the server's",
        )
    )
