"""Prepared content for whoever trains on it."""

from __future__ import annotations

import re

from fastapi import Response
from fastapi.responses import StreamingResponse

from api.disposition import disposition
from api.errors import NotFound
from api.state import Control
from db import datasets

_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")


def send(control: Control, sha256: str, wanted: str = "") -> Response:
    """Return prepared content, or the part of it that a `Range` header asks for.

    Args:
        control: The control plane.
        sha256: Digest of the prepared arrays.
        wanted: The header, such as `bytes=1000-`; others than one range are answered whole.

    Raises:
        NotFound: `content_not_found`, also of built-in data, which workers make themselves.
    """
    with control.ledger.read() as session:
        version = datasets.find_by_content(session, sha256)
    if version is None or version.file_sha256 is None or version.n_bytes is None:
        hint = "built-in data sets are made by workers: python -m models prepare"
        raise NotFound("content_not_found", f"nobody brought data that was prepared to {sha256}", "sha256", hint)
    n_bytes = version.n_bytes
    headers = {
        "ETag": f'"{version.file_sha256}"',
        "Accept-Ranges": "bytes",
        "Content-Disposition": disposition(sha256, ".npz"),
    }
    asked = _RANGE.fullmatch(wanted.strip())
    start = int(asked[1]) if asked else 0
    end = min(n_bytes, int(asked[2]) + 1) if asked and asked[2] else n_bytes
    if asked and start >= n_bytes:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{n_bytes}"})
    is_part = asked is not None and start < end
    if not is_part:
        start, end = 0, n_bytes
    if is_part:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{n_bytes}"
    headers["Content-Length"] = str(end - start)
    pieces = control.data_store.get(version.file_sha256, start, end)
    return StreamingResponse(pieces, 206 if is_part else 200, headers, media_type="application/octet-stream")
