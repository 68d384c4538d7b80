"""How an artifact is sent, so that what a training wrote can be looked at and never acts.

Names come from workers, so the type is read from a short list of endings, and everything else is bytes to download.
Nothing here is ever run by a browser: scripts, HTML and SVG are not on the list, `nosniff` keeps it from guessing, and
the policy sends whatever is shown to a sandbox of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from api.disposition import disposition
from db.records import ArtifactRecord

BYTES = "application/octet-stream"
_TYPES: Mapping[str, str] = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".log": "text/plain; charset=utf-8",
    ".md": "text/plain; charset=utf-8",
    ".yaml": "text/plain; charset=utf-8",
}
_CSP = "default-src 'none'; sandbox"


def media_type_of(name: str) -> str:
    """Return what an artifact is sent as, by the ending of its name: bytes where that is none of the known ones."""
    return _TYPES.get(PurePosixPath(name).suffix.lower(), BYTES)


def headers_of(artifact: ArtifactRecord, *, preview: bool) -> dict[str, str]:
    """Return the headers that an artifact is sent with.

    Args:
        artifact: What is sent.
        preview: Whether to show it in place; holds for the known types alone, all else stays a download.
    """
    is_shown = preview and media_type_of(artifact.name) != BYTES
    return {
        "Content-Disposition": disposition(artifact.name, is_inline=is_shown),
        "Content-Length": str(artifact.n_bytes),
        "Content-Security-Policy": _CSP,
        "ETag": f'"{artifact.sha256}"',
    }
