"""A worker that trains nothing: it claims, reports and finishes through the SDK, as real workers do."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tunewell import Client
from tunewell.protocol import Assignment, Finish, MetricPoint, Protocol, Registration, Report, Transport

METRIC = "val_accuracy"
SPACE: dict[str, dict[str, Any]] = {
    "learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
    "weight_decay": {"type": "float", "low": 0.0, "high": 0.1},
    "dropout": {"type": "float", "low": 0.0, "high": 0.5},
    "momentum": {"type": "float", "low": 0.5, "high": 0.99},
    "epochs": {"type": "int", "low": 8, "high": 256, "log": True},
    "patience": {"type": "int", "low": 0, "high": 16, "step": 4},
    "schedule": {"type": "categorical", "choices": ["constant", "step", "cosine"]},
    "initialiser": {"type": "categorical", "choices": ["kaiming", "xavier", "orthogonal"]},
}
"""Eight parameters of every kind, none of which parts trials into structures, so that claims of several are filled; the
peer searches the same ones."""


@dataclass(frozen=True, slots=True)
class Mode:
    """How clients work off a study.

    Attributes:
        n_clients: Threads, each with a connection and a worker registration of its own.
        n_max: Attempts asked for in one claim.
        is_batched: Whether a trial's points go out in one report instead of one report each.
    """

    n_clients: int = 1
    n_max: int = 1
    is_batched: bool = False


@dataclass(frozen=True, slots=True)
class Worker:
    """A registered worker and the queue it serves."""

    protocol: Protocol
    worker_id: int
    queue: str

    def claim(self, n_max: int = 1) -> tuple[Assignment, ...]:
        """Ask for work."""
        return self.protocol.claim(self.worker_id, [self.queue], n_max).attempts


def submit(address: str, n_trials: int, seed: int, *, max_parallel: int = 64) -> str:
    """Submit a random search on a queue that only this benchmark serves, and return its name, which is the queue's."""
    name = f"bench-{secrets.token_hex(6)}"
    with Client(address) as client:
        client.create_study(
            {
                "name": name,
                "dataset": "digits",
                "model": "mlp",
                "search_space": SPACE,
                "sampler": {"name": "random", "seed": seed},
                "objectives": [{"metric": METRIC, "direction": "maximize"}],
                "budget": {"n_trials": n_trials, "max_parallel": max_parallel},
                "resources": {"queue": name},
            }
        )
    return name


@contextmanager
def joined(address: str, queue: str) -> Iterator[Worker]:
    """Register a worker for the length of a `with` block."""
    with Transport(address) as transport:
        protocol = Protocol(transport)
        welcome = protocol.register(Registration("bench", "localhost", 1, "0", (queue,), 1))
        try:
            yield Worker(protocol, welcome.worker_id, queue)
        finally:
            protocol.leave(welcome.worker_id)


def run_trial(worker: Worker, job: Assignment, n_reports: int, *, is_batched: bool) -> None:
    """Report `n_reports` points of a trial, one a report or all in one, and finish it."""
    points = [MetricPoint(METRIC, step, 1.0 - 1.0 / step) for step in range(1, n_reports + 1)]
    batches = [points] if is_batched else [[point] for point in points]
    for seq, batch in enumerate(batches, start=1):
        report = Report(seq=seq, step=batch[-1].step, n_steps=n_reports, metrics=tuple(batch))
        worker.protocol.report(job.attempt_id, job.lease_token, report)
    worker.protocol.finish(job.attempt_id, job.lease_token, Finish("COMPLETE", values={METRIC: points[-1].value}))


def work_off(address: str, queue: str, mode: Mode, n_reports: int) -> float:
    """Run every trial of a study and return the seconds from the first claim to the last finish."""

    def client(ready: Callable[[], object]) -> None:
        with joined(address, queue) as worker:
            ready()
            while jobs := worker.claim(mode.n_max):
                for job in jobs:
                    run_trial(worker, job, n_reports, is_batched=mode.is_batched)

    return run_together(client, mode.n_clients)


def run_together(client: Callable[[Callable[[], object]], None], n_clients: int) -> float:
    """Run `client` in threads and return the seconds that they took from when all were ready.

    Args:
        client: Called with a function that it must call once it is ready; that returns when all are.
        n_clients: How many threads.

    Raises:
        RuntimeError: A client failed; its exception is the cause.
    """
    started_at: list[float] = []
    failures: list[BaseException] = []
    barrier = threading.Barrier(n_clients, action=lambda: started_at.append(time.perf_counter()))

    def run() -> None:
        try:
            client(barrier.wait)
        except BaseException as error:  # a thread's failure must not pass for a fast run
            failures.append(error)
            barrier.abort()

    threads = [threading.Thread(target=run, name=f"bench-client-{place}") for place in range(n_clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise RuntimeError("a benchmark client failed") from failures[0]
    return time.perf_counter() - started_at[0]
