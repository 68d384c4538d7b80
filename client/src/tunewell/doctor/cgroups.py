"""What the kernel lets this process have of its machine: a container sees all cores and all memory and gets less.

Source: Linux, Documentation/admin-guide/cgroup-v2.rst (cpu.max, memory.max) and cgroup-v1 (cpu.cfs_quota_us,
memory.limit_in_bytes).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

OWN = Path("/proc/self/cgroup")
MOUNT = Path("/sys/fs/cgroup")
_NO_LIMIT_BYTES = 2**60  # version 1 writes a number near 2**63 where there is none


@dataclass(frozen=True, slots=True)
class Limits:
    """None where there is no limit.

    Attributes:
        n_cpus: CPU time per time.
        memory_bytes: The smallest limit above this process.
        memory_used_bytes: What the group of that limit uses.
    """

    n_cpus: float | None = None
    memory_bytes: int | None = None
    memory_used_bytes: int | None = None


def read_limits(own: Path = OWN, mount: Path = MOUNT) -> Limits:
    """Return the tightest limits of this process's groups and of those above them; none where the system has none."""
    paths = _paths(own)
    cpus = [n for folder in _folders(mount, paths, "cpu") if (n := _cpus_of(folder)) is not None]
    memory = [found for folder in _folders(mount, paths, "memory") if (found := _memory_of(folder)) is not None]
    limit, used = min(memory, default=(None, None), key=lambda found: found[0])
    return Limits(n_cpus=min(cpus, default=None), memory_bytes=limit, memory_used_bytes=used)


def _paths(own: Path) -> dict[str, str]:
    """Return the path of each controller of version 1, and under an empty name that of version 2."""
    try:
        lines = own.read_text(encoding="utf-8").splitlines()
    except OSError:
        return {}
    rows = [line.split(":", 2) for line in lines if line.count(":") >= 2]
    return {controller: path for _, controllers, path in rows for controller in controllers.split(",")}


def _folders(mount: Path, paths: dict[str, str], controller: str) -> Iterator[Path]:
    """Yield the folders that may hold a limit: of either version, from the own group upwards."""
    roots = [(mount, paths.get(""))]
    roots += [(mount / name, paths.get(controller)) for name in (controller, "cpu,cpuacct")]
    for root, path in roots:
        if path is None:
            continue
        parts = [part for part in path.split("/") if part not in ("", "..")]
        for n in range(len(parts), -1, -1):
            yield root.joinpath(*parts[:n])


def _cpus_of(folder: Path) -> float | None:
    words = (_read(folder / "cpu.max") or "").split()
    if len(words) != 2:
        words = [_read(folder / "cpu.cfs_quota_us") or "", _read(folder / "cpu.cfs_period_us") or ""]
    quota, period = words
    return int(quota) / int(period) if quota.isdecimal() and period.isdecimal() and int(period) else None


def _memory_of(folder: Path) -> tuple[int, int | None] | None:
    for limit_name, used_name in (
        ("memory.max", "memory.current"),
        ("memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        limit, used = _read(folder / limit_name) or "", _read(folder / used_name) or ""
        if limit.isdecimal() and int(limit) < _NO_LIMIT_BYTES:
            return int(limit), int(used) if used.isdecimal() else None
    return None


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return None
