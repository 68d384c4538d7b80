"""Our own processes under test: start `python -m api` and the like, hurt them, and prove that none is left.

Orphans are the hard part: a worker that was killed leaves children whose parent is gone. On Linux the test process
declares itself their "subreaper", so that every orphan becomes its child and stays visible in its family tree.
Elsewhere a mark in the environment, inherited by every descendant, finds them.
"""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from stack.family import children_now, descendants
from stack.parent_death import adopt_orphans
from tests.servers.registry import SERVER_PIDS
from tests.servers.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
MARK = "TUNEWELL_TEST_MARK"


@dataclass(slots=True)
class ServiceProcess:
    """One started process and what can be done to it."""

    name: str
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Process id."""
        return self.popen.pid

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended; a frozen one has not."""
        return self.popen.poll() is None

    def descendants(self) -> list[psutil.Process]:
        """Return its children and their children as they are now."""
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def send(self, signum: signal.Signals) -> None:
        """Send a signal to this process alone."""
        self.popen.send_signal(signum)

    def kill(self) -> None:
        """Send SIGKILL to this process alone and wait for its end; its children are left to their fate."""
        self.popen.kill()
        self.popen.wait()

    def freeze(self) -> None:
        """Stop the process without ending it."""
        self.send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        self.send(signal.SIGCONT)

    def terminate(self, timeout_s: float = 20.0) -> int:
        """Ask the process to end, and return its exit status.

        Raises:
            TimeoutError: It is still there; the message ends with its log.
        """
        self.send(signal.SIGTERM)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float) -> int:
        """Wait for the process to end by itself, and return its exit status.

        Raises:
            TimeoutError: It is still there; the message ends with its log.
        """
        try:
            return self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} still runs after {timeout_s} s:\n{self.log_text()}") from None

    def log_text(self) -> str:
        """Return everything the process printed so far."""
        return self.log.read_text(errors="replace")


@dataclass(slots=True)
class ProcessFamily:
    """Starts processes, and knows every process that came from them."""

    folder: Path
    mark: str = field(default_factory=lambda: secrets.token_hex(8))
    started: list[ServiceProcess] = field(default_factory=list)
    _others: frozenset[psutil.Process] = field(default_factory=children_now)

    def __post_init__(self) -> None:
        """Adopt future orphans."""
        adopt_orphans()

    def start_module(self, module: str, *args: str, env: Mapping[str, str] | None = None) -> ServiceProcess:
        """Start `python -m module args` in the repository with this environment added to the tests' own."""
        return self.start([sys.executable, "-m", module, *args], name=module, env=env)

    def start(self, command: Sequence[str], *, name: str, env: Mapping[str, str] | None = None) -> ServiceProcess:
        """Start a command from the repository's root; what it prints goes to a log file of its own."""
        log = self.folder / f"{name}-{len(self.started)}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {}), MARK: self.mark},
                start_new_session=True,
            )
        process = ServiceProcess(name=name, popen=popen, log=log)
        self.started.append(process)
        return process

    def alive(self) -> list[psutil.Process]:
        """Return the started processes and all their descendants that have not ended, orphans included."""
        servers = [child for child in children_now() if child.pid in SERVER_PIDS]  # may be younger than the family
        family = {*descendants({*self._others, *servers}), *_marked(self.mark)}
        return sorted((process for process in family if is_alive(process)), key=lambda process: process.pid)

    def assert_none_left(self, timeout_s: float = 10.0) -> None:
        """Wait until no process of the family is left.

        Raises:
            AssertionError: Some are; the message names them.
        """
        try:
            wait_until(lambda: not self.alive(), timeout_s)
        except TimeoutError:
            raise AssertionError(f"processes left over: {[describe(process) for process in self.alive()]}") from None

    def kill_all(self) -> None:
        """End every process of the family with SIGKILL, whatever state the test left them in."""

        def gone() -> bool:
            family = self.alive()
            for process in family:
                _kill(process)
            return not family

        wait_until(gone, 20.0, what="killed processes end")
        for process in self.started:
            process.popen.wait()


def is_alive(process: psutil.Process) -> bool:
    """Return whether a process runs; one that ended and was not yet waited for does not."""
    try:
        return bool(process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD))
    except psutil.NoSuchProcess:
        return False


def describe(process: psutil.Process) -> str:
    """Return id, state and command of a process for a message."""
    try:
        return f"{process.pid} ({process.status()}): {' '.join(process.cmdline())[:200]}"
    except psutil.Error:
        return f"{process.pid} (gone)"


def _marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark:
                found.append(process)
        except (psutil.Error, OSError):
            continue  # another user's, or gone meanwhile
    return found


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
