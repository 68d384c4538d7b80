"""What the server tells about studies, trials and workers, as frozen values.

Fields that a newer server adds are ignored; fields that an older one lacks take the default given here. States are
plain text for the same reason: a state that this version does not know is not an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tunewell.code.source import CodeSource
from tunewell.confirmation import Confirmation, ConfirmPlan, TrialSpread
from tunewell.diagnosis import Finding
from tunewell.fleet import Device, MachineReading, WorkerRun

ParamValue = bool | int | float | str | None
ENDED_STUDY = frozenset({"COMPLETE", "FAILED"})
ENDED_TRIAL = frozenset({"COMPLETE", "PRUNED", "FAIL"})


@dataclass(frozen=True, slots=True)
class Objective:
    """What is optimised: a metric, and `minimize` or `maximize`."""

    metric: str
    direction: str


@dataclass(frozen=True, slots=True)
class OutcomeConstraint:
    """A limit on what a finished trial may cost or has to reach; one of the two is given."""

    metric: str
    at_most: float | None = None
    at_least: float | None = None


@dataclass(frozen=True, slots=True)
class Hypervolume:
    """How much of the space of outcomes a front dominates, measured up to `reference`, by metric."""

    value: float
    reference: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A stored output of a trial: `kind` is network, checkpoint or file."""

    artifact_id: int
    name: str
    kind: str
    sha256: str
    n_bytes: int
    media_type: str = "application/octet-stream"
    step: int | None = None
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class BestTrial:
    """The finished trial with the best objective value; `values` by metric name."""

    trial_id: int
    number: int
    params: Mapping[str, ParamValue]
    values: Mapping[str, float | None]


@dataclass(frozen=True, slots=True)
class Budget:
    """How much may be spent, counted once across all workers; None: no limit."""

    n_trials: int | None = None
    max_parallel: int = 16
    timeout_s: float | None = None
    max_retries: int = 3
    worker_hours: float | None = None
    gpu_hours: float | None = None
    target: float | None = None
    patience: int | None = None
    confirm: ConfirmPlan | None = None


@dataclass(frozen=True, slots=True)
class Repeats:
    """How often a trial trains from other initial weights, and which result counts: `mean`, `best` or `worst`.

    `duplicates` says what becomes of parameters that have a result: `reuse` it, or `train` again.
    """

    n: int = 1
    choose: str = "mean"
    racing: bool = False
    duplicates: str = "reuse"


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """On which part of the data trials are judged: `holdout`, or each fold once (`k_fold`)."""

    method: str = "holdout"
    folds: int | None = None


