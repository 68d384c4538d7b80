"""Which GPUs a machine has; the driver's library is replaced by one that answers the same calls."""

from __future__ import annotations

import ctypes
import re
from typing import Any, ClassVar

import pytest
from tunewell.system.gpus import Gpu, choose_gpus, list_gpus, read_free_bytes

NOT_FOUND = 6
WHOLE = Gpu("GPU-aaaa-1", 0, "GPU-aaaa-1's name", 1000)
PARTS = (Gpu("MIG-bbbb-1", 1, "MIG-bbbb-1's name", 100), Gpu("MIG-bbbb-2", 1, "MIG-bbbb-2's name", 100))
LAST = Gpu("GPU-cccc-1", 2, "GPU-cccc-1's name", 1000)
PRESENT = (WHOLE, *PARTS, LAST)


class FakeNvml:
    """A driver with three GPUs, of which the second is partitioned and has two partitions."""

    handles: ClassVar = {1: "GPU-aaaa-1", 2: "GPU-bbbb-1", 3: "GPU-cccc-1", 11: "MIG-bbbb-1", 12: "MIG-bbbb-2"}

    def nvmlDeviceGetCount_v2(self, count: Any) -> int:  # noqa: N802 - the library's name
        count._obj.value = 3
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: ctypes.c_uint, device: Any) -> int:  # noqa: N802
        device._obj.value = index.value + 1
        return 0

    def nvmlDeviceGetHandleByUUID(self, uuid: bytes, device: Any) -> int:  # noqa: N802
        found = [handle for handle, name in self.handles.items() if name == uuid.decode()]
        device._obj.value = found[0] if found else None
        return 0 if found else NOT_FOUND

    def nvmlDeviceGetMigMode(self, device: ctypes.c_void_p, mode: Any, _pending: Any) -> int:  # noqa: N802
        mode._obj.value = device.value == 2
        return 0 if device.value == 2 else NOT_FOUND

    def nvmlDeviceGetMaxMigDeviceCount(self, _device: Any, count: Any) -> int:  # noqa: N802
        count._obj.value = 7
        return 0

    def nvmlDeviceGetMigDeviceHandleByIndex(self, device: Any, place: ctypes.c_uint, part: Any) -> int:  # noqa: N802
        part._obj.value = 11 + place.value
        return 0 if place.value < 2 else NOT_FOUND

    def nvmlDeviceGetUUID(self, device: ctypes.c_void_p, uuid: Any, _size: Any) -> int:  # noqa: N802
        uuid.value = self.handles[device.value or 0].encode()
        return 0

    def nvmlDeviceGetName(self, device: ctypes.c_void_p, name: Any, _size: Any) -> int:  # noqa: N802
        name.value = f"{self.handles[device.value or 0]}'s name".encode()
        return 0

    def nvmlDeviceGetMemoryInfo(self, device: ctypes.c_void_p, answer: Any) -> int:  # noqa: N802
        answer._obj.total = 100 if (device.value or 0) > 10 else 1000
        answer._obj.free = 42
        return 0


def test_gpus_are_known_by_uuid_and_a_partitioned_one_stands_for_its_partitions() -> None:
    assert list_gpus(FakeNvml()) == PRESENT
    assert list_gpus(None) == ()


def test_free_memory_is_asked_by_uuid() -> None:
    assert read_free_bytes(FakeNvml(), "MIG-bbbb-2") == 42
    assert read_free_bytes(FakeNvml(), "GPU-dddd-1") is None
    assert read_free_bytes(None, "GPU-aaaa-1") is None


@pytest.mark.parametrize(
    ("wanted", "visible", "chosen"),
    [
        ("all", None, PRESENT),
        ("none", None, ()),
        ("2,0", None, (LAST, WHOLE)),
        ("1", None, PARTS),
        ("gpu-C, MIG-bbbb-2", None, (LAST, PARTS[1])),
        ("all", "0,GPU-cccc", (WHOLE, LAST)),
        ("0", "2", (WHOLE,)),
    ],
)
def test_gpus_are_chosen_by_number_or_uuid(wanted: str, visible: str | None, chosen: tuple[Gpu, ...]) -> None:
    assert choose_gpus(wanted, PRESENT, visible) == chosen


@pytest.mark.parametrize(
    ("wanted", "visible", "said"),
    [
        ("3", None, "'3' is no GPU of this machine; accepted: all, none, or of 0 (GPU-aaaa-1), 1 (MIG-bbbb-1)"),
        ("MIG-bbbb", None, "'MIG-bbbb' is no GPU"),
        ("0,GPU-a", None, "names GPU-aaaa-1 twice; for two processes on a GPU give --slots-per-gpu 2"),
        (" , ", None, "names no GPU"),
        ("all", "", "of which CUDA_VISIBLE_DEVICES= shows none"),
    ],
)
def test_what_is_not_there_is_refused_with_what_there_is(wanted: str, visible: str | None, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        choose_gpus(wanted, PRESENT, visible)


def test_all_of_a_machine_without_gpus_is_refused() -> None:
    with pytest.raises(ValueError, match="sees no GPU; give --gpus none to train on the CPU"):
        choose_gpus("all", ())
