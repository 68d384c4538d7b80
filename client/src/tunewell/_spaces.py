"""Search spaces in words."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from tunewell._display import number_words

Shape = Mapping[str, Any]


def space_words(space: Mapping[str, Shape], constraints: Sequence[str] = ()) -> str:
    """Say what is searched: a line a parameter, then a line a constraint."""
    lines = [f"{name}: {shape_words(shape)}" for name, shape in space.items()]
    return "\n".join([*lines, *constraints])


def shape_words(shape: Shape) -> str:
    """Say a parameter's values, and when it is active. Kinds that are newer than this client are named."""
    when = shape.get("when") or {}
    conditions = [f"{other} is {' or '.join(map(number_words, values))}" for other, values in when.items()]
    return _values(shape) + (f", when {' and '.join(conditions)}" if conditions else "")


def _values(shape: Shape) -> str:
    if "choices" in shape:
        return " | ".join(number_words(choice) for choice in shape["choices"])
    if "value" in shape:
        return f"always {number_words(shape['value'])}"
    if "each" in shape:
        return f"{_range(shape.get('length', {}))} times {_values(shape['each'])}"
    if "low" not in shape:
        return str(shape.get("type"))
    step = f", step {number_words(shape['step'])}" if shape.get("step") is not None else ""
    return f"{shape.get('type')} {_range(shape)}{step}" + (", log" if shape.get("log") else "")


def _range(ends: Shape) -> str:
    return f"{number_words(ends.get('low'))} to {number_words(ends.get('high'))}"


def space_yaml(space: Mapping[str, Shape]) -> str:
    """Write a search space as it stands in a study's file, a line a parameter."""
    return "search_space:\n" + "".join(f"  {_flow(name)}: {_flow(shape)}\n" for name, shape in space.items())


def _flow(value: Any) -> str:
    """Write a value on one line, plain words without quotes and all else as JSON, which YAML 1.2 reads alike."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    is_word = isinstance(value, str) and _WORD.fullmatch(value) and value.lower() not in _RESERVED
    return value if is_word else json.dumps(value)


_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_RESERVED = ("true", "false", "null")
