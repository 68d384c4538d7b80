"""Opaque cursors: where the page before ended."""

from __future__ import annotations

import base64
import json
import sys
from datetime import UTC, datetime
from typing import Any

from api.errors import Invalid

_LARGEST: dict[type, float] = {int: 2**62, float: sys.float_info.max}


def encode_cursor(*parts: Any) -> str:
    """Return a cursor that holds `parts` (numbers, text, None, aware times)."""
    shown = [{"at": part.isoformat()} if isinstance(part, datetime) else part for part in parts]
    return base64.urlsafe_b64encode(json.dumps(shown, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, *kinds: type) -> list[Any] | None:
    """Return the parts of a cursor; None without one.

    Args:
        cursor: As the caller sent it.
        kinds: What each part must be: `int`, `float`, `str` or `datetime`. Only the last part, which is never missing,
            may not be None; where there is one part, it is the last.

    Raises:
        Invalid: `cursor_malformed`.
    """
    if cursor is None:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return [_decode_part(part, kind) for part, kind in zip(_complete(parts), kinds, strict=True)]
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        hint = "pass the next_cursor of the page before, with the same order, or leave it out"
        raise Invalid("cursor_malformed", "the cursor is not one of this list's", "cursor", hint) from error


def _complete(parts: Any) -> list[Any]:
    if not isinstance(parts, list) or parts[-1:] in ([], [None]):
        raise ValueError(parts)
    return parts


def _decode_part(part: Any, kind: type) -> Any:
    if part is None:
        return None
    if kind is datetime:
        at = datetime.fromisoformat(part["at"])
        if at.tzinfo is None:
            raise ValueError(part)
        return at.astimezone(UTC)
    if kind is str:
        if not isinstance(part, str) or "\0" in part:
            raise ValueError(part)
        return part
    is_number = isinstance(part, int if kind is int else int | float) and not isinstance(part, bool)
    if not is_number or not -_LARGEST[kind] <= part <= _LARGEST[kind]:
        raise ValueError(part)
    return kind(part)
