"""Memory that runs out, or would: of a GPU, of one that is simulated, and of the host, which nobody counts."""

import gc
from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

import torch
from torch import Tensor

from models.engine.simulated import Allotment, SimulatedMemory

SAFE_SHARE = 0.9
"""Share of a GPU's free memory that may be planned with: the allocator cuts it into blocks, and others use it too."""

CONTEXT_BYTES = 600 << 20
"""What CUDA takes of a GPU for a process before it holds a tensor, roughly: torch's own counts leave it out."""


class Held(Protocol):
    """What a program holds of its device."""

    def step(self) -> AbstractContextManager[None]:
        """Return the context that a training step runs in."""
        ...


class _Uncounted:
    """Of a device that counts by itself, or not at all."""

    _nothing = nullcontext()

    def step(self) -> AbstractContextManager[None]:
        """Return a context that does nothing."""
        return self._nothing


class _Limits:
    """What holds for this process: its memory is one, however many programs train in it."""

    def __init__(self) -> None:
        self.simulated: SimulatedMemory | None = None
        self.most_bytes: int | None = None
        self.seen: dict[int, int] = {}


_UNCOUNTED = _Uncounted()
_limits = _Limits()


def simulate(memory: SimulatedMemory | None) -> None:
    """Let training on the CPU take its memory of a simulated device; None ends that.

    Effects:
        Holds for the whole process.
    """
    _limits.simulated = memory
    _limits.seen.clear()


def allot(device: torch.device, owner: object, tensors: Iterable[Tensor]) -> Held:
    """Take what a program needs of a simulated device; real ones count by themselves.

    Args:
        device: where it trains.
        owner: the program; what it holds is given back when it is gone.
        tensors: what it keeps on the device.

    Raises:
        OutOfMemoryError: torch's own: they do not fit.
    """
    memory = _simulated(device)
    return _UNCOUNTED if memory is None else Allotment(memory, owner, tensors)


def limit(device: torch.device, n_bytes: int | None) -> None:
    """State how much this process may take of a device; more fails as if there were no more. None for all there is.

    Effects:
        Holds for the whole process.
    """
    _limits.most_bytes = n_bytes
    memory = _simulated(device)
    if memory is not None:
        memory.limit_bytes = n_bytes
    elif device.type == "cuda":
        _, total_bytes = torch.cuda.mem_get_info(device)
        share = 1.0 if n_bytes is None else min(1.0, n_bytes / total_bytes)
        torch.cuda.set_per_process_memory_fraction(share, device)


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory has run out."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return "can't allocate memory" in str(error) or "out of memory" in str(error)


def give_back(device: torch.device) -> None:
    """Give memory back that nothing refers to any more."""
    gc.collect()
    memory = _simulated(device)
    if memory is not None:
        memory.give_back()
    elif device.type == "cuda":
        torch.cuda.empty_cache()


def watch_peak(device: torch.device) -> None:
    """Begin to look for the most memory in use."""
    memory = _simulated(device)
    if memory is not None:
        memory.watch()
    elif device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_bytes(device: torch.device) -> int:
    """Return the most memory in use since `watch_peak`; 0 where a device does not count."""
    memory = _simulated(device)
    if memory is not None:
        return memory.peak_bytes
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0


def note_peak(device: torch.device, n_lanes: int) -> None:
    """Keep the most that so many lanes took since `watch_peak`, for who asks `seen_peaks`."""
    peak = peak_bytes(device)
    if peak:
        context_bytes = CONTEXT_BYTES if device.type == "cuda" else 0
        _limits.seen[n_lanes] = max(_limits.seen.get(n_lanes, 0), peak + context_bytes)


def seen_peaks() -> dict[int, int]:
    """Return the most bytes that this process took by the number of lanes; nothing of a device that does not count."""
    return dict(_limits.seen)


def has_room(device: torch.device, needed_bytes: int) -> bool:
    """Tell whether a device has this much memory for a program, with some to spare; True where that is not known."""
    memory = _simulated(device)
    if memory is not None:
        return needed_bytes <= SAFE_SHARE * memory.room_bytes()
    if device.type != "cuda":
        return True
    free_bytes, _ = torch.cuda.mem_get_info(device)
    allocated_bytes = torch.cuda.memory_allocated(device)
    room_bytes = free_bytes + torch.cuda.memory_reserved(device) - allocated_bytes
    if _limits.most_bytes is not None:
        room_bytes = min(room_bytes, _limits.most_bytes - allocated_bytes)
    return needed_bytes <= SAFE_SHARE * room_bytes


def _simulated(device: torch.device) -> SimulatedMemory | None:
    return _limits.simulated if device.type == "cpu" else None
