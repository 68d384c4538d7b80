"""How a worker was started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tunewell.commands.place import Place

from worker.slots import DEVICE_VARIABLE, Slot

PRECISION_VARIABLE = "TUNEWELL_WORKER_PRECISION"
COMMANDS = "-commands"
"""How the queues of commands end; the server puts studies with a command there."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What the command line and the environment say.

    Attributes:
        server: Address of the API.
        token: Credential with the role worker; None where the server needs none.
        name: How people recognise the worker.
        queues: Queues it serves.
        n_slots: Processes that train at the same time.
        n_lanes: Trials that one of them may train together, as lanes of one program.
        slot: Which of the slots a process is, from 0.
        home: State folder; data sets are cached and reports are spooled below it.
        device: Where its trials train: `auto`, `cpu`, `cuda`, or `cuda:1` for the second GPU.
        precision: In what they compute: `float32`, `bf16`, or `auto` for the faster one on a GPU.
        dataset_cache_bytes: How much the prepared data sets that nobody uses may take, with those in use.
        place: Where it runs commands of studies; None: nowhere, so that it is never given any.
        slots: What each process is pinned to; empty where none is.
    """

    server: str
    token: str | None
    name: str
    queues: tuple[str, ...]
    n_slots: int
    n_lanes: int
    home: Path
    slot: int = 0
    device: str = "auto"
    precision: str = "float32"
    dataset_cache_bytes: int = 50 * 2**30
    place: Place | None = None
    slots: tuple[Slot, ...] = ()

    @property
    def served(self) -> tuple[str, ...]:
        """The queues it asks for work of: where it runs commands, those of commands beside its own."""
        return self.queues if self.place is None else (*self.queues, *(f"{one}{COMMANDS}" for one in self.queues))

    @property
    def dataset_dir(self) -> Path:
        """Where prepared data sets lie, by hash; shared by all workers of this home."""
        return self.home / "datasets"

    @property
    def trial_variables(self) -> dict[str, str]:
        """What the processes that train find in their environment; only they load the library that knows devices."""
        return {DEVICE_VARIABLE: self.device, PRECISION_VARIABLE: self.precision}

    @property
    def own_slot(self) -> Slot:
        """What the process of this slot is pinned to."""
        return self.slots[self.slot] if self.slot < len(self.slots) else Slot()

    @property
    def own_queues(self) -> tuple[str, ...]:
        """The queues that this slot takes work of."""
        return tuple(queue for queue in self.served if self.own_slot.serves(queue))

    @property
    def runs_dir(self) -> Path:
        """Where each worker process has a folder of its own."""
        return self.home / "workers"
