"""What the worker's tests share: a data set, programs that train, settings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tunewell.protocol import Welcome

from models.data.prepare import prepare_dataset
from tests.unit.worker.fakes import FakeServer
from worker.launcher import Launcher
from worker.settings import WorkerSettings

ODD_CHILD = "tests.unit.worker.odd_child"


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of the data set, in a folder of its own."""
    return prepare_dataset("digits", tmp_path_factory.mktemp("datasets"))


@pytest.fixture
def server() -> FakeServer:
    """Return a server that remembers."""
    return FakeServer()


@pytest.fixture(scope="module")
def shared_launcher() -> Iterator[Launcher]:
    """Run one program that trains, for all tests of a module: importing torch takes seconds."""
    launcher = Launcher(ODD_CHILD)
    yield launcher
    launcher.end()


@pytest.fixture
def settings(tmp_path: Path) -> WorkerSettings:
    """Return a worker's settings."""
    return WorkerSettings("http://127.0.0.1:9", None, "w", ("cpu",), 1, 4, tmp_path / "home")


@pytest.fixture
def welcome() -> Welcome:
    """Return what a server tells a worker."""
    return Welcome(1, "memory://", "test:", lease_s=60, heartbeat_s=5, checkpoint_every_s=3600)
