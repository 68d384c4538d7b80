"""JSON of other programs that is kept as it is: what it must not be, whatever it means."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from api.errors import Invalid

_MAX_DEPTH = 12


def check_json(value: Any, field: str, *, max_bytes: int) -> None:
    """Refuse JSON that no database keeps, or that is too large to be sent around.

    Args:
        value: Parsed JSON.
        field: Where it stood.
        max_bytes: Its largest size as compact UTF-8.

    Raises:
        Invalid: `json_too_deep`, `json_not_finite`, `json_bad_text` or `json_too_large`.
    """
    for where, item, depth in _walk(value, field, 1):
        if depth > _MAX_DEPTH:
            raise Invalid("json_too_deep", f"it is nested more than {_MAX_DEPTH} levels deep", field, "flatten it")
        if isinstance(item, float) and not math.isfinite(item):
            hint = 'send "NaN", "Infinity" or "-Infinity" as text'
            raise Invalid("json_not_finite", f"{item} is no number of JSON's", where, hint)
        if isinstance(item, str) and not _is_storable(item):
            raise Invalid("json_bad_text", "a text has a NUL character or half a surrogate pair", where, "leave it out")
    n_bytes = len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    if n_bytes > max_bytes:
        raise Invalid("json_too_large", f"it has {n_bytes} bytes; at most {max_bytes} are kept", field, "send less")


def _walk(value: Any, where: str, depth: int) -> Iterator[tuple[str, Any, int]]:
    """Yield every key and value with its place; nothing below what is too deep."""
    yield where, value, depth
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield where, key, depth
            yield from _walk(item, f"{where}.{key}", depth + 1)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from _walk(item, f"{where}.{place}", depth + 1)


def _is_storable(text: str) -> bool:
    return "\x00" not in text and not any("\ud800" <= char <= "\udfff" for char in text)
