"""What workers send and receive, as values. `tunewell.protocol` is their public home."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

from tunewell._decode import encode_number
from tunewell.code.source import CodeSource
from tunewell.environments import Environment
from tunewell.fleet import Device
from tunewell.records import EvaluationPlan, Objective, ParamValue, Repeats

LogStream = Literal["stdout", "stderr", "system"]
Outcome = Literal["COMPLETE", "PRUNED", "STOPPED", "PREEMPTED", "PAUSED", "OOM", "DIVERGED", "TIMED_OUT", "CRASHED"]
DecisionWord = Literal["continue", "prune", "pause", "stop"]
ArtifactKind = Literal["network", "checkpoint", "file"]

# The server refuses longer reports and lines: whoever collects them splits and cuts at these.
MAX_POINTS_PER_REPORT = 10_000
MAX_LOGS_PER_REPORT = 2_000
MAX_LOG_CHARS = 16_384


@dataclass(frozen=True, slots=True)
class Registration:
    """A worker that wants to join: who it is, which queues it serves, how many processes train, and on which GPUs.

    `devices` are those that slots are pinned to; a slot that none of them names trains on the CPU, or on what it finds.
    """

    name: str
    host: str
    pid: int
    version: str
    queues: tuple[str, ...]
    n_slots: int
    environment: Environment | None = None
    devices: tuple[Device, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the request's body."""
        return {
            "name": self.name,
            "host": self.host,
            "pid": self.pid,
            "version": self.version,
            "queues": list(self.queues),
            "n_slots": self.n_slots,
            **({"devices": [one.to_json() for one in self.devices]} if self.devices else {}),
            **({} if self.environment is None else {"environment": self.environment.to_json()}),
        }


@dataclass(frozen=True, slots=True)
class Welcome:
    """All a worker has to know. `key_prefix` stands before every key and queue in the broker."""

    worker_id: int
    broker_url: str
    key_prefix: str
    lease_s: float
    heartbeat_s: float
    checkpoint_every_s: float


@dataclass(frozen=True, slots=True)
class Orders:
    """What the worker is to do: `ALIVE` goes on, `DRAINING` finishes what runs and claims nothing."""

    state: str


@dataclass(frozen=True, slots=True)
class ClaimDevice:
    """The GPU of a slot that asks for work, and what is free of it; None where its driver does not tell."""

    uuid: str
    memory_bytes: int
    free_bytes: int | None = None

    def to_json(self) -> dict[str, object]:
        """Return the device as JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class MemoryPeak:
    """The most that the process of an attempt took of its GPU while it trained so many lanes."""

    n_lanes: int
    peak_bytes: int


@dataclass(frozen=True, slots=True)
class CheckpointRef:
    """Where to resume from: an artifact, its hash, and the last step it contains."""

    artifact_id: int
    sha256: str
    step: int


@dataclass(frozen=True, slots=True)
class Assignment:
    """One attempt to run, and the lease that gives the right to write for it.

    `params` are fixed and suggested hyperparameters together, with defaults.
    """

    attempt_id: int
    attempt_no: int
    lease_token: str
    trial_id: int
    number: int
    params: Mapping[str, ParamValue]
    seed: int
    checkpoint: CheckpointRef | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """Attempts of one study, all of one structure; no attempts means: nothing to do now.

    Attributes:
        lease_s: The lease's length in seconds.
        repeats: How often each trial trains from other initial weights; None where there is nothing to do.
        evaluation: On which parts of the data a trial is judged; None where there is nothing to do.
        incumbent: The objective of the study's best finished trial; None before there is one.
        memory_bytes: What the attempts may take together of the device; None for all there is.
        command: What to run for a trial, word by word, where the study says it; then there is no network.
        venv: In which virtual environment, below the folder for commands.
        source: Which code it is of; None: what lies on this machine.
    """

    lease_s: float
    attempts: tuple[Assignment, ...]
    study_id: int | None = None
    study_name: str | None = None
    dataset: str | None = None
    dataset_sha256: str | None = None
    model: str | None = None
    objectives: tuple[Objective, ...] = ()
    repeats: Repeats | None = None
    evaluation: EvaluationPlan | None = None
    incumbent: float | None = None
    memory_bytes: int | None = None
    command: tuple[str, ...] | None = None
    venv: str | None = None
    source: CodeSource | None = None


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One number at one step (an integer >= 0); NaN and infinities are kept as what they are. `at` is aware."""

    name: str
    step: int
    value: float
    at: datetime | None = None

    def to_json(self) -> dict[str, object]:
        """Return the point as JSON."""
        point: dict[str, object] = {"name": self.name, "step": self.step, "value": encode_number(self.value)}
        return point if self.at is None else {**point, "at": self.at.isoformat()}


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of output, written at an aware time; at most `MAX_LOG_CHARS` characters."""

    at: datetime
    text: str
    stream: LogStream = "stdout"

    def to_json(self) -> dict[str, object]:
        """Return the line as JSON."""
        return {"stream": self.stream, "at": self.at.isoformat(), "text": self.text}


@dataclass(frozen=True, slots=True)
class Report:
    """What happened since the last report: `seq` counts 1, 2, ... in the attempt; `step` is the last finished one.

    `can_pause`: the trial could go on later from a checkpoint; else it is never told to pause. `memory`: what is known
    anew of the memory that its process takes.
    """

    seq: int
    step: int | None = None
    n_steps: int | None = None
    metrics: tuple[MetricPoint, ...] = ()
    logs: tuple[LogEntry, ...] = ()
    can_pause: bool = False
    memory: tuple[MemoryPeak, ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the request's body without the lease, as it can lie in a spool file."""
        return {
            "seq": self.seq,
            "step": self.step,
            "n_steps": self.n_steps,
            "metrics": [point.to_json() for point in self.metrics],
            "logs": [line.to_json() for line in self.logs],
            **({"can_pause": True} if self.can_pause else {}),
            **({"memory": [asdict(one) for one in self.memory]} if self.memory else {}),
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a report: `continue`, `prune`, `pause` or `stop`, why, and the highest `seq` that is stored."""

    decision: str
    lease_s: float
    last_seq: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of an attempt: how, why, the final metrics, and whether another try could end differently.

    `diagnosis` is what the curves show, as JSON in the shape that the server's `Finding` has; None: nobody looked.
    """

    outcome: Outcome
    reason: str = ""
    values: Mapping[str, float] = field(default_factory=dict)
    is_retryable: bool = True
    diagnosis: Sequence[Mapping[str, object]] | None = None

    def to_json(self) -> dict[str, object]:
        """Return the request's body without the lease."""
        return {
            "outcome": self.outcome,
            "reason": self.reason,
            "values": {name: encode_number(value) for name, value in self.values.items()},
            "is_retryable": self.is_retryable,
            **({} if self.diagnosis is None else {"diagnosis": [dict(finding) for finding in self.diagnosis]}),
        }


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of the trial and of the attempt."""

    trial_state: str
    attempt_state: str


@dataclass(frozen=True, slots=True)
class Upload:
    """An output to store: its name, what it is, its bytes or a file, and the step it belongs to."""

    name: str
    kind: ArtifactKind
    content: bytes | Path
    step: int | None = None
