"""The README's section on scaling out, followed to the letter: its commands, in its order, in a second clone.

Five things stand in for what a test cannot have: `trainer` is this machine's own `localhost`; port and state folder are
the test's own; the clone's packages are those that the tests run with, since what pip does needs a network; each of the
two machines has one core, or the test would cost as many processes as there are cores; and GPUs are left alone.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scripts.limits import repository_files
from tests.docs import pages
from tests.servers.api import Caller
from tests.servers.ports import free_port
from tests.servers.processes import ROOT, ProcessFamily, ServiceProcess
from tests.servers.waiting import wait_until

INSTALL = [
    "python3.11 -m venv .venv",
    ".venv/bin/pip install -r requirements.lock",
    ".venv/bin/pip install --no-deps ./client",
]
ADDRESS = re.compile(r"^dashboard  http://localhost:(\d+)$", re.MULTILINE)
TOKEN = re.compile(r"^tw_[\w-]{40,}$", re.MULTILINE)
Json = dict[str, Any]


def blocks() -> list[list[str]]:
    """Return the commands of each shell block of the section."""
    (section,) = re.findall(r"^### Scaling out\n(.*?)^## ", pages.read("README.md"), re.DOTALL | re.MULTILINE)
    return [body.splitlines() for body in re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)]


def make_clone(folder: Path) -> Path:
    """Copy what git knows of this repository, and nothing that was built or installed."""
    for name in repository_files(ROOT):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


def install(clone: Path) -> list[str]:
    """Return what is done in place of the section's installation."""
    packages = [path for path in sys.path if path.endswith("site-packages")]
    (clone / "packages.pth").write_text("\n".join([str(clone / "client" / "src"), *packages]))
    return [f"{sys.executable} -m venv --without-pip .venv", "cp packages.pth .venv/lib/python3*/site-packages/"]


