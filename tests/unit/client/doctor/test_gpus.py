"""GPUs; the driver's library is replaced by one that answers the same calls."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import pytest
from tunewell.doctor import Level
from tunewell.doctor.finding import GIB
from tunewell.doctor.gpus import (
    Driver,
    Gpu,
    NoDriver,
    ask_driver,
    check_driver,
    check_gpu,
    check_kernel_log,
    n_on_bus,
    read_driver,
)

NOT_SUPPORTED = 3
SOUND = Gpu(
    0, "NVIDIA H200", GIB, 140 * GIB, is_persistent=True, n_ecc_errors=0, is_remap_pending=False, compute_mode=0
)


def write(answer: Any, value: int) -> int:
    """Answer a call that fills a number."""
    answer._obj.value = value
    return 0


class FakeNvml:
    """A driver with one GPU that tells everything and one that tells its name alone."""

    def nvmlSystemGetDriverVersion(self, text: Any, _size: Any) -> int:  # noqa: N802 - the library's names
        text.value = b"570.86.15"
        return 0

    def nvmlSystemGetCudaDriverVersion_v2(self, version: Any) -> int:  # noqa: N802
        return write(version, 12080)

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:  # noqa: N802
        return write(count, 2)

    def nvmlDeviceGetHandleByIndex_v2(self, index: ctypes.c_uint, device: Any) -> int:  # noqa: N802
        return write(device, index.value + 1)

    def nvmlDeviceGetName(self, device: ctypes.c_void_p, name: Any, _size: Any) -> int:  # noqa: N802
        name.value = f"GPU {device.value}".encode()
        return 0

    def nvmlDeviceGetMemoryInfo(self, device: ctypes.c_void_p, answer: Any) -> int:  # noqa: N802
        answer._obj.total, answer._obj.used = 100, 40
        return self._only_first(device)

    def nvmlDeviceGetTotalEccErrors(self, device: ctypes.c_void_p, kind: Any, _since: Any, n: Any) -> int:  # noqa: N802
        write(n, 7 if kind.value == 1 else 0)
        return self._only_first(device)

    def nvmlDeviceGetPersistenceMode(self, device: ctypes.c_void_p, mode: Any) -> int:  # noqa: N802
        write(mode, 0)
        return self._only_first(device)

    def nvmlDeviceGetComputeMode(self, device: ctypes.c_void_p, mode: Any) -> int:  # noqa: N802
        write(mode, 3)
        return self._only_first(device)

    def nvmlDeviceGetRemappedRows(self, device: ctypes.c_void_p, *counts: Any) -> int:  # noqa: N802
        write(counts[2], 1)
        return self._only_first(device)

    def _only_first(self, device: ctypes.c_void_p) -> int:
        return 0 if device.value == 1 else NOT_SUPPORTED


def test_a_driver_tells_what_it_measures() -> None:
    driver = ask_driver(FakeNvml())
    assert (driver.version, driver.cuda) == ("570.86.15", (12, 8))
    assert driver.gpus == (Gpu(0, "GPU 1", 40, 100, False, 7, True, 3), Gpu(1, "GPU 2"))


def test_everything_that_is_wrong_with_a_gpu_is_told_the_worst_first() -> None:
    found = check_gpu(ask_driver(FakeNvml()).gpus[0])
    assert found.result is Level.PROBLEM
    assert found.seen.index("7 uncorrected memory errors") < found.seen.index("in use already")
    for word in ("-c DEFAULT", "nvidia-smi -pm 1", "reset"):
        assert word in found.remedy
    assert check_gpu(Gpu(0, "GPU 2")).result is Level.OK
    assert check_gpu(SOUND).result is Level.OK


@pytest.mark.parametrize(
    ("driver", "n_devices", "level"),
    [
        (NoDriver(), 0, "ok"),
        (NoDriver(), 2, "warning"),
        (NoDriver(18), 2, "problem"),
        (NoDriver(9), 0, "warning"),
        (NoDriver(999), 1, "problem"),
        (Driver("570", (12, 8), (SOUND,)), 1, "ok"),
        (Driver("570", (12, 8), (SOUND,)), 2, "ok"),
        (Driver("570", (12, 8)), 1, "warning"),
    ],
)
def test_the_driver_is_held_against_what_is_plugged_in(driver: Driver | NoDriver, n_devices: int, level: str) -> None:
    assert check_driver(driver, n_devices).result == level


def test_a_machine_without_the_library_has_no_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tunewell.doctor.gpus._LIBRARY", "libnothing-of-this-name.so")
    assert read_driver() == NoDriver()


def test_devices_on_the_bus_are_counted(tmp_path: Path) -> None:
    for name, vendor, kind in (("a", "0x10de", "0x030200"), ("b", "0x10de", "0x040300"), ("c", "0x8086", "0x030000")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "vendor").write_text(f"{vendor}\n")
        (tmp_path / name / "class").write_text(f"{kind}\n")
    (tmp_path / "d").mkdir()
    assert n_on_bus(tmp_path) == 1
    assert n_on_bus(tmp_path / "nothing") == 0


def test_errors_in_the_kernels_log_are_counted_and_weighed() -> None:
    lines = [
        "4,1,2,-;NVRM: Xid (PCI:0000:01:00): 79, pid=1, GPU has fallen off the bus.",
        "4,1,3,-;NVRM: Xid (PCI:0000:02:00): 13, Graphics Exception",
        "4,1,4,-;NVRM: Xid (PCI:0000:02:00): 13, Graphics Exception",
        "6,1,5,-;usb 1-1: new device",
    ]
    first, second = check_kernel_log(lines)
    assert (first.result, second.result) == (Level.PROBLEM, Level.WARNING)
    assert "Xid 13 on PCI:0000:02:00 2 times" in second.seen
    assert list(check_kernel_log(lines[3:])) == []
