"""GPUs as NVIDIA's driver tells of them, without torch: driver, memory in use, errors, modes.

Source: NVIDIA, NVML API Reference; NVIDIA, XID Errors (which of them mean that a GPU has to be reset or replaced).
"""

from __future__ import annotations

import ctypes
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunewell.doctor.finding import Finding, Level, ok, problem, size_words, warning

PCI = Path("/sys/bus/pci/devices")
KERNEL_LOG = Path("/dev/kmsg")
MAX_USED = 0.1
"""Share of a GPU's memory that may be in use before a trial, or another program, must be thought to run there."""
_LIBRARY = "libnvidia-ml.so.1"
_NVIDIA = "0x10de"
_N_BYTES = 96
_UNCORRECTED, _SINCE_BOOT = 1, 0
_EXCLUSIVE, _PROHIBITED = 3, 2
_XID = re.compile(r"NVRM: Xid \((?P<pci>[^)]+)\): (?P<number>\d+)")
_SERIOUS = frozenset({48, 62, 63, 64, 74, 79, 92, 94, 95, 119, 120, 140})
_MAX_LOG_LINES = 100_000
_WHY = {
    4: ("this user may not ask the driver", "give it access to /dev/nvidia*, for instance by the group video"),
    9: ("the driver is not loaded", "load it: modprobe nvidia; in a container: docker run --gpus all"),
    18: ("the driver and its library are of different versions", "restart this machine, or load the new driver"),
}


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU; None for what it does not tell.

    Attributes:
        index: Its place, from 0.
        name: As the driver calls it.
        used_bytes: By all programs.
        total_bytes: What it has.
        is_persistent: Whether the driver stays loaded while no program uses it.
        n_ecc_errors: Uncorrected since the machine was started.
        is_remap_pending: Whether it waits for a reset to retire broken memory.
        compute_mode: 0: any number of programs; 2: none; 3: one.
    """

    index: int
    name: str
    used_bytes: int | None = None
    total_bytes: int | None = None
    is_persistent: bool | None = None
    n_ecc_errors: int | None = None
    is_remap_pending: bool | None = None
    compute_mode: int | None = None


@dataclass(frozen=True, slots=True)
class Driver:
    """NVIDIA's driver and its GPUs; `cuda` is the newest release that it supports, such as (12, 4)."""

    version: str
    cuda: tuple[int, int]
    gpus: tuple[Gpu, ...] = ()


@dataclass(frozen=True, slots=True)
class NoDriver:
    """No driver answers; `code` is the library's error, None where there is no library."""

    code: int | None = None


class _Memory(ctypes.Structure):
    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def check_gpus() -> Iterator[Finding]:
    """Look at the GPUs of this machine."""
    driver = read_driver()
    yield check_driver(driver, n_on_bus())
    if isinstance(driver, Driver):
        yield from (check_gpu(gpu) for gpu in driver.gpus)
        yield from check_kernel_log(_kernel_lines())


def check_driver(driver: Driver | NoDriver, n_devices: int) -> Finding:
    """Hold the driver against what is plugged in.

    Args:
        driver: What answers.
        n_devices: NVIDIA's display and compute devices on the bus.
    """
    if isinstance(driver, Driver):
        return _check_count(driver, n_devices)
    if driver.code is not None:
        why, remedy = _WHY.get(driver.code, (f"the driver answers with error {driver.code}", "see: nvidia-smi"))
        return problem("gpu driver", why, remedy) if n_devices else warning("gpu driver", why, remedy)
    if n_devices:
        remedy = "install NVIDIA's driver; in a container: start it with --gpus all"
        return warning("gpu driver", f"{n_devices} NVIDIA devices, but no driver here; trials train on the CPU", remedy)
    return ok("gpu driver", "no NVIDIA GPU; trials train on the CPU")


def _check_count(driver: Driver, n_devices: int) -> Finding:
    seen = f"{driver.version}, CUDA up to {driver.cuda[0]}.{driver.cuda[1]}, {len(driver.gpus)} GPUs"
    if n_devices > len(driver.gpus) > 0:
        return ok("gpu driver", f"{seen} of {n_devices} devices")  # the others are withheld, or no GPUs
    if not driver.gpus:
        return warning("gpu driver", seen, "no GPU is handed to this machine or container, or it fell off the bus")
    return ok("gpu driver", seen)


def check_gpu(gpu: Gpu) -> Finding:
    """Judge one GPU by the worst that is to be said of it."""
    name, found = f"gpu {gpu.index}", sorted(_complaints(gpu), key=lambda one: one[0] is Level.WARNING)
    seen = gpu.name
    if gpu.used_bytes is not None and gpu.total_bytes:
        seen += f", {size_words(gpu.used_bytes)} of {size_words(gpu.total_bytes)} in use"
    if not found:
        return ok(name, seen)
    seen = "; ".join([seen, *(what for _, what, _ in found)])
    return Finding(name, found[0][0], seen, "; ".join(remedy for _, _, remedy in found))


