"""Studies as people send and read them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictBool, StrictInt, StringConstraints, model_validator

from api.schemas.base import MAX_INT, ParamValue, Shape, Text
from api.schemas.confirmation import Confirmation, ConfirmSpec
from api.schemas.forecasts import Forecast
from api.schemas.resources import ResourcesSpec, ResourcesUpdate
from api.schemas.warm_start import WarmStart
from db.lifecycle import StudyState
from search.pruners import PRUNERS
from search.samplers import SAMPLERS

StudyName = Annotated[
    str,
    StringConstraints(pattern=r"^([A-Za-z]|[0-9][0-9._-]*[A-Za-z])[A-Za-z0-9._-]*$", min_length=1, max_length=100),
    Field(description="Letters, digits, '.', '_' and '-', at least one letter, first a letter or digit; unique"),
]
Tag = Annotated[
    str,
    StringConstraints(pattern=r"^[\w.:-]+$", min_length=1, max_length=50),
    Field(description="Letters, digits, '_', '.', ':' and '-'"),
]
EXAMPLE: dict[str, Any] = {
    "name": "digits-mlp",
    "dataset": "digits",
    "model": "mlp",
    "fixed": {"epochs": 20, "batch_size": 64},
    "search_space": {
        "learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
        "hidden_layers": {"type": "int", "low": 1, "high": 3},
        "hidden_units": {"type": "int", "low": 16, "high": 128, "step": 16},
        "activation": {"type": "categorical", "choices": ["relu", "tanh", "swish"]},
    },
    "sampler": {"name": "bayesian", "seed": 7},
    "pruner": {"name": "none"},
    "objectives": [{"metric": "val_accuracy", "direction": "maximize"}],
    "budget": {"n_trials": 20, "max_parallel": 2, "timeout_s": None},
    "resources": {"queue": "cpu"},
}


class SamplerSpec(Shape):
    """Which sampler proposes parameters. Further keys are its own options."""

    model_config = ConfigDict(extra="allow")
    name: str = Field(default="bayesian", description=", ".join(SAMPLERS))
    seed: StrictInt | None = Field(default=None, ge=0, le=2**31 - 1, description="Drawn by the server where missing")


class PrunerSpec(Shape):
    """Which pruner stops hopeless trials. Further keys are its own options."""

    model_config = ConfigDict(extra="allow")
    name: str = Field(default="none", description=", ".join(PRUNERS))


class ObjectiveSpec(Shape):
    """What is optimised: a metric that the model reports, and the direction."""

    metric: str = Field(examples=["val_accuracy"])
    direction: Literal["minimize", "maximize"]


class OutcomeConstraint(Shape):
    """A limit on what a finished trial may cost or has to reach: `at_most` or `at_least`, one of the two."""

    metric: str = Field(
        examples=["n_parameters"],
        description="One that the model reports, or n_parameters, network_bytes, train_s or predict_ms",
    )
    at_most: float | None = Field(default=None, strict=True, allow_inf_nan=False)
    at_least: float | None = Field(default=None, strict=True, allow_inf_nan=False)


class BudgetSpec(Shape):
    """How much may be spent, counted once across all workers."""

    n_trials: StrictInt | None = Field(default=20, ge=1, le=1_000_000, description="null: until stopped or exhausted")
    max_parallel: StrictInt = Field(default=16, ge=1, le=100_000, description="Trials that may run at the same time")
    timeout_s: float | None = Field(
        default=None, strict=True, gt=0, le=10 * 365 * 86400, description="Wall time of the study"
    )
    worker_hours: float | None = Field(
        default=None,
        strict=True,
        gt=0,
        le=1e9,
        description="Hours for which slots of workers may be held; trials that share a slot count once",
    )
    gpu_hours: float | None = Field(
        default=None, strict=True, gt=0, le=1e9, description="The same, of slots of workers that serve a gpu queue"
    )
    target: float | None = Field(
        default=None,
        strict=True,
        allow_inf_nan=False,
        description="The study ends as soon as a trial's final objective is this or better",
    )
    patience: StrictInt | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="The study ends when so many trials in a row ended without a new best",
    )
    confirm: ConfirmSpec | None = Field(
        default=None,
        description="Train the best trials again from other seeds, and name the one with the best mean the winner",
    )
    max_retries: StrictInt = Field(default=3, ge=0, le=100, description="Lost or crashed attempts forgiven per trial")


class RepeatsSpec(Shape):
    """How often a trial trains from other initial weights, and which of the results counts."""

    n: StrictInt = Field(default=1, ge=1, le=100, description="Networks with the same parameters, 1 to 100")
    choose: Literal["mean", "best", "worst"] = Field(
        default="mean", description="Which of the repeats' values is the trial's: mean, best or worst"
    )
    racing: StrictBool = Field(
        default=False, description="Stop a hopeless trial after a few repeats; needs at least 3 of them"
    )
    duplicates: Literal["reuse", "train"] = Field(
        default="reuse",
        description="A trial with the parameters of a finished one. reuse: takes its result. train: trains again",
    )


class EvaluationSpec(Shape):
    """On which part of the data a trial is judged. The test part is never among them."""

    method: Literal["holdout", "k_fold"] = Field(
        default="holdout", description="holdout: the validation part. k_fold: each fold of training and validation once"
    )
    folds: StrictInt | None = Field(
        default=None, ge=2, le=20, description="Number of folds, 2 to 20, for k_fold alone; 5 where left out"
    )


_SPACE = (
    'By name: {"type": "float", low, high, log?, step?}, {"type": "int", low, high, step?, log?}, '
    '{"type": "categorical", choices}, {"type": "fixed", value} or {"type": "list", length: {low, high}, each}; each '
    "with `when` where it is active for some values of other parameters alone"
)


class CodeSource(Shape):
    """Code for a command: an uploaded archive, or a commit of a Git repository."""

    archive: str | None = Field(
        default=None, pattern=r"^[0-9a-f]{64}$", description="SHA-256 of an archive that `POST /code/uploads` brought"
    )
    git: Annotated[Text, StringConstraints(min_length=1, max_length=2048)] | None = Field(
        default=None,
        description="Address or path of a repository; workers and agents take it from where they were told they may",
        examples=["https://git.example.org/team/training.git"],
    )
    commit: str | None = Field(
        default=None, pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$", description="Whole hash of a commit of `git`"
    )
    subfolder: Annotated[Text, StringConstraints(min_length=1, max_length=1024)] | None = Field(
        default=None, description="Folder of the repository that is the command's root; the whole where left out"
    )


class PinnedData(Shape):
    """A version of a data set that somebody brought, as it was when the study was submitted."""

    name: str
    version: int
    sha256: str = Field(description="Digest of the prepared arrays")
    task: Literal["classification", "regression", "next_token"]
    kind: Literal["table", "image", "sequence", "text"]
    shape: list[int]
    n_rows: int
    n_features: int
    n_classes: int | None
    n_train: int
    n_val: int
    n_test: int
    is_chronological: bool


class StudySettings(Shape):
    """What a study searches, where, and for how long, but for the space."""

    code: Literal["network", "script"] = Field(
        default="network",
        description="What trains. network: a model of the catalogue, on workers. script: code of your own, which takes "
        "trials and reports through the SDK; dataset and model are left out then",
    )
    command: list[Annotated[Text, StringConstraints(min_length=1, max_length=4096)]] | None = Field(
        default=None,
        min_length=1,
        max_length=1000,
        description="Of a script's study: what workers and agents that were started with --allow-commands run for a "
        "trial, word by word and without a shell; {name} stands for a parameter",
        examples=[["python", "train.py", "--lr", "{learning_rate}"]],
    )
    source: CodeSource | None = Field(
        default=None,
        description="Which code a command runs; left out: what lies on the worker. May also be given as `code`, "
        'such as `"code": {"archive": "..."}`',
    )
    venv: Annotated[Text, StringConstraints(min_length=1, max_length=1024)] | None = Field(
        default=None,
        description="Of a command: the virtual environment that it runs in, below the folder for commands",
        examples=[".venv"],
    )
    dataset: str = Field(
        examples=["digits"],
        max_length=100,
        description="Name of a data set, for its newest version that is ready, or `name@version`",
    )
    data: PinnedData | None = Field(
        default=None, description="Which version `dataset` means, unless it is built in; the server fills this in"
    )
    model: str = Field(examples=["mlp"])
    fixed: dict[str, ParamValue] = Field(default_factory=dict, description="Hyperparameters that do not vary")
    assumed: dict[str, ParamValue] = Field(
        default_factory=dict,
        description="What searched hyperparameters are where a trial has no value for them, instead of the model's "
        "defaults. Adding a parameter to a running study's space puts here what it was fixed to",
    )
    constraints: list[str] = Field(
        default_factory=list,
        description="Statements about the space's parameters that every trial makes true, such as "
        "`batch_size <= 4 * hidden_units`",
    )
    sampler: SamplerSpec = Field(default_factory=SamplerSpec)
    pruner: PrunerSpec = Field(default_factory=PrunerSpec)
    repeats: RepeatsSpec = Field(default_factory=RepeatsSpec)
    evaluation: EvaluationSpec = Field(default_factory=EvaluationSpec)
    objectives: list[ObjectiveSpec] = Field(
        min_length=1, description="One to four. The first one also chooses the epoch whose weights a trial keeps"
    )
    outcome_constraints: list[OutcomeConstraint] = Field(
        default_factory=list,
        max_length=8,
        description="Limits on the outcome: a trial that breaks one is never best, and samplers avoid its like",
    )
    budget: BudgetSpec = Field(default_factory=BudgetSpec)
    resources: ResourcesSpec = Field(default_factory=ResourcesSpec)
    warm_start: WarmStart | None = Field(default=None, description="Earlier studies to begin with; used at creation")

    @model_validator(mode="before")
    @classmethod
    def _without_network(cls, data: Any) -> Any:
        """Take a script's study without data set and model, which those of networks must name."""
        if isinstance(data, dict) and isinstance(data.get("code"), dict):
            data = {**data, "code": "script", "source": data["code"]}
        if isinstance(data, dict) and data.get("code") == "script":
            return {"dataset": "", "model": "", **data}
        return data


