"""Broker, API and worker as one."""

import os
import signal
import socket
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from stack.errors import StackError
from stack.home import find_running
from stack.runner import running_stack, shared_environment
from stack.settings import StackSettings
from stack.valkey import prepare_broker
from tests.servers.ports import is_listening
from tests.servers.processes import ProcessFamily, ServiceProcess, is_alive
from tests.servers.waiting import wait_until
from tests.unit.stack.fakes import BROKEN, make_settings

OWNER = """
import os, sys, time
from pathlib import Path
from stack.runner import running_stack
from stack.settings import StackSettings
from stack.signals import StopRequested, stop_on_signals
home, root, port = sys.argv[1:]
settings = StackSettings(Path(home), int(port), "", "cpu", 2, Path(root))
try:
    with stop_on_signals(), running_stack(settings, os.environ, print) as stack:
        print("serving", stack.server, flush=True)
        while True:
            stack.tick()
            time.sleep(0.02)
except StopRequested as stop:
    sys.exit(128 + stop.signum)
"""


def children() -> list[psutil.Process]:
    return [process for process in psutil.Process().children(recursive=True) if is_alive(process)]


def start_owner(processes: ProcessFamily, settings: StackSettings) -> ServiceProcess:
    arguments = [str(settings.home), str(settings.root), str(settings.port)]
    owner = processes.start([sys.executable, "-c", OWNER, *arguments], name="owner")
    worker_log = settings.logs / "worker.log"
    wait_until(lambda: worker_log.exists() and "worker" in worker_log.read_text(), 30, what=owner.log_text())
    return owner


def test_starts_everything_and_leaves_nothing(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    before = children()
    said: list[str] = []
    with running_stack(settings, os.environ, said.append) as stack:
        assert stack.server == f"http://127.0.0.1:{settings.port}"
        assert httpx.get(f"{stack.server}/readyz").status_code == 200
        running = find_running(settings.home)
        assert running is not None
        assert running.server == stack.server
        worker_log = settings.logs / "worker.log"
        wait_until(lambda: worker_log.exists() and "worker" in worker_log.read_text(), what="the worker starts")
        assert worker_log.read_text().split()[2:] == ["--server", stack.server, "--queues", "cpu", "--slots", "2"]
        assert "broker redis://:" in (settings.logs / "api.log").read_text()
    assert children() == before
    assert find_running(settings.home) is None
    assert not is_listening(settings.port)
    assert said == []


def test_taken_port_is_said_and_passed_over(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    said: list[str] = []
    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.port))
        other.listen()
        with running_stack(settings, os.environ, said.append) as stack:
            port = int(stack.server.rsplit(":", 1)[1])
    assert port > settings.port
    assert said == [f"port {settings.port} is taken: using {port}"]


def test_others_come_in_by_name_and_with_tokens_alone(tmp_path: Path) -> None:
    settings = replace(make_settings(tmp_path), name="trainer", listen="192.0.2.1")
    settings.home.mkdir()
    broker = prepare_broker(settings.home, settings.listen)
    made = shared_environment({}, settings, broker)
    assert made["TUNEWELL_REQUIRE_TOKENS"] == "yes"
    assert made["TUNEWELL_ALLOWED_HOSTS"] == "trainer,192.0.2.1"
    assert made["TUNEWELL_WORKER_BROKER_URL"] == broker.url_for("trainer")
    assert made["TUNEWELL_WORKER_TOKEN"] != shared_environment({}, settings, broker)["TUNEWELL_WORKER_TOKEN"]
    theirs = {
        "TUNEWELL_REQUIRE_TOKENS": "no",
        "TUNEWELL_ALLOWED_HOSTS": "lab",
        "TUNEWELL_WORKER_BROKER_URL": "redis://elsewhere",
        "TUNEWELL_WORKER_TOKEN": "theirs",
    }
    kept = {**theirs, "TUNEWELL_REQUIRE_TOKENS": "yes", "TUNEWELL_ALLOWED_HOSTS": "lab,trainer,192.0.2.1"}
    assert shared_environment(theirs, settings, broker) == kept
    assert shared_environment({}, settings, None)["TUNEWELL_WORKER_BROKER_URL"] == "", "the API's own serves them, too"


def test_broker_of_the_user_is_used(tmp_path: Path) -> None:
    settings = replace(make_settings(tmp_path), broker_url="redis://of-the-user")
    with running_stack(settings, os.environ, print):
        assert "redis://of-the-user" in (settings.logs / "api.log").read_text()
    assert not (settings.home / "broker").exists()


def test_api_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    settings = make_settings(tmp_path, api=BROKEN)
    before = children()
    with pytest.raises(StackError, match="no such table: studies") as refusal, running_stack(settings, {}, print):
        pass
    assert refusal.value.code == "not_ready"
    assert children() == before
    assert find_running(settings.home) is None


def test_second_stack_on_the_same_home_is_refused(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    with running_stack(settings, os.environ, print) as stack:
        with pytest.raises(StackError, match=f"process {os.getpid()}, serving {stack.server}") as refusal:
            with running_stack(settings, os.environ, print):
                pass
        assert refusal.value.code == "home_in_use"
        assert httpx.get(f"{stack.server}/readyz").status_code == 200


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_stop_signals_end_everything(tmp_path: Path, processes: ProcessFamily, signum: signal.Signals) -> None:
    owner = start_owner(processes, make_settings(tmp_path))
    owner.send(signum)
    assert owner.wait(20) == 128 + signum
    assert processes.alive() == []


def test_killed_stack_takes_its_children_along(tmp_path: Path, processes: ProcessFamily) -> None:
    settings = make_settings(tmp_path)
    owner = start_owner(processes, settings)
    family = psutil.Process(owner.pid).children()
    assert len(family) == 3
    owner.kill()
    wait_until(lambda: not any(is_alive(process) for process in family), what="broker, API and worker end")
    with running_stack(settings, os.environ, print) as stack:
        assert httpx.get(f"{stack.server}/readyz").status_code == 200


def test_killed_worker_is_started_again(tmp_path: Path, processes: ProcessFamily) -> None:
    settings = make_settings(tmp_path)
    owner = start_owner(processes, settings)
    worker_log = settings.logs / "worker.log"
    os.kill(int(worker_log.read_text().split()[1]), signal.SIGKILL)
    wait_until(lambda: worker_log.read_text().count("worker ") == 2, what="a second worker starts")
    assert "worker was killed by SIGKILL; starting it again in 0.5 s" in owner.log_text()
