"""Trials, their attempts, metrics, logs and artifacts."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictInt, StringConstraints

from api.schemas.base import MAX_INT, Number, ParamValue, Shape, Text
from api.schemas.forecasts import Forecast
from api.schemas.studies import Tag
from db.lifecycle import AttemptState, TrialPhase, TrialState
from db.trials import OrderBy


class TrialCreate(Shape):
    """A trial to run with given parameters, or one that was run elsewhere."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"params": {"learning_rate": 0.01, "hidden_layers": 2, "hidden_units": 64, "activation": "relu"}}
            ]
        }
    )
    params: dict[str, ParamValue] = Field(description="A value for every parameter of the search space")
    state: Literal["WAITING", "COMPLETE", "PRUNED", "FAIL"] = Field(
        default="WAITING", description="WAITING: run it. Any other: it was run elsewhere"
    )
    values: dict[str, Number] | None = Field(default=None, description="By metric; needed where state is COMPLETE")
    note: Text = Field(default="", max_length=2000)


Word = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=64),
    Field(description="Lower-case letters, digits and '_', first a letter"),
]
FiniteNumber = Annotated[float, Field(strict=True, allow_inf_nan=False, description="A finite number")]


class FindingEvidence(Shape):
    """What a finding was seen by: in words, and in numbers by name."""

    sentence: Text = Field(max_length=2000)
    numbers: dict[Word, FiniteNumber] = Field(default_factory=dict, max_length=50)


class FindingHint(Shape):
    """A setting worth changing: up or down, or set to a value."""

    parameter: Word
    direction: Literal["up", "down", "set"]
    value: StrictBool | StrictInt | FiniteNumber | Text | None = None


class FindingRemedy(Shape):
    """What to try: in words, and as settings, of which the first is the likeliest to help."""

    sentence: Text = Field(max_length=2000)
    hints: list[FindingHint] = Field(default_factory=list, max_length=20)


