"""Work on request that is no trial: the test of the best network, baselines, an ensemble."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictInt

from api.schemas.base import MAX_INT, ParamValue, Shape, Text
from api.schemas.resources import QueueName
from api.schemas.studies import ObjectiveSpec
from api.schemas.work import LeaseToken
from db.lifecycle import EvaluationState

Kind = Literal["test", "baselines", "ensemble"]


class EvaluationCreate(Shape):
    """What is to be measured. The same is measured once for a study: asking again answers what there is."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "ensemble", "n_members": 5}]})
    kind: Kind = Field(
        description="test: the best network on the test part. baselines: simple models on the same data. "
        "ensemble: the best networks together, beside each alone"
    )
    n_members: StrictInt | None = Field(
        default=None, ge=2, le=50, description="Networks of an ensemble, 2 to 50; 5 where left out"
    )


class EvaluationRead(Shape):
    """An evaluation and what came of it."""

    evaluation_id: int
    study_id: int
    kind: Kind
    n_members: int | None = Field(description="Null for all but ensembles")
    state: EvaluationState
    reason: str = Field(description="Why it failed")
    trial_ids: list[int] = Field(description="Whose networks take part, the best first")
    result: dict[str, Any] | None = Field(description="As the worker measured it; null until COMPLETE")
    n_done: int | None = Field(description="How much of `n_total` is done")
    n_total: int | None
    note: str = Field(description="What is being done")
    n_attempts: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class EvaluationList(Shape):
    """All evaluations of a study, newest first."""

    items: list[EvaluationRead]


class EvaluationClaim(Shape):
    """Ask for an evaluation to do."""

    worker_id: StrictInt = Field(ge=0, le=MAX_INT)
    queues: list[QueueName] = Field(min_length=1, max_length=20)


class NetworkFile(Shape):
    """One file of a stored network."""

    artifact_id: int
    name: str
    sha256: str
    n_bytes: int


class NetworkMember(Shape):
    """A trial whose network takes part, and its files."""

    trial_id: int
    number: int
    value: float = Field(description="The trial's objective")
    params: dict[str, ParamValue] = Field(description="Complete, as the trial's worker got them")
    files: list[NetworkFile]


class EvaluationOrder(Shape):
    """One evaluation to do, and the lease that gives the right to write for it."""

    evaluation_id: int
    attempt_no: int
    lease_token: str
    kind: Kind
    study_id: int
    study_name: str
    dataset: str
    dataset_sha256: str
    model: str
    objectives: list[ObjectiveSpec]
    seed: int = Field(description="Of the study")
    members: list[NetworkMember] = Field(description="The best first; empty for baselines")


class EvaluationClaimed(Shape):
    """An evaluation to do; null means: nothing to do now."""

    lease_s: float
    order: EvaluationOrder | None


class EvaluationRenew(Shape):
    """A sign of life, and how far the work is; what is left out stays as it is."""

    lease_token: LeaseToken
    n_done: StrictInt | None = Field(default=None, ge=0, le=1_000_000)
    n_total: StrictInt | None = Field(default=None, ge=0, le=1_000_000)
    note: Text | None = Field(default=None, max_length=200)


class EvaluationDecision(Shape):
    """Whether to go on. `stop`: the study is gone; finish as PREEMPTED."""

    decision: Literal["continue", "stop"]
    lease_s: float


class EvaluationFinish(Shape):
    """The end of an attempt at an evaluation."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "lease_token": "kq3...",
                    "outcome": "COMPLETE",
                    "result": {"networks": [{"trial_id": 4, "test_accuracy": 0.975}]},
                }
            ]
        }
    )
    lease_token: LeaseToken
    outcome: Literal["COMPLETE", "PREEMPTED", "OOM", "TIMED_OUT", "CRASHED"]
    reason: Text = Field(default="", max_length=4000)
    result: dict[str, Any] | None = Field(
        default=None, description='Needed where COMPLETE; at most 256 KiB as JSON, finite numbers or "NaN", "Infinity"'
    )
    is_retryable: StrictBool = Field(default=True, description="False where another try would fail the same way")
