"""Fetch a file so that it is there whole and verified, or not at all."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import IO

import httpx

from tunewell._transport import Params, Transport
from tunewell.errors import Problem, ServerFailure


def download(
    transport: Transport, url: str, path: Path, *, sha256: str | None = None, params: Params | None = None
) -> Path:
    """Stream `url` into a temporary file beside `path`, verify it, and move it into place.

    Args:
        transport: The connection.
        url: Path below `/api/v1`.
        path: Where the file is to be; an existing one is replaced.
        sha256: The expected hash, 64 hexadecimal digits; None accepts what comes.
        params: Query parameters.

    Returns:
        `path`.

    Raises:
        ServerFailure: `checksum_mismatch` where the bytes have another hash.
        OSError: The file cannot be written.
    """
    with transport.stream(url, params=params) as response:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                found = _copy(response, file)
            _verify(found, sha256, path)
            os.replace(name, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(name)
            raise
    return path


def _copy(response: httpx.Response, file: IO[bytes]) -> str:
    digest = hashlib.sha256()
    for block in response.iter_bytes(1 << 16):
        digest.update(block)
        file.write(block)
    return digest.hexdigest()


def _verify(found: str, wanted: str | None, path: Path) -> None:
    if wanted is not None and found != wanted.lower():
        text = f"what came for {path.name} has the SHA-256 {found}, and not {wanted}: it was not kept"
        raise ServerFailure(
            Problem("checksum_mismatch", text, hint="try again; if it stays, the stored file is damaged")
        )
