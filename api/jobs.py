"""Work that takes seconds of CPU: one piece at a time, in a process of its own that is started for it and ends with it.

A job is named by the path of a function, so that the control plane never imports what the work needs. It is done at
lowest priority, may take so long and no longer, and dies with this process, however that ends. Results stay in memory:
who asks again after a restart has it done again.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from typing import Any, Literal

from api.errors import Unavailable

log = logging.getLogger(__name__)
_SPAWN = multiprocessing.get_context("spawn")  # a fork of a process with threads may hang
_CLOSE_S = 5.0

JobState = Literal["WAITING", "RUNNING", "COMPLETE", "FAIL"]


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work, as it is now.

    Attributes:
        key: What it is, e.g. kind, study and metric. One job a key is kept.
        version: Of what it was made from; a job of another version is another job.
        state: WAITING for its turn, RUNNING, COMPLETE or FAIL.
        n_done: How much of `n_total` is done.
        n_total: 0 until it is known.
        result: What the function returned, once COMPLETE.
        reason: Why it failed.
    """

    key: Hashable
    version: int
    state: JobState = "WAITING"
    n_done: int = 0
    n_total: int = 0
    result: Any = None
    reason: str = ""

    @property
    def is_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ("COMPLETE", "FAIL")


@dataclass(frozen=True, slots=True)
class _Order:
    job: Job
    target: str
    payload: Any


class JobPool:
    """Does jobs one after the other. May be used by many threads.

    Args:
        limit_s: How long a job may take; then it is killed.
        max_waiting: Jobs that may wait for their turn.
        max_kept: Ended jobs that are remembered, the newest.
    """

    def __init__(self, limit_s: float = 300.0, max_waiting: int = 32, max_kept: int = 128) -> None:
        self._limit_s, self._max_waiting, self._max_kept = limit_s, max_waiting, max_kept
        self._jobs: OrderedDict[Hashable, Job] = OrderedDict()
        self._orders: deque[_Order] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._wake, self._woken = _SPAWN.Pipe(duplex=False)

    def submit(self, key: Hashable, version: int, target: str, payload: Any) -> Job:
        """Have a job done, unless the same is waiting, running or complete; of others with this key it takes the place.

        Args:
            key: What it is.
            version: Of what it is made from.
            target: `package.module:function`, called with `payload` and a function to report progress (done, total).
            payload: What can be pickled; the result must be so, too.

        Raises:
            Unavailable: `jobs_busy` where too many wait, `jobs_closed` where this process is about to end.
        """
        with self._changed:
            if self._is_closed:
                raise Unavailable("jobs_closed", "this server is about to end; ask another one, or again in a moment")
            present = self._jobs.get(key)
            if present is not None and present.version == version and present.state != "FAIL":
                return present
            if len(self._orders) >= self._max_waiting:
                raise Unavailable("jobs_busy", f"{len(self._orders)} jobs wait already", hint="try again in a minute")
            job = Job(key, version)
            self._orders = deque(order for order in self._orders if order.job.key != key)
            self._orders.append(_Order(job, target, payload))
            self._keep(job)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="jobs", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            return job

    def find(self, key: Hashable) -> Job | None:
        """Return the newest job of a key, as it is now; None where there is none, or no longer."""
        with self._changed:
            return self._jobs.get(key)

    def wait(self, key: Hashable, timeout_s: float) -> Job | None:
        """Return the newest job of a key once it has ended, or as it is after `timeout_s` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: (job := self._jobs.get(key)) is None or job.is_ended, timeout_s)
            return self._jobs.get(key)

    def close(self) -> None:
        """Forget what waits, kill what runs, and return when its process is gone."""
        with self._changed:
            if not self._is_closed:
                self._is_closed = True
                self._orders.clear()
                self._woken.send(None)
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(2 * _CLOSE_S)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._orders or self._is_closed)
                if self._is_closed:
                    return
                order = self._orders.popleft()
            self._update(order.job, state="RUNNING")
            try:
                ended = self._run(order)
            except Exception as error:  # a payload that cannot be pickled, or no process to be had
                log.exception("the job %s could not be done", order.job.key)
                ended = {"state": "FAIL", "reason": f"it could not be started: {error}"}
            self._update(order.job, **ended)

    def _run(self, order: _Order) -> dict[str, Any]:
        """Return how a job ended, as fields of it."""
        ours, theirs = _SPAWN.Pipe(duplex=False)
        process = _SPAWN.Process(target=_do, args=(order.target, order.payload, theirs), name="job", daemon=True)
        process.start()
        theirs.close()
        try:
            return self._follow(order.job, ours)
        finally:
            ours.close()
            process.kill()
            process.join(_CLOSE_S)
            process.close()

    def _follow(self, job: Job, link: Connection) -> dict[str, Any]:
        ends_at = time.monotonic() + self._limit_s
        while True:
            heard = multiprocessing.connection.wait([link, self._wake], max(0.0, ends_at - time.monotonic()))
            if self._wake in heard:
                return {"state": "FAIL", "reason": "the server was stopped"}
            if not heard:
                return {"state": "FAIL", "reason": f"it took more than {self._limit_s:g} s"}
            try:
                kind, said = link.recv()
            except EOFError:
                return {"state": "FAIL", "reason": "its process ended without an answer"}
            if kind == "progress":
                self._update(job, n_done=said[0], n_total=said[1])
            elif kind == "done":
                return {"state": "COMPLETE", "result": said}
            else:
                log.error("the job %s failed: %s", job.key, said)
                return {"state": "FAIL", "reason": said}

    def _update(self, job: Job, **changes: Any) -> None:
        with self._changed:
            present = self._jobs.get(job.key)
            # One of a newer version may have taken its place meanwhile.
            if present is not None and present.version == job.version:
                self._keep(replace(present, **changes))
            self._changed.notify_all()

    def _keep(self, job: Job) -> None:
        self._jobs[job.key] = job
        self._jobs.move_to_end(job.key)
        ended = [key for key, one in self._jobs.items() if one.is_ended]
        for key in ended[: max(0, len(ended) - self._max_kept)]:
            del self._jobs[key]


def _do(target: str, payload: Any, link: Connection) -> None:
    """Do a job; runs in its process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends this
    threading.Thread(target=_end_with_parent, name="lifeline", daemon=True).start()
    with contextlib.suppress(OSError, AttributeError):
        os.nice(10)  # requests come first
    module, _, name = target.partition(":")
    try:
        work = getattr(importlib.import_module(module), name)
        link.send(("done", work(payload, lambda done, total: link.send(("progress", (done, total))))))
    except Exception as error:  # whatever it is, it is this job's end and no other's
        link.send(("failed", f"{type(error).__name__}: {error}"))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
