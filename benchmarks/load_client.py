"""Many simulated workers in one process, for `benchmarks.load`: reads an order as JSON, writes its findings as JSON.

They speak the protocol that real workers speak: register, claim, report each epoch with its metrics, finish, heartbeat.
Training is waiting. Beside them one reader follows the live stream and notes how long a report takes to reach it.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import Counter, defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

METRICS = ("val_accuracy", "val_loss", "train_loss", "train_accuracy")
_API = "/api/v1"
_RETRY_S = 0.2
_MISSED_S = 30.0  # points that the live stream did not show in so long were missed
_IDLE_S = 2.0  # a worker that found no work looks again; real ones are rung for


@dataclass(frozen=True, slots=True)
class Order:
    """What to simulate.

    Attributes:
        address: Of the API.
        queues: Worker number i serves queue i modulo their number.
        n_workers: How many workers.
        n_lanes: Trials that each trains at the same time.
        epoch_s: Seconds from report to report of a trial, more or less a fifth.
        n_epochs: Reports of a trial.
        starts_s: Workers join one by one over so many seconds; what they wait for meanwhile is kept apart.
        duration_s: How long all that goes on; then it stops where it is.
        heartbeat_s: Seconds between a worker's signs of life.
        seed: Of everything random.
    """

    address: str
    queues: tuple[str, ...]
    n_workers: int
    n_lanes: int
    epoch_s: float
    n_epochs: int
    starts_s: float
    duration_s: float
    heartbeat_s: float
    seed: int


@dataclass(slots=True)
class Findings:
    """What was measured: milliseconds by kind of request, refusals by code, and how much was done.

    `starting_ms` holds what was waited for while workers still joined, `times_ms` all that came later.
    """

    starts_until: float
    starting_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    times_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    refusals: Counter[str] = field(default_factory=Counter)
    n_finished: int = 0
    n_points: int = 0
    max_running: int = 0
    n_lags_missed: int = 0

    def note(self, kind: str, begun_at: float) -> None:
        """Note that something which began at `begun_at` is over."""
        now = time.perf_counter()
        times_ms = self.times_ms if begun_at > self.starts_until else self.starting_ms
        times_ms[kind].append((now - begun_at) * 1e3)


class Connection:
    """One kept connection that sends JSON and reads JSON: a fraction of what a full client costs."""

    def __init__(self, address: str, found: Findings) -> None:
        parts = urlsplit(address)
        assert parts.hostname is not None
        assert parts.port is not None
        self._host, self._port, self._found = parts.hostname, parts.port, found
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._turn = asyncio.Lock()

    async def post(self, kind: str, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Send a request until it is answered, and return the answer; None where it was refused, which is counted."""
        content = json.dumps(body).encode()
        async with self._turn:
            started_at = time.perf_counter()
            while (found := await self._try(path, content)) is None:
                await asyncio.sleep(_RETRY_S)  # as the SDK does: whatever arrived twice is stored once
            self._found.note(kind, started_at)
        status, answer = found
        if status >= 400:
            self._found.refusals[answer.get("error", {}).get("code", str(status))] += 1
            return None
        return answer

    async def _try(self, path: str, body: bytes) -> tuple[int, dict[str, Any]] | None:
        try:
            return await self._exchange(path, body)
        except (OSError, asyncio.IncompleteReadError) as error:
            self._streams = None
            self._found.refusals[type(error).__name__] += 1
            return None

    async def _exchange(self, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        if self._streams is None or self._streams[0].at_eof():  # the server closes connections that are idle
            self.close()
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        head = f"POST {_API}{path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n"
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        length = next((int(line[15:]) for line in lines if line.lower().startswith("content-length:")), 0)
        content = await reader.readexactly(length)
        return int(lines[0].split()[1]), json.loads(content) if content else {}

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


class Lags:
    """How long reported points take to reach a reader of the live stream.

    Args:
        found: Takes them, as `stream_lag`.
    """

    def __init__(self, found: Findings) -> None:
        self._found = found
        self._sent: dict[tuple[int, int], float] = {}

    def send(self, trial_id: int, step: int) -> None:
        """Note that a report of this step leaves now."""
        self._sent[trial_id, step] = time.perf_counter()

    def hear(self, line: str) -> None:
        """Take a line of the stream."""
        if not line.startswith("data:"):
            return
        for trial in json.loads(line[5:]).get("trials", ()):
            for step in {step for _, step, _ in trial["points"]}:
                sent_at = self._sent.pop((trial["trial_id"], step), None)
                if sent_at is not None:
                    self._found.note("stream_lag", sent_at)

    def count_unheard(self, for_s: float) -> int:
        """Return how many reports were sent longer ago than this and never heard of."""
        now = time.perf_counter()
        return sum(now - sent_at > for_s for sent_at in self._sent.values())


class Simulation:
    """All workers and the reader of the live stream.

    Args:
        order: What to simulate.
    """

    def __init__(self, order: Order) -> None:
        self._order = order
        self.found = Findings(time.perf_counter() + order.starts_s)
        self._random = random.Random(order.seed)
        self._lags = Lags(self.found)
        self._n_running = 0

    async def run(self) -> Findings:
        """Simulate until the time is up, and return what was found."""
        tasks = [asyncio.create_task(self._worker(number)) for number in range(self._order.n_workers)]
        tasks.append(asyncio.create_task(self._read_stream()))
        done, _ = await asyncio.wait(tasks, timeout=self._order.duration_s, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for task in done:
            task.result()  # raises what a worker raised
        self.found.n_lags_missed = self._lags.count_unheard(_MISSED_S)
        return self.found

    async def _worker(self, number: int) -> None:
        order = self._order
        await asyncio.sleep(order.starts_s * number / order.n_workers)
        connection = Connection(order.address, self.found)
        body = {"name": f"load-{number}", "host": f"host-{number % 20}", "pid": number + 1, "n_slots": order.n_lanes}
        queues = [order.queues[number % len(order.queues)]]
        welcome = await connection.post("register", "/workers", {**body, "queues": queues})
        if welcome is None:
            raise RuntimeError(f"a worker could not register: {dict(self.found.refusals)}")
        trials: set[asyncio.Task[None]] = set()
        beating = asyncio.create_task(self._beat(connection, welcome["worker_id"]))
        try:
            while True:
                jobs = await self._claim(connection, welcome["worker_id"], queues, order.n_lanes - len(trials))
                trials |= {asyncio.create_task(self._train(connection, job)) for job in jobs}
                _, trials = await asyncio.wait(
                    trials or {asyncio.create_task(asyncio.sleep(_IDLE_S))},
                    timeout=None if jobs else _IDLE_S,
                    return_when=asyncio.FIRST_COMPLETED,
                )
        finally:
            for task in (beating, *trials):
                task.cancel()
            connection.close()

    async def _claim(self, connection: Connection, worker_id: int, queues: list[str], n: int) -> list[dict[str, Any]]:
        if n <= 0:
            return []
        answer = await connection.post("claim", "/work:claim", {"worker_id": worker_id, "queues": queues, "n_max": n})
        return [] if answer is None else list(answer["attempts"])

    async def _train(self, connection: Connection, job: dict[str, Any]) -> None:
        order, path = self._order, f"/attempts/{job['attempt_id']}"
        self._n_running += 1
        self.found.max_running = max(self.found.max_running, self._n_running)
        try:
            for epoch in range(1, order.n_epochs + 1):
                await asyncio.sleep(order.epoch_s * self._random.uniform(0.8, 1.2))
                points = [{"name": name, "step": epoch, "value": 1 - 1 / (epoch + 1)} for name in METRICS]
                body = {"lease_token": job["lease_token"], "seq": epoch, "step": epoch, "n_steps": order.n_epochs}
                self._lags.send(job["trial_id"], epoch)
                if await connection.post("report", f"{path}:report", {**body, "metrics": points}) is None:
                    return
                self.found.n_points += len(points)
            values = {METRICS[0]: 1 - 1 / (order.n_epochs + 1)}
            body = {"lease_token": job["lease_token"], "outcome": "COMPLETE", "values": values}
            if await connection.post("finish", f"{path}:finish", body) is not None:
                self.found.n_finished += 1
        finally:
            self._n_running -= 1

    async def _beat(self, connection: Connection, worker_id: int) -> None:
        while True:
            await asyncio.sleep(self._order.heartbeat_s)
            await connection.post("heartbeat", f"/workers/{worker_id}:heartbeat", {})

    async def _read_stream(self) -> None:
        async with httpx.AsyncClient(base_url=self._order.address, timeout=60.0, trust_env=False) as http:
            while True:
                with suppress(httpx.TransportError):
                    async with http.stream("GET", f"{_API}/events") as stream:
                        async for line in stream.aiter_lines():
                            self._lags.hear(line)
                self.found.refusals["stream broke"] += 1
                await asyncio.sleep(1.0)


def main() -> None:
    """Read an order, simulate, and write the findings."""
    body = json.loads(sys.stdin.read())
    order = Order(**{**body, "queues": tuple(body["queues"])})
    found = asyncio.run(_simulate(order))
    json.dump({name: getattr(found, name) for name in found.__slots__ if name != "starts_until"}, sys.stdout)


async def _simulate(order: Order) -> Findings:
    return await Simulation(order).run()


if __name__ == "__main__":
    main()