@dataclass(frozen=True, slots=True)
class StudySpec:
    """What a study searches, where, and for how long."""

    dataset: str
    model: str
    objectives: tuple[Objective, ...]
    code: str = "network"
    command: tuple[str, ...] | None = None
    venv: str | None = None
    source: CodeSource | None = None
    fixed: Mapping[str, ParamValue] = field(default_factory=dict)
    search_space: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    sampler: Mapping[str, Any] = field(default_factory=dict)
    pruner: Mapping[str, Any] = field(default_factory=dict)
    repeats: Repeats = field(default_factory=Repeats)
    evaluation: EvaluationPlan = field(default_factory=EvaluationPlan)
    outcome_constraints: tuple[OutcomeConstraint, ...] = ()
    budget: Budget = field(default_factory=Budget)
    resources: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Study:
    """A study, its settings, and how far it is. `rev` grows with every change.

    With several objectives `best_trial` is None, and `best_trials` are those that no other one beats in every one of
    them; lists of studies leave these out.
    """

    study_id: int
    name: str
    state: str
    spec: StudySpec
    trial_counts: Mapping[str, int]
    state_reason: str = ""
    best_trial: BestTrial | None = None
    best_trials: tuple[BestTrial, ...] = ()
    hypervolume: Hypervolume | None = None
    confirmation: Confirmation | None = None
    n_grid_cells: int | None = None
    notes: str = ""
    tags: tuple[str, ...] = ()
    owner: str = ""
    created_at: datetime | None = None
    finished_at: datetime | None = None
    archived_at: datetime | None = None
    deleted_at: datetime | None = None
    rev: int = 0

    @property
    def is_ended(self) -> bool:
        """Whether no trial will run any more, unless somebody raises the budget."""
        return self.state in ENDED_STUDY

    @property
    def n_finished(self) -> int:
        """How many trials ended, however they did."""
        return sum(self.trial_counts.get(state, 0) for state in ENDED_TRIAL)

    @property
    def n_planned(self) -> int | None:
        """How many trials the study is to have; None where nothing but time or a person ends it."""
        limits = [n for n in (self.spec.budget.n_trials, self.n_grid_cells) if n is not None]
        return min(limits) if limits else None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at running a trial, and how it ended."""

    attempt_id: int
    attempt_no: int
    state: str
    reason: str = ""
    worker_id: int | None = None
    worker_name: str | None = None
    created_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial. `value` is the first objective where it is finite, `findings` the kinds of what its curves show.

    `is_feasible` says whether it keeps the study's constraints on outcomes; None before it completes or without any.
    `reused_from` is the number of the trial whose result it took instead of training, as the parameters are the same.
    `phase` is the state, but PAUSED where a WAITING trial was set aside until it is promoted; `paused_step` says where.
    `confirms` is the number of the trial that this one trains again from another seed, `origin` that of the one which
    somebody asked to run again.
    Only single trials know `seed`, `run_again_as` (numbers of the trials that retry or repeat it), `spread`,
    `metric_names`, `attempts` and the whole `diagnosis` (None: nobody looked).
    """

    trial_id: int
    study_id: int
    number: int
    state: str
    params: Mapping[str, ParamValue]
    phase: str = ""
    reason: str = ""
    source: str = ""
    confirms: int | None = None
    origin: int | None = None
    note: str = ""
    tags: tuple[str, ...] = ()
    value: float | None = None
    values: Mapping[str, float | None] = field(default_factory=dict)
    is_feasible: bool | None = None
    reused_from: int | None = None
    findings: tuple[str, ...] = ()
    step: int | None = None
    n_steps: int | None = None
    paused_step: int | None = None
    n_attempts: int = 0
    is_stop_requested: bool = False
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration_s: float | None = None
    study_name: str | None = None
    seed: int | None = None
    run_again_as: tuple[int, ...] = ()
    spread: TrialSpread | None = None
    metric_names: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    diagnosis: tuple[Finding, ...] | None = None

    @property
    def is_ended(self) -> bool:
        """Whether the trial has its final state."""
        return self.state in ENDED_TRIAL


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """One curve, down-sampled: minima, maxima and non-finite points survive. `steps` and `values` are equally long."""

    name: str
    steps: tuple[int, ...]
    values: tuple[float, ...]
    n_points: int = 0
    min_value: float | None = None
    max_value: float | None = None
    latest_step: int | None = None
    latest_value: float | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a trial wrote."""

    line_id: int
    attempt_no: int
    stream: str
    at: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker and what it does."""

    worker_id: int
    name: str
    state: str
    queues: tuple[str, ...]
    n_slots: int
    host: str = ""
    pid: int = 0
    version: str = ""
    n_busy: int = 0
    created_at: datetime | None = None
    heartbeat_at: datetime | None = None
    left_at: datetime | None = None
    machine: MachineReading | None = None
    runs: tuple[WorkerRun, ...] = ()
    devices: tuple[Device, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set that studies can name; the counts are rows.

    `kind` (table, image, sequence or text) and `shape` say what one example is: `n_features` numbers in that order.
    `source` is builtin or upload. The facts are those of `version`, the newest one that is ready; `state` (preparing,
    ready or failed) is that of the newest one.
    """

    name: str
    task: str
    title: str = ""
    kind: str = "table"
    shape: tuple[int, ...] = ()
    n_rows: int = 0
    n_features: int = 0
    n_classes: int | None = None
    n_train: int = 0
    n_val: int = 0
    n_test: int = 0
    sha256: str = ""
    source: str = "builtin"
    citation: str = ""
    licence: str = ""
    version: int | None = None
    newest_version: int = 1
    state: str = "ready"
    n_versions: int = 1
    n_studies: int = 0
    created_at: datetime | None = None
    created_by: str = ""


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """One hyperparameter of a network: its type, default, range and meaning.

    Attributes:
        pattern: Regular expression that a value of type `text` must match as a whole.
        per_lane: Whether trials that differ in it alone train as one program.
    """

    name: str
    type: str
    default: ParamValue = None
    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    choices: tuple[ParamValue, ...] = ()
    pattern: str | None = None
    per_lane: bool = False
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """A network that studies can name."""

    name: str
    title: str = ""
    meaning: str = ""
    source: str = ""
    tasks: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    is_generative: bool = False
    hyperparameters: tuple[Hyperparameter, ...] = ()
    default_space: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LogPage:
    """Some log lines, oldest first; `next_cursor` continues after the last of them, also with lines not yet written."""

    items: tuple[LogLine, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened on the server.

    Attributes:
        kind: `hello` (the stream is connected: fetch what you show now), `study`, `trial`, `metrics`, `logs`, `worker`,
            or `reset` (events were missed: fetch everything again).
        data: What happened; numbers that are not finite are the words "NaN", "Infinity" and "-Infinity".
        event_id: Where to continue after this event.
    """

    kind: str
    data: Mapping[str, Any]
    event_id: str | None = None
