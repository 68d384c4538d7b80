"""What an attempt has to say to the server, on disk until the server has heard it.

One file an attempt, one JSON object a line: a header, then reports, uploads and at last the finish, in their order.
Whoever finds the file of a dead process can send the rest. Reports carry sequence numbers and a repeated finish
changes nothing, so sending a line twice does no harm.

A disk that is full must not end a training whose server is there: what it refuses waits in memory instead, in its
place in the order, and is lost only if the process is killed before the server has heard it.
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


class Outbox:
    """The spool of one attempt.

    Args:
        folder: Where spools lie.
        attempt_id: Whose spool it is.
        lease_token: The right to write for the attempt.

    Raises:
        OSError: The file cannot be begun.
    """

    def __init__(self, folder: Path, attempt_id: int, lease_token: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{attempt_id}-{os.getpid()}.jsonl"
        self.attempt_id = attempt_id
        self.lease_token = lease_token
        self.n_appended = 0
        self._seq = 0
        self._n_in_file = 0
        self._refused: deque[bytes] = deque()
        self._lock = threading.Lock()
        # The token is a credential for one attempt: others on the machine need not read it.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        try:
            self._write(_line({"attempt_id": attempt_id, "lease_token": lease_token}))
        except OSError:
            self.close()
            self.path.unlink(missing_ok=True)
            raise

    def report(self, body: Mapping[str, Any]) -> None:
        """Add a report; it gets the next sequence number."""
        self._seq += 1
        self._append("report", {"seq": self._seq, **body})

    def upload(self, *, name: str, kind: str, path: Path, step: int | None = None) -> None:
        """Add a file to upload; it must stay as it is until it was sent."""
        self._append("upload", {"name": name, "artifact_kind": kind, "path": str(path), "step": step})

    def finish(self, body: Mapping[str, Any]) -> None:
        """Add the end."""
        self._append("finish", body)

    def close(self) -> None:
        """Add nothing more."""
        self._file.close()

    def take_refused(self, n_read: int) -> list[Entry]:
        """Return what the disk did not take, in its order, and forget it: the caller sends it.

        Args:
            n_read: Entries that the caller has read from the file; while there are more, they come first.
        """
        with self._lock:
            if n_read != self._n_in_file:
                return []
            lines, self._refused = self._refused, deque()
        return [_entry(line) for line in lines]

    def _append(self, kind: Kind, body: Mapping[str, Any]) -> None:
        line = _line({"kind": kind, **body})
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
            log.warning("attempt %s: kept in memory, because its spool cannot grow: %s", self.attempt_id, error)
            self._refused.append(line)

    def _write(self, line: bytes) -> None:
        end = os.fstat(self._file.fileno()).st_size
        try:
            n_written = self._file.write(line)
            if n_written != len(line):  # the disk was full in the middle of the line
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
        except OSError:
            os.ftruncate(self._file.fileno(), end)
            raise


class OutboxReader:
    """Reads a spool from its start while it grows.

    Raises:
        OSError: The file cannot be read.
        ValueError: Its first line is not whole.
    """

    def __init__(self, path: Path) -> None:
        self.n_read = 0
        self._file = path.open("rb")
        try:
            header = read_header(self._file.readline())
        except BaseException:
            self._file.close()
            raise
        self.attempt_id: int = header["attempt_id"]
        self.lease_token: str = header["lease_token"]

    def entries(self) -> Iterator[Entry]:
        """Yield the entries that are complete and were not read before."""
        while True:
            place = self._file.tell()
            line = self._file.readline()
            if not line.endswith(b"\n"):  # still being written, or cut off by a crash
                self._file.seek(place)
                return
            self.n_read += 1
            yield _entry(line)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def read_header(line: bytes) -> Mapping[str, Any]:
    """Return what a spool's first line says: `attempt_id` and `lease_token`.

    Raises:
        ValueError: It was cut off.
    """
    header = json.loads(line) if line.endswith(b"\n") else None
    if not isinstance(header, dict) or not {"attempt_id", "lease_token"} <= header.keys():
        raise ValueError("its first line is not that of a spool, or was cut off")
    return header


def _entry(line: bytes) -> Entry:
    body = json.loads(line)
    return Entry(body.pop("kind"), body)


def _line(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"
