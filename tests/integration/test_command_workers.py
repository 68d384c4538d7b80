"""Which workers are given commands: those that serve a queue for them, one at a time."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import psutil
import pytest

from tests.integration.test_api_runs import a_search
from tests.servers.api import Caller, Json
from tests.servers.processes import ProcessFamily, is_alive
from tests.servers.service import Service
from tests.servers.valkey import ValkeyServer
from tests.servers.waiting import wait_until

COMMAND = ["python", "train.py", "--lr={rate}"]


def join(caller: Caller, *queues: str) -> Json:
    """Return what a worker of some queues says with its claims."""
    body = {"name": "w", "host": "h", "pid": 1, "queues": list(queues), "n_slots": 4}
    joined = caller.call("POST", "/workers", 201, json=body)
    return {"worker_id": joined["worker_id"], "queues": list(queues), "n_max": 16}


def test_commands_are_given_to_workers_of_their_queue_alone_and_one_at_a_time(caller: Caller) -> None:
    study = caller.call("POST", "/studies", 201, json=a_search("commands", command=COMMAND, venv="tools/venv"))
    assert study["spec"]["resources"]["queue"] == "cpu-commands"
    others, willing = join(caller, "cpu", "scripts"), join(caller, "cpu", "cpu-commands")
    assert caller.call("POST", "/work:claim", json=others)["attempts"] == []
    given = caller.call("POST", "/work:claim", json=willing)
    assert (given["command"], given["venv"], given["model"]) == (COMMAND, "tools/venv", None)
    (attempt,) = given["attempts"]
    assert attempt["params"].keys() == {"rate", "shape"}
    again = caller.call("POST", "/work:claim", json=willing)["attempts"]
    assert [one["number"] for one in again] == [1], "the study allows more, and each takes a slot"


def test_scripts_without_a_command_are_no_workers_business(caller: Caller) -> None:
    asked = a_search("calls", resources={"queue": "cpu-commands"})
    caller.call("POST", "/studies", 201, json=asked)
    assert caller.call("POST", "/work:claim", json=join(caller, "cpu-commands"))["attempts"] == []
    assert caller.call("POST", "/studies/calls/runs", 201, json={"key": "k" * 16})["attempt"] is not None


@pytest.mark.parametrize(
    ("asked", "queue"), [("gpu", "gpu-commands"), ("gpu-commands", "gpu-commands"), ("scripts", "cpu-commands")]
)
def test_the_queue_of_a_command(caller: Caller, asked: str, queue: str) -> None:
    study = a_search("commands", command=COMMAND, resources={"queue": asked})
    assert caller.call("POST", "/studies", 201, json=study)["spec"]["resources"]["queue"] == queue


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"venv": "../venv"}, "bad_folder", "venv"),
        ({"venv": "/opt/venv"}, "bad_folder", "venv"),
        ({"venv": "venv", "command": None}, "needs_command", "venv"),
        ({"resources": {"queue": "q" * 56}}, "queue_too_long", "resources.queue"),
    ],
)
def test_programs_that_cannot_be(caller: Caller, changes: Json, code: str, field: str) -> None:
    error = caller.refused("POST", "/studies", 422, json={**a_search("commands", command=COMMAND), **changes})
    assert (error["code"], error["field"]) == (code, field)
    longest = {"venv": "a/../venv"[5:], "resources": {"queue": "q" * 55}}
    caller.call("POST", "/studies", 201, json=a_search("commands", command=COMMAND, **longest))


_SCRIPT = """
import os, sys, time, tunewell
with tunewell.init() as run:
    run.log({"val_loss": float(sys.argv[1])}, step=0)
    print(os.getpid(), flush=True)
    while os.path.exists("wait"):
        time.sleep(0.05)
"""


@pytest.mark.timeout(120)
def test_a_worker_runs_commands_and_takes_them_with_it_when_it_is_killed(
    tmp_path: Path, processes: ProcessFamily, sqlite_url: str, broker: ValkeyServer
) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "train.py").write_text(_SCRIPT)
    study = a_search("commands", command=["python", "train.py", "{rate}"])
    with Service(processes, tmp_path / "home", sqlite_url, broker.url) as service:
        service.start_api()
        service.call("POST", "/studies", study)
        more = ("--allow-commands", "--command-root", str(root), "--command-python", sys.executable)
        service.start_worker(1, more=more)
        service.wait_for_state("commands", "COMPLETE")
        done = service.trials("commands")
        assert [(one["state"], one["value"]) for one in done] == [("COMPLETE", one["params"]["rate"]) for one in done]
        (root / "wait").touch()
        service.call("POST", "/studies", {**study, "name": "killed"})
        trial = service.wait_for_running("killed", min_step=0)
        logs = f"/trials/{trial['trial_id']}/logs"
        wait_until(lambda: service.call("GET", logs)["items"], 60, what="the command has begun")
        command = psutil.Process(int(service.call("GET", logs)["items"][0]["text"]))
        assert is_alive(command)
        service.workers[0].send(signal.SIGKILL)
        wait_until(lambda: not is_alive(command), 30, what="the command has ended with its worker")
        service.stop()
