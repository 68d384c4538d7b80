"""What the supervisor and the trial process say to each other: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, TypeAlias

ParamValue: TypeAlias = float | int | str | bool | None


@dataclass(frozen=True, slots=True)
class LaneOrder:
    """One attempt to train. `lane` is the attempt's id as text."""

    lane: str
    params: Mapping[str, ParamValue]
    seed: int
    folder: str
    resume_from: str | None


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """Attempts of one study to train together.

    Attributes:
        model: Name in the catalogue.
        dataset_file: The prepared data.
        objective: The metric that decides.
        direction: What an improvement of it is.
        checkpoint_every_s: Least time between two checkpoints.
        lanes: The attempts.
        n_repeats: Trainings of each trial from other initial weights.
        choose: Which repeat is the trial's: `mean`, `best` or `worst`.
        is_racing: Whether a trial that is clearly behind ends after few repeats.
        n_folds: Folds of the cross-validation, 0 for the holdout.
        incumbent: The study's best value so far.
        n_lanes: Most trainings at once in one program; None to find out.
        memory_bytes: What the process may take of its GPU; None for all there is.
    """

    model: str
    dataset_file: str
    objective: str
    direction: str
    checkpoint_every_s: float
    lanes: tuple[LaneOrder, ...]
    n_repeats: int = 1
    choose: Literal["mean", "best", "worst"] = "mean"
    is_racing: bool = False
    n_folds: int = 0
    incumbent: float | None = None
    n_lanes: int | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """How a lane goes on: `prune`, `pause`, `stop` or `preempt`."""

    lane: str
    decision: str


@dataclass(frozen=True, slots=True)
class Ready:
    """Torch is imported; orders can come."""


@dataclass(frozen=True, slots=True)
class Started:
    """The order's process runs."""

    pid: int


@dataclass(frozen=True, slots=True)
class Exited:
    """The order's process, and all it had started, is gone. `code` is negative for a signal."""

    code: int


@dataclass(frozen=True, slots=True)
class EpochDone:
    """A lane's metrics after an epoch."""

    lane: str
    epoch: int
    n_epochs: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """A lane can be resumed after `epoch` from the file at `path`, which the next checkpoint replaces."""

    lane: str
    epoch: int
    path: str


@dataclass(frozen=True, slots=True)
class MemoryUsed:
    """The most that the process took of its GPU with so many lanes: [lanes, bytes], those that are known anew."""

    peaks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class LaneLog:
    """A line of text about one lane; what is printed belongs to all lanes of the order."""

    lane: str
    text: str
    stream: str = "stdout"


@dataclass(frozen=True, slots=True)
class LaneEnded:
    """How a lane ended, in the words of an attempt's states, and what its curves show."""

    lane: str
    outcome: str
    reason: str
    is_retryable: bool = True
    metrics: Mapping[str, float] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    diagnosis: tuple[Mapping[str, Any], ...] = ()


FromChild: TypeAlias = Ready | Started | Exited | EpochDone | MemoryUsed | CheckpointSaved | LaneLog | LaneEnded
_KINDS: Mapping[str, type[Any]] = {kind.__name__: kind for kind in FromChild.__args__}


def encode(message: object) -> bytes:
    """Return a message as a line. NaN and infinities pass: both ends are Python's json."""
    body = {"kind": type(message).__name__, **asdict(message)}  # type: ignore[call-overload]
    return json.dumps(body, separators=(",", ":")).encode() + b"\n"


def decode_from_child(line: bytes) -> FromChild:
    """Read what a trial process said.

    Raises:
        ValueError: The line is none of its messages, or not the whole of one.
    """
    body = json.loads(line)
    kind = _KINDS.get(body.pop("kind", "")) if isinstance(body, dict) else None
    if kind is None:
        raise ValueError(f"not a message of a trial process: {line[:200]!r}")
    for name in ("files", "diagnosis", "peaks"):
        if name in body:
            body[name] = tuple(body[name])
    try:
        message: FromChild = kind(**body)
    except TypeError as error:
        raise ValueError(f"not a message of a trial process: {error}") from error
    return message


def decode_order(line: bytes) -> BatchOrder | None:
    """Read an order; None for a command, which came too late for the trial it was meant for."""
    body = json.loads(line)
    if body.pop("kind") != BatchOrder.__name__:
        return None
    lanes = tuple(LaneOrder(**lane) for lane in body.pop("lanes"))
    return BatchOrder(**body, lanes=lanes)


def decode_command(line: bytes) -> Command:
    """Read what a trial process is told later."""
    body = json.loads(line)
    body.pop("kind")
    return Command(**body)
