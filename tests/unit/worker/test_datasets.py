"""Data sets on a worker's machine: fetched once, shared by slots, evicted when they take too much."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from tunewell.errors import NotFound, Problem, ServerUnreachable
from tunewell.protocol import Protocol, Transport

from models.catalogue import DATASETS
from models.data.dataset import load_dataset
from tests.servers.waiting import wait_until
from worker import datasets
from worker.datasets import DatasetCache, DatasetUnavailable
from worker.programs import ProgramFailed, Stopped

PLENTY = 2**30


class Shelf(Protocol):
    """A server that holds prepared files, and counts how often each is fetched."""

    def __init__(self) -> None:
        super().__init__(Transport("http://127.0.0.1:9"))
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.n_failures = 0

    def download_dataset(self, sha256: str, path: Path | str, tick: Callable[[], None] | None = None) -> Path:
        """Write the file, once the gate is open."""
        self.asked.append(sha256)
        assert self.gate.wait(30)
        if self.n_failures:
            self.n_failures -= 1
            raise ServerUnreachable(Problem("unreachable", "it does not answer"))
        if sha256 not in self.files:
            raise NotFound(Problem("content_not_found", "nobody brought it"))
        if tick is not None:
            tick()
        Path(path).write_bytes(self.files[sha256])
        return Path(path)


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def cache_in(folder: Path, shelf: Shelf, max_bytes: int = PLENTY) -> DatasetCache:
    return DatasetCache(folder, shelf, max_bytes, lambda _: False)


def nothing() -> None:
    """Go on."""


def take(cache: DatasetCache, name: str, sha256: str) -> bytes:
    """Have data here for a moment, and return what lies there."""
    with cache.use(name, sha256, nothing) as path:
        return path.read_bytes()


def test_data_is_fetched_once_for_slots_that_ask_at_once(tmp_path: Path, shelf: Shelf) -> None:
    sha256 = "a" * 64
    shelf.files[sha256] = b"content"
    shelf.gate.clear()
    found: list[bytes] = []

    def slot() -> None:
        with cache_in(tmp_path, shelf).use("mine@1", sha256, nothing) as path:
            found.append(path.read_bytes())

    slots = [threading.Thread(target=slot) for _ in range(3)]
    for one in slots:
        one.start()
    wait_until(lambda: bool(shelf.asked), 10.0, what="somebody fetches")
    shelf.gate.set()
    for one in slots:
        one.join(30)
    assert found == [b"content"] * 3
    assert shelf.asked == [sha256]
    slot()
    assert shelf.asked == [sha256]


def test_what_was_not_used_for_longest_makes_room(tmp_path: Path, shelf: Shelf) -> None:
    names = [letter * 64 for letter in "abcd"]
    shelf.files = dict.fromkeys(names, b"x" * 100)
    cache = cache_in(tmp_path, shelf, max_bytes=250)
    for place, sha256 in enumerate(names[:2]):
        with cache.use(f"mine@{place}", sha256, nothing):
            pass
        os.utime(tmp_path / f"{sha256}.use", (place, place))
    with cache.use("mine@0", names[0], nothing):  # used again, so that the other one is the oldest
        pass
    with cache.use("mine@2", names[2], nothing):
        pass
    assert {path.stem for path in tmp_path.glob("*.npz")} == {names[0], names[2]}
    assert shelf.asked == names[:3]


def test_what_somebody_uses_stays_whatever_it_takes(tmp_path: Path, shelf: Shelf) -> None:
    names = [letter * 64 for letter in "abc"]
    shelf.files = dict.fromkeys(names, b"x" * 100)
    with ExitStack() as slots:
        for sha256 in names:
            slots.enter_context(cache_in(tmp_path, shelf, max_bytes=0).use("mine@1", sha256, nothing))
        assert {path.stem for path in tmp_path.glob("*.npz")} == set(names)
    with cache_in(tmp_path, shelf, max_bytes=0).use("mine@1", names[1], nothing):
        assert [path.stem for path in tmp_path.glob("*.npz")] == [names[1]]


def test_data_that_the_server_has_no_more_is_unavailable(tmp_path: Path, shelf: Shelf) -> None:
    with pytest.raises(DatasetUnavailable, match="mine@1 was deleted"):
        take(cache_in(tmp_path, shelf), "mine@1", "a" * 64)
    shelf.files["a" * 64] = b"here"
    assert take(cache_in(tmp_path, shelf), "mine@1", "a" * 64) == b"here"


def test_a_server_that_is_away_is_waited_for_until_the_worker_ends(tmp_path: Path, shelf: Shelf) -> None:
    shelf.files["a" * 64] = b"here"
    shelf.n_failures = 2
    assert take(cache_in(tmp_path, shelf), "mine@1", "a" * 64) == b"here"
    assert len(shelf.asked) == 3
    shelf.n_failures = 1
    with pytest.raises(Stopped):
        take(DatasetCache(tmp_path, shelf, PLENTY, lambda _: True), "mine@2", "b" * 64)


def test_large_data_is_unpacked_to_be_mapped(
    tmp_path: Path, shelf: Shelf, digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "MAPPED_BYTES", 1000)
    shelf.files[digits.stem] = digits.read_bytes()
    cache = cache_in(tmp_path, shelf)
    with cache.use("mine@1", digits.stem, nothing) as path:
        assert path.is_dir()
        assert isinstance(load_dataset(path).x_train, np.memmap)
    assert not (tmp_path / digits.name).exists()
    assert cache_in(tmp_path, shelf, max_bytes=0) is not cache
    shelf.files["a" * 64] = b"x"
    with cache_in(tmp_path, shelf, max_bytes=0).use("mine@2", "a" * 64, nothing):
        assert not path.exists()


def test_built_in_data_is_not_asked_for(tmp_path: Path, shelf: Shelf, digits: Path) -> None:
    shutil.copy(digits, tmp_path)
    with cache_in(tmp_path, shelf).use("digits", digits.stem, nothing) as path:
        assert path.stem == DATASETS["digits"].sha256
    assert shelf.asked == []
    with pytest.raises(DatasetUnavailable, match="another content here"):
        take(cache_in(tmp_path, shelf), "digits", "0" * 64)


def test_built_in_data_whose_source_cannot_be_reached_says_so(
    tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(arguments: Sequence[str], tick: Callable[[], None]) -> str:
        raise ProgramFailed("unavailable_dataset: no way there", is_killed=False)

    monkeypatch.setattr(datasets, "run_models", refuse)
    with pytest.raises(DatasetUnavailable, match="diamonds cannot be prepared here: unavailable_dataset"):
        take(cache_in(tmp_path, shelf), "diamonds", DATASETS["diamonds"].sha256)
