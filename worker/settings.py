"""How a worker was started."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEVICE_VARIABLE = "TUNEWELL_WORKER_DEVICE"
PRECISION_VARIABLE = "TUNEWELL_WORKER_PRECISION"


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

    @property
    def dataset_dir(self) -> Path:
        """Where prepared data sets lie, by hash; shared by all workers of this home."""
        return self.home / "datasets"

    @property
    def trial_variables(self) -> dict[str, str]:
        """What the processes that train find in their environment; only they load the library that knows devices."""
        return {DEVICE_VARIABLE: self.device, PRECISION_VARIABLE: self.precision}

    @property
    def runs_dir(self) -> Path:
        """Where each worker process has a folder of its own."""
        return self.home / "workers"
