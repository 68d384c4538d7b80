"""The worker protocol: register, heartbeat, claim, report, finish."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, NotRequired

from pydantic import AwareDatetime, ConfigDict, Field, StrictBool, StrictInt, StringConstraints, with_config
from typing_extensions import TypedDict  # pydantic takes no other before Python 3.12

from api.schemas.base import MAX_INT, Number, ParamValue, Shape, Text
from api.schemas.environments import Environment
from api.schemas.fleet import Device, DeviceName, MachineReading
from api.schemas.resources import QueueName
from api.schemas.studies import CodeSource, EvaluationSpec, ObjectiveSpec, RepeatsSpec
from api.schemas.trials import Finding
from db.lifecycle import WorkerState

MetricName = Annotated[
    str,
    StringConstraints(pattern=r"^[\w./:@ -]+$", min_length=1, max_length=200),
    Field(description="Letters, digits, spaces, and any of _ . / : @ -; `val_loss@r2f3` is that of repeat 2 on fold 3"),
]
Step = Annotated[StrictInt, Field(ge=0, le=MAX_INT)]
Stamp = Annotated[
    AwareDatetime,
    Field(
        ge=datetime(1970, 1, 1, tzinfo=UTC),
        lt=datetime(2200, 1, 1, tzinfo=UTC),
        description="A time with its zone, from 1970 to 2199",
    ),
]
LeaseToken = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=r"^[!-~]+$"),
    Field(description="As the claim gave it"),
]


class WorkerRegister(Shape):
    """A worker that wants to join."""

    name: Text = Field(min_length=1, max_length=200)
    host: Text = Field(min_length=1, max_length=255)
    pid: StrictInt = Field(ge=1, le=MAX_INT)
    version: Text = Field(default="", max_length=32)
    queues: list[QueueName] = Field(min_length=1, max_length=20)
    n_slots: StrictInt = Field(ge=1, le=1024)
    devices: list[Device] = Field(
        default_factory=list, max_length=256, description="GPUs that slots are pinned to, each with its slots"
    )
    environment: Environment | None = Field(default=None, description="Code, packages and hardware, as it found them")


class WorkerWelcome(Shape):
    """All a worker has to know."""

    worker_id: int
    broker_url: str
    key_prefix: str = Field(description="Prefix of every key and queue in the broker")
    lease_s: float
    heartbeat_s: float
    checkpoint_every_s: float


class WorkerHeartbeat(Shape):
    """A sign of life."""

    machine: MachineReading | None = Field(default=None, description="Left out: what was told before stays")


class WorkerOrders(Shape):
    """What the worker is to do: ALIVE goes on, DRAINING finishes and claims nothing."""

    state: WorkerState


class ClaimDevice(Shape):
    """The GPU of the slot that asks for work, and what is free of it."""

    uuid: DeviceName
    memory_bytes: StrictInt = Field(ge=1, le=MAX_INT)
    free_bytes: StrictInt | None = Field(default=None, ge=0, le=MAX_INT, description="null: its driver does not tell")


class ClaimRequest(Shape):
    """Ask for work."""

    worker_id: StrictInt = Field(ge=0, le=MAX_INT)
    queues: list[QueueName] = Field(min_length=1, max_length=20)
    n_max: StrictInt = Field(
        default=1, ge=1, le=1024, description="At most so many attempts, all of one study and of one structure"
    )
    slot: StrictInt | None = Field(
        default=None, ge=0, le=1023, description="Which of its slots will train them, so that the others count as free"
    )
    device: ClaimDevice | None = Field(
        default=None, description="What they will train on: no more of them than fit. Left out: memory is not looked at"
    )


class CheckpointRef(Shape):
    """Where to resume from."""

    artifact_id: int
    sha256: str
    step: int


class Assignment(Shape):
    """One attempt to run, and the lease that gives the right to write for it."""

    attempt_id: int
    attempt_no: int
    lease_token: str
    trial_id: int
    number: int
    params: dict[str, ParamValue] = Field(description="Fixed and suggested hyperparameters together, with defaults")
    seed: int = Field(description="Of this trial: from the study's seed and the trial's number")
    checkpoint: CheckpointRef | None


class ClaimRead(Shape):
    """Attempts of one study that can train as lanes of one program; an empty list means: nothing to do now."""

    study_id: int | None
    study_name: str | None
    dataset: str | None
    dataset_sha256: str | None
    model: str | None
    objectives: list[ObjectiveSpec]
    repeats: RepeatsSpec | None = Field(description="How often each trial trains; null where there is nothing to do")
    evaluation: EvaluationSpec | None = Field(description="On which parts it is judged; null as before")
    incumbent: float | None = Field(description="The best finished trial's objective; null before there is one")
    command: list[str] | None = Field(description="What to run for a trial, where there is no network to train")
    venv: str | None = Field(description="In which virtual environment, below the worker's folder for commands")
    source: CodeSource | None = Field(description="Which code it is of; null: what lies on the worker")
    memory_bytes: int | None = Field(
        description="What the attempts may take together of the device; null: as much as there is"
    )
    lease_s: float
    attempts: list[Assignment]


@with_config(Shape.model_config)
class MetricPoint(TypedDict):
    """One number at one step."""

    # A dictionary: a report has thousands of them, and objects would take as long to make as all else takes to read.
    name: MetricName
    step: Step
    value: Number
    at: NotRequired[Stamp | None]


class LogEntry(Shape):
    """One line of output."""

    stream: Literal["stdout", "stderr", "system"] = "stdout"
    at: Stamp
    text: str = Field(max_length=16_384)


class MemoryPeak(Shape):
    """The most that the process of an attempt took of its device while it trained so many lanes."""

    n_lanes: StrictInt = Field(ge=1, le=100_000)
    peak_bytes: StrictInt = Field(ge=1, le=MAX_INT)


class ReportRequest(Shape):
    """Metric points, log lines and a heartbeat in one batch; a repeated `seq` is stored once."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "lease_token": "kq3...",
                    "seq": 1,
                    "step": 1,
                    "n_steps": 20,
                    "metrics": [{"name": "val_accuracy", "step": 1, "value": 0.91}],
                    "logs": [],
                }
            ]
        }
    )
    lease_token: LeaseToken
    seq: StrictInt = Field(ge=0, le=MAX_INT, description="1, 2, 3, ... within the attempt; 0: a sign of life")
    step: Step | None = Field(default=None, description="Progress: the last finished step (epoch)")
    n_steps: Step | None = None
    metrics: list[MetricPoint] = Field(default_factory=list, max_length=10_000)
    logs: list[LogEntry] = Field(default_factory=list, max_length=2_000)
    memory: list[MemoryPeak] = Field(
        default_factory=list,
        max_length=64,
        description="What is known anew of the memory that its process takes, with all that it trains",
    )
    can_pause: StrictBool = Field(
        default=False, description="Whether the worker can save a checkpoint from which the trial would go on later"
    )


class ReportRead(Shape):
    """The decision."""

    decision: Literal["continue", "prune", "pause", "stop"]
    reason: str
    lease_s: float
    last_seq: int = Field(description="The highest sequence number that is stored")


class FinishRequest(Shape):
    """The end of an attempt."""

    lease_token: LeaseToken
    outcome: Literal["COMPLETE", "PRUNED", "STOPPED", "PREEMPTED", "PAUSED", "OOM", "DIVERGED", "TIMED_OUT", "CRASHED"]
    reason: Text = Field(default="", max_length=4000)
    values: dict[MetricName, Number] = Field(default_factory=dict, max_length=1000, description="Final metrics")
    diagnosis: list[Finding] | None = Field(
        default=None, max_length=20, description="What the curves show, the most important first"
    )
    is_retryable: bool = Field(default=True, description="False where another try would fail the same way")


class FinishRead(Shape):
    """What became of the trial."""

    trial_state: str
    attempt_state: str
