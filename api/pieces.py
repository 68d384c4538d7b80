"""Pieces of uploads, each under its offset, wherever artifacts lie: any process of the API can take the next one."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

import fsspec

from api.errors import Conflict

_BLOCK_BYTES = 1 << 20
_ID = re.compile(r"[0-9a-f]{32}")


class PieceStore:
    """Keeps the bytes of uploads until they are whole.

    Args:
        url: Folder, or an fsspec URL.
    """

    def __init__(self, url: str) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(url)

    def put(self, upload_id: str, content: bytes) -> str:
        """Store a piece under no offset yet, and return what `place` takes."""
        folder = self._folder(upload_id)
        self._fs.makedirs(folder, exist_ok=True)
        name = f"{folder}/new-{secrets.token_hex(8)}"
        with self._fs.open(name, "wb") as file:
            file.write(content)
        return name

    def place(self, upload_id: str, name: str, offset: int) -> None:
        """Give a piece its offset; the caller makes sure that nobody else does so at the same time."""
        self._fs.mv(name, f"{self._folder(upload_id)}/{offset}")

    def discard(self, name: str) -> None:
        """Remove a piece that was not placed."""
        if self._fs.exists(name):
            self._fs.rm(name)

    def read(self, upload_id: str, n_bytes: int) -> Iterator[bytes]:
        """Yield all bytes in their order.

        Raises:
            Conflict: `upload_damaged`, where some are not there.
        """
        offset = 0
        while offset < n_bytes:
            path = f"{self._folder(upload_id)}/{offset}"
            if not self._fs.exists(path):
                message = f"the bytes from {offset} on are not in the store any more"
                raise Conflict("upload_damaged", message, "upload_id", "delete this upload and begin again")
            with self._fs.open(path, "rb") as file:
                while block := file.read(_BLOCK_BYTES):
                    offset += len(block)
                    yield block

    def drop(self, upload_id: str) -> None:
        """Remove all pieces of an upload."""
        folder = self._folder(upload_id)
        if self._fs.exists(folder):
            self._fs.rm(folder, recursive=True)

    def _folder(self, upload_id: str) -> str:
        assert _ID.fullmatch(upload_id), upload_id  # ids are ours
        return f"{self._root}/{upload_id}"
