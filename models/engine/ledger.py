"""What programs hold of a device that is simulated: a folder on the machine, with a file for each of them.

A program keeps its file locked for as long as it lives. The lock goes with the process, however that ends, and whoever
looks next removes the file: so memory comes back from a killed trial as it does from a GPU. Imports no torch: a
supervisor reads it too.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WIDTH = 20
_LOCK = "lock"


class LedgerFull(MemoryError):
    """What is asked for does not fit beside what others hold; the message has the numbers."""


class Ledger:
    """The memory of one simulated device.

    Args:
        folder: Of this device; programs that name the same one share its memory. Made where it is missing.
        total_bytes: What the device has.
    """

    def __init__(self, folder: Path, total_bytes: int) -> None:
        self.folder = folder
        self.total_bytes = total_bytes
        self._own: int | None = None
        self._name = ""
        folder.mkdir(parents=True, exist_ok=True)

    def hold(self, n_bytes: int) -> None:
        """State what this program holds from now on, in all.

        Raises:
            LedgerFull: Others hold too much; what this program held before stays.

        Effects:
            The program's file is made at the first call, and locked until the process ends or `close`.
        """
        with self._alone():
            others_bytes = self._count(but=self._name)
            if others_bytes + n_bytes > self.total_bytes:
                held = f"{others_bytes} of {self.total_bytes} bytes are held by other programs"
                raise LedgerFull(f"{n_bytes} bytes are more than there are: {held}")
            if self._own is None:
                self._name = f"{os.getpid()}-{id(self)}"
                self._own = os.open(self.folder / self._name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                fcntl.flock(self._own, fcntl.LOCK_EX)
            os.pwrite(self._own, f"{n_bytes:0{_WIDTH}d}".encode(), 0)

    def free_bytes(self) -> int:
        """Return what nobody holds."""
        with self._alone():
            return max(0, self.total_bytes - self._count())

    def others_bytes(self) -> int:
        """Return what other programs hold."""
        with self._alone():
            return self._count(but=self._name)

    def close(self) -> None:
        """Hold nothing any more."""
        if self._own is not None:
            (self.folder / self._name).unlink(missing_ok=True)
            os.close(self._own)
            self._own, self._name = None, ""

    @contextmanager
    def _alone(self) -> Iterator[None]:
        descriptor = os.open(self.folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _count(self, but: str = "") -> int:
        held = 0
        for path in self.folder.iterdir():
            if path.name not in (_LOCK, but):
                held += _held_by(path)
        return held


def _held_by(path: Path) -> int:
    """Return what a living program holds; the file of a dead one is removed."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(os.pread(descriptor, _WIDTH, 0) or b"0")
    else:
        path.unlink(missing_ok=True)
        return 0
    finally:
        os.close(descriptor)
