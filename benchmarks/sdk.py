"""`python -m benchmarks.sdk`: what logging costs the script that logs, with a server of its own. Prints JSON."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import tunewell
import typer

from benchmarks.report import describe_run
from tests.servers.processes import ProcessFamily
from tests.servers.service import Service

N_CALLS = 100_000
_ROUNDS = 5


def main(
    calls: Annotated[int, typer.Option(help="Calls of `log` a measurement.", min=1000)] = N_CALLS,
) -> None:
    """Measure a call of `run.log` on the thread that logs, and the processor time of all of it.

    offline: to disk alone. online: to an API of its own process, on SQLite, with the time until it has heard all.
    """
    document = describe_run(seed=0, is_quick=calls < N_CALLS, started_at=datetime.now(UTC))
    with tempfile.TemporaryDirectory(prefix="tunewell-bench-") as name:
        folder = Path(name)
        os.environ["TUNEWELL_RUNS"], os.environ["TUNEWELL_CAPTURE"] = str(folder / "runs"), "none"
        for n_metrics in (1, 5):
            document[f"offline_{n_metrics}"] = _best("offline", n_metrics, calls)
        with _serving(folder) as address:
            os.environ["TUNEWELL_SERVER"] = address
            for n_metrics in (1, 5):
                document[f"online_{n_metrics}"] = _best("online", n_metrics, calls)
    print(json.dumps(document, indent=2))


def _best(mode: str, n_metrics: int, calls: int) -> dict[str, Any]:
    found = [_measure(mode, n_metrics, calls // _ROUNDS) for _ in range(_ROUNDS)]
    print(f"{mode}, {n_metrics} numbers a call: done", file=sys.stderr)
    return min(found, key=lambda one: float(one["thread_us_a_call"]))


def _measure(mode: Any, n_metrics: int, calls: int) -> dict[str, Any]:
    values = {f"metric_{place}": 0.5 for place in range(n_metrics)}
    with tunewell.init("bench", mode=mode) as run:
        run.log(values, step=0)
        run.flush(60.0)
        cpu_s, thread_s, wall_s = time.process_time(), time.thread_time(), time.perf_counter()
        for step in range(1, calls + 1):
            run.log(values, step=step)
        thread_us = (time.thread_time() - thread_s) / calls * 1e6
        wall_us = (time.perf_counter() - wall_s) / calls * 1e6
        run.flush(120.0)
        heard_s = time.perf_counter() - wall_s
        cpu_us = (time.process_time() - cpu_s) / (calls * n_metrics) * 1e6
    return {
        "calls": calls,
        "numbers_a_call": n_metrics,
        "thread_us_a_call": round(thread_us, 2),
        "wall_us_a_call": round(wall_us, 2),
        "process_cpu_us_a_number": round(cpu_us, 2),
        "numbers_a_second_until_heard": round(calls * n_metrics / heard_s) if mode == "online" else None,
    }


@contextmanager
def _serving(folder: Path) -> Iterator[str]:
    family = ProcessFamily(folder)
    service = Service(family, folder / "home", f"sqlite:///{folder / 'bench.db'}", "memory://", settings={})
    try:
        service.start_api()
        yield service.address
    finally:
        family.kill_all()


if __name__ == "__main__":
    typer.run(main)
