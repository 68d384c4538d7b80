"""Opaque cursors: where the page before ended."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from api.errors import Invalid


def encode_cursor(*parts: Any) -> str:
    """Return a cursor that holds `parts` (numbers, text, None, aware times)."""
    shown = [{"at": part.isoformat()} if isinstance(part, datetime) else part for part in parts]
    return base64.urlsafe_b64encode(json.dumps(shown, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None, n_parts: int = 1) -> list[Any] | None:
    """Return the parts of a cursor; None without one.

    Raises:
        Invalid: `cursor_malformed`.
    """
    if cursor is None:
        return None
    try:
        parts = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(parts, list) or len(parts) != n_parts:
            raise ValueError(cursor)
        return [_decode_part(part) for part in parts]
    except (ValueError, TypeError, KeyError, binascii.Error) as error:
        hint = "pass the next_cursor of the page before, or leave it out"
        raise Invalid("cursor_malformed", "the cursor is not one of this server's", "cursor", hint) from error


def _decode_part(part: Any) -> Any:
    if isinstance(part, dict):
        return datetime.fromisoformat(part["at"])
    if part is None or (isinstance(part, int | float) and not isinstance(part, bool)):
        return part
    raise ValueError(part)
