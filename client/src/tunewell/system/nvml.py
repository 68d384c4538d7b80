"""What NVIDIA's driver says of the GPUs, asked without torch: a process that has used CUDA cannot fork any more."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from tunewell.fleet import GpuReading

GpuReader = Callable[[], tuple[GpuReading, ...]]
_LIBRARY = "libnvidia-ml.so.1"
_NAME_BYTES = 96


class _Utilisation(ctypes.Structure):
    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class Memory(ctypes.Structure):
    """NVML's nvmlMemory_t, in bytes."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def load_nvml() -> Any | None:
    """Return the driver's library, initialised; None on a machine without one."""
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        return None
    return library if library.nvmlInit_v2() == 0 else None


def open_gpus() -> GpuReader:
    """Return what reads this machine's GPUs; without NVIDIA's driver it answers that there are none."""
    library = load_nvml()
    return tuple if library is None else lambda: read_gpus(library)


def read_gpus(library: Any) -> tuple[GpuReading, ...]:
    """Return a reading of each GPU.

    A GPU that cannot be asked (it fell off the bus, or the driver is too old) is left out; what it does not measure,
    such as the utilisation of a partition, is None.

    Args:
        library: As `load_nvml` returns it.

    Source: NVIDIA, NVML API Reference: nvmlDeviceGetUtilizationRates, nvmlDeviceGetMemoryInfo.
    """
    count = ctypes.c_uint()
    if library.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
        return ()
    readings = (_read_gpu(library, index) for index in range(count.value))
    return tuple(reading for reading in readings if reading is not None)


def _read_gpu(library: Any, index: int) -> GpuReading | None:
    device = ctypes.c_void_p()
    if library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(device)) != 0:
        return None
    name = ctypes.create_string_buffer(_NAME_BYTES)
    library.nvmlDeviceGetName(device, name, ctypes.c_uint(_NAME_BYTES))
    used = ask(library.nvmlDeviceGetUtilizationRates, device, _Utilisation())
    memory = ask(library.nvmlDeviceGetMemoryInfo, device, Memory())
    return GpuReading(
        index=index,
        name=name.value.decode(errors="replace"),
        utilisation_percent=None if used is None else float(used.gpu),
        memory_used_bytes=None if memory is None else int(memory.used),
        memory_total_bytes=None if memory is None else int(memory.total),
    )


def ask(function: Callable[[Any, Any], int], device: Any, answer: Any) -> Any | None:
    """Let a function of the library fill `answer`, and return it; None where it cannot.

    Args:
        function: Of the library: takes a device and where to answer, and returns 0 where it did.
        device: The library's handle.
        answer: What is filled.
    """
    return answer if function(device, ctypes.byref(answer)) == 0 else None
