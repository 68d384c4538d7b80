"""Keep a few processes running: start them, start again what dies, and leave nothing behind.

Everything happens in the calling thread, in `tick`: the kernel ties a child's life to the *thread* that started it.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from stack.family import children_now, end_descendants
from stack.parent_death import adopt_orphans, die_with_parent

MAX_LOG_BYTES = 16 * 2**20
HEALTHY_AFTER_S = 60.0
MAX_DELAY_S = 30.0


@dataclass(frozen=True, slots=True)
class Program:
    """What to run.

    Attributes:
        name: For people, and for the log's name.
        command: Program and arguments; no secrets, since every user can read them.
        env: The whole environment.
        cwd: Folder to run in.
        log: File that its output is appended to.
        grace_s: Seconds between SIGTERM and SIGKILL.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    log: Path
    grace_s: float


@dataclass(slots=True)
class Child:
    """A program's current process, and how often it died of late."""

    program: Program
    popen: subprocess.Popen[bytes]
    started_at: float
    n_failures: int = 0
    restart_at: float | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self.popen.poll() is None


@dataclass(slots=True)
class Supervisor:
    """The children, in the order in which they were started; they stop in the opposite order.

    Attributes:
        say: Told one line for people whenever something happened.
        clock: Seconds that only grow.
        strangers: Children that this process had before; they and theirs are none of the supervisor's business.
    """

    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    children: list[Child] = field(default_factory=list)
    strangers: frozenset[psutil.Process] = field(default_factory=children_now)

    def start(self, program: Program) -> Child:
        """Start a program and keep it running from now on."""
        adopt_orphans()  # what a killed child leaves behind stays in sight
        child = Child(program=program, popen=_spawn(program), started_at=self.clock())
        self.children.append(child)
        return child

    def tick(self) -> None:
        """Look after every child: notice deaths, and start again what is due. Never waits."""
        for child in self.children:
            if child.restart_at is not None:
                self._restart_if_due(child, child.restart_at)
            elif not child.is_running:
                self._note_death(child)

    def stop(self) -> None:
        """End every child, the last one first, and then whatever else descends from this process."""
        for child in reversed(self.children):
            if child.is_running:
                _end(child)
        self.children.clear()
        end_descendants(self.strangers)

    def _note_death(self, child: Child) -> None:
        lived_s = self.clock() - child.started_at
        child.n_failures = 1 if lived_s >= HEALTHY_AFTER_S else child.n_failures + 1
        delay_s = restart_delay_s(child.n_failures)
        child.restart_at = self.clock() + delay_s
        name, how = child.program.name, describe_exit(child.popen.returncode)
        self.say(f"{name} {how}; starting it again in {delay_s:g} s (log: {child.program.log})")

    def _restart_if_due(self, child: Child, due_at: float) -> None:
        if self.clock() < due_at:
            return
        child.popen = _spawn(child.program)
        child.started_at, child.restart_at = self.clock(), None
        self.say(f"{child.program.name} runs again as process {child.popen.pid}")


def restart_delay_s(n_failures: int) -> float:
    """Return how long to wait before the next start: 0.5 s, doubled by each failure in a row, at most 30 s."""
    return float(min(MAX_DELAY_S, 0.5 * 2.0 ** min(n_failures - 1, 10)))


def describe_exit(returncode: int) -> str:
    """Return how a process ended, in words."""
    if returncode >= 0:
        return f"ended with exit code {returncode}"
    return f"was killed by {signal.Signals(-returncode).name}"


def log_tail(path: Path, n_lines: int = 15) -> str:
    """Return the last lines of a log."""
    text = path.read_text(errors="replace") if path.exists() else ""
    return "\n".join(text.splitlines()[-n_lines:])


def _spawn(program: Program) -> subprocess.Popen[bytes]:
    if program.log.exists() and program.log.stat().st_size > MAX_LOG_BYTES:
        program.log.replace(program.log.with_suffix(".log.1"))
    with program.log.open("ab") as output:
        return subprocess.Popen(
            list(program.command),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=program.cwd,
            env=dict(program.env),
            start_new_session=True,  # Ctrl-C reaches the stack alone, which then stops its children in order
            preexec_fn=die_with_parent(signal.SIGTERM),
        )


def _end(child: Child) -> None:
    child.popen.terminate()
    try:
        child.popen.wait(child.program.grace_s)
    except subprocess.TimeoutExpired:
        child.popen.kill()
        child.popen.wait()
