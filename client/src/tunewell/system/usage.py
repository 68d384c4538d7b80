"""What a training takes of its machine, as curves beside its metrics: CPU, memory, disk, network, GPUs.

A reading costs a few milliseconds and comes four times a minute, so that it takes less than a thousandth of a core.
Short trials have none: three seconds say little, and thousands of them would fill the database with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from tunewell.system.meters import MachineMeter, ProcessMeter, TrafficMeter
from tunewell.system.nvml import GpuReader

FIRST_AFTER_S = 3.0
EVERY_S = 15.0
PREFIX = "system/"


class Usage:
    """Reads the machine and one training process after another, now and then.

    Args:
        gpus: Reads the GPUs.
        clock: Seconds that only grow.
    """

    def __init__(self, gpus: GpuReader, clock: Callable[[], float] = time.monotonic) -> None:
        self._machine = MachineMeter(gpus)
        self._traffic = TrafficMeter(clock)
        self._clock = clock
        self._process: ProcessMeter | None = None
        self._pid: int | None = None
        self._due_s = 0.0

    def read_if_due(self, pid: int | None) -> Mapping[str, float]:
        """Return what is used now, by the names of the curves; nothing while it is not time.

        Args:
            pid: The process that trains; None between two of them.
        """
        now_s = self._clock()
        if pid is None:
            return {}
        if pid != self._pid:
            self._begin(pid, now_s)
            return {}
        if now_s < self._due_s or self._process is None:
            return {}
        self._due_s = now_s + EVERY_S
        return self._read(self._process)

    def _begin(self, pid: int, now_s: float) -> None:
        self._pid, self._due_s = pid, now_s + FIRST_AFTER_S
        self._process = ProcessMeter(pid, self._clock)
        self._process.read()  # CPU time is counted from here, and the machine's too
        self._machine.read()
        self._traffic.read()

    def _read(self, meter: ProcessMeter) -> dict[str, float]:
        process, machine = meter.read(), self._machine.read()
        if process is None:
            return {}
        found: dict[str, float | None] = {
            "process_cpu_percent": process.cpu_percent,
            "process_memory_bytes": process.rss_bytes,
            "machine_cpu_percent": machine.cpu_percent,
            "machine_memory_bytes": machine.memory_used_bytes,
            **{f"{name}_bytes_per_s": rate for name, rate in self._traffic.read().items()},
        }
        for gpu in machine.gpus:
            found[f"gpu{gpu.index}_percent"] = gpu.utilisation_percent
            found[f"gpu{gpu.index}_memory_bytes"] = gpu.memory_used_bytes
        return {PREFIX + name: float(value) for name, value in found.items() if value is not None}
