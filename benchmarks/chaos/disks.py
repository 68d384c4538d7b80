"""Folders whose disk can be full."""

from __future__ import annotations

import ctypes
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

_CLONE_NEWNS = 0x00020000
_BALLAST = "ballast"
_SMALL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A file system of its own in memory: filled by one large file."""

    folder: Path
    how: str = "a small tmpfs, filled by a file (ENOSPC)"

    def fill(self) -> None:
        """Leave no byte free; a second time is welcome."""
        size = os.statvfs(self.folder)
        with (self.folder / _BALLAST).open("ab") as file:
            held = file.tell()
            with suppress(OSError):
                os.posix_fallocate(file.fileno(), held, max(1, size.f_bavail * size.f_frsize))
            with suppress(OSError):  # what somebody freed meanwhile
                while True:
                    os.write(file.fileno(), bytes(_SMALL_BYTES))

    def free(self) -> None:
        """Have room again."""
        (self.folder / _BALLAST).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class LimitedFiles:
    """A folder on any disk: the processes that write there may not let a file grow, which needs no rights."""

    folder: Path
    users: Callable[[], Iterable[psutil.Process]]
    how: str = "no file may grow beyond 4 KiB (RLIMIT_FSIZE, EFBIG): only root can mount a small disk"

    def fill(self) -> None:
        """Let no file grow; children inherit that."""
        self._limit(_SMALL_BYTES)

    def free(self) -> None:
        """Let files grow again."""
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, n_bytes: int) -> None:
        for process in self.users():
            with suppress(psutil.Error, OSError):
                _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
                soft = n_bytes if hard == resource.RLIM_INFINITY else min(n_bytes, hard)
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (soft, hard))


Disk = SmallDisk | LimitedFiles


@contextmanager
def small_disk(
    folder: Path, n_bytes: int, users: Callable[[], Iterable[psutil.Process]]
) -> Iterator[SmallDisk | LimitedFiles]:
    """Have a disk of a size at a folder for the length of a `with` block: mounted where allowed, else by limits."""
    folder.mkdir(parents=True, exist_ok=True)
    if not _may_mount() or not _mount(folder, n_bytes):
        yield LimitedFiles(folder, users)
        return
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True)


def leave_mounts_behind() -> None:
    """Have mounts of our own, which go away with the last process that sees them, however it ends."""
    if _may_mount():
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_CLONE_NEWNS) == 0:
            subprocess.run(["mount", "--make-rprivate", "/"], check=False, capture_output=True)


def _may_mount() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0


def _mount(folder: Path, n_bytes: int) -> bool:
    command = ["mount", "-t", "tmpfs", "-o", f"size={n_bytes},mode=0755", "tunewell-chaos", str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0
