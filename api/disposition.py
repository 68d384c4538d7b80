"""What a download is called: names come from people and their scripts, and here they come to stand in a header."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote

_MAX_CHARS: Final = 200
_FOREIGN = re.compile(r"[^A-Za-z0-9._-]+")
# What ends a header, what separates folders on any system, and what turns the direction of writing round.
_HARMFUL = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]+')


def disposition(name: str, ending: str = "", *, is_inline: bool = False) -> str:
    """Return a `Content-Disposition` that names a file, whatever the name holds.

    Args:
        name: As people gave it.
        ending: Put behind it, such as `.csv`.
        is_inline: Whether it may be shown in place; else it is a download.

    Returns:
        ASCII without control characters. The name is repeated in full (`filename*`) where it is not plain.

    Source: RFC 6266 section 5, RFC 8187 section 3.2.
    """
    kind = "inline" if is_inline else "attachment"
    shown = _HARMFUL.sub("_", name)[:_MAX_CHARS].strip(". ") or "download"
    plain = _FOREIGN.sub("_", shown)
    simple = f'{kind}; filename="{plain}{ending}"'
    return simple if plain == shown else f"{simple}; filename*=UTF-8''{quote(shown + ending, safe='')}"
