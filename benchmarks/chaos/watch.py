"""Looking for what should not be there: orphaned processes, files that nobody needs, files that are damaged."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from stack.family import children_now
from tests.servers.processes import ProcessFamily, describe, is_alive
from tests.servers.registry import SERVER_PIDS

_ORPHAN_AFTER_S = 4.0


@dataclass(slots=True)
class Orphans:
    """Watches for processes that outlive their parents: they become children of this one, which adopts them.

    Attributes:
        family: What was started on purpose.
        found: One line for each orphan.
    """

    family: ProcessFamily
    found: list[str] = field(default_factory=list)
    _others: frozenset[psutil.Process] = field(default_factory=children_now)
    _since: dict[psutil.Process, float] = field(default_factory=dict)

    def look(self) -> None:
        """Note who has been an orphan for seconds, and end it; the kernel needs a moment for those it ends itself."""
        known = SERVER_PIDS | {one.pid for one in self.family.started}
        now_s = time.monotonic()
        strangers = {child for child in psutil.Process().children() if child.pid not in known} - self._others
        for child in strangers:
            if not is_alive(child):
                with suppress(ChildProcessError):
                    os.waitpid(child.pid, os.WNOHANG)
        self._since = {child: self._since.get(child, now_s) for child in strangers if is_alive(child)}
        for child, since_s in self._since.items():
            if now_s - since_s > _ORPHAN_AFTER_S:
                self.found.append(f"orphan {describe(child)}")
                with suppress(psutil.NoSuchProcess):
                    child.kill()


def find_leftovers(folder: Path) -> Iterator[str]:
    """Yield what server, workers and scripts should have removed below the folder of a run that has settled."""
    for pattern, what in (
        ("server/artifacts/incoming/*", "half an artifact"),
        ("worker/*/workers/*/spool/*", "a spool"),
        ("worker/*/workers/*/work/*", "a trial's folder"),
        ("worker/*/datasets/*.part*", "half a data set"),
        ("runs/*", "a run of a script"),
    ):
        for path in sorted(folder.glob(pattern)):
            yield f"{what} is left: {path.relative_to(folder)}"


def find_damaged(store: Path, hashes: Collection[str]) -> Iterator[str]:
    """Yield artifacts that are named and not there, or whose bytes are not those of their name."""
    for sha256 in sorted(hashes):
        path = store / sha256[:2] / sha256
        if not path.exists():
            yield f"{sha256} is named and not in the store"
        elif hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
            yield f"{sha256} has other bytes than its name says"


def count_unnamed(store: Path, hashes: Collection[str]) -> int:
    """Return how many files of the store no row names."""
    return sum(path.name not in hashes for path in store.glob("??/*"))
