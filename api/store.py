"""Artifacts by hash, in a local folder or any store that fsspec reaches."""

from __future__ import annotations

import fcntl
import hashlib
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem

from api.errors import Invalid, NotFound, TooLarge

_CHUNK_BYTES = 1 << 20
# How long bytes may lie here before the row is stored that names them.
_UNNAMED_S = 60.0
# How long half an artifact may lie in a store whose files cannot be locked: longer than any upload takes.
_HALF_S = 6 * 3600.0
_SHA256 = re.compile(r"[0-9a-f]{64}")


class ArtifactStore:
    """Holds bytes under their SHA-256. Names of users never become paths, so none can lead out of the root.

    Args:
        url: Root folder, or an fsspec URL such as `s3://bucket/prefix`.
        max_bytes: Largest artifact.
    """

    def __init__(self, url: str, max_bytes: int) -> None:
        self._fs, self._root = fsspec.core.url_to_fs(url)
        self._max_bytes = max_bytes

    def put(self, chunks: Iterable[bytes], sha256: str) -> int:
        """Store bytes and return their number; the content appears whole or not at all.

        Raises:
            Invalid: `hash_malformed`, or `hash_mismatch` where the bytes are not those of `sha256`.
            TooLarge: `artifact_too_large`.
        """
        path = self._path(sha256)
        temporary = f"{self._root}/incoming/{secrets.token_hex(16)}"
        self._fs.makedirs(f"{self._root}/incoming", exist_ok=True)
        try:
            n_bytes = self._receive(chunks, temporary, sha256)
            self._fs.makedirs(path.rpartition("/")[0], exist_ok=True)
            self._fs.mv(temporary, path)
        except BaseException:
            if self._fs.exists(temporary):
                self._fs.rm(temporary)
            raise
        return n_bytes

    def get(self, sha256: str, start: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield the bytes stored under `sha256`, from `start` up to before `end`.

        Raises:
            NotFound: `artifact_missing`.
        """
        path = self._path(sha256)
        if not self._fs.exists(path):
            raise NotFound("artifact_missing", f"the store holds nothing under {sha256}")
        return self._send(path, start, end)

    def drop(self, sha256: str) -> None:
        """Remove what is stored under `sha256`, unless it was stored a moment ago and is about to be named."""
        path = self._path(sha256)
        with suppress(FileNotFoundError):  # another process was first
            if self._fs.exists(path) and self._age_s(path) > _UNNAMED_S:
                self._fs.rm(path)

    def drop_halves(self) -> int:
        """Remove what processes that were killed in the middle of `put` left here, and return how many files."""
        folder = f"{self._root}/incoming"
        halves = self._fs.ls(folder, detail=False) if self._fs.exists(folder) else []
        n = 0
        for path in halves:
            with suppress(FileNotFoundError):  # it was whole in this moment, or another process was first
                if self._is_abandoned(path):
                    self._fs.rm(path)
                    n += 1
        return n

    def _is_abandoned(self, path: str) -> bool:
        age_s = self._age_s(path)
        if not isinstance(self._fs, LocalFileSystem):
            return age_s > _HALF_S
        return age_s > _UNNAMED_S and not _is_held(path)

    def _age_s(self, path: str) -> float:
        modified: datetime = self._fs.modified(path)
        return (datetime.now(UTC) - modified).total_seconds()

    def _send(self, path: str, start: int, end: int | None) -> Iterator[bytes]:
        with self._fs.open(path, "rb") as file:
            file.seek(start)
            left = None if end is None else end - start
            while chunk := file.read(_CHUNK_BYTES if left is None else min(left, _CHUNK_BYTES)):
                left = None if left is None else left - len(chunk)
                yield chunk

    def _receive(self, chunks: Iterable[bytes], path: str, sha256: str) -> int:
        digest, n_bytes = hashlib.sha256(), 0
        with self._fs.open(path, "wb") as file:
            if isinstance(self._fs, LocalFileSystem):
                _hold(file)
            for chunk in chunks:
                n_bytes += len(chunk)
                if n_bytes > self._max_bytes:
                    raise TooLarge("artifact_too_large", f"an artifact may have at most {self._max_bytes} bytes")
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != sha256:
            raise Invalid("hash_mismatch", f"the bytes have SHA-256 {digest.hexdigest()}, not {sha256}", "sha256")
        return n_bytes

    def _path(self, sha256: str) -> str:
        if not _SHA256.fullmatch(sha256):
            raise Invalid("hash_malformed", "sha256 must be 64 lower-case hexadecimal digits", "sha256")
        return f"{self._root}/{sha256[:2]}/{sha256}"


def _hold(file: Any) -> None:
    """Lock a file; the lock goes with the process, however that ends."""
    with suppress(OSError):  # a file system without locks: nobody can take it for abandoned then
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)


def _is_held(path: str) -> bool:
    with open(path, "r+b") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False