class StudySpec(StudySettings):
    """What a study searches, where, and for how long."""

    search_space: dict[str, dict[str, Any]] = Field(default_factory=dict, description=_SPACE)


class StudyCreate(StudySettings):
    """A study to run."""

    model_config = ConfigDict(json_schema_extra={"examples": [EXAMPLE]})
    # Whether each parameter has the shape of one is for the search to say, which names the place.
    search_space: dict[str, Any] | Literal["default"] = Field(
        default_factory=dict, description=f'{_SPACE}. The text "default" is the space that the model suggests'
    )
    name: StudyName
    notes: Text = Field(default="", max_length=20_000)
    tags: list[Tag] = Field(default_factory=list, max_length=50)


class BudgetUpdate(BudgetSpec):
    """Limits to change; those left out stay as they are, and null takes a limit away."""


_SPACE_EDIT = (
    "By parameter: a whole shape with `type` adds it or takes the place of the one there; a shape without `type` "
    'changes the given fields alone, such as {"high": 0.5}; null removes the parameter. Parameters left out stay. '
    'The text "default" is the space that the model suggests'
)


class StudyUpdate(Shape):
    """Changes to a study; fields left out stay as they are."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"search_space": {"learning_rate": {"high": 0.5}, "activation": None}, "budget": {"n_trials": 40}}
            ]
        }
    )

    action: Literal["pause", "resume", "stop"] | None = Field(
        default=None, description="pause: no new trials start. stop: running trials end too. resume: undoes a pause"
    )
    n_trials: StrictInt | None = Field(default=None, ge=1, le=1_000_000, description="Only ever raised")
    max_parallel: StrictInt | None = Field(default=None, ge=1, le=100_000)
    budget: BudgetUpdate | None = Field(
        default=None, description="Limits to change; those left out stay as they are, and null takes a limit away"
    )
    resources: ResourcesUpdate | None = Field(
        default=None, description="Priority and share to change; those left out stay as they are"
    )
    search_space: dict[str, Any] | Literal["default"] | None = Field(default=None, description=_SPACE_EDIT)
    constraints: list[str] | None = Field(default=None, description="All of them, in place of those there are")
    name: StudyName | None = None
    notes: Text | None = Field(default=None, max_length=20_000)
    tags: list[Tag] | None = Field(default=None, max_length=50)
    archived: StrictBool | None = Field(
        default=None, description="true: out of the way of lists, nothing else changes. false: back"
    )


class StudyEdit(Shape):
    """One change of a study's settings while it ran."""

    edit_no: int = Field(description="From 0")
    author: str = Field(description="The role of who made it")
    created_at: datetime
    next_number: int = Field(description="Trials from this number on were proposed with the new settings")
    before: dict[str, Any] = Field(description="The settings that changed, as they were")
    after: dict[str, Any] = Field(description="The same, as they became")
    replaced: list[int] = Field(
        description="Numbers of trials that waited, fitted no longer and got other parameters before they ran"
    )
    undo: dict[str, Any] = Field(
        description="The change that makes the settings what they were, as `PATCH /studies/{study}` takes it; a number "
        "of trials that was raised stays, and trials that were replaced do"
    )


