"""How many lanes to train at once: measured, because it pays only while a step is bound by overhead.

Small steps cost mostly the calls that start their operations, and lanes share those. Large steps cost arithmetic, which
nobody shares, and beyond the cache more lanes even cost more. Where the crossing lies depends on network, batch size
and machine, so a few steps are taken with 1, 2, 4, ... lanes and thrown away.
"""

import time
from collections.abc import Callable, Hashable, Sequence

import torch

from models.engine.lane import Lane
from models.engine.program import Program

N_STEPS = 3
"""Steps that are timed, after one that is not; the fastest counts."""
LEAST_GAIN = 1.05
"""More lanes must train this much faster to be preferred: they also take more memory and end later."""
MAX_LANES = {"cpu": 64, "cuda": 1024}

Clock = Callable[[], float]
_known: dict[Hashable, int] = {}


def choose_lanes(lanes: Sequence[Lane], key: Hashable, device: torch.device, clock: Clock | None = None) -> int:
    """Return how many of some lanes to train as one program.

    Args:
        lanes: waiting lanes of one structure, at least one.
        key: of the structure and the data; the answer is remembered for the process.
        device: where to train.
        clock: what a step costs, in seconds; by default CPU time on the CPU and wall time elsewhere.

    Returns:
        From 1 to the number of lanes.
    """
    n_max = min(len(lanes), MAX_LANES.get(device.type, 64))
    if n_max == 1:
        return 1
    clock = clock or (time.process_time if device.type == "cpu" else time.perf_counter)
    known = _known.get((key, str(device)))
    if known is not None:
        return min(known, n_max)
    chosen, best_s, n = 1, _lane_step_s(lanes[:1], device, clock), 2
    while n <= n_max:
        per_lane_s = _try(lanes[:n], device, clock)
        if per_lane_s * LEAST_GAIN < best_s:
            chosen, best_s = n, per_lane_s
        elif n >= 4 * chosen:  # twice without a gain
            _known[key, str(device)] = chosen
            break
        n *= 2
    return chosen


def find_obstacle(lanes: Sequence[Lane], device: torch.device) -> str | None:
    """Tell why some networks cannot train in lanes.

    Args:
        lanes: two of them.
        device: where to train.

    Returns:
        torch's own words; None where they can.
    """
    try:
        Program(lanes, device).time_steps(1)
    except (RuntimeError, TypeError, ValueError, KeyError) as error:
        return str(error).strip().partition("\n")[0][:300]
    return None


def _try(lanes: Sequence[Lane], device: torch.device, clock: Clock) -> float:
    try:
        return _lane_step_s(lanes, device, clock) / len(lanes)
    except (torch.OutOfMemoryError, MemoryError):
        return float("inf")


def _lane_step_s(lanes: Sequence[Lane], device: torch.device, clock: Clock) -> float:
    program = Program(lanes, device)
    program.time_steps(1)
    times = []
    for _ in range(N_STEPS):
        _wait(device)
        began_s = clock()
        program.time_steps(1)
        _wait(device)
        times.append(clock() - began_s)
    return min(times)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
