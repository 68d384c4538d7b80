"""A disk without room, for spools."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import worker.outbox


class _FullFile:
    """A file that takes so many bytes more, then a part of a line, then nothing."""

    def __init__(self, file: Any, budget: list[int]) -> None:
        self._file = file
        self._budget = budget

    def write(self, line: bytes) -> int:
        """Write what there is room for, as the system does."""
        if self._budget[0] < 0:
            return int(self._file.write(line))
        if self._budget[0] == 0:
            raise OSError(28, os.strerror(28))
        part = line[: self._budget[0]]
        self._budget[0] -= len(part)
        return int(self._file.write(part))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


@contextmanager
def fill_disk(monkeypatch: pytest.MonkeyPatch, n_free_bytes: int) -> Iterator[None]:
    """Leave spools so many bytes for the length of a `with` block; afterwards there is room again."""
    budget = [n_free_bytes]
    real = worker.outbox.Outbox._write

    def write(outbox: worker.outbox.Outbox, line: bytes) -> None:
        file, outbox._file = outbox._file, _FullFile(outbox._file, budget)  # type: ignore[assignment]
        try:
            real(outbox, line)
        finally:
            outbox._file = file

    with monkeypatch.context() as patch:
        patch.setattr(worker.outbox.Outbox, "_write", write)
        yield
