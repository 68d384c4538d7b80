"""What an attempt has to say to the server, on disk until the server has heard it.

One file an attempt: a header that names it, then reports, uploads and at last the finish, in their order.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tunewell.spool import Entry, Spool, SpoolReader


class Outbox(Spool):
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
        self.attempt_id = attempt_id
        self.lease_token = lease_token
        header = {"attempt_id": attempt_id, "lease_token": lease_token}
        super().__init__(folder / f"{attempt_id}-{os.getpid()}.jsonl", header)


class OutboxReader:
    """Reads an attempt's spool from its start while it grows.

    Raises:
        OSError: The file cannot be read.
        ValueError: Its first line is not whole.
    """

    def __init__(self, path: Path) -> None:
        self._reader = SpoolReader(path, has_header=True)
        try:
            header = read_header(self._reader.header_line)
        except BaseException:
            self._reader.close()
            raise
        self.attempt_id: int = header["attempt_id"]
        self.lease_token: str = header["lease_token"]

    @property
    def n_read(self) -> int:
        """How many entries were read."""
        return self._reader.n_read

    def entries(self) -> Iterator[Entry]:
        """Yield the entries that are complete and were not read before."""
        return self._reader.entries()

    def close(self) -> None:
        """Close the file."""
        self._reader.close()


def read_header(line: bytes) -> Mapping[str, Any]:
    """Return what a spool's first line says: `attempt_id` and `lease_token`.

    Raises:
        ValueError: It was cut off.
    """
    header = json.loads(line) if line.endswith(b"\n") else None
    if not isinstance(header, dict) or not {"attempt_id", "lease_token"} <= header.keys():
        raise ValueError("its first line is not that of a spool, or was cut off")
    return header
