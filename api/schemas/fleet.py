"""Workers as people see them: machines, what runs on them, and what waits in the queues."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StrictBool, StrictInt, StringConstraints

from api.schemas.base import MAX_INT, Shape, Text
from db.lifecycle import AttemptState, TrialState, WorkerState

Percent = Annotated[float, Field(strict=True, ge=0, le=100, allow_inf_nan=False, description="From 0 to 100")]
Bytes = Annotated[StrictInt, Field(ge=0, le=MAX_INT)]

DeviceName = Annotated[
    str,
    StringConstraints(pattern=r"^[!-~]+$", min_length=1, max_length=96),
    Field(description="What the GPU is known by, whoever uses it: `GPU-...`, or `MIG-...` for a partition"),
]


class GpuReading(Shape):
    """One GPU of a machine; null for what its driver does not measure."""

    index: StrictInt = Field(ge=0, le=1023)
    name: Text = Field(max_length=200)
    utilisation_percent: Percent | None = None
    memory_used_bytes: Bytes | None = None
    memory_total_bytes: Bytes | None = None


class Device(Shape):
    """A GPU, or a partition of one, that some of a worker's slots are pinned to."""

    uuid: DeviceName
    name: Text = Field(default="", max_length=200)
    memory_bytes: Bytes
    slots: list[Annotated[StrictInt, Field(ge=0, le=1023)]] = Field(
        min_length=1, max_length=1024, description="The worker's slots that train on it, from 0"
    )
    is_simulated: StrictBool = Field(default=False, description="It is none, but its memory runs out as that of one")


class MachineReading(Shape):
    """What a worker's machine uses, whoever uses it."""

    n_cpus: StrictInt = Field(ge=1, le=100_000)
    cpu_percent: Percent | None = Field(default=None, description="Share of all cores in use since the last reading")
    memory_used_bytes: Bytes
    memory_total_bytes: Bytes
    gpus: list[GpuReading] = Field(default_factory=list, max_length=64)


class WorkerRun(Shape):
    """An attempt that runs on a worker, or that a lost worker left behind."""

    attempt_id: int
    trial_id: int
    study_id: int
    study_name: str
    number: int = Field(description="Of the trial in its study")
    slot: int | None = Field(description="Attempts in one slot train together; null where the worker did not say")
    attempt_state: AttemptState
    trial_state: TrialState = Field(description="What became of the trial")
    step: int | None
    n_steps: int | None
    created_at: datetime
    ended_at: datetime | None


class WorkerEvaluation(Shape):
    """An evaluation that runs on a worker."""

    evaluation_id: int
    study_id: int
    study_name: str
    kind: str


class WorkerRead(Shape):
    """A worker and what it does."""

    worker_id: int
    name: str
    host: str
    pid: int
    version: str
    queues: list[str]
    n_slots: int
    devices: list[Device] = Field(description="GPUs that slots are pinned to; none where the worker names none")
    n_busy: int = Field(description="Slots in which something runs")
    state: WorkerState
    created_at: datetime
    heartbeat_at: datetime
    left_at: datetime | None = Field(description="When it said goodbye; null where it is here, or LOST without a word")
    machine: MachineReading | None = Field(description="At the last sign of life; null where the worker does not tell")
    runs: list[WorkerRun] = Field(description="What runs on it; of a lost worker, what ran when it was heard last")
    evaluations: list[WorkerEvaluation]


class WorkerList(Shape):
    """All workers seen lately."""

    items: list[WorkerRead]


class QueueRead(Shape):
    """What waits for the workers of a queue, and who they are."""

    name: str
    n_studies: int = Field(description="Studies that are RUNNING")
    n_waiting: int = Field(description="Trials that could start now; without those that wait to be promoted")
    n_to_come: int | None = Field(description="Trials within budgets that are not proposed yet; null: without end")
    n_running: int = Field(description="Trials")
    oldest_waiting_at: datetime | None = Field(description="Since when the trial that waits longest has waited")
    n_slots: int = Field(description="Of living workers that serve it")
    n_idle: int = Field(description="How many of those slots are free")


class QueueList(Shape):
    """Every queue that a study that is not over names, or that a worker serves."""

    items: list[QueueRead]
