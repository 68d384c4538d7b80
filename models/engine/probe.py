"""How many lanes to train at once: measured, because it pays only while a step is bound by overhead.

Small steps cost mostly the calls that start their operations, and lanes share those. Large steps cost arithmetic, which
nobody shares, and beyond the cache more lanes even cost more. Where the crossing lies depends on network, batch size
and machine, so a few steps are taken with 1, 2, 4, ... lanes and thrown away.
"""

import time
from collections.abc import Callable, Hashable, Sequence

import torch

from models.engine.devices import Precision
from models.engine.lane import Lane
from models.engine.memory import give_back, has_room, is_out_of_memory, note_peak, peak_bytes, watch_peak
from models.engine.program import Program

N_STEPS = 3
"""Steps that are timed, after one that is not; the fastest counts."""
LEAST_GAIN = 1.05
"""More lanes must train this much faster to be preferred: they also take more memory and end later."""
MAX_LANES = {"cpu": 64, "cuda": 1024}

Clock = Callable[[], float]
_known: dict[Hashable, int] = {}
_precisions: dict[Hashable, Precision] = {}


def choose_lanes(
    lanes: Sequence[Lane],
    key: Hashable,
    device: torch.device,
    clock: Clock | None = None,
    precision: Precision = "float32",
) -> int:
    """Return how many of some lanes to train as one program.

    Args:
        lanes: waiting lanes of one structure, at least one.
        key: of the structure and the data; the answer is remembered for the process.
        device: where to train.
        clock: what a step costs, in seconds; by default CPU time on the CPU and wall time elsewhere.
        precision: of the forward pass.

    Returns:
        From 1 to the number of lanes.
    """
    n_max = min(len(lanes), MAX_LANES.get(device.type, 64))
    if n_max == 1:
        return 1
    clock = clock or _clock(device)
    place = (key, str(device), precision)
    known = _known.get(place)
    if known is not None:
        return min(known, n_max)
    chosen, best_s, n = 1, _try(lanes[:1], device, clock, precision), 2
    if best_s == float("inf"):
        return 1  # not even one fits: its training will say so, lane by lane
    while n <= n_max and has_room(device, 2 * peak_bytes(device)):
        per_lane_s = _try(lanes[:n], device, clock, precision)
        if per_lane_s * LEAST_GAIN < best_s:
            chosen, best_s = n, per_lane_s
        elif n >= 4 * chosen:  # twice without a gain
            _known[place] = chosen
            break
        n *= 2
    return chosen


def choose_precision(
    lanes: Sequence[Lane], key: Hashable, device: torch.device, clock: Clock | None = None
) -> Precision:
    """Return the precision in which some lanes train faster, which bf16 must do by as much as more lanes would.

    Args:
        lanes: as many as train at once.
        key: of the structure and the data; the answer is remembered for the process.
        device: where to train; on a CPU it is always float32, since few compute faster in bf16.
        clock: as in `choose_lanes`.
    """
    if device.type == "cpu" or not lanes:
        return "float32"
    clock = clock or _clock(device)
    place = (key, str(device), len(lanes))
    if place not in _precisions:
        whole_s, mixed_s = (_try(lanes, device, clock, precision) for precision in ("float32", "bf16"))
        _precisions[place] = "bf16" if mixed_s * LEAST_GAIN < whole_s else "float32"
    return _precisions[place]


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


def _clock(device: torch.device) -> Clock:
    return time.process_time if device.type == "cpu" else time.perf_counter


def _try(lanes: Sequence[Lane], device: torch.device, clock: Clock, precision: Precision) -> float:
    try:
        return _lane_step_s(lanes, device, clock, precision) / len(lanes)
    except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
    give_back(device)
    return float("inf")


def _lane_step_s(lanes: Sequence[Lane], device: torch.device, clock: Clock, precision: Precision) -> float:
    watch_peak(device)
    program = Program(lanes, device, precision)
    program.time_steps(1)
    note_peak(device, len(lanes))
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
