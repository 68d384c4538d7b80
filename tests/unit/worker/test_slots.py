"""Which process of a worker trains on what, and what it sees of the machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from tunewell.fleet import Device
from tunewell.protocol import ClaimDevice
from tunewell.system.gpus import Gpu

from models.engine.ledger import Ledger
from worker.settings import WorkerSettings
from worker.slots import Slot, SlotOptions, devices_of, open_device, plan_slots

GiB = 1 << 30
FIRST, SECOND = Gpu("GPU-a", 0, "One", 80 * GiB), Gpu("MIG-b", 1, "Two", 10 * GiB)
BOTH = (FIRST, SECOND)


@pytest.fixture(autouse=True)
def _visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("worker.slots.allowed_cores", lambda: 6)


def plan(tmp_path: Path, present: tuple[Gpu, ...] = BOTH, **options: Any) -> list[Gpu | None]:
    """Return the GPU of each slot."""
    return [slot.device for slot in plan_slots(SlotOptions(**options), present, tmp_path)]


def test_without_a_word_each_gpu_has_a_process_or_each_core(tmp_path: Path) -> None:
    assert plan(tmp_path) == [FIRST, SECOND]
    assert plan(tmp_path, ()) == [None] * 6
    assert plan(tmp_path, slots=3) == [None] * 3
    assert plan_slots(SlotOptions(device="cuda:1"), BOTH, tmp_path) == (Slot(),) * 6
    assert plan_slots(SlotOptions(gpus="none"), BOTH, tmp_path) == (Slot(is_pinned=True),) * 6


def test_gpus_take_turns_and_the_cpu_comes_last(tmp_path: Path) -> None:
    assert plan(tmp_path, gpus="all", slots_per_gpu=2, cpu_slots=1) == [FIRST, SECOND, FIRST, SECOND, None]
    assert plan(tmp_path, gpus="1") == [SECOND]


def test_each_process_sees_what_it_is_pinned_to_and_nothing_else(tmp_path: Path) -> None:
    on_gpu, on_cpu = plan_slots(SlotOptions(gpus="1", cpu_slots=1), BOTH, tmp_path)
    assert on_gpu.variables == {"CUDA_VISIBLE_DEVICES": "MIG-b", "TUNEWELL_WORKER_DEVICE": "cuda"}
    assert on_cpu.variables == {"CUDA_VISIBLE_DEVICES": "", "TUNEWELL_WORKER_DEVICE": "cpu"}
    assert Slot().variables == {}
    assert [on_gpu.serves("gpu"), on_cpu.serves("gpu"), on_cpu.serves("gpu-large"), on_cpu.serves("gpus")] == [
        *(True, False, False, True)
    ]


def test_simulated_gpus_are_of_a_home_and_keep_count_in_it(tmp_path: Path) -> None:
    slots = plan_slots(SlotOptions(simulate="8GiB,2x1.5GiB"), (), tmp_path)
    sizes = [slot.device.memory_bytes for slot in slots if slot.device is not None]
    assert sizes == [8 * GiB, 3 * GiB // 2, 3 * GiB // 2]
    assert len({slot.device for slot in slots}) == 3
    assert slots == plan_slots(SlotOptions(simulate="8GiB,2x1.5GiB"), (), tmp_path)
    device = slots[0].device
    assert device is not None
    assert slots[0].variables == {
        "CUDA_VISIBLE_DEVICES": "",
        "TUNEWELL_WORKER_DEVICE": "cpu",
        "TUNEWELL_SIMULATED_GPU": f"{8 * GiB}:{tmp_path / 'simulated' / device.uuid}",
    }


def test_the_server_hears_of_each_gpu_once_with_its_slots(tmp_path: Path) -> None:
    slots = plan_slots(SlotOptions(gpus="all", slots_per_gpu=2, cpu_slots=1), BOTH, tmp_path)
    assert devices_of(slots) == (
        Device("GPU-a", "One", 80 * GiB, (0, 2)),
        Device("MIG-b", "Two", 10 * GiB, (1, 3)),
    )
    (simulated,) = devices_of(plan_slots(SlotOptions(simulate="1GiB"), (), tmp_path))
    assert simulated.is_simulated
    assert simulated.to_json()["slots"] == [0]


def test_a_slot_tells_what_is_free_of_its_gpu(tmp_path: Path) -> None:
    simulated, on_cpu = plan_slots(SlotOptions(simulate="1MiB", cpu_slots=1), (), tmp_path)
    assert simulated.device is not None
    assert simulated.memory_folder is not None
    read = open_device(simulated)
    assert read() == ClaimDevice(simulated.device.uuid, 1 << 20, 1 << 20)
    holder = Ledger(simulated.memory_folder, 1 << 20)
    holder.hold(1 << 19)
    assert read() == ClaimDevice(simulated.device.uuid, 1 << 20, 1 << 19)
    holder.close()
    assert open_device(on_cpu)() is None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"gpus": "7"}, "--gpus '7' is no GPU of this machine"),
        ({"gpus": "all", "slots": 4}, "--slots 4 counts processes without GPU; with --gpus give --slots-per-gpu"),
        ({"gpus": "all", "device": "cuda:1"}, "--device cuda:1 sends all processes to one place"),
        ({"gpus": "0", "simulate": "8GiB"}, "--simulate-gpu 8GiB stands in place of GPUs"),
        ({"simulate": "8GB"}, "--simulate-gpu '8GB' is no size; accepted: such as 8GiB"),
        ({"simulate": "0GiB"}, "--simulate-gpu '0GiB' is no size"),
        ({"simulate": ","}, "--simulate-gpu ',' names no size"),
        ({"gpus": "all", "slots_per_gpu": 64, "cpu_slots": 1000}, "make 1128 processes; a worker has at most 1024"),
    ],
)
def test_options_that_contradict_each_other_are_refused(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        plan(tmp_path, **options)


def test_a_batch_systems_choice_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    assert plan(tmp_path) == [SECOND]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert plan(tmp_path) == [None] * 6, "none of them is meant"


def test_a_slot_takes_work_of_the_queues_that_it_serves(tmp_path: Path) -> None:
    slots = plan_slots(SlotOptions(gpus="0", cpu_slots=1), BOTH, tmp_path)
    settings = [
        WorkerSettings("http://s", None, "w", ("gpu", "cpu"), 2, 4, tmp_path, slot=place, slots=slots)
        for place in range(2)
    ]
    assert [one.own_queues for one in settings] == [("gpu", "cpu"), ("cpu",)]
    assert WorkerSettings("http://s", None, "w", ("gpu",), 1, 4, tmp_path).own_queues == ("gpu",)
