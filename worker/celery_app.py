"""Celery, set up to lose nothing that matters: a token is only a reason to ask the API for work.

The settings were tried against killed processes, frozen brokers and half-open connections; see
docs/decisions/0003-queue-settings.md before changing one.
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from billiard.process import current_process
from celery import Celery, signals
from tunewell.errors import NotFound, TunewellError
from tunewell.protocol import MachineReading, Protocol, Transport, Welcome
from tunewell.system.meters import MachineMeter
from tunewell.system.nvml import open_gpus

from worker.leftovers import recover_spools
from worker.lifeline import die_with_parent
from worker.settings import WorkerSettings
from worker.supervisor import Supervisor

log = logging.getLogger(__name__)
# Supervisors hand their trials back within this time. Celery's own soft shutdown tells nobody before it has passed, so
# it is off: a SIGTERM starts the warm shutdown, which waits for the tasks, and a watchdog bounds it.
SHUTDOWN_WITHIN_S = 9.0


class StopFlag:
    """One byte that the worker and its forked pool children share."""

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 1)

    def set(self) -> None:
        """Tell everybody to end."""
        self._shared[0] = 1

    def is_set(self) -> bool:
        """Tell whether the worker was told to end."""
        return self._shared[0] == 1


def make_app(settings: WorkerSettings, welcome: Welcome, run_dir: Path) -> Celery:
    """Return the Celery application of one worker process."""
    app = Celery("tunewell-worker", broker=welcome.broker_url)
    app.conf.update(_configuration(settings, welcome))
    stop = StopFlag()
    slot = _Slot(settings, welcome, run_dir, stop)

    def wake(_queue: str) -> int:
        return slot.supervisor().serve()

    app.task(name="tunewell.wake", ignore_result=True, shared=False)(wake)
    beat = _Heart(settings, welcome, run_dir, stop)
    signals.worker_process_init.connect(slot.on_fork, weak=False)
    signals.worker_process_shutdown.connect(slot.on_exit, weak=False)
    signals.worker_ready.connect(beat.on_ready, weak=False)
    signals.worker_shutting_down.connect(beat.on_stop, weak=False)
    return app


def _configuration(settings: WorkerSettings, welcome: Welcome) -> dict[str, Any]:
    return {
        "accept_content": ["json"],
        "task_serializer": "json",
        "task_acks_late": False,
        "task_ignore_result": True,
        "task_reject_on_worker_lost": False,
        "worker_prefetch_multiplier": 1,
        "worker_disable_prefetch": True,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_soft_shutdown_timeout": 0,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_send_task_events": True,  # what Flower shows
        "worker_concurrency": settings.n_slots,
        "worker_pool": "prefork",
        "worker_proc_alive_timeout": 60,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            "global_keyprefix": welcome.key_prefix,
            "visibility_timeout": 600,
            "socket_timeout": 5,
            "socket_connect_timeout": 3,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
    }


class _Slot:
    """What a pool child holds."""

    def __init__(self, settings: WorkerSettings, welcome: Welcome, run_dir: Path, stop: StopFlag) -> None:
        self._settings = settings
        self._welcome = welcome
        self._run_dir = run_dir
        self._stop = stop
        self._supervisor: Supervisor | None = None
        self._parent_pid = os.getpid()

    def supervisor(self) -> Supervisor:
        """Return this pool child's supervisor, made after the fork: connections must not cross it."""
        if self._supervisor is None:
            protocol = Protocol(Transport(self._settings.server, self._settings.token))
            settings = replace(self._settings, slot=getattr(current_process(), "index", 0))
            # For all that this process starts, and none of it has asked CUDA yet: what it is pinned to.
            os.environ.update(settings.own_slot.variables)
            self._supervisor = Supervisor(settings, self._welcome, self._run_dir, self._stop.is_set, protocol)
        return self._supervisor

    def on_fork(self, **_: Any) -> None:
        """Begin a pool child."""
        die_with_parent(self._parent_pid)
        self.supervisor().warm_up()

    def on_exit(self, **_: Any) -> None:
        """End a pool child."""
        if self._supervisor is not None:
            self._supervisor.close()


class _Heart:
    """Signs of life, and the care for what killed pool children left behind, from a thread of the main process."""

    def __init__(self, settings: WorkerSettings, welcome: Welcome, run_dir: Path, stop: StopFlag) -> None:
        self._settings = settings
        self._welcome = welcome
        self._run_dir = run_dir
        self._stop = stop
        self._wake = threading.Event()
        self._is_silent = False

    def on_ready(self, **_: Any) -> None:
        """Begin to beat."""
        threading.Thread(target=self._run, name="heartbeat", daemon=True).start()

    def on_stop(self, **_: Any) -> None:
        """Tell the pool children to hand their work back; end by force should one of them hang."""
        if self._stop.is_set():
            return
        self._stop.set()
        self._wake.set()
        watchdog = threading.Timer(SHUTDOWN_WITHIN_S, self._end)
        watchdog.daemon = True
        watchdog.start()

    def _end(self) -> None:
        log.warning("a slot did not end in time; what it still had to say is kept in %s", self._run_dir)
        os._exit(1)  # the pool children and their trials end with this process

    def _run(self) -> None:
        protocol = Protocol(Transport(self._settings.server, self._settings.token, timeout_s=10))
        meter = MachineMeter(open_gpus())
        while not self._wake.wait(self._welcome.heartbeat_s):
            self._beat(protocol, meter.read())
            recover_spools(protocol, self._run_dir)
            self._touch()

    def _beat(self, protocol: Protocol, machine: MachineReading) -> None:
        try:
            protocol.heartbeat(self._welcome.worker_id, machine)
        except NotFound:
            log.error("the server does not know this worker any more; start it again to register anew")
            os.kill(os.getpid(), signal.SIGTERM)
        except TunewellError as error:
            if not self._is_silent:
                log.warning("no heartbeat: %s", error)
            self._is_silent = True
        else:
            self._is_silent = False

    def _touch(self) -> None:
        # Containers look at this file's age. It also goes stale while the API is away: look then, do not kill.
        if not self._is_silent:
            with suppress(OSError):  # a full disk must not silence the worker
                (self._settings.home / "worker-alive").touch()
