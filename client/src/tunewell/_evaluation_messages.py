"""What workers send and receive about evaluations. `tunewell.protocol` is their public home."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tunewell.records import Objective, ParamValue

EvaluationOutcome = Literal["COMPLETE", "PREEMPTED", "OOM", "TIMED_OUT", "CRASHED"]
MAX_RESULT_BYTES = 256 * 1024  # as compact JSON in UTF-8; the server refuses more


@dataclass(frozen=True, slots=True)
class NetworkFile:
    """One file of a stored network."""

    artifact_id: int
    name: str
    sha256: str
    n_bytes: int


@dataclass(frozen=True, slots=True)
class NetworkMember:
    """A trial whose network takes part, and its files; `value` is its objective, `params` are complete."""

    trial_id: int
    number: int
    value: float
    params: Mapping[str, ParamValue]
    files: tuple[NetworkFile, ...]


@dataclass(frozen=True, slots=True)
class EvaluationOrder:
    """One evaluation to do, and the lease that gives the right to write for it.

    `kind` is `test` (one member), `baselines` (none) or `ensemble` (two or more, the best first).
    """

    evaluation_id: int
    attempt_no: int
    lease_token: str
    kind: str
    study_id: int
    study_name: str
    dataset: str
    dataset_sha256: str
    model: str
    objectives: tuple[Objective, ...]
    seed: int
    members: tuple[NetworkMember, ...] = ()


@dataclass(frozen=True, slots=True)
class EvaluationClaim:
    """An evaluation to do; None means: nothing to do now. `lease_s` is the lease's length in seconds."""

    lease_s: float
    order: EvaluationOrder | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an evaluation is; None: as before."""

    n_done: int | None = None
    n_total: int | None = None
    note: str | None = None

    def to_json(self) -> dict[str, object]:
        """Return what is known as JSON."""
        known: dict[str, object] = {"n_done": self.n_done, "n_total": self.n_total, "note": self.note}
        return {name: value for name, value in known.items() if value is not None}


@dataclass(frozen=True, slots=True)
class EvaluationDecision:
    """The answer to a sign of life: `continue`, or `stop` (finish as PREEMPTED)."""

    decision: str
    lease_s: float


@dataclass(frozen=True, slots=True)
class EvaluationFinish:
    """The end of an attempt at an evaluation.

    `result` is a JSON object, needed where the outcome is COMPLETE; numbers that are not finite are the words "NaN",
    "Infinity" and "-Infinity".
    """

    outcome: EvaluationOutcome
    reason: str = ""
    result: Mapping[str, Any] | None = None
    is_retryable: bool = True

    def to_json(self) -> dict[str, object]:
        """Return the request's body without the lease."""
        return {
            "outcome": self.outcome,
            "reason": self.reason,
            "result": None if self.result is None else dict(self.result),
            "is_retryable": self.is_retryable,
        }
