"""Cores, memory and descriptors, judged on the figures of machines that are not here."""

from __future__ import annotations

from pathlib import Path

import pytest
from tunewell.doctor import Finding, Level, worst_of
from tunewell.doctor.cgroups import Limits, read_limits
from tunewell.doctor.finding import GIB, MIB
from tunewell.doctor.machine import check_cores, check_files, check_machine, check_memory, read_memory

NOTHING = Limits()


def groups(tmp_path: Path, own: str, **files: str) -> Limits:
    """Return the limits of a system whose control groups hold these files, `/` written as `__`."""
    for name, text in files.items():
        path = tmp_path / "mount" / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "own").write_text(own)
    return read_limits(tmp_path / "own", tmp_path / "mount")


def test_the_tightest_limit_on_the_way_up_counts(tmp_path: Path) -> None:
    files = {
        "a__cpu_dot_max": "250000 100000\n",
        "a__b__cpu_dot_max": "max 100000\n",
        "a__memory_dot_max": "max\n",
        "a__b__memory_dot_max": f"{GIB}\n",
        "a__b__memory_dot_current": f"{GIB // 4}\n",
    }
    assert groups(tmp_path, "0::/a/b\n", **files) == Limits(2.5, GIB, GIB // 4)


def test_limits_of_the_first_version_are_read_too(tmp_path: Path) -> None:
    files = {
        "cpu,cpuacct__x__cpu_dot_cfs_quota_us": "50000",
        "cpu,cpuacct__x__cpu_dot_cfs_period_us": "100000",
        "memory__y__memory_dot_limit_in_bytes": f"{2 * GIB}",
        "memory__memory_dot_limit_in_bytes": str(2**63 - 4096),
    }
    assert groups(tmp_path, "4:memory:/y\n3:cpu,cpuacct:/x\n1:name=systemd:/\n", **files) == Limits(0.5, 2 * GIB, None)


def test_a_system_without_groups_has_no_limits(tmp_path: Path) -> None:
    assert groups(tmp_path, "0::/\n") == NOTHING
    assert read_limits(tmp_path / "nothing", tmp_path) == NOTHING


def test_a_container_that_sees_more_cores_than_it_gets_is_told_its_slots() -> None:
    found = check_cores(64, 64, Limits(n_cpus=2.5))
    assert (found.result, found.seen) == (Level.WARNING, "64 cores, of which this process gets 2.5")
    assert found.remedy.endswith("--slots 2")
    assert check_cores(64, 4, Limits(n_cpus=2.0)).remedy.endswith("--slots 2")
    fewer = check_cores(64, 4, NOTHING)
    assert (fewer.result, fewer.seen) == (Level.OK, "64 cores, of which this process gets 4")
    assert check_cores(64, 64, Limits(n_cpus=64.0)).result is Level.OK


def test_memory_is_judged_within_the_containers_limit() -> None:
    machine = (64 * GIB, 60 * GIB)
    assert check_memory(machine, NOTHING).result is Level.OK
    tight = check_memory(machine, Limits(memory_bytes=2 * GIB, memory_used_bytes=2 * GIB - 100 * MIB))
    assert (tight.result, tight.seen) == (
        Level.PROBLEM,
        "100 MiB free of the 2.0 GiB that this container may take",
    )
    assert check_memory(machine, Limits(memory_bytes=3 * GIB, memory_used_bytes=2 * GIB)).result is Level.WARNING
    assert check_memory((4 * GIB, 300 * MIB), NOTHING).result is Level.PROBLEM
    assert check_memory(None, NOTHING).result is Level.SKIPPED


def test_memory_is_read_as_the_kernel_tells_it(tmp_path: Path) -> None:
    file = tmp_path / "meminfo"
    file.write_text("MemTotal:  2048 kB\nMemFree:  1 kB\nMemAvailable:  1024 kB\nHugePages_Total:  0\n")
    assert read_memory(file) == (2 * MIB, MIB)
    assert read_memory(tmp_path / "nothing") is None


@pytest.mark.parametrize(("limit", "level"), [(64, "problem"), (256, "warning"), (1024, "ok"), (None, "ok")])
def test_a_process_needs_descriptors(limit: int | None, level: str) -> None:
    assert check_files(limit).result == level


def test_this_machine_can_be_looked_at() -> None:
    assert [one.name for one in check_machine()] == ["python", "cores", "memory", "open files"]


def test_the_worst_result_counts() -> None:
    findings = [Finding("x", level, "") for level in (Level.WARNING, Level.OK, Level.SKIPPED)]
    assert worst_of(findings) is Level.WARNING
    assert worst_of([]) is Level.OK
