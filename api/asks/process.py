"""Processes that answer what takes long, and the threads that talk to them.

A process is started by the first question, restarted when it has died, killed when it takes too long, and ended after
some idle minutes, for what it has imported takes memory. It never outlives the API: the kernel kills it with the thread
that started it, which is why each process has a thread of its own and not one of those that come and go with requests.
"""

from __future__ import annotations

import logging
import os
import queue
import socket
import subprocess
import sys
import threading
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_MAX_ANSWER_BYTES = 64 * 2**20
_IDLE_S = 600.0
# As many threads as the machine has cores would take them from the trials that train there.
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
log = logging.getLogger(__name__)


class AskFailed(Exception):
    """There is no answer; the text says why, in words that go on after `because`."""


class AskClosed(AskFailed):
    """The service is being stopped."""


@dataclass(frozen=True, slots=True)
class _Job:
    message: bytes
    future: Future[bytes] = field(default_factory=Future)


class AskPool:
    """Answers messages in processes of their own.

    Args:
        n_processes: How many questions can be answered at once, at least 1.
        limit_s: Seconds after which a process that does not answer is killed.
        command: Starts a process; the number of its socket and of this process are added.
    """

    def __init__(
        self,
        n_processes: int = 1,
        limit_s: float = 60.0,
        command: tuple[str, ...] = (sys.executable, "-m", "api.asks"),
    ) -> None:
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._keepers = [_Keeper(self._jobs, limit_s, command) for _ in range(n_processes)]
        self._is_started = False
        self._is_closed = False

    def ask(self, message: bytes, patience_s: float) -> bytes:
        """Return the answer to a message. Blocks; not for the event loop, nor inside a transaction.

        Raises:
            AskFailed: There was none within `patience_s` seconds, or the process died twice over it.
        """
        job = _Job(message)
        self._submit(job)
        try:
            return job.future.result(patience_s)
        except TimeoutError:
            job.future.cancel()  # one that has begun goes on: the next question waits for it, or for its limit
            raise AskFailed(f"it took longer than {patience_s:g} s") from None

    def pids(self) -> list[int]:
        """Return the ids of the processes that run."""
        return [keeper.pid for keeper in self._keepers if keeper.pid is not None]

    def close(self) -> None:
        """End every process; questions that wait are refused."""
        with self._lock:
            self._is_closed = True
            is_started = self._is_started
        for keeper in self._keepers:
            keeper.is_closing = True
            keeper.kill()
            self._jobs.put(None)
        if is_started:
            for keeper in self._keepers:
                keeper.thread.join(timeout=10)
        self._refuse_rest()

    def _submit(self, job: _Job) -> None:
        with self._lock:
            if self._is_closed:
                raise AskClosed("the service is being stopped")
            if not self._is_started:
                self._is_started = True
                for keeper in self._keepers:
                    keeper.thread.start()
            self._jobs.put(job)

    def _refuse_rest(self) -> None:
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job is not None and job.future.set_running_or_notify_cancel():
                job.future.set_exception(AskClosed("the service is being stopped"))


class _Child:
    """One running process and the socket to it."""

    def __init__(self, command: tuple[str, ...], limit_s: float) -> None:
        self._link, theirs = socket.socketpair()
        try:
            self.process = subprocess.Popen(  # noqa: S603 - a module of our own; nothing of a request reaches the command
                [*command, str(theirs.fileno()), str(os.getpid())],
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=_ROOT,
                env={**os.environ, **_ONE_THREAD},
                start_new_session=True,
            )
        except BaseException:
            self._link.close()
            raise
        finally:
            theirs.close()
        self._link.settimeout(limit_s)

    def exchange(self, message: bytes) -> bytes:
        """Send a message and return the answer.

        Raises:
            TimeoutError: It took too long.
            OSError: The process has died.
        """
        self._link.sendall(message)
        pieces: list[bytes] = []
        n_bytes = 0
        while not (pieces and pieces[-1].endswith(b"\n")):
            piece = self._link.recv(2**20)
            n_bytes += len(piece)
            if not piece or n_bytes > _MAX_ANSWER_BYTES:
                raise ConnectionError("the answer broke off")
            pieces.append(piece)
        return b"".join(pieces)

    def end(self) -> None:
        """Kill the process and wait for its end."""
        self.process.kill()
        self.process.wait()
        self._link.close()


class _Keeper:
    """A thread that keeps one process and brings it the jobs."""

    def __init__(self, jobs: queue.SimpleQueue[_Job | None], limit_s: float, command: tuple[str, ...]) -> None:
        self._jobs = jobs
        self._limit_s = limit_s
        self._command = command
        self._child: _Child | None = None
        self.is_closing = False
        self.thread = threading.Thread(target=self._run, name="asks", daemon=True)

    @property
    def pid(self) -> int | None:
        child = self._child
        return None if child is None else child.process.pid

    def kill(self) -> None:
        """Break off what the process does; may be called from another thread."""
        child = self._child
        if child is not None:
            child.process.kill()

    def _run(self) -> None:
        try:
            while (job := self._next()) is not None:
                if job.future.set_running_or_notify_cancel():
                    self._answer(job)
        finally:
            self._end_child()

    def _next(self) -> _Job | None:
        while True:
            try:
                return self._jobs.get(timeout=_IDLE_S)
            except queue.Empty:
                self._end_child()

    def _answer(self, job: _Job) -> None:
        try:
            job.future.set_result(self._exchange(job.message))
        except AskFailed as error:
            job.future.set_exception(error)
        except Exception as error:  # a thread that ended here would leave every later question unanswered
            log.exception("the process that asks cannot be used")
            job.future.set_exception(AskFailed(f"its process cannot be used: {error}"))

    def _exchange(self, message: bytes) -> bytes:
        for _ in range(2):  # a process may have died since it last answered: that is no fault of this question
            if self.is_closing:
                break
            if self._child is None:
                self._child = _Child(self._command, self._limit_s)
            try:
                return self._child.exchange(message)
            except TimeoutError:
                self._end_child()
                raise AskFailed(f"it took longer than {self._limit_s:g} s") from None
            except OSError:
                log.warning("the process that asks has died; another one is started")
                self._end_child()
        raise AskClosed("the service is being stopped") if self.is_closing else AskFailed("its process died")

    def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.end()
