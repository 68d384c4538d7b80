"""What a machine and its processes use: CPU, memory, GPUs. Readings are cheap enough for every heartbeat."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from tunewell.fleet import MachineReading
from tunewell.system.nvml import GpuReader


@dataclass(frozen=True, slots=True)
class ProcessReading:
    """What a process and its descendants use.

    Attributes:
        cpu_percent: 100 for each core in use, since the reading before; None at the first.
        rss_bytes: Memory that is resident; pages which they share are counted for each.
    """

    cpu_percent: float | None
    rss_bytes: int


class MachineMeter:
    """Reads the whole machine; CPU utilisation is that since the reading before.

    Args:
        gpus: Reads the GPUs.
    """

    def __init__(self, gpus: GpuReader) -> None:
        self._gpus = gpus
        self._before = _cpu_times()

    def read(self) -> MachineReading:
        """Return what the machine uses now."""
        busy_s, total_s = _cpu_times()
        passed_s = total_s - self._before[1]
        used = None if passed_s <= 0 else 100 * (busy_s - self._before[0]) / passed_s
        self._before = busy_s, total_s
        memory = psutil.virtual_memory()
        return MachineReading(
            n_cpus=os.cpu_count() or 1,
            cpu_percent=None if used is None else round(min(100.0, max(0.0, used)), 1),
            memory_used_bytes=memory.total - memory.available,
            memory_total_bytes=memory.total,
            gpus=self._gpus(),
        )


class TrafficMeter:
    """Reads how fast the whole machine's disks and network are used, since the reading before.

    Args:
        clock: Returns seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._before: tuple[float, dict[str, int]] | None = None

    def read(self) -> dict[str, float]:
        """Return bytes per second by name; nothing at the first reading, and of what the system does not count."""
        now_s, counts = self._clock(), _traffic()
        before, self._before = self._before, (now_s, counts)
        if before is None or now_s <= before[0]:
            return {}
        passed_s = now_s - before[0]
        return {name: max(0, n - before[1][name]) / passed_s for name, n in counts.items() if name in before[1]}


class ProcessMeter:
    """Reads one process with its descendants.

    Args:
        pid: The process.
        clock: Returns seconds that only grow.
    """

    def __init__(self, pid: int, clock: Callable[[], float]) -> None:
        self._pid = pid
        self._clock = clock
        self._before: tuple[float, float] | None = None

    def read(self) -> ProcessReading | None:
        """Return what they use now; None once the process is gone."""
        try:
            root = psutil.Process(self._pid)
            family = [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return None
        cpu_s, rss_bytes = 0.0, 0
        for one in family:
            used = _usage(one)
            cpu_s, rss_bytes = cpu_s + used[0], rss_bytes + used[1]
        return ProcessReading(self._percent(cpu_s), rss_bytes)

    def _percent(self, cpu_s: float) -> float | None:
        now_s, before = self._clock(), self._before
        self._before = now_s, cpu_s
        if before is None or now_s <= before[0]:
            return None
        # A descendant that ended takes its seconds along.
        return round(max(0.0, 100 * (cpu_s - before[1]) / (now_s - before[0])), 1)


def _usage(process: psutil.Process) -> tuple[float, int]:
    """Return a process's CPU seconds and resident bytes; nothing for one that ended meanwhile."""
    try:
        with process.oneshot():
            times = process.cpu_times()
            return times.user + times.system, process.memory_info().rss
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0, 0


def _cpu_times() -> tuple[float, float]:
    """Return the seconds that all cores together were busy, and those that passed."""
    times = psutil.cpu_times()
    # Linux counts guests' time within user time too.
    total_s = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    return total_s - times.idle - getattr(times, "iowait", 0.0), total_s


def _traffic() -> dict[str, int]:
    disk, network = psutil.disk_io_counters(), psutil.net_io_counters()
    found = {} if disk is None else {"read_disk": disk.read_bytes, "written_disk": disk.write_bytes}
    return found | (
        {} if network is None else {"received_network": network.bytes_recv, "sent_network": network.bytes_sent}
    )
