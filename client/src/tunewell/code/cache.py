"""Code on the machine that runs it: fetched once, kept by what it is, unpacked anew for each trial."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tunewell.code.repository import archive_commit
from tunewell.code.source import CodeSource
from tunewell.code.unpack import unpack

MAX_BYTES = 4 << 30
Download = Callable[[str, Path], object]


@dataclass(frozen=True, slots=True)
class CodeCache:
    """The archives of one folder; several processes may share it.

    Args:
        folder: Where they lie.
        download: Fetches an archive by its SHA-256 to a path, verified.
        allow_git: Repositories that may be read: addresses and paths at or below which they lie.
        max_bytes: The longest unused are removed until the rest takes no more.
    """

    folder: Path
    download: Download
    allow_git: Sequence[str] = ()
    max_bytes: int = MAX_BYTES

    def put_into(self, source: CodeSource, target: Path, pause: Callable[[float], bool] = lambda _: False) -> str:
        """Put code into a folder that is not there yet.

        Args:
            source: Which.
            target: The folder.
            pause: Waits no time, and tells whether to give up.

        Returns:
            A sentence for people: what runs.

        Raises:
            Invalid: `bad_archive`, or what `archive_commit` raises.
            NotFound: `code_not_found`.
            TunewellError: It cannot be fetched now.
            InterruptedError: `pause` said so.
            OSError: The disk does not take it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{_key(source)}.zip"
        if not path.is_file():
            if source.archive is not None:
                self.download(source.archive, path)
            else:
                archive_commit(source, self.allow_git, path, pause)
        os.utime(path)
        n_links = unpack(path, target, leaves_links_out=source.git is not None)
        self._evict(path)
        left_out = f"; {n_links} links of it are left out" if n_links else ""
        return f"runs {source}{left_out}"

    def _evict(self, kept: Path) -> None:
        found = [(one.stat(), one) for one in self.folder.glob("*.zip")]
        total = sum(facts.st_size for facts, _ in found)
        for facts, path in sorted(found, key=lambda one: one[0].st_mtime):
            if total <= self.max_bytes:
                return
            if path != kept:
                path.unlink(missing_ok=True)  # who unpacks it has it open
                total -= facts.st_size


def _key(source: CodeSource) -> str:
    """Return what is equal for equal code: a commit is the same wherever it comes from."""
    if source.archive is not None:
        return source.archive
    return hashlib.sha256(f"git {source.commit} {source.subfolder or ''}".encode()).hexdigest()
