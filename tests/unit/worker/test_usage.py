"""When a training's machine is read, and what becomes of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import count

import pytest
from tunewell.protocol import GpuReading
from tunewell.system.usage import EVERY_S, FIRST_AFTER_S, Usage

GIB = 1 << 30
GPUS = (GpuReading(index=0, name="A", utilisation_percent=87.0, memory_used_bytes=GIB), GpuReading(index=1, name="B"))


class Clock:
    """Stands still until it is told."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def child() -> Iterator[int]:
    """Run a process that waits for its input and return its id."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.communicate(b"\n")


def test_a_process_is_read_a_few_seconds_after_it_began_and_then_four_times_a_minute() -> None:
    clock = Clock()
    usage = Usage(lambda: GPUS, clock)
    assert usage.read_if_due(None) == usage.read_if_due(os.getpid()) == {}
    clock.now_s = FIRST_AFTER_S - 0.1
    assert usage.read_if_due(os.getpid()) == {}
    clock.now_s = FIRST_AFTER_S
    sum(1 for _ in zip(count(), range(200_000), strict=False))  # takes some CPU time
    first = usage.read_if_due(os.getpid())
    assert first["system/process_memory_bytes"] > 1 << 20
    assert first["system/machine_memory_bytes"] > first["system/process_memory_bytes"]
    assert 0 <= first["system/process_cpu_percent"] <= 100 * (os.cpu_count() or 1)
    assert (first["system/gpu0_percent"], first["system/gpu0_memory_bytes"]) == (87.0, GIB)
    assert not any(name.startswith("system/gpu1") for name in first), "what a driver does not measure is left out"
    clock.now_s += EVERY_S - 0.1
    assert usage.read_if_due(os.getpid()) == {}
    clock.now_s += 0.1
    assert usage.read_if_due(os.getpid()).keys() >= {"system/process_cpu_percent"}


def test_another_process_begins_anew_and_one_that_is_gone_says_nothing(child: int) -> None:
    clock = Clock()
    usage = Usage(tuple, clock)
    usage.read_if_due(os.getpid())
    clock.now_s = FIRST_AFTER_S
    assert usage.read_if_due(child) == {}, "its own seconds have only begun"
    clock.now_s += FIRST_AFTER_S
    assert usage.read_if_due(child)["system/process_cpu_percent"] >= 0
    gone = subprocess.Popen([sys.executable, "-c", ""])
    usage.read_if_due(gone.pid)
    gone.wait()
    clock.now_s += FIRST_AFTER_S
    assert usage.read_if_due(gone.pid) == {}
