"""Children are started again with growing delays, and none is left."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from stack.supervisor import (
    MAX_LOG_BYTES,
    Child,
    Program,
    Supervisor,
    describe_exit,
    log_tail,
    restart_delay_s,
)
from tests.servers.processes import is_alive
from tests.servers.waiting import wait_until

SLEEPER = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
)

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("up", child.pid, flush=True)
time.sleep(600)
"""


@dataclass(slots=True)
class Clock:
    """Time that a test moves."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class Bench:
    """A supervisor with a clock of its own, and what it said."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    said: list[str] = field(default_factory=list)
    supervisor: Supervisor = field(init=False)

    def __post_init__(self) -> None:
        self.supervisor = Supervisor(self.said.append, self.clock)

    def start(self, code: str, grace_s: float = 10.0) -> Child:
        log = self.folder / "script.log"
        command = (sys.executable, "-c", code)
        program = Program("script", command, env=dict(os.environ), cwd=self.folder, log=log, grace_s=grace_s)
        child = self.supervisor.start(program)
        wait_until(lambda: "up" in log_tail(log), what="the script prints")
        return child


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.supervisor.stop()


def test_dead_child_is_started_again_after_its_delay(bench: Bench) -> None:
    child = bench.start(SLEEPER)
    first = child.popen
    first.kill()
    first.wait()
    bench.supervisor.tick()
    bench.supervisor.tick()
    assert bench.said == [f"script was killed by SIGKILL; starting it again in 0.5 s (log: {child.program.log})"]
    bench.clock.now = 0.4
    bench.supervisor.tick()
    assert child.popen is first
    bench.clock.now = 0.5
    bench.supervisor.tick()
    assert child.is_running
    assert bench.said[1:] == [f"script runs again as process {child.popen.pid}"]


def test_delay_grows_until_a_child_stays_up(bench: Bench) -> None:
    child = bench.start(SLEEPER)
    delays = []
    for lived_s in (1.0, 1.0, 1.0, 60.0, 1.0):
        bench.clock.now += lived_s
        child.popen.kill()
        child.popen.wait()
        bench.supervisor.tick()
        assert child.restart_at is not None
        delays.append(child.restart_at - bench.clock.now)
        bench.clock.now = child.restart_at
        bench.supervisor.tick()
    assert delays == [0.5, 1.0, 2.0, 0.5, 1.0]


def test_delay_is_bounded() -> None:
    assert [restart_delay_s(n) for n in (1, 2, 7, 1000)] == [0.5, 1.0, 30.0, 30.0]


def test_stop_ends_a_child_that_ignores_sigterm(bench: Bench) -> None:
    child = bench.start(STUBBORN, grace_s=0.1)
    bench.supervisor.stop()
    assert child.popen.returncode == -signal.SIGKILL


def test_stop_lets_a_child_end_in_order(bench: Bench) -> None:
    child = bench.start(SLEEPER)
    bench.supervisor.stop()
    assert child.popen.returncode == -signal.SIGTERM
    bench.supervisor.tick()
    assert bench.said == []


def test_child_cannot_read_the_terminal_and_has_its_own_session(bench: Bench) -> None:
    child = bench.start("import os, time; print('up', os.getsid(0), repr(os.read(0, 1)), flush=True); time.sleep(600)")
    assert log_tail(child.program.log) == f"up {child.popen.pid} b''"


def test_long_log_is_put_aside(bench: Bench) -> None:
    log = bench.folder / "script.log"
    with log.open("wb") as file:
        file.truncate(MAX_LOG_BYTES + 1)
    bench.start(SLEEPER)
    assert log.stat().st_size < 100
    assert (bench.folder / "script.log.1").stat().st_size == MAX_LOG_BYTES + 1


def test_exit_in_words() -> None:
    assert describe_exit(3) == "ended with exit code 3"
    assert describe_exit(-9) == "was killed by SIGKILL"


def test_log_tail_of_no_log(tmp_path: Path) -> None:
    assert log_tail(tmp_path / "none.log") == ""
    (tmp_path / "some.log").write_text("one\ntwo\nthree\n")
    assert log_tail(tmp_path / "some.log", 2) == "two\nthree"


def test_children_of_a_killed_child_are_ended_too(bench: Bench) -> None:
    child = bench.start(PARENT)
    orphan = psutil.Process(int(log_tail(child.program.log).split()[1]))
    child.popen.kill()
    child.popen.wait()
    assert is_alive(orphan)
    bench.supervisor.stop()
    assert not is_alive(orphan)


def test_children_from_before_are_left_alone(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as stranger:
        bench = Bench(tmp_path)
        bench.start(SLEEPER)
        bench.supervisor.stop()
        assert stranger.poll() is None
        stranger.kill()
