"""Workers beyond their names: what a machine uses, what runs on it, what waits in the queues."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One GPU; None for what its driver does not measure.

    Attributes:
        index: Its place on the machine, from 0.
        name: As its driver calls it.
        utilisation_percent: Share of the last moments in which it computed, 0 to 100.
        memory_used_bytes: By all programs.
        memory_total_bytes: What it has.
    """

    index: int
    name: str
    utilisation_percent: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class MachineReading:
    """A whole machine, whoever uses it.

    Attributes:
        n_cpus: Its cores.
        cpu_percent: Share of all cores that was in use since the reading before, 0 to 100; None at first.
        memory_used_bytes: What programs could not have on top.
        memory_total_bytes: What it has.
        gpus: Its GPUs.
    """

    n_cpus: int
    memory_used_bytes: int
    memory_total_bytes: int
    cpu_percent: float | None = None
    gpus: tuple[GpuReading, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the reading as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU that some of a worker's slots are pinned to.

    Attributes:
        uuid: The GPU's, or its partition's; what it is known by, whoever uses it.
        name: As its driver calls it.
        memory_bytes: What it has.
        slots: Which of the worker's slots train on it, from 0.
        is_simulated: Whether it is none, but behaves as one whose memory runs out.
    """

    uuid: str
    name: str
    memory_bytes: int
    slots: tuple[int, ...]
    is_simulated: bool = False

    def to_json(self) -> dict[str, object]:
        """Return the device as JSON."""
        return {**asdict(self), "slots": list(self.slots)}


@dataclass(frozen=True, slots=True)
class WorkerRun:
    """An attempt that runs on a worker, or that a lost worker left behind; `trial_state` says what became of it."""

    trial_id: int
    study_name: str
    number: int
    attempt_state: str
    trial_state: str
    slot: int | None = None
    step: int | None = None
    n_steps: int | None = None


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for the workers of a queue; `n_to_come` is None where a study has no budget of trials."""

    name: str
    n_studies: int
    n_waiting: int
    n_to_come: int | None
    n_running: int
    n_slots: int
    n_idle: int
    oldest_waiting_at: datetime | None = None