class StudyEdits(Shape):
    """All changes of a study's settings, oldest first."""

    items: list[StudyEdit]


class TrialCounts(Shape):
    """How many trials of a study are in which state, without those that confirm others."""

    WAITING: int = 0
    RUNNING: int = 0
    COMPLETE: int = 0
    PRUNED: int = 0
    FAIL: int = 0


class BestTrial(Shape):
    """The finished trial with the best objective value, or the winner of those that were trained again."""

    trial_id: int
    number: int
    params: dict[str, ParamValue]
    values: dict[str, float | None] = Field(description="By metric name")


class Hypervolume(Shape):
    """How much of the space of outcomes the trials on a front dominate together."""

    value: float = Field(description="Product of the objectives' units, at least 0; more is better")
    reference: dict[str, float] = Field(
        description="By metric: the outcome up to which it is measured, beyond the worst of all trials by a tenth of "
        "their spread. It moves when a trial is worse than all before; compare volumes of equal references alone"
    )


class StudyRead(Shape):
    """A study, its settings complete with defaults, and how far it is."""

    study_id: int
    name: str
    kind: Literal["native", "optuna"] = Field(
        description="native: sampled here and trained by workers. optuna: both done by a script of Optuna's"
    )
    state: StudyState
    state_reason: str
    trial_counts: TrialCounts
    n_paused: int | None = Field(
        description="How many of the WAITING trials are paused and may be promoted; null in lists of studies"
    )
    best_trial: BestTrial | None = Field(description="null without a result, and where there are several objectives")
    best_trials: list[BestTrial] = Field(
        description="The trials that no other one beats in every objective, at most 200, best by the first objective "
        "first; with one objective the best trial alone. Of several objectives left out in lists of studies"
    )
    confirmation: Confirmation | None = Field(
        description="The candidates that were trained again; null before that, and in lists of studies"
    )
    hypervolume: Hypervolume | None = Field(description="Of two to four objectives; null in lists of studies")
    spec: StudySpec
    n_grid_cells: int | None = Field(description="Size of the grid; null for other samplers")
    notes: str
    tags: list[str]
    owner: str = Field(description="The name of the token that submitted it; anonymous without one")
    progress: list[float | None] | None = Field(
        description="Best value so far of the only objective, over equal parts of the trials in the order of their "
        "numbers; null in a part before the first result. In lists of studies alone"
    )
    created_at: datetime
    finished_at: datetime | None
    archived_at: datetime | None
    deleted_at: datetime | None
    rev: int = Field(description="Grows with every change of the study or of the state of a trial")


