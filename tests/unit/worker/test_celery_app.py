"""The settings that were tried against killed processes and frozen brokers, and what a shutdown tells."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import celery.signals
import pytest
from celery import Celery
from tunewell.errors import NotFound, Problem
from tunewell.protocol import MachineReading, Orders, Welcome

from tests.servers.waiting import wait_until
from tests.unit.worker.fakes import AWAY, FakeServer
from worker.celery_app import SHUTDOWN_WITHIN_S, StopFlag, _Heart, make_app
from worker.settings import WorkerSettings

# docs/decisions/0003-queue-settings.md says why for each.
TABLE: dict[str, Any] = {
    "accept_content": ["json"],
    "task_serializer": "json",
    "task_acks_late": False,
    "task_ignore_result": True,
    "task_reject_on_worker_lost": False,
    "result_backend": None,
    "worker_prefetch_multiplier": 1,
    "worker_disable_prefetch": True,
    "worker_cancel_long_running_tasks_on_connection_loss": False,
    "worker_hijack_root_logger": False,
    "worker_pool": "prefork",
    "worker_concurrency": 3,
    "worker_soft_shutdown_timeout": 0,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
}
TRANSPORT: dict[str, Any] = {
    "global_keyprefix": "test:",
    "visibility_timeout": 600,
    "socket_timeout": 5,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
SIGNALS = ("worker_process_init", "worker_process_shutdown", "worker_ready", "worker_shutting_down")


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Celery]:
    """Return an application, and forget what it connected to Celery's signals."""
    before = {name: list(getattr(celery.signals, name).receivers or ()) for name in SIGNALS}
    settings = WorkerSettings("http://127.0.0.1:9", None, "w", ("cpu",), 3, 4, tmp_path)
    app = make_app(settings, Welcome(1, "memory://", "test:", 60, 10, 30), tmp_path)
    yield app
    app.close()
    for name, receivers in before.items():
        getattr(celery.signals, name).receivers = receivers


class Beating(FakeServer):
    """A server that takes heartbeats."""

    def __init__(self) -> None:
        super().__init__()
        self.n_heartbeats = 0
        self.machine: MachineReading | None = None

    def heartbeat(self, worker_id: int, machine: MachineReading | None = None) -> Orders:
        self._fail()
        self.n_heartbeats += 1
        self.machine = machine
        return Orders("ALIVE")


@pytest.fixture
def beating(monkeypatch: pytest.MonkeyPatch) -> Beating:
    """Return the server that the heartbeat's thread will talk to."""
    server = Beating()
    monkeypatch.setattr("worker.celery_app.Protocol", lambda _transport: server)
    return server


@pytest.fixture
def heart(settings: WorkerSettings, welcome: Welcome, beating: Beating) -> Iterator[_Heart]:
    settings.home.mkdir()
    quick = Welcome(1, welcome.broker_url, "test:", 60, 0.02, 30)
    heart = _Heart(settings, quick, settings.runs_dir / "run", StopFlag())
    yield heart
    heart._wake.set()
    for thread in threading.enumerate():
        if thread.name == "heartbeat":
            thread.join(10)


@pytest.mark.parametrize("name", TABLE)
def test_each_setting_is_as_it_was_tried(app: Celery, name: str) -> None:
    assert app.conf[name] == TABLE[name]


def test_the_transport_is_as_it_was_tried(app: Celery) -> None:
    assert app.conf.broker_transport_options == TRANSPORT


def test_one_task_and_no_other(app: Celery) -> None:
    own = [name for name in app.tasks if not name.startswith("celery.")]
    assert own == ["tunewell.wake"]
    assert app.tasks["tunewell.wake"].ignore_result


def test_a_shutdown_fits_into_the_grace_that_containers_give() -> None:
    assert SHUTDOWN_WITHIN_S < 10  # what Docker waits where nobody says otherwise


def test_the_stop_flag_reaches_a_forked_child() -> None:
    flag = StopFlag()
    assert not flag.is_set()
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(read, 1)
        os._exit(7 if flag.is_set() else 1)
    flag.set()
    os.write(write, b"x")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
    os.close(read)
    os.close(write)


def test_the_heart_beats_and_touches_its_file(heart: _Heart, beating: Beating, settings: WorkerSettings) -> None:
    heart.on_ready()
    wait_until(lambda: beating.n_heartbeats >= 2 and (settings.home / "worker-alive").exists())
    assert beating.machine is not None
    assert 0 < beating.machine.memory_used_bytes < beating.machine.memory_total_bytes


def test_a_server_that_is_away_does_not_stop_the_heart(
    heart: _Heart, beating: Beating, settings: WorkerSettings
) -> None:
    beating.failures.extend([AWAY] * 3)
    heart.on_ready()
    wait_until(lambda: beating.n_heartbeats >= 1)
    assert beating.n_refused == 3


def test_a_home_that_cannot_be_written_does_not_stop_the_heart(
    heart: _Heart, beating: Beating, settings: WorkerSettings
) -> None:
    settings.home.rmdir()
    heart.on_ready()
    wait_until(lambda: beating.n_heartbeats >= 3)


def test_a_worker_that_the_server_does_not_know_ends(
    heart: _Heart, beating: Beating, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr("worker.celery_app.os.kill", lambda pid, signum: told.append((pid, signum)))
    beating.failures.append(NotFound(Problem("worker_not_found", "there is no worker 1", status=404)))
    heart.on_ready()
    wait_until(lambda: told)
    assert told == [(os.getpid(), signal.SIGTERM)]


def test_a_shutdown_is_told_at_once_and_bounded(heart: _Heart, monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    monkeypatch.setattr("worker.celery_app.SHUTDOWN_WITHIN_S", 0.05)
    monkeypatch.setattr("worker.celery_app.os._exit", codes.append)
    heart.on_stop()
    heart.on_stop()
    assert heart._stop.is_set()
    wait_until(lambda: codes, what="a slot that hangs is ended")
    assert codes == [1]
