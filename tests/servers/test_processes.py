"""Starting, hurting and counting processes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.servers.processes import ProcessFamily, ServiceProcess, is_alive
from tests.servers.valkey import start_valkey
from tests.servers.waiting import wait_until

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True, env={})
print("up", child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def family(tmp_path: Path) -> Iterator[ProcessFamily]:
    made = ProcessFamily(tmp_path)
    yield made
    made.kill_all()


def start(family: ProcessFamily, code: str) -> ServiceProcess:
    process = family.start([sys.executable, "-c", code], name="script")
    wait_until(lambda: "\n" in process.log_text(), what="the script prints")
    return process


def test_orphan_in_a_session_and_environment_of_its_own_is_found(family: ProcessFamily) -> None:
    parent = start(family, PARENT)
    orphan = psutil.Process(int(parent.log_text().split()[1]))
    parent.kill()
    assert family.alive() == [orphan]
    with pytest.raises(AssertionError, match=str(orphan.pid)):
        family.assert_none_left(0.1)
    orphan.kill()
    family.assert_none_left()


def test_other_peoples_processes_are_left_alone(family: ProcessFamily, tmp_path: Path) -> None:
    start(family, SLEEPER)
    later = ProcessFamily(tmp_path)
    assert later.alive() == []
    later.kill_all()
    assert len(family.alive()) == 1


def test_servers_started_later_are_left_alone(family: ProcessFamily) -> None:
    with start_valkey() as server, server.client() as client:
        assert family.alive() == []
        family.kill_all()
        assert client.ping()


def test_kill_all_ends_frozen_processes(family: ProcessFamily) -> None:
    process = start(family, SLEEPER)
    process.freeze()
    family.kill_all()
    assert not process.is_running
    assert family.alive() == []


def test_frozen_process_is_alive_and_thaws(family: ProcessFamily) -> None:
    process = start(family, SLEEPER)
    seen = psutil.Process(process.pid)
    process.freeze()
    wait_until(lambda: seen.status() == psutil.STATUS_STOPPED)
    assert is_alive(seen)
    process.thaw()
    wait_until(lambda: seen.status() != psutil.STATUS_STOPPED)
    assert process.terminate() == -signal.SIGTERM


def test_wait_reports_a_process_that_stays_with_its_log(family: ProcessFamily) -> None:
    process = start(family, SLEEPER)
    with pytest.raises(TimeoutError, match=r"script still runs after 0\.05 s:\nup"):
        process.wait(0.05)


def test_start_module_runs_and_logs(family: ProcessFamily) -> None:
    process = family.start_module("platform")
    assert process.wait(30) == 0
    assert process.log_text().lower().startswith(sys.platform)


def test_environment_is_added_to_the_tests_own(family: ProcessFamily) -> None:
    command = [sys.executable, "-c", "import os; print(os.environ['GREETING'], os.environ['PATH'])"]
    process = family.start(command, name="script", env={"GREETING": "hello"})
    assert process.wait(30) == 0
    assert process.log_text() == f"hello {os.environ['PATH']}\n"


def test_zombie_counts_as_ended() -> None:
    with subprocess.Popen([sys.executable, "-c", "pass"]) as child:
        process = psutil.Process(child.pid)
        wait_until(lambda: process.status() == psutil.STATUS_ZOMBIE)
        assert not is_alive(process)
