"""Which processes of a worker train on what: a slot is one process, pinned to one GPU, a simulated one, or the CPU.

Pinned by the environment that the slot's processes inherit, before any of them has imported torch: a process sees the
one GPU it has and calls it the first. See docs/workers.md.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tunewell.fleet import Device
from tunewell.protocol import ClaimDevice
from tunewell.system.cores import allowed_cores
from tunewell.system.gpus import Gpu, choose_gpus, read_free_bytes
from tunewell.system.nvml import load_nvml

from models.engine.ledger import Ledger

VISIBLE_VARIABLE = "CUDA_VISIBLE_DEVICES"
DEVICE_VARIABLE = "TUNEWELL_WORKER_DEVICE"
SIMULATED_VARIABLE = "TUNEWELL_SIMULATED_GPU"
MAX_SLOTS = 1024
_SIZE = re.compile(r"(?:(\d{1,3})x)?(\d+(?:\.\d+)?)(KiB|MiB|GiB)")
_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}


@dataclass(frozen=True, slots=True)
class SlotOptions:
    """What the command line says about slots.

    Attributes:
        slots: Processes where no GPU is named; 0 for one a core, or one a GPU where there are any.
        gpus: `all`, `none`, numbers and UUIDs; empty where nobody says.
        slots_per_gpu: Processes on each GPU.
        cpu_slots: Processes beside them that train on the CPU.
        simulate: Sizes of simulated GPUs, such as `8GiB,2x16GiB`; empty for none.
        device: `--device`, which chooses for all slots together.
    """

    slots: int = 0
    gpus: str = ""
    slots_per_gpu: int = 1
    cpu_slots: int = 0
    simulate: str = ""
    device: str = "auto"


@dataclass(frozen=True, slots=True)
class Slot:
    """One process that trains, and what of the machine it sees.

    Attributes:
        device: Its GPU; None for the CPU, or for all there is where it is not pinned.
        is_pinned: Whether it must see nothing else.
        memory_folder: Of a simulated GPU, where the programs on this machine keep count of its memory.
    """

    device: Gpu | None = None
    is_pinned: bool = False
    memory_folder: Path | None = None

    @property
    def variables(self) -> dict[str, str]:
        """What its processes find in their environment; nothing where it is not pinned."""
        if not self.is_pinned:
            return {}
        if self.device is None:
            return {VISIBLE_VARIABLE: "", DEVICE_VARIABLE: "cpu"}
        if self.memory_folder is not None:
            simulated = f"{self.device.memory_bytes}:{self.memory_folder}"
            return {VISIBLE_VARIABLE: "", DEVICE_VARIABLE: "cpu", SIMULATED_VARIABLE: simulated}
        return {VISIBLE_VARIABLE: self.device.uuid, DEVICE_VARIABLE: "cuda"}

    def serves(self, queue: str) -> bool:
        """Tell whether it takes work of a queue: those for GPUs are nothing for a slot that is kept away from them."""
        return self.device is not None or not self.is_pinned or not is_for_gpus(queue)


def is_for_gpus(queue: str) -> bool:
    """Tell whether a queue is one for GPUs by its name: `gpu`, `gpu-large`."""
    return queue == "gpu" or queue.startswith(("gpu-", "gpu_"))


def plan_slots(options: SlotOptions, present: Sequence[Gpu], home: Path) -> tuple[Slot, ...]:
    """Return the slots of a worker, those of GPUs first.

    Args:
        options: As given.
        present: The GPUs of this machine.
        home: State folder, below which simulated GPUs keep count of their memory.

    Raises:
        ValueError: The options contradict each other or name what is not here; the message begins with the option.
    """
    _require_sense(options)
    gpus = options.gpus or ("all" if _means_gpus(options, present) else "")
    if not gpus and not options.simulate:
        return _within_bounds([Slot()] * (options.slots or options.cpu_slots or allowed_cores()))
    chosen: Sequence[Slot]
    if options.simulate:
        chosen = [Slot(one, True, home / "simulated" / one.uuid) for one in _read_sizes(options.simulate, home)]
    else:
        try:
            found = choose_gpus(gpus, present, os.environ.get(VISIBLE_VARIABLE))
        except ValueError as error:
            raise ValueError(f"--gpus {error}") from error
        chosen = [Slot(one, is_pinned=True) for one in found]
    n_cpu = options.cpu_slots or (0 if chosen else options.slots or allowed_cores())
    # In turns, so that the first of each GPU come before the second of any: work that is short spreads.
    return _within_bounds([*list(chosen) * options.slots_per_gpu, *[Slot(is_pinned=True)] * n_cpu])


def devices_of(slots: Sequence[Slot]) -> tuple[Device, ...]:
    """Return the GPUs that slots are pinned to, each with its slots, for the server and people to see."""
    places: dict[Gpu, list[int]] = {}
    for place, slot in enumerate(slots):
        if slot.device is not None:
            places.setdefault(slot.device, []).append(place)
    simulated = {slot.device for slot in slots if slot.memory_folder is not None}
    return tuple(
        Device(gpu.uuid, gpu.name, gpu.memory_bytes, tuple(its), is_simulated=gpu in simulated)
        for gpu, its in places.items()
    )


def open_device(slot: Slot) -> Callable[[], ClaimDevice | None]:
    """Return what reads a slot's GPU and what is free of it now; without a GPU it answers None.

    To be opened where it is used: a fork does not inherit the driver's library in a usable state.
    """
    device = slot.device
    if device is None:
        return lambda: None
    if slot.memory_folder is not None:
        ledger = Ledger(slot.memory_folder, device.memory_bytes)
        return lambda: ClaimDevice(device.uuid, device.memory_bytes, ledger.free_bytes())
    library = load_nvml()
    return lambda: ClaimDevice(device.uuid, max(1, device.memory_bytes), read_free_bytes(library, device.uuid))


def _means_gpus(options: SlotOptions, present: Sequence[Gpu]) -> bool:
    """Tell whether somebody who names no GPUs has them all: who chooses slots or a device has chosen otherwise."""
    return bool(present) and not options.slots and options.device == "auto" and os.environ.get(VISIBLE_VARIABLE) != ""


def _require_sense(options: SlotOptions) -> None:
    if options.gpus and options.simulate:
        raise ValueError(f"--simulate-gpu {options.simulate} stands in place of GPUs: leave out --gpus {options.gpus}")
    named = "--simulate-gpu" if options.simulate else "--gpus" if options.gpus not in ("", "none") else ""
    if named and options.slots:
        instead = "give --slots-per-gpu, and --cpu-slots for processes beside them"
        raise ValueError(f"--slots {options.slots} counts processes without GPU; with {named} {instead}")
    if named and options.device != "auto":
        raise ValueError(f"--device {options.device} sends all processes to one place; with {named} leave it out")


def _within_bounds(slots: Sequence[Slot]) -> tuple[Slot, ...]:
    if len(slots) > MAX_SLOTS:
        raise ValueError(
            f"--slots-per-gpu and --cpu-slots make {len(slots)} processes; a worker has at most {MAX_SLOTS}"
        )
    return tuple(slots)


def _read_sizes(text: str, home: Path) -> list[Gpu]:
    sizes: list[int] = []
    for word in filter(None, (part.strip() for part in text.split(","))):
        found = _SIZE.fullmatch(word)
        n_bytes = int(float(found[2]) * _UNITS[found[3]]) if found else 0
        if found is None or n_bytes < 1:
            raise ValueError(f"--simulate-gpu {word!r} is no size; accepted: such as 8GiB, 512MiB, or 2x16GiB for two")
        sizes += [n_bytes] * int(found[1] or 1)
    if not sizes:
        raise ValueError(f"--simulate-gpu {text!r} names no size; accepted: such as 8GiB, 512MiB, or 2x16GiB for two")
    # Workers of one home share their simulated GPUs, as those of a machine share real ones.
    place = hashlib.sha256(f"{socket.gethostname()}:{home}".encode()).hexdigest()[:12]
    return [Gpu(f"SIM-{place}-{index}-{size}", index, "Simulated GPU", size) for index, size in enumerate(sizes)]
