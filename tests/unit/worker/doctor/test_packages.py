"""Packages, torch and slots, judged on the figures of machines that are not here."""

from __future__ import annotations

import pytest
from tunewell.doctor.cgroups import Limits
from tunewell.doctor.finding import GIB
from tunewell.doctor.gpus import Driver, Gpu, NoDriver

from worker.doctor.joining import judge_slots
from worker.doctor.packages import Torch, check_packages, check_torch, read_lock

LOCK = "# made by hand\nTorch==2.13.0\nruamel.yaml==1.0  # why\n\n-e other\n"
DRIVER = Driver("570.86.15", (12, 8), (Gpu(0, "NVIDIA H200"),))
CUDA = Torch("2.13.0+cu128", "12.8", is_cuda_available=True, n_gpus=1)


def test_a_lock_file_is_read_by_normalised_names() -> None:
    assert read_lock(LOCK) == {"torch": "2.13.0", "ruamel-yaml": "1.0"}


def test_packages_are_held_against_the_lock() -> None:
    locked = read_lock(LOCK)
    assert check_packages(locked, {"torch": "2.13.0+cpu", "ruamel-yaml": "1.0", "more": "1"}).result == "ok"
    other = check_packages(locked, {"torch": "2.12.1", "ruamel-yaml": "1.0"})
    assert (other.result, other.seen) == ("warning", "torch 2.12.1 instead of 2.13.0")
    missing = check_packages(locked, {"torch": "2.12.1"})
    assert (missing.result, missing.seen) == ("problem", "missing: ruamel-yaml")


def test_a_long_list_of_packages_is_cut() -> None:
    found = check_packages({f"p{n}": "1" for n in range(9)}, {})
    assert found.seen == "missing: p0, p1, p2 and 6 more"


@pytest.mark.parametrize(
    ("torch", "driver", "level", "word"),
    [
        (Torch("2.13.0+cpu", None, False, 0), NoDriver(), "ok", "for CPU"),
        (CUDA, NoDriver(), "ok", "for CUDA 12.8"),
        (CUDA, DRIVER, "ok", "sees 1 GPUs"),
        (
            Torch("2.13.0", "12.9", True, 1),
            DRIVER,
            "ok",
            "CUDA 12.9",
        ),  # within one major release drivers serve newer ones
        (Torch("2.13.0", "13.0", False, 0), DRIVER, "problem", "supports CUDA up to 12.8"),
        (Torch("2.13.0+cpu", None, False, 0), DRIVER, "warning", "there are 1 GPUs"),
        (Torch("2.13.0", "12.8", False, 0), DRIVER, "problem", "reaches no GPU"),
        (Torch("2.13.0", "12.8", True, 0), DRIVER, "warning", "sees 0 of 1"),
        ("libcudart.so: no such file", DRIVER, "problem", "libcudart.so"),
    ],
)
def test_torch_is_held_against_the_driver(torch: Torch | str, driver: Driver | NoDriver, level: str, word: str) -> None:
    found = check_torch(torch, driver)
    assert found.result == level
    assert word in found.seen


@pytest.mark.parametrize(
    ("n_slots", "limits", "level", "remedy"),
    [
        (4, Limits(), "ok", ""),
        (8, Limits(), "warning", "--slots 4"),
        (4, Limits(n_cpus=1.5), "warning", "--slots 1"),
        (4, Limits(memory_bytes=GIB, memory_used_bytes=GIB // 4), "warning", "--slots 2"),
    ],
)
def test_slots_are_held_against_cores_and_memory(n_slots: int, limits: Limits, level: str, remedy: str) -> None:
    found = judge_slots(n_slots, 4, (16 * GIB, 8 * GIB), limits)
    assert found.result == level
    assert found.remedy.endswith(remedy)
