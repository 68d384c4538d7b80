"""Send a file in pieces, wherever it was broken off."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from tunewell._decode import decode
from tunewell._pacing import Pacing
from tunewell._transport import Transport
from tunewell.datasets import DatasetUpload
from tunewell.errors import Conflict, ServerUnreachable, TunewellError
from tunewell.retry import decide_retry

Told = Callable[[int, int], None]
"""Called with how many bytes are on the server, of how many."""
_PATIENCE = 8
_BLOCK_BYTES = 1 << 20


def tell_nobody(_n: int, _of: int) -> None:
    """Keep quiet about progress."""


def send_pieces(transport: Transport, where: str, path: Path | str, tell: Told = tell_nobody) -> None:
    """Send what is left of an upload.

    Args:
        transport: The connection.
        where: The upload's path below `/api/v1`.
        path: The file.
        tell: Hears of progress.

    Raises:
        NotFound: `upload_not_found`.
        ServerUnreachable: The server stayed away; call again to go on.
        OSError: The file cannot be read.
    """
    upload, pacing, n_failures = _look(transport, where), Pacing(), 0
    with Path(path).open("rb") as file:
        offset = upload.offset
        while offset < upload.n_bytes and upload.state == "receiving":
            tell(offset, upload.n_bytes)
            file.seek(offset)
            try:
                answer = transport.patch(where, file.read(upload.chunk_bytes), headers={"Upload-Offset": str(offset)})
                offset, n_failures = answer["offset"], 0
            except Conflict:  # an answer was lost: the server knows what is there
                offset = _look(transport, where).offset
            except ServerUnreachable as error:
                n_failures += 1
                _wait(error, n_failures, pacing)
    tell(upload.n_bytes, upload.n_bytes)


def sha256_of(path: Path) -> str:
    """Hash a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _look(transport: Transport, where: str) -> DatasetUpload:
    return decode(DatasetUpload, transport.json("GET", where))


def _wait(error: TunewellError, n_failures: int, pacing: Pacing) -> None:
    retry = decide_retry(error, n_failures, jitter=pacing.jitter())
    if retry is None or n_failures > _PATIENCE:
        raise error
    pacing.sleep(retry.delay_s)
