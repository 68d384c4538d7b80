"""The command line with a fake server behind it."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from tunewell.cli import main

from tests.unit.client.fakes import SERVER, FakeServer


class Result(NamedTuple):
    """What one call left behind."""

    code: int
    out: str
    err: str


class Runner:
    """Calls the command line with a fake server."""

    def __init__(self, server: FakeServer, capsys: pytest.CaptureFixture[str]) -> None:
        self.server = server
        self.capsys = capsys

    def __call__(self, *args: str) -> Result:
        """Call it."""
        with pytest.raises(SystemExit) as caught:
            main(["--server", SERVER, *args], transport=self.server)
        out, err = self.capsys.readouterr()
        return Result(int(caught.value.code or 0), out, err)


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def run(server: FakeServer, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Runner:
    monkeypatch.delenv("TUNEWELL_TOKEN", raising=False)
    return Runner(server, capsys)
