"""What the artifact store does about halves that killed processes left, and about full disks."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from api.errors import NotFound
from api.services.halves import Halves
from api.store import ArtifactStore

CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
HALF = """
import os, signal, sys
from api.store import ArtifactStore
def chunks():
    yield b"half"
    os.kill(os.getpid(), signal.SIGKILL)
ArtifactStore(sys.argv[1], 100).put(chunks(), "0" * 64)
"""


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(str(tmp_path), 1 << 20)


def grow_old(path: Path, seconds: float = 3600.0) -> None:
    """Let a file look as if nothing was written to it for a time."""
    os.utime(path, (time.time() - seconds,) * 2)


def test_what_a_killed_process_left_goes(tmp_path: Path, store: ArtifactStore) -> None:
    assert store.drop_halves() == 0  # no folder yet
    assert subprocess.run([sys.executable, "-c", HALF, str(tmp_path)], check=False).returncode == -9
    (half,) = (tmp_path / "incoming").iterdir()
    assert store.drop_halves() == 0  # young: it may be about to get its name
    grow_old(half)
    assert store.drop_halves() == 1
    assert list((tmp_path / "incoming").iterdir()) == []


def test_what_is_being_written_stays(tmp_path: Path, store: ArtifactStore) -> None:
    def slowly() -> Iterator[bytes]:
        yield CONTENT[:10]
        (half,) = (tmp_path / "incoming").iterdir()
        grow_old(half)
        assert ArtifactStore(str(tmp_path), 1).drop_halves() == 0  # as another process of the API would
        yield CONTENT[10:]

    assert store.put(slowly(), SHA256) == len(CONTENT)
    assert b"".join(store.get(SHA256)) == CONTENT


def test_files_that_cannot_be_locked_stay(
    tmp_path: Path, store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_file: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    store.put([CONTENT], SHA256)
    half = tmp_path / "incoming" / "half"
    half.write_bytes(b"half")
    grow_old(half)
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", refuse)
        assert store.put([CONTENT], SHA256) == len(CONTENT)
        assert store.drop_halves() == 0
    assert store.drop_halves() == 1


def test_other_stores_keep_halves_for_longer_than_an_upload_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    store = ArtifactStore("memory://halves", 100)
    files = fsspec.filesystem("memory")
    files.pipe("/halves/incoming/half", b"half")
    assert store.drop_halves() == 0
    monkeypatch.setattr(store, "_age_s", lambda _path: 24 * 3600.0)
    assert store.drop_halves() == 1
    assert not files.exists("/halves/incoming/half")


def test_halves_are_looked_for_now_and_then(tmp_path: Path, store: ArtifactStore) -> None:
    now_s = [100.0]
    halves = Halves([store], clock=lambda: now_s[0])

    def leave() -> None:
        (tmp_path / "incoming").mkdir(exist_ok=True)
        (tmp_path / "incoming" / "half").touch()
        grow_old(tmp_path / "incoming" / "half")

    leave()
    assert halves.drop() == 1
    leave()
    assert halves.drop() == 0
    now_s[0] += 31.0
    assert halves.drop() == 1


def test_a_full_disk_leaves_nothing(tmp_path: Path, store: ArtifactStore) -> None:
    def chunks() -> Iterator[bytes]:
        yield CONTENT[:10]
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        store.put(chunks(), SHA256)
    assert list((tmp_path / "incoming").iterdir()) == []
    with pytest.raises(NotFound) as refused:
        store.get(SHA256).__next__()
    assert refused.value.code == "artifact_missing"
