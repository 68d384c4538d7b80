"""Interpreter, cores, memory, descriptors."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from tunewell import __version__
from tunewell.doctor.cgroups import Limits, read_limits
from tunewell.doctor.finding import GIB, MIB, Finding, ok, problem, size_words, skipped, warning
from tunewell.system.cores import allowed_cores

MEMORY_FILE = Path("/proc/meminfo")
MIN_FREE_BYTES, LOW_FREE_BYTES = 512 * MIB, 2 * GIB
MIN_FILES, LOW_FILES = 256, 1024


def check_machine() -> Iterator[Finding]:
    """Look at the machine that this process runs on."""
    limits = read_limits()
    yield check_python()
    yield check_cores(os.cpu_count() or 1, allowed_cores(), limits)
    yield check_memory(read_memory(), limits)
    yield check_files(_file_limit())


def check_python() -> Finding:
    """Tell which interpreter this is; one that is too old could not have read this file."""
    where = "a virtual environment" if sys.prefix != sys.base_prefix else "no virtual environment"
    return ok("python", f"Python {platform.python_version()}, tunewell {__version__}, {where}")


def check_cores(n_cores: int, n_allowed: int, limits: Limits) -> Finding:
    """Hold the cores that programs see against those that they get.

    Args:
        n_cores: Of the machine.
        n_allowed: Those that this process may run on.
        limits: Of its control groups.
    """
    n_usable = usable_cores(n_allowed, limits)
    seen = f"{n_cores} cores, of which this process gets {n_usable:g}"
    if n_usable >= n_allowed:
        return ok("cores", f"{n_cores} cores" if n_allowed >= n_cores else seen)
    remedy = f"a worker takes a slot for each core that it may use: start it with --slots {max(1, int(n_usable))}"
    return warning("cores", seen, remedy)


def check_memory(memory: tuple[int, int] | None, limits: Limits) -> Finding:
    """Hold what is left of the memory against what a process that trains takes.

    Args:
        memory: Bytes that the machine has, and bytes that programs could have on top; None where unknown.
        limits: Of the control groups.
    """
    if memory is None:
        return skipped("memory", "this system does not tell what it has")
    total, free = memory
    seen = f"{size_words(free)} of {size_words(total)} free"
    if limits.memory_bytes is not None and limits.memory_bytes < total:
        free = free_bytes(memory, limits)
        seen = f"{size_words(free)} free of the {size_words(limits.memory_bytes)} that this container may take"
    remedy = "a slot takes about 300 MiB before its data: end other programs, or give fewer --slots"
    if free < MIN_FREE_BYTES:
        return problem("memory", seen, remedy)
    return warning("memory", seen, remedy) if free < LOW_FREE_BYTES else ok("memory", seen)


def check_files(limit: int | None) -> Finding:
    """Judge how many files a process may have open at once; None: as many as it likes."""
    if limit is None:
        return ok("open files", "no limit")
    seen = f"at most {limit} a process"
    remedy = "raise it before a worker is started: ulimit -n 4096 (systemd: LimitNOFILE=)"
    if limit < MIN_FILES:
        return problem("open files", seen, remedy)
    return warning("open files", seen, remedy) if limit < LOW_FILES else ok("open files", seen)


def usable_cores(n_allowed: int, limits: Limits) -> float:
    """Return the CPU time per time that this process can get."""
    return n_allowed if limits.n_cpus is None else min(float(n_allowed), limits.n_cpus)


def free_bytes(memory: tuple[int, int], limits: Limits) -> int:
    """Return the memory that programs could have on top, within the limit of the control group."""
    total, free = memory
    if limits.memory_bytes is None or limits.memory_bytes >= total:
        return free
    return max(0, min(free, limits.memory_bytes - (limits.memory_used_bytes or 0)))


def read_memory(file: Path = MEMORY_FILE) -> tuple[int, int] | None:
    """Return the bytes that the machine has and those that are free or could be freed; None where it does not tell."""
    try:
        rows = [line.split() for line in file.read_text(encoding="ascii").splitlines()]
    except (OSError, ValueError):
        return None
    found = {row[0]: int(row[1]) * 1024 for row in rows if len(row) == 3 and row[1].isdecimal()}
    total, free = found.get("MemTotal:"), found.get("MemAvailable:")
    return None if total is None or free is None else (total, free)


def _file_limit() -> int | None:
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return None
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft
