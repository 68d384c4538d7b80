"""How long programs take to start, and what they hold while they do nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from tunewell import Client
from tunewell.errors import TunewellError

from benchmarks.report import as_json, summarise
from benchmarks.scale import DATABASES, Scale
from benchmarks.servers import READY_TIMEOUT_S, Bench, is_ready
from stack.home import find_running
from tests.servers.ports import free_port
from tests.servers.processes import ServiceProcess
from tests.servers.waiting import wait_until

_MIB = 2**20
_QUIET_S = 2.0
_QUIET_SHARE = 0.02  # of a core


def measure(bench: Bench, scale: Scale, seed: int) -> dict[str, Any]:
    """Return start-up times in seconds and the idle memory of every process in MiB."""
    starts: dict[str, Any] = {}
    for kind in DATABASES:
        starts[f"api_{kind}"] = _time_api(bench, kind, scale)
    stack_s, memory = _measure_stack(bench, scale)
    return {"start_s": {**starts, "stack_up_to_worker_ready": stack_s}, "idle_memory": memory}


def _time_api(bench: Bench, kind: str, scale: Scale) -> dict[str, Any]:
    """Time `python -m api` until /readyz: with an empty database, which it migrates, and with a migrated one."""
    first, again = [], []
    for _ in range(scale.n_starts):
        database_url = bench.new_database(kind)
        first.append(_time_one(bench, database_url))
        again.append(_time_one(bench, database_url))
    return {"empty_database": as_json(summarise(first)), "migrated_database": as_json(summarise(again))}


def _time_one(bench: Bench, database_url: str) -> float:
    started_at = time.perf_counter()
    api = bench.launch_api(database_url)
    wait_until(lambda: is_ready(api), READY_TIMEOUT_S, what="the API is ready", interval_s=0.01)
    duration_s = time.perf_counter() - started_at
    api.process.terminate()
    return duration_s


def _measure_stack(bench: Bench, scale: Scale) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    taken = []
    memory: list[dict[str, Any]] = []
    for _ in range(scale.n_starts):
        started_at = time.perf_counter()
        with _stack(bench) as process:
            taken.append(time.perf_counter() - started_at)
            if not memory:
                _wait_quiet(process)
                memory = list_memory(psutil.Process(process.pid))
    return as_json(summarise(taken)), memory


@contextmanager
def _stack(bench: Bench) -> Iterator[ServiceProcess]:
    """Run `python -m stack up` until its worker has joined, and end it with the block."""
    home = bench.new_folder()
    env = {"TUNEWELL_HOME": str(home), "TUNEWELL_PORT": str(free_port())}

    def has_worker() -> bool:
        if not process.is_running:
            raise RuntimeError(f"the stack ended:\n{process.log_text()}")
        running = find_running(home)
        if running is None or running.server is None:
            return False
        try:
            with Client(running.server) as client:
                return bool(client.list_workers())
        except TunewellError:
            return False

    process = bench.family.start_module("stack", "up", env=env)
    wait_until(has_worker, READY_TIMEOUT_S, what="the stack's worker joins", interval_s=0.05)
    try:
        yield process
    finally:
        process.terminate(60.0)


def _wait_quiet(process: ServiceProcess) -> None:
    """Wait until nothing of the stack is still starting: two seconds in which it hardly computes."""
    used: list[tuple[float, float]] = []

    def is_quiet() -> bool:
        used.append((time.monotonic(), _cpu_s(process)))
        now, total = used[-1]
        before = [(at, cpu) for at, cpu in used if at <= now - _QUIET_S]
        return bool(before) and total - before[-1][1] < _QUIET_SHARE * (now - before[-1][0])

    wait_until(is_quiet, 60.0, what="the idle stack comes to rest", interval_s=0.5)


def _cpu_s(process: ServiceProcess) -> float:
    total = 0.0
    for one in process.descendants():
        try:
            times = one.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def list_memory(top: psutil.Process) -> list[dict[str, Any]]:
    """Return role, resident and proportional set size (MiB; shared pages are split, on Linux only) of a family."""
    found = []
    for process in [top, *top.children(recursive=True)]:
        info = process.memory_full_info()
        pss = getattr(info, "pss", None)
        found.append(
            {
                "role": role_of(process.cmdline()),
                "rss_mib": round(info.rss / _MIB, 1),
                "pss_mib": None if pss is None else round(pss / _MIB, 1),
            }
        )
    return found


def role_of(command: Sequence[str]) -> str:
    """Return what the process with this command line is: a part of ours by its module, or the program's name."""
    if "-m" in command[:-1]:
        return command[command.index("-m") + 1]
    name = command[0] if command else "?"
    if name.startswith("[celeryd:"):  # Celery renames its processes
        return "worker" if "MainProcess" in " ".join(command) else "worker pool child"
    return Path(name).name
