"""`python -m benchmarks.load`: many simulated workers and running trials against one API process.

Measures what workers wait for (claim, report, finish), what the live stream lags behind, what API and database use of
processor and memory, and whether any trial lost its lease; on each kind of database, for some minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
import psutil
import typer
from sqlalchemy import func, select

from benchmarks.load_client import METRICS, Order
from benchmarks.report import describe_run, percentile
from benchmarks.scale import DATABASES
from benchmarks.servers import Bench, RunningApi, running_servers
from benchmarks.work import submit
from db.engine import Database
from db.lifecycle import AttemptState
from db.tables import AttemptRow
from tests.servers.processes import ROOT

_SAMPLE_S = 2.0
_HEARTBEAT_S = 10.0  # as the API tells its workers by default


@dataclass(frozen=True, slots=True)
class Load:
    """How much load for how long; see the options of the command."""

    n_workers: int
    n_trials: int
    epoch_s: float
    duration_s: float
    n_studies: int = 10
    n_epochs: int = 5

    @property
    def starts_s(self) -> float:
        """Seconds over which the workers join: nobody starts a fleet in one moment."""
        return min(2 * self.epoch_s, self.duration_s / 2)


def main(
    workers: Annotated[int, typer.Option(help="Simulated workers.", min=1)] = 200,
    trials: Annotated[int, typer.Option(help="Trials that run at the same time.", min=1)] = 2000,
    epoch_s: Annotated[float, typer.Option(help="Seconds from report to report of a trial.", min=0.1)] = 20.0,
    minutes: Annotated[float, typer.Option(help="How long, on each kind of database.", min=0.1)] = 3.0,
    kinds: Annotated[str, typer.Option(help="Databases, comma-separated.")] = ",".join(DATABASES),
    seed: Annotated[int, typer.Option(help="Seeds searches and pauses.", min=0)] = 1,
) -> None:
    """Load one API process with simulated workers and print one JSON document."""
    load = Load(workers, trials, epoch_s, minutes * 60)
    document = describe_run(seed=seed, is_quick=False, started_at=datetime.now(UTC))
    document["load"] = asdict(load)
    with running_servers() as bench:
        for kind in kinds.split(","):
            document[kind] = measure(bench, kind, load, seed)
            print(f"{kind}: {json.dumps(document[kind])}", file=sys.stderr)
    print(json.dumps(document, indent=2))


def measure(bench: Bench, kind: str, load: Load, seed: int) -> dict[str, Any]:
    """Return what one kind of database and an API process over it do under load."""
    url = bench.new_database(kind)
    with bench.api(url) as api:
        queues = tuple(_submit(api.address, load, seed + number) for number in range(load.n_studies))
        with sampling(bench, kind, api) as samples:
            found = _simulate(_order(api.address, queues, load, seed))
        load_1min = os.getloadavg()[0]
    database = Database(url)
    with database.read() as session:
        lost = select(func.count()).select_from(AttemptRow).where(AttemptRow.state == AttemptState.LOST)
        n_lost = session.execute(lost).scalar_one()
    database.close()
    phases = (found["starting_ms"], found["times_ms"])
    n_requests = sum(len(times) for phase in phases for kind, times in phase.items() if kind != "stream_lag")
    usage = {name: one.summary() for name, one in samples.items()}
    return {
        "milliseconds": _percentiles(found.pop("times_ms")),
        "milliseconds_while_starting": _percentiles(found.pop("starting_ms")),
        **found,
        "n_lost_leases": n_lost,
        "requests_per_s": round(n_requests / load.duration_s, 1),
        "reports_per_s": round(found["n_points"] / len(METRICS) / load.duration_s, 1),
        "cpu_ms_per_request": {name: round(one["cpu_s"] / n_requests * 1e3, 2) for name, one in usage.items()},
        "load_1min_at_end": load_1min,
        **usage,
    }


def _order(address: str, queues: tuple[str, ...], load: Load, seed: int) -> Order:
    return Order(
        address=address,
        queues=queues,
        n_workers=load.n_workers,
        n_lanes=-(-load.n_trials // load.n_workers),
        epoch_s=load.epoch_s,
        n_epochs=load.n_epochs,
        starts_s=load.starts_s,
        duration_s=load.duration_s,
        heartbeat_s=_HEARTBEAT_S,
        seed=seed,
    )


def _submit(address: str, load: Load, seed: int) -> str:
    n_parallel = -(-load.n_trials // load.n_studies)
    return submit(address, 1_000_000, seed, max_parallel=n_parallel)


def _simulate(order: Order) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.load_client"]
    done = subprocess.run(
        command, input=json.dumps(asdict(order)), capture_output=True, text=True, check=False, cwd=ROOT
    )
    if done.returncode != 0:
        raise RuntimeError(f"the simulated workers ended with {done.returncode}:\n{done.stderr}")
    return dict(json.loads(done.stdout))


def _percentiles(kinds: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
    return {
        kind: {"n": len(times), **{name: round(percentile(times, share), 1) for name, share in shares.items()}}
        for kind, times in sorted(kinds.items())
    }


class Samples:
    """What a program and its children use, every other second."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._at_s: list[float] = []
        self._cpu_s: list[float] = []
        self._bytes: list[int] = []

    def take(self) -> None:
        """Note what is used now."""
        cpu_s, n_bytes = 0.0, 0
        for process in (self._process, *self._process.children(recursive=True)):
            try:
                times, memory = process.cpu_times(), process.memory_full_info()
            except psutil.NoSuchProcess:
                continue
            cpu_s += times.user + times.system
            # Processes of PostgreSQL share their largest part: PSS divides it among them, where the system tells it.
            n_bytes += getattr(memory, "pss", memory.rss)
        self._at_s.append(time.monotonic())
        self._cpu_s.append(cpu_s)
        self._bytes.append(n_bytes)

    def summary(self) -> dict[str, float]:
        """Return cores used, memory at the end and at most, and how it grew in the second half, in MiB."""
        half = len(self._at_s) // 2
        span_s = self._at_s[-1] - self._at_s[0]
        slope = np.polyfit(self._at_s[half:], self._bytes[half:], 1)[0] if len(self._at_s) - half > 2 else 0.0
        return {
            "cpu_s": round(max(self._cpu_s) - self._cpu_s[0], 2),
            "cores": round((max(self._cpu_s) - self._cpu_s[0]) / span_s, 3),
            "memory_mib_at_start": round(self._bytes[0] / 2**20, 1),
            "memory_mib_at_end": round(self._bytes[-1] / 2**20, 1),
            "memory_mib_max": round(max(self._bytes) / 2**20, 1),
            "growth_mib_per_hour": round(float(slope) * 3600 / 2**20, 1),
        }


@contextmanager
def sampling(bench: Bench, kind: str, api: RunningApi) -> Iterator[dict[str, Samples]]:
    """Take samples of API and database every other second for the length of a `with` block."""
    programs = {"api": Samples(api.process.pid)}
    if kind == "postgresql":
        programs["database"] = Samples(bench.postgres.process.pid)
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(_SAMPLE_S):
            for one in programs.values():
                one.take()

    for one in programs.values():
        one.take()
    thread = threading.Thread(target=run, name="samples")
    thread.start()
    try:
        yield programs
    finally:
        stop.set()
        thread.join()


if __name__ == "__main__":
    typer.run(main)