@contextmanager
def only_core(index: int) -> Iterator[None]:
    """Let what is started meanwhile see one core of those that there are, where the system can do that."""
    if sys.platform != "linux":
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {sorted(cores)[index]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


class Machines:
    """Runs lines of the section as the two machines would."""

    def __init__(self, folder: Path, processes: ProcessFamily) -> None:
        self.home, self.clone = folder / "home", folder / "second"
        self.processes = processes
        self.port = free_port()
        plain = {name: "" for name in os.environ if name.startswith("TUNEWELL_") and name != "TUNEWELL_LOGIN"}
        self.second = {**plain, "TUNEWELL_WORKER_DEVICE": "cpu", "COLUMNS": "120"}
        self.first = {
            **self.second,
            "TUNEWELL_HOME": str(self.home),
            "TUNEWELL_PORT": str(self.port),
            "TUNEWELL_HOST": "127.0.0.1",  # the test opens no port to the network
        }

    def run(self, lines: list[str], env: dict[str, str], cwd: Path, token: str = "") -> ServiceProcess:
        """Run lines in one shell, whose place the last of them takes."""
        script = "\n".join([f"set -e; cd '{cwd}'", *lines[:-1], f"exec {lines[-1]}"])
        script = script.replace("trainer:8000", f"localhost:{self.port}").replace("trainer", "localhost")
        with only_core(0 if cwd == ROOT else -1):
            return self.processes.start(["sh", "-c", script.replace("tw_...", token)], name="machine", env=env)

    def run_first(self, lines: list[str], token: str = "") -> ServiceProcess:
        """Run lines on the first machine: in this clone, with the environment of the tests."""
        programs = {"python": sys.executable, "tunewell": f"{sys.executable} -m tunewell"}
        here = [re.sub(r"^\.venv/bin/(python|tunewell)\b", lambda found: programs[found[1]], line) for line in lines]
        return self.run(here, self.first, ROOT, token)

    def start_stack(self, lines: list[str]) -> ServiceProcess:
        """Run the lines that start all of it, and wait until it has said how others join."""
        stack = self.run_first(lines)
        wait_until(lambda: "Ctrl-C stops everything." in stack.log_text() or not stack.is_running, 180)
        address = ADDRESS.search(stack.log_text())
        assert address is not None, stack.log_text()
        self.port = int(address[1])  # another one where the first was taken meanwhile
        return stack

    def make_tokens(self, lines: list[str]) -> list[str]:
        """Run the lines that make tokens, and return what they print."""
        made = self.run_first(lines)
        assert made.wait(180) == 0, made.log_text()
        return TOKEN.findall(made.log_text())


def attempts(me: Caller, study: str) -> list[Json]:
    """Return the attempts at a study's trials, oldest first."""
    trials = me.call("GET", f"/studies/{study}/trials")["items"]
    return [one for trial in trials for one in me.call("GET", f"/trials/{trial['trial_id']}")["attempts"]]


def state_of(me: Caller, worker_id: int) -> str:
    """Return a worker's state."""
    (state,) = [one["state"] for one in me.call("GET", "/workers")["items"] if one["worker_id"] == worker_id]
    return str(state)


@pytest.mark.timeout(600)
def test_the_section_on_scaling_out_is_true(tmp_path: Path, processes: ProcessFamily) -> None:
    up, tokens, join, submit = blocks()
    assert join[: len(INSTALL)] == INSTALL
    machines = Machines(tmp_path, processes)
    stack = machines.start_stack(up)
    for_worker, for_me = machines.make_tokens(tokens)
    me = Caller(f"http://localhost:{machines.port}", for_me)

    # The first machine's own worker is there, with a token of its own. It is told to take no more, so that all trials
    # need the second machine.
    (own,) = wait_until(lambda: me.call("GET", "/workers")["items"], 180, what="the first worker joins", interval_s=0.2)
    me.call("POST", f"/workers/{own['worker_id']}:drain")

    clone = make_clone(machines.clone)
    worker = machines.run([*install(clone), *join[len(INSTALL) :]], machines.second, clone, for_worker)
    stranger = machines.run_first([join[-3], join[-1]], for_me)

    def find_joined() -> Json | None:
        assert worker.is_running, worker.log_text()
        items: list[Json] = me.call("GET", "/workers")["items"]
        return next((one for one in items if one["worker_id"] != own["worker_id"]), None)

    other = wait_until(find_joined, 180, what="the second machine is on the page of workers", interval_s=0.2)
    assert other is not None
    said = worker.log_text()
    assert "ok       joining: " in said, said
    assert "ok       broker: redis://localhost:" in said, said
    assert "\nproblem" not in said, said

    assert (other["queues"], other["state"]) == (own["queues"], "ALIVE")
    assert stranger.wait(180) == 1, "a user's token lets no worker join"
    assert "cannot join" in stranger.log_text()

    submitted = machines.run_first(submit, for_me)
    assert submitted.wait(180) == 0, submitted.log_text()
    assert "everywhere" in submitted.log_text()

    def has_finished_one() -> bool:
        return any(one["state"] == "COMPLETE" for one in attempts(me, "everywhere"))

    wait_until(has_finished_one, 180, what="the second machine finishes a trial", interval_s=0.2)
    worker.send(signal.SIGTERM)
    assert worker.wait(60) == 0, worker.log_text()
    assert for_worker not in worker.log_text()
    assert not list((clone / ".tunewell" / "workers").iterdir()), "a worker that left left a folder"
    assert state_of(me, other["worker_id"]) == "LOST"
    ended = attempts(me, "everywhere")
    assert {one["worker_id"] for one in ended} == {other["worker_id"]}
    assert {one["state"] for one in ended} <= {"COMPLETE", "PREEMPTED"}, "what it did not finish, it did not hand back"
    me.close()
    stack.send(signal.SIGTERM)
    assert stack.wait(60) == 0, stack.log_text()
    processes.assert_none_left()
