"""From a worker's `report` to the event at a reader of the live stream."""

from __future__ import annotations

import queue
import random
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tunewell import Client
from tunewell.events import EventStream
from tunewell.protocol import Finish, MetricPoint, Report

from benchmarks.report import as_json, summarise
from benchmarks.scale import DATABASES, Scale
from benchmarks.servers import Bench
from benchmarks.work import METRIC, Mode, joined, run_trial, submit

_TIMEOUT_S = 30.0
_N_LOADERS = 4
Arrivals = queue.Queue[tuple[int, float]]


def measure(bench: Bench, scale: Scale, seed: int) -> dict[str, Any]:
    """Return milliseconds from sending a report to reading its event: on an idle stream, and while others report."""
    return {kind: _measure_kind(bench, kind, scale, seed) for kind in DATABASES}


def _measure_kind(bench: Bench, kind: str, scale: Scale, seed: int) -> dict[str, Any]:
    with bench.api(bench.new_database(kind)) as api:
        idle = _probe(api.address, scale, seed)
        with _load(api.address, scale, seed):
            loaded = _probe(api.address, scale, seed)
    return {
        "unit": "milliseconds",
        "idle": as_json(summarise(idle)),
        f"under_load_of_{_N_LOADERS}_clients": as_json(summarise(loaded)),
    }


def _probe(address: str, scale: Scale, seed: int) -> list[float]:
    """Send reports apart from each other, further than the stream's own batching interval, and time their events.

    The stream is that of every study, as the dashboard's is; the pauses vary so that no rhythm can please a timer.
    """
    pauses = random.Random(seed)
    with ExitStack() as stack:
        worker = stack.enter_context(joined(address, submit(address, 1, seed)))
        (job,) = worker.claim()
        arrivals = stack.enter_context(_listening(address, job.trial_id))
        taken = []
        for step in range(1, scale.n_probes + 1):
            time.sleep(pauses.uniform(0.6, 0.9))
            sent_at = time.perf_counter()
            report = Report(seq=step, step=step, metrics=(MetricPoint(METRIC, step, 0.5),))
            worker.protocol.report(job.attempt_id, job.lease_token, report)
            taken.append(1000 * (_arrival(arrivals, step) - sent_at))
        worker.protocol.finish(job.attempt_id, job.lease_token, Finish("COMPLETE", values={METRIC: 0.5}))
    return taken


@contextmanager
def _listening(address: str, trial_id: int) -> Iterator[Arrivals]:
    """Read the live stream from a thread and hand out when which step of a trial arrived."""
    arrivals: Arrivals = queue.Queue()
    with Client(address) as client:
        stream = client.open_events()
        thread = threading.Thread(target=_read, args=(stream, trial_id, arrivals), name="bench-reader")
        thread.start()
        try:
            _arrival(arrivals, 0)
            yield arrivals
        finally:
            stream.close()
            thread.join()


def _read(stream: EventStream, trial_id: int, arrivals: Arrivals) -> None:
    for event in stream:
        now = time.perf_counter()
        if event.kind == "hello":
            arrivals.put((0, now))
        for trial in event.data.get("trials", ()):
            if trial["trial_id"] == trial_id:
                arrivals.put((trial["step"], now))


def _arrival(arrivals: Arrivals, step: int) -> float:
    while True:
        arrived, at = arrivals.get(timeout=_TIMEOUT_S)
        if arrived >= step:
            return at


@contextmanager
def _load(address: str, scale: Scale, seed: int) -> Iterator[None]:
    """Let other clients run no-op trials for the length of a `with` block, as fast as they can."""
    name = submit(address, 1_000_000, seed)
    is_over = threading.Event()
    threads = [
        threading.Thread(target=_run_until, args=(address, name, is_over, scale.n_reports), name=f"bench-load-{place}")
        for place in range(_N_LOADERS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        is_over.set()
        for thread in threads:
            thread.join()


def _run_until(address: str, name: str, is_over: threading.Event, n_reports: int) -> None:
    with joined(address, name) as worker:
        while not is_over.is_set():
            for job in worker.claim():
                run_trial(worker, job, n_reports, is_batched=Mode().is_batched)
