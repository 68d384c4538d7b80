"""Memory that runs out, or would."""

import gc

import torch

SAFE_SHARE = 0.9
"""Share of a GPU's free memory that may be planned with: the allocator cuts it into blocks, and others use it too."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error says that memory has run out."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return "can't allocate memory" in str(error) or "out of memory" in str(error)


def give_back(device: torch.device) -> None:
    """Give memory back that nothing refers to any more."""
    gc.collect()
    if device.type == "cuda":
        torch.cuda.empty_cache()


def watch_peak(device: torch.device) -> None:
    """Begin to look for the most memory in use."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_bytes(device: torch.device) -> int:
    """Return the most memory in use since `watch_peak`; 0 where a device does not count."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0


def has_room(device: torch.device, needed_bytes: int) -> bool:
    """Tell whether a device has this much memory for a program, with some to spare; True where that is not known."""
    if device.type != "cuda":
        return True
    free_bytes, _ = torch.cuda.mem_get_info(device)
    idle_bytes = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return needed_bytes <= SAFE_SHARE * (free_bytes + idle_bytes)
