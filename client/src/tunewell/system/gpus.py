"""Which GPUs a machine has, by the names that CUDA takes, asked of NVIDIA's driver and never of CUDA.

CUDA itself may number GPUs in another order than the driver does, so a process is pinned by the UUID: it means the same
GPU in every order, and a partition (MIG) has one too.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tunewell.system.nvml import Memory, ask

_UUID_BYTES = 96
_NAME_BYTES = 96
_MIG_ON = 1


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU, or a partition of one, that a process can have to itself.

    Attributes:
        uuid: What `CUDA_VISIBLE_DEVICES` takes: `GPU-...`, or `MIG-...` for a partition.
        index: Of the GPU, in the driver's order; that of a partition is its whole GPU's.
        name: As the driver calls it.
        memory_bytes: What it has; 0 where the driver does not tell.
    """

    uuid: str
    index: int
    name: str
    memory_bytes: int


def list_gpus(library: Any | None) -> tuple[Gpu, ...]:
    """Return the GPUs of this machine, in the driver's order. One that is partitioned stands for its partitions.

    Args:
        library: As `load_nvml` returns it; None for a machine without the driver.

    Source: NVIDIA, NVML API Reference: nvmlDeviceGetUUID, nvmlDeviceGetMigMode, nvmlDeviceGetMigDeviceHandleByIndex.
    """
    count = ctypes.c_uint()
    if library is None or library.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
        return ()
    found: list[Gpu] = []
    for index in range(count.value):
        device = ctypes.c_void_p()
        if library.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(index), ctypes.byref(device)) == 0:
            found += (
                _parts(library, device, index) if _is_partitioned(library, device) else [_read(library, device, index)]
            )
    return tuple(gpu for gpu in found if gpu.uuid)


def read_free_bytes(library: Any | None, uuid: str) -> int | None:
    """Return how much of a GPU's memory nobody uses; None where the driver does not tell.

    Args:
        library: As `load_nvml` returns it; None for a machine without the driver.
        uuid: As `list_gpus` names it.
    """
    device = ctypes.c_void_p()
    if library is None or library.nvmlDeviceGetHandleByUUID(uuid.encode(), ctypes.byref(device)) != 0:
        return None
    memory = ask(library.nvmlDeviceGetMemoryInfo, device, Memory())
    return None if memory is None else int(memory.free)


def choose_gpus(wanted: str, present: Sequence[Gpu], visible: str | None = None) -> tuple[Gpu, ...]:
    """Return the GPUs that somebody names.

    Args:
        wanted: `all`, `none`, or numbers and UUIDs (or how these begin, as CUDA takes them), comma-separated.
        present: What the machine has.
        visible: `CUDA_VISIBLE_DEVICES`, where somebody such as a batch system has set it: `all` means no others.

    Raises:
        ValueError: One is not here, named twice, or `all` finds none; the message says what there is.
    """
    if wanted == "none":
        return ()
    if wanted == "all":
        chosen = list(present) if visible is None else [gpu for word in _words(visible) for gpu in _find(word, present)]
        if not chosen:
            hidden = "" if visible is None else f", of which CUDA_VISIBLE_DEVICES={visible} shows none"
            raise ValueError(
                f"{wanted!r}: the driver sees {_say(present)}{hidden}; give --gpus none to train on the CPU"
            )
        return tuple(dict.fromkeys(chosen))
    chosen = []
    for word in _words(wanted):
        found = _find(word, present)
        if not found:
            raise ValueError(f"{word!r} is no GPU of this machine; accepted: all, none, or of {_say(present)}")
        chosen += found
    if not chosen:
        raise ValueError(f"{wanted!r} names no GPU; accepted: all, none, or of {_say(present)}")
    doubled = [gpu.uuid for gpu in chosen if chosen.count(gpu) > 1]
    if doubled:
        raise ValueError(f"{wanted!r} names {doubled[0]} twice; for two processes on a GPU give --slots-per-gpu 2")
    return tuple(chosen)


def _words(text: str) -> Iterator[str]:
    return (word.strip() for word in text.split(",") if word.strip())


def _find(word: str, present: Sequence[Gpu]) -> list[Gpu]:
    """Return what a number or the beginning of a UUID names: the number of a partitioned GPU means all its parts."""
    if word.isdecimal():
        return [gpu for gpu in present if gpu.index == int(word)]
    found = [gpu for gpu in present if gpu.uuid.lower().startswith(word.lower())]
    return found if len(found) == 1 else []


def _say(present: Sequence[Gpu]) -> str:
    return ", ".join(f"{gpu.index} ({gpu.uuid})" for gpu in present) or "no GPU"


def _is_partitioned(library: Any, device: ctypes.c_void_p) -> bool:
    mode, pending = ctypes.c_uint(), ctypes.c_uint()
    answer = library.nvmlDeviceGetMigMode(device, ctypes.byref(mode), ctypes.byref(pending))
    return bool(answer == 0 and mode.value == _MIG_ON)


def _parts(library: Any, device: ctypes.c_void_p, index: int) -> list[Gpu]:
    count = ask(library.nvmlDeviceGetMaxMigDeviceCount, device, ctypes.c_uint())
    found = []
    for place in range(0 if count is None else count.value):
        part = ctypes.c_void_p()
        if library.nvmlDeviceGetMigDeviceHandleByIndex(device, ctypes.c_uint(place), ctypes.byref(part)) == 0:
            found.append(_read(library, part, index))
    return found


def _read(library: Any, device: ctypes.c_void_p, index: int) -> Gpu:
    uuid, name = ctypes.create_string_buffer(_UUID_BYTES), ctypes.create_string_buffer(_NAME_BYTES)
    library.nvmlDeviceGetUUID(device, uuid, _UUID_BYTES)
    library.nvmlDeviceGetName(device, name, _NAME_BYTES)
    memory = ask(library.nvmlDeviceGetMemoryInfo, device, Memory())
    total = 0 if memory is None else int(memory.total)
    return Gpu(uuid.value.decode(errors="replace"), index, name.value.decode(errors="replace"), total)
