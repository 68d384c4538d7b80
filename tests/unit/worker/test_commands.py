"""Commands in a slot: a real process group under a real guard, and a server that only remembers."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from tunewell.commands.place import Place
from tunewell.protocol import Claim, Objective, Welcome

from tests.servers.processes import is_alive
from tests.servers.waiting import wait_until
from tests.unit.worker.fakes import TOKEN, FakeServer, assignment
from worker.launcher import Launcher
from worker.settings import WorkerSettings
from worker.supervisor import Supervisor

pytestmark = pytest.mark.timeout(60)
_TELLS = """
import json, os, sys
print("rate", sys.argv[1], os.environ["TUNEWELL_PARAM_RATE"], "TUNEWELL_TOKEN" in os.environ, os.getcwd())
print(json.dumps({"val_loss": 0.5}))
"""
_SDK = """
import tunewell
with tunewell.init("any") as run:
    run.log({"val_loss": 0.25}, step=4)
    open("state.pt", "w").write("state")
    run.checkpoint("state.pt")
    run.summary["extra"] = 7
"""
_GOES_ON = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""
Serve = Callable[..., FakeServer]


@pytest.fixture
def serve(
    tmp_path: Path, server: FakeServer, settings: WorkerSettings, welcome: Welcome, monkeypatch: pytest.MonkeyPatch
) -> Serve:
    """Return what runs a script as the command of one claim in a slot, until nothing is left."""
    monkeypatch.setenv("TUNEWELL_TOKEN", TOKEN)
    root = tmp_path / "root"
    root.mkdir()

    def run(text: str, place: Place | None, is_stopping: Callable[[], bool] = lambda: False) -> FakeServer:
        (root / "train.py").write_text(text)
        command = ("python", "train.py", "{rate}")
        objectives = (Objective("val_loss", "minimize"),)
        server.claims.append(Claim(60, (assignment(1, rate=0.25),), 1, "study", objectives=objectives, command=command))
        told = replace(welcome, heartbeat_s=0.1)
        slot = Supervisor(
            replace(settings, place=place), told, settings.runs_dir / "run", is_stopping, server, _no_program
        )
        slot.serve()
        slot.close()
        return server

    return run


def _no_program() -> Launcher:
    raise AssertionError("commands take no program that trains")


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "root", 0.2, Path(sys.executable))


def child_of(server: FakeServer) -> psutil.Process:
    """Return the process that the script has started and told of."""
    wait_until(lambda: server.of().lines, 20, what="the script has begun")
    return psutil.Process(int(server.of().lines[0][1]))


def test_a_command_is_run_with_its_parameters_and_without_secrets(
    serve: Serve, place: Place, settings: WorkerSettings
) -> None:
    heard = serve(_TELLS, place).of()
    assert heard.lines[0] == ("stdout", f"rate 0.25 0.25 False {place.root}")
    assert (heard.finishes[0].outcome, heard.finishes[0].values) == ("COMPLETE", {"val_loss": 0.5})
    assert not [*(settings.runs_dir / "run").glob("*/*")], "nothing is left of it"


def test_a_script_with_the_sdk_reports_through_its_slot(serve: Serve, place: Place) -> None:
    heard = serve(_SDK, place).of()
    assert heard.steps == [4]
    assert [(name, step, content) for name, step, content in heard.uploads] == [("checkpoint.pt", 4, b"state")]
    assert heard.artifact_kinds == {"checkpoint.pt": "checkpoint"}
    assert (heard.finishes[0].outcome, heard.finishes[0].values) == ("COMPLETE", {"extra": 7.0})
    assert heard.kinds[-1] == "finish"


def test_a_worker_that_was_not_told_to_runs_no_command(serve: Serve) -> None:
    heard = serve(_TELLS, None).of()
    assert heard.lines == []
    (finish,) = heard.finishes
    assert (finish.outcome, finish.is_retryable) == ("CRASHED", False)
    assert "--allow-commands" in finish.reason


@pytest.mark.parametrize(
    ("text", "outcome", "reason"),
    [
        ("raise SystemExit(3)", "CRASHED", "the command ended with exit code 3"),
        ("import os; os.kill(os.getpid(), 9)", "CRASHED", "the command was ended by SIGKILL"),
        ("import os; os.kill(os.getpid(), 15)", "CRASHED", "the command was ended by SIGTERM"),
        ("print('{\"bad;name\": 1}')", "CRASHED", "values: 'bad;name' cannot be a metric's name"),
    ],
)
def test_how_commands_fail(serve: Serve, place: Place, text: str, outcome: str, reason: str) -> None:
    (finish,) = serve(text, place).of().finishes
    assert (finish.outcome, finish.is_retryable) == (outcome, False)
    assert finish.reason.startswith(reason)


def test_told_to_end_a_worker_hands_its_command_back(serve: Serve, server: FakeServer, place: Place) -> None:
    has_begun = lambda: bool(server.of().lines)  # noqa: E731
    heard = serve(_GOES_ON, place, has_begun).of()
    assert [one.outcome for one in heard.finishes] == ["PREEMPTED"]
    child = int(heard.lines[0][1])
    assert not psutil.pid_exists(child) or not is_alive(psutil.Process(child)), "what left the group has ended, too"


def test_a_stop_ends_what_does_not_heed_it(serve: Serve, server: FakeServer, place: Place) -> None:
    server.decision = "stop"
    heard = serve(_GOES_ON, place).of()
    assert [one.outcome for one in heard.finishes] == ["STOPPED"]


def test_a_command_whose_lease_is_lost_is_ended_and_says_nothing(
    serve: Serve, server: FakeServer, place: Place
) -> None:
    server.lost.add(1)
    heard = serve(_GOES_ON, place).of()
    assert heard.finishes == []
