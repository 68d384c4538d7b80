"""Fetch a file so that it is there whole and verified, or not at all."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO

import httpx

from tunewell._transport import Params, Transport
from tunewell.errors import Problem, ServerFailure

Tick = Callable[[], None]


def download(transport: Transport, url: str, path: Path | str, *, params: Params | None = None) -> Path:
    """Stream `url` into a temporary file beside `path`, and move it into place when it is complete.

    Args:
        transport: The connection.
        url: Path below `/api/v1`.
        path: Where the file is to be; an existing one is replaced.
        params: Query parameters.

    Returns:
        The path of the file.

    Raises:
        OSError: The file cannot be written.
    """
    with transport.stream(url, params=params) as response:
        return _store(response, Path(path), None)


def download_verified(
    transport: Transport, url: str, path: Path | str, *, sha256: str | None, tick: Tick | None = None
) -> Path:
    """Do the same, and keep the file only where its SHA-256 is `sha256`, or the one that the server's ETag tells.

    `tick` is called with each block; what it raises ends the download.

    Raises:
        ServerFailure: `checksum_mismatch`; `no_checksum` where neither is known.
        OSError: The file cannot be written.
    """
    with transport.stream(url) as response:
        wanted = sha256 or _etag_sha256(response)
        if wanted is None:
            raise ServerFailure(Problem("no_checksum", f"the server told no SHA-256 for {url}: it was not kept"))
        return _store(response, Path(path), wanted.lower(), tick)


def _store(response: httpx.Response, path: Path, wanted: str | None, tick: Tick | None = None) -> Path:
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            found = _copy(response, file, tick)
        _verify(found, wanted, path)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def _copy(response: httpx.Response, file: IO[bytes], tick: Tick | None) -> str:
    digest = hashlib.sha256()
    for block in response.iter_bytes(1 << 16):
        if tick is not None:
            tick()
        digest.update(block)
        file.write(block)
    return digest.hexdigest()


def _verify(found: str, wanted: str | None, path: Path) -> None:
    if wanted is not None and found != wanted:
        text = f"what came for {path.name} has the SHA-256 {found}, and not {wanted}: it was not kept"
        raise ServerFailure(
            Problem("checksum_mismatch", text, hint="try again; if it stays, the stored file is damaged")
        )


def _etag_sha256(response: httpx.Response) -> str | None:
    found = re.fullmatch(r'(?:W/)?"([0-9a-fA-F]{64})"', response.headers.get("ETag", ""))
    return found[1] if found else None