class Finding(Shape):
    """One thing that a trial's curves show."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "overfitting",
                    "severity": "problem",
                    "title": "Overfitting",
                    "evidence": {
                        "sentence": "val_loss was lowest after epoch 4 and rose since.",
                        "numbers": {"epoch": 4},
                    },
                    "remedy": {
                        "sentence": "Try more dropout.",
                        "hints": [{"parameter": "dropout", "direction": "up"}],
                    },
                }
            ]
        }
    )
    kind: Word
    severity: Literal["problem", "hint", "good"]
    title: Text = Field(min_length=1, max_length=200)
    evidence: FindingEvidence
    remedy: FindingRemedy


class AttemptRead(Shape):
    """One try at running a trial, and how it ended."""

    attempt_id: int
    attempt_no: int
    state: AttemptState
    reason: str
    worker_id: int | None
    worker_name: str | None
    device: str | None = Field(description="The GPU that it trained on; null where the worker told of none")
    peak_bytes: int | None = Field(
        description="The most that its process took of that GPU, with all that trained beside it; null: not measured"
    )
    created_at: datetime
    ended_at: datetime | None


class TrialRead(Shape):
    """A trial as tables show it."""

    trial_id: int
    study_id: int
    number: int
    state: TrialState
    phase: Literal["WAITING", "PAUSED", "RUNNING", "COMPLETE", "PRUNED", "FAIL"] = Field(
        description="The state, but PAUSED for a waiting trial that was set aside until it is promoted"
    )
    reason: str
    source: str = Field(description="sampler, manual, imported, confirm, retry, repeat or script")
    confirms: int | None = Field(description="Number of the trial that this one trains again from another seed")
    origin: int | None = Field(description="Number of the trial that somebody asked to run again, as this one")
    note: str
    tags: list[str] = Field(description="Words to find it by")
    params: dict[str, ParamValue]
    value: float | None = Field(description="The objective, or the first of several, where it is finite")
    values: dict[str, float | None] = Field(description="By metric name")
    is_feasible: bool | None = Field(
        description="Whether it keeps every constraint on outcomes; null before it completes, and where there are none"
    )
    reused_from: int | None = Field(
        description="Number of the trial whose result it took without training, as both have the same parameters"
    )
    findings: list[str] = Field(description="Kinds of what its curves show, the most important first")
    step: int | None = Field(description="Last reported step (epoch)")
    paused_step: int | None = Field(
        description="Where a waiting trial was set aside until it is promoted; null for others"
    )
    n_steps: int | None
    n_attempts: int
    is_stop_requested: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_s: float | None


class TrialSpread(Shape):
    """How far the networks of one trial, its repeats and folds, are apart in the first objective.

    Each counts with the epoch whose weights it kept.
    """

    n: int
    mean: float
    standard_error: float | None = Field(
        description="Of the mean. Folds share most of their training data, so that it is rather too small for them"
    )
    least: float
    most: float


class TrialDetail(TrialRead):
    """A trial with its history."""

    study_name: str
    seed: int | None = Field(description="Of weights, data order and masks; null in a study that a script runs")
    run_again_as: list[int] = Field(description="Numbers of the trials that retry or repeat this one")
    diagnosis: list[Finding] | None = Field(description="What its curves show; null where nobody looked")
    forecast: Forecast | None = Field(
        description="What the pruner expected of it last; null for complete trials, and where the pruner does not say"
    )
    spread: TrialSpread | None = Field(
        description="Of repeats and folds; null before it completes and for a single network"
    )
    metric_names: list[str] = Field(description="Of the trial's own curves; those of members are left out")
    attempts: list[AttemptRead]


class TrialQuery(Shape):
    """Which trials a list shows, in which order."""

    state: list[TrialPhase] = Field(
        default_factory=list, description="By `phase`: WAITING leaves PAUSED ones out. Repeat to allow several"
    )
    where: str | None = Field(
        default=None,
        max_length=2000,
        description="Conditions that must all hold, such as `state:complete value>0.97 activation=relu`; "
        "docs/filters.md has the language",
    )
    order_by: OrderBy = "number"
    descending: bool = Field(default=False, description="By value: worst first")
    cursor: str | None = Field(default=None, max_length=500, description="`next_cursor` of the page before")
    limit: int = Field(default=100, ge=1, le=1000)


class TrialUpdate(Shape):
    """What people may change of a trial at any time."""

    tags: list[Tag] = Field(max_length=50, description="All of them; each counts once")


class TrialPage(Shape):
    """Some trials of a study, and where the next page starts."""

    items: list[TrialRead]
    next_cursor: str | None


class MetricSeries(Shape):
    """One curve. `steps` and `values` are down-sampled; minima, maxima and non-finite points survive."""

    name: str
    n_points: int
    min_value: float | None = Field(description="Of the finite points")
    max_value: float | None = Field(description="Of the finite points")
    latest_step: int | None
    latest_value: float | None
    steps: list[int]
    values: list[float]


class MetricsRead(Shape):
    """Curves of one trial."""

    trial_id: int
    series: list[MetricSeries]


class LogLine(Shape):
    """One line that a trial wrote."""

    line_id: int
    attempt_no: int
    stream: Literal["stdout", "stderr", "system"]
    at: datetime
    text: str


class LogPage(Shape):
    """Some lines, oldest first; `next_cursor` is always given, so that a reader can go on with later lines."""

    items: list[LogLine]
    next_cursor: str


class ArtifactRead(Shape):
    """A stored output of a trial."""

    artifact_id: int
    name: str
    kind: str = Field(description="network, checkpoint or file")
    step: int | None
    sha256: str
    n_bytes: int
    media_type: str
    created_at: datetime


class UploadQuery(Shape):
    """What an uploaded artifact is."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$", description="64 lower-case hexadecimal digits")
    kind: Literal["network", "checkpoint", "file"] = "file"
    step: int | None = Field(default=None, ge=0, le=MAX_INT)


class ArtifactList(Shape):
    """All artifacts of one trial."""

    items: list[ArtifactRead]
