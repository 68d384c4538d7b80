"""Readings of machines, processes and GPUs; the driver's library is replaced by one that answers the same calls."""

from __future__ import annotations

import ctypes
import itertools
import os
import subprocess
import sys
from typing import Any

import psutil
import pytest
from tunewell.protocol import GpuReading
from tunewell.system.meters import MachineMeter, ProcessMeter
from tunewell.system.nvml import open_gpus, read_gpus

NOT_SUPPORTED = 3


class FakeNvml:
    """A driver with one whole GPU, one that measures nothing, and one that fell off the bus."""

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:  # noqa: N802 - the library's name
        count._obj.value = 3
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: ctypes.c_uint, device: Any) -> int:  # noqa: N802
        device._obj.value = index.value + 1
        return 0 if index.value < 2 else NOT_SUPPORTED

    def nvmlDeviceGetName(self, device: ctypes.c_void_p, name: Any, _size: Any) -> int:  # noqa: N802
        name.value = f"GPU {device.value}".encode()
        return 0

    def nvmlDeviceGetUtilizationRates(self, device: ctypes.c_void_p, answer: Any) -> int:  # noqa: N802
        answer._obj.gpu, answer._obj.memory = 87, 12
        return 0 if device.value == 1 else NOT_SUPPORTED

    def nvmlDeviceGetMemoryInfo(self, device: ctypes.c_void_p, answer: Any) -> int:  # noqa: N802
        answer._obj.total, answer._obj.free, answer._obj.used = 1000, 400, 600
        return 0 if device.value == 1 else NOT_SUPPORTED


class NoGpus(FakeNvml):
    """A driver that does not answer."""

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:  # noqa: N802
        return NOT_SUPPORTED


def test_gpus_tell_what_they_measure_and_one_that_is_gone_is_left_out() -> None:
    assert read_gpus(FakeNvml()) == (
        GpuReading(0, "GPU 1", utilisation_percent=87.0, memory_used_bytes=600, memory_total_bytes=1000),
        GpuReading(1, "GPU 2"),
    )


def test_a_driver_that_does_not_answer_has_no_gpus() -> None:
    assert read_gpus(NoGpus()) == ()


def test_a_machine_without_the_driver_has_no_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunewell.system.nvml._LIBRARY", "libnothing-of-this-name.so")
    assert open_gpus()() == ()


def test_a_machine_tells_the_share_of_its_cores_that_was_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([(10.0, 100.0), (12.5, 110.0), (12.5, 110.0)])
    monkeypatch.setattr("tunewell.system.meters._cpu_times", lambda: next(times))
    meter = MachineMeter(lambda: (GpuReading(0, "one"),))
    reading = meter.read()
    assert reading.cpu_percent == 25.0
    assert reading.gpus == (GpuReading(0, "one"),)
    assert reading.to_json()["gpus"] == ({**_empty_gpu(), "index": 0, "name": "one"},)
    assert meter.read().cpu_percent is None  # no time has passed


def test_memory_and_cores_are_those_of_this_machine() -> None:
    reading = MachineMeter(tuple).read()
    assert reading.n_cpus == os.cpu_count()
    assert reading.memory_total_bytes == psutil.virtual_memory().total
    assert 0 < reading.memory_used_bytes < reading.memory_total_bytes


def test_a_process_is_read_with_its_descendants() -> None:
    inner = "import time; x = bytearray(50_000_000); print('up', flush=True); time.sleep(60)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"
    with subprocess.Popen([sys.executable, "-c", outer], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        (child,) = psutil.Process(process.pid).children()
        meter = ProcessMeter(process.pid, itertools.count(step=10.0).__next__)
        first, second = meter.read(), meter.read()
        child.kill()
        process.kill()
    assert first is not None
    assert second is not None
    assert first.cpu_percent is None
    assert first.rss_bytes > 50_000_000
    assert second.cpu_percent is not None
    assert 0 <= second.cpu_percent < 10
    assert meter.read() is None


def _empty_gpu() -> dict[str, Any]:
    return {"utilisation_percent": None, "memory_used_bytes": None, "memory_total_bytes": None}
