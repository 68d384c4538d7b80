"""What is to be said to the server, in a file until the server has heard it.

One JSON object a line, in the order in which they are to be sent. Whoever finds the file of a dead process can send the
rest. Reports carry sequence numbers and a repeated finish changes nothing, so sending a line twice does no harm.

Lines are written at once, so that they outlive the process; `flush` makes them outlive the machine. A disk that is full
must not end a training whose server is there: what it refuses waits in memory instead, in its place in the order, and
is lost only if the process is killed before the server has heard it.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["report", "upload", "finish"]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing to send."""

    kind: Kind
    body: Mapping[str, Any]


class Spool:
    """A file of entries that one process writes.

    Args:
        path: The file.
        header: Its first line, where it has one; the file is begun anew then, else it is added to.
        seq: The sequence number of the last report.

    Raises:
        OSError: The file cannot be begun.
    """

    def __init__(self, path: Path, header: Mapping[str, Any] | None = None, *, seq: int = 0) -> None:
        self.path = path
        self.n_appended = 0
        self.seq = seq
        self._n_in_file = 0
        self._refused: deque[bytes] = deque()
        self._lock = threading.Lock()
        # What lies here gives the right to write for an attempt: others on the machine need not read it.
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (0 if header is None else os.O_TRUNC)
        self._file = os.fdopen(os.open(path, flags, 0o600), "wb", buffering=0)
        if header is None:
            return
        try:
            self._write(to_line(header))
        except OSError:
            self.close()
            self.path.unlink(missing_ok=True)
            raise

    def report(self, body: Mapping[str, Any]) -> None:
        """Add a report; it gets the next sequence number."""
        self.seq += 1
        self._append("report", {"seq": self.seq, **body})

    def upload(self, *, name: str, kind: str, path: Path, step: int | None = None) -> None:
        """Add a file to upload; it must stay as it is until it was sent."""
        self._append("upload", {"name": name, "artifact_kind": kind, "path": str(path), "step": step})

    def finish(self, body: Mapping[str, Any]) -> None:
        """Add the end."""
        self._append("finish", body)

    def size_bytes(self) -> int:
        """Return how long the file is."""
        return os.fstat(self._file.fileno()).st_size

    def flush(self) -> None:
        """Have the disk keep what was written; a disk that cannot is no reason to end."""
        try:
            os.fsync(self._file.fileno())
        except OSError as error:
            log.warning("%s may not outlive the machine: %s", self.path, error)

    def close(self) -> None:
        """Add nothing more."""
        self._file.close()

    def forget_read(self, reader: SpoolReader) -> bool:
        """Empty a file without header of which a reader in this process has read everything. Returns whether it had."""
        with self._lock:
            if not reader.is_at(self.size_bytes()):
                return False
            os.ftruncate(self._file.fileno(), 0)
            reader.rewind()
            return True

    def take_refused(self, n_read: int) -> list[Entry]:
        """Return what the disk did not take, in its order, and forget it: the caller sends it.

        Args:
            n_read: Entries that the caller has read from the file; while there are more, they come first.
        """
        with self._lock:
            if n_read != self._n_in_file:
                return []
            lines, self._refused = self._refused, deque()
        return [to_entry(line) for line in lines]

    def _append(self, kind: Kind, body: Mapping[str, Any]) -> None:
        line = to_line({"kind": kind, **body})
        with self._lock:
            if self._refused:
                self._refused.append(line)
            else:
                self._write_or_keep(line)
        self.n_appended += 1

    def _write_or_keep(self, line: bytes) -> None:
        try:
            self._write(line)
            self._n_in_file += 1
        except OSError as error:
            log.warning("%s cannot grow, so what it should hold is kept in memory: %s", self.path.name, error)
            self._refused.append(line)

    def _write(self, line: bytes) -> None:
        end = self.size_bytes()
        try:
            n_written = self._file.write(line)
            if n_written != len(line):  # the disk was full in the middle of the line
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        except OSError:
            os.ftruncate(self._file.fileno(), end)
            raise


class SpoolReader:
    """Reads a file of entries from its start while it grows.

    Args:
        path: The file.
        has_header: Whether its first line is none of the entries.

    Raises:
        OSError: The file cannot be read.
    """

    def __init__(self, path: Path, *, has_header: bool = False) -> None:
        self.n_read = 0
        self._file = path.open("rb")
        self.header_line = self._file.readline() if has_header else b""

    def entries(self) -> Iterator[Entry]:
        """Yield the entries that are complete and were not read before."""
        while True:
            place = self._file.tell()
            line = self._file.readline()
            if not line.endswith(b"\n"):  # still being written, or cut off by a crash
                self._file.seek(place)
                return
            self.n_read += 1
            yield to_entry(line)

    def is_at(self, place: int) -> bool:
        """Tell whether all bytes before `place`, and none behind it, were read."""
        return self._file.tell() == place

    def rewind(self) -> None:
        """Begin at the start again, because the file was emptied."""
        self._file.seek(0)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def to_entry(line: bytes) -> Entry:
    """Read a line.

    Raises:
        ValueError: It is not one of a spool.
    """
    body = json.loads(line)
    return Entry(body.pop("kind"), body)


def to_line(body: Mapping[str, Any]) -> bytes:
    """Write an object as a line. NaN and infinities pass: both ends are Python's json."""
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"
