"""Prepared data sets on this machine: made or fetched once, shared by all slots, and evicted when they take too much.

Beside each content lies a file of its name with the ending `use`. A slot holds it shared while it works with the
content, and alone while it brings the content here or removes it; its time of change says when it was last used.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tunewell.delivery import persist
from tunewell.errors import NotFound, TunewellError
from tunewell.protocol import Protocol

from models.catalogue import DATASETS
from worker.programs import ProgramFailed, Stopped, run_models

MAPPED_BYTES = 256 * 2**20
"""Prepared files from this size on are unpacked into a folder that trials map, so that slots share one copy."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_POLL_S = 0.1
log = logging.getLogger(__name__)


class DatasetUnavailable(RuntimeError):
    """The data a claim names cannot be had on this machine; the message says why."""


class DatasetCache:
    """The data sets of one state folder.

    Args:
        folder: Where prepared data sets lie, by digest; other processes use it too.
        protocol: The way to the server, for data that is not built in.
        max_bytes: What is not in use is removed, the longest unused first, until the rest takes no more.
        pause: Waits some seconds, and tells whether the worker was told to end.
    """

    def __init__(self, folder: Path, protocol: Protocol, max_bytes: int, pause: Callable[[float], bool]) -> None:
        self._folder = folder
        self._protocol = protocol
        self._max_bytes = max_bytes
        self._pause = pause

    @contextmanager
    def use(self, name: str, sha256: str, tick: Callable[[], None]) -> Iterator[Path]:
        """Have a data set here, made or fetched where it is missing, and keep it here while the block runs.

        Args:
            name: Its name: in the catalogue, or `name@version` of one that somebody brought.
            sha256: The digest of its content.
            tick: Called a few times a second while it is made; what it raises ends that.

        Yields:
            A file, or a folder of files to be mapped.

        Raises:
            DatasetUnavailable: It cannot be made or fetched, or not with this content.
            Stopped: The worker was told to end meanwhile.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with self._hold(sha256, fcntl.LOCK_SH) as mark:
            while (path := self._find(sha256)) is None:
                fcntl.flock(mark, fcntl.LOCK_UN)
                with self._alone(sha256):
                    if self._find(sha256) is None:
                        self._bring(name, sha256, tick)
                fcntl.flock(mark, fcntl.LOCK_SH)
            os.utime(mark.fileno())
            self._evict(sha256)
            yield path

    def _find(self, sha256: str) -> Path | None:
        places = (self._folder / sha256, self._folder / f"{sha256}.npz")
        return next((path for path in places if path.exists()), None)

    @contextmanager
    def _hold(self, sha256: str, kind: int) -> Iterator[IO[bytes]]:
        with (self._folder / f"{sha256}.use").open("ab") as mark:
            fcntl.flock(mark, kind)
            yield mark

    @contextmanager
    def _alone(self, sha256: str) -> Iterator[None]:
        """Be the only one to bring some content here; the others wait, and find it."""
        with (self._folder / f"{sha256}.lock").open("ab") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if self._pause(_POLL_S):
                        raise Stopped from None
            yield

    def _bring(self, name: str, sha256: str, tick: Callable[[], None]) -> None:
        builtin = DATASETS.get(name)
        try:
            if builtin is None:
                self._fetch(name, sha256, tick)
                return
            run_models(["prepare", name, "--cache-dir", str(self._folder)], tick)
        except ProgramFailed as error:
            raise DatasetUnavailable(f"the data set {name} cannot be prepared here: {error}") from error
        if self._find(sha256) is None:
            raise DatasetUnavailable(
                f"the data set {name} has another content here than on the server, which wants {sha256}: "
                "the two run different versions of Tunewell"
            )

    def _fetch(self, name: str, sha256: str, tick: Callable[[], None]) -> None:
        path = self._folder / f"{sha256}.npz"
        try:
            done = persist(lambda: self._protocol.download_dataset(sha256, path, tick), self._pause)
        except NotFound as error:
            raise DatasetUnavailable(f"the data set {name} was deleted from the server") from error
        except TunewellError as error:
            raise DatasetUnavailable(f"the data set {name} cannot be fetched: {error}") from error
        if done is None:
            raise Stopped
        log.info("fetched the data set %s: %s bytes", name, path.stat().st_size)
        if path.stat().st_size >= MAPPED_BYTES:
            run_models(["unpack", str(path), "--cache-dir", str(self._folder)], tick)
            path.unlink()

    def _evict(self, kept: str) -> None:
        """Remove what has not been used for longest, and is not in use, until the folder is small enough."""
        sizes = {path: _size_of(path) for path in self._folder.iterdir() if _SHA256.fullmatch(path.name[:64])}
        contents: dict[str, int] = {}
        for path, n_bytes in sizes.items():
            contents[path.name[:64]] = contents.get(path.name[:64], 0) + n_bytes
        total = sum(contents.values())
        for sha256 in sorted(contents, key=self._used_at):
            if total <= self._max_bytes:
                return
            if sha256 != kept and self._remove(sha256):
                total -= contents[sha256]

    def _used_at(self, sha256: str) -> float:
        try:
            return (self._folder / f"{sha256}.use").stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def _remove(self, sha256: str) -> bool:
        """Remove some content; False where somebody uses it."""
        with (self._folder / f"{sha256}.use").open("ab") as mark:
            try:
                fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            # The two files to be locked stay: another slot may have just opened them.
            for path in (self._folder / f"{sha256}.npz", self._folder / f"{sha256}.verified.json"):
                path.unlink(missing_ok=True)
            shutil.rmtree(self._folder / sha256, ignore_errors=True)
        log.info("removed the data set %s, which nobody uses here", sha256)
        return True


def _size_of(path: Path) -> int:
    try:
        if path.is_dir():
            return sum(one.stat().st_size for one in path.iterdir())
        return path.stat().st_size
    except FileNotFoundError:  # another slot removed it
        return 0