class StudyPage(Shape):
    """Some studies, in the order that was asked for."""

    items: list[StudyRead]
    next_cursor: str | None


class CurvesQuery(Shape):
    """Which curves a chart shows."""

    metric: str | None = Field(default=None, max_length=200, description="The objective where left out")
    max_points: int = Field(
        default=200,
        ge=4,
        le=10_000,
        description="Points of a curve, about: a longer one is cut into half as many columns, or fewer where many "
        "curves share an answer",
    )
    max_trials: int = Field(default=200, ge=1, le=1000)
    numbers: list[Annotated[int, Field(ge=0, le=MAX_INT)]] = Field(
        default=[], max_length=200, description="These trials alone"
    )
    x: Literal["step", "time"] = Field(default="step", description="What columns divide: steps, or seconds")
    low: float | None = Field(default=None, allow_inf_nan=False, description="Only points from here on the x axis on")
    high: float | None = Field(default=None, allow_inf_nan=False, description="Only points up to here")
    members: bool = Field(default=False, description="Also the curve of each repeat and fold")


class Curve(Shape):
    """One metric of one trial, or of one of its members.

    Down-sampled: the first minimum, maximum, NaN, infinity and negative infinity of each column are there.
    """

    trial_id: int
    number: int
    state: str
    repeat: int | None = Field(description="From 1; null for the trial's own curve")
    fold: int | None = Field(description="From 1; null for the trial's own curve")
    n_points: int
    steps: list[int]
    values: list[float] = Field(description="To seven significant digits")
    times_s: list[float] | None = Field(description="Seconds since the trial started, a point; null for x = step")
    forecast: Forecast | None = Field(
        description="Where the curve is expected to go; null for who does not run, and where the pruner does not say"
    )


class CurvesRead(Shape):
    """One metric of the trials of a study, newest trials first where `max_trials` cuts the list."""

    metric: str
    n_trials: int = Field(description="Trials that have this metric, shown or not")
    column: float | None = Field(
        description="Width of a column of the x axis, a power of two; null where every point is there"
    )
    metrics: list[str] = Field(description="Every metric that the newest trials reported, shown or not")
    curves: list[Curve]