def _complaints(gpu: Gpu) -> Iterator[tuple[Level, str, str]]:
    if gpu.compute_mode == _PROHIBITED:
        yield Level.PROBLEM, "no program may compute on it", f"nvidia-smi -i {gpu.index} -c DEFAULT"
    if gpu.compute_mode == _EXCLUSIVE:
        yield Level.WARNING, "one program at a time", f"for several slots: nvidia-smi -i {gpu.index} -c DEFAULT"
    if gpu.n_ecc_errors:
        what = f"{gpu.n_ecc_errors} uncorrected memory errors since the start"
        yield Level.PROBLEM, what, "results may be wrong: take it out of service and reset it"
    if gpu.is_remap_pending:
        yield Level.WARNING, "broken memory waits to be retired", "reset the GPU when nothing runs on it"
    if gpu.used_bytes is not None and gpu.total_bytes and gpu.used_bytes > MAX_USED * gpu.total_bytes:
        yield Level.WARNING, "in use already", "see by whom: nvidia-smi; trials may run out of its memory"
    if gpu.is_persistent is False:
        yield Level.WARNING, "the driver is unloaded when idle", "trials start seconds later: nvidia-smi -pm 1"


def check_kernel_log(lines: Iterable[str]) -> Iterator[Finding]:
    """Report the errors that the kernel's log names of GPUs since the start; nothing where it names none."""
    counts: dict[tuple[str, int], int] = {}
    for line in lines:
        found = _XID.search(line)
        if found is not None:
            key = found["pci"], int(found["number"])
            counts[key] = counts.get(key, 0) + 1
    for (pci, number), n in sorted(counts.items()):
        seen = f"the kernel's log names Xid {number} on {pci} {n} times since the start"
        remedy = f"look it up: nvidia.com/xid {number}"
        if number in _SERIOUS:
            yield problem("gpu errors", seen, f"reset the GPU or restart the machine; {remedy}")
        else:
            yield warning("gpu errors", seen, remedy)


def n_on_bus(devices: Path = PCI) -> int:
    """Count NVIDIA's display and compute devices on the PCI bus."""

    def says(device: Path, name: str) -> str:
        try:
            return (device / name).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return ""

    found = devices.iterdir() if devices.is_dir() else ()
    return sum(says(one, "vendor") == _NVIDIA and says(one, "class").startswith("0x03") for one in found)


def read_driver() -> Driver | NoDriver:
    """Ask NVIDIA's driver for everything that the checks want."""
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return NoDriver()
    code = int(library.nvmlInit_v2())
    return ask_driver(library) if code == 0 else NoDriver(code)


def ask_driver(library: Any) -> Driver:
    """Ask a library that is initialised."""
    version, cuda, count = ctypes.create_string_buffer(_N_BYTES), ctypes.c_int(), ctypes.c_uint()
    library.nvmlSystemGetDriverVersion(version, ctypes.c_uint(_N_BYTES))
    library.nvmlSystemGetCudaDriverVersion_v2(ctypes.byref(cuda))
    library.nvmlDeviceGetCount_v2(ctypes.byref(count))
    gpus = (_ask_gpu(library, index) for index in range(count.value))
    return Driver(
        version=version.value.decode(errors="replace"),
        cuda=(cuda.value // 1000, cuda.value % 1000 // 10),
        gpus=tuple(gpu for gpu in gpus if gpu is not None),
    )


def _ask_gpu(library: Any, index: int) -> Gpu | None:
    device = ctypes.c_void_p()
    if library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(device)) != 0:
        return None
    name, memory, errors = ctypes.create_string_buffer(_N_BYTES), _Memory(), ctypes.c_ulonglong()
    library.nvmlDeviceGetName(device, name, ctypes.c_uint(_N_BYTES))
    has_memory = library.nvmlDeviceGetMemoryInfo(device, ctypes.byref(memory)) == 0
    kinds = ctypes.c_uint(_UNCORRECTED), ctypes.c_uint(_SINCE_BOOT)
    has_ecc = library.nvmlDeviceGetTotalEccErrors(device, *kinds, ctypes.byref(errors)) == 0
    persistence = _ask_number(library.nvmlDeviceGetPersistenceMode, device)
    return Gpu(
        index=index,
        name=name.value.decode(errors="replace"),
        used_bytes=int(memory.used) if has_memory else None,
        total_bytes=int(memory.total) if has_memory else None,
        is_persistent=None if persistence is None else persistence == 1,
        n_ecc_errors=int(errors.value) if has_ecc else None,
        is_remap_pending=_is_remap_pending(library, device),
        compute_mode=_ask_number(library.nvmlDeviceGetComputeMode, device),
    )


def _ask_number(function: Any, device: Any) -> int | None:
    answer = ctypes.c_uint()
    return int(answer.value) if function(device, ctypes.byref(answer)) == 0 else None


def _is_remap_pending(library: Any, device: Any) -> bool | None:
    function = getattr(library, "nvmlDeviceGetRemappedRows", None)  # drivers before 450 have none
    counts = [ctypes.c_uint() for _ in range(4)]  # corrected, uncorrected, pending, failed
    if function is None or function(device, *(ctypes.byref(one) for one in counts)) != 0:
        return None
    return bool(counts[2].value)


def _kernel_lines(log: Path = KERNEL_LOG) -> Iterator[str]:
    """Yield what the kernel has logged; nothing where this user may not read it."""
    try:
        descriptor = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return
    try:
        for _ in range(_MAX_LOG_LINES):
            yield os.read(descriptor, 8192).decode(errors="replace")
    except OSError:  # all of it is read, or it was overwritten meanwhile
        return
    finally:
        os.close(descriptor)
