"""What an attempt has to say to the server, on disk until the server has heard it.

One file an attempt, one JSON object a line: a header, then reports, uploads and at last the finish, in their order.
Whoever finds the file of a dead process can send the rest. Reports carry sequence numbers and a repeated finish
changes nothing, so sending a line twice does no harm.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["report", "upload", "finish"]


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
    """

    def __init__(self, folder: Path, attempt_id: int, lease_token: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{attempt_id}-{os.getpid()}.jsonl"
        self.attempt_id = attempt_id
        self.lease_token = lease_token
        self.n_appended = 0
        self._seq = 0
        # The token is a credential for one attempt: others on the machine need not read it.
        descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=0)
        self._write({"attempt_id": attempt_id, "lease_token": lease_token})

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

    def _append(self, kind: Kind, body: Mapping[str, Any]) -> None:
        self._write({"kind": kind, **body})
        self.n_appended += 1

    def _write(self, line: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")


class OutboxReader:
    """Reads a spool from its start while it grows."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        header = json.loads(self._file.readline())
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
            body = json.loads(line)
            yield Entry(body.pop("kind"), body)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
