"""What goes into the trainer and what comes out: values only, so that a worker can send them anywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from models.catalogue import ModelInfo, ParamValue, get_model
from models.catalogue.custom import CUSTOM
from models.data.dataset import Dataset
from models.networks.custom import BuildCustom


class Decision(StrEnum):
    """The answer to an epoch's report."""

    CONTINUE = "continue"
    PRUNE = "prune"
    STOP = "stop"
    PREEMPT = "preempt"
    PAUSE = "pause"


class Outcome(StrEnum):
    """How a lane ended; the words are those of an attempt's states."""

    COMPLETE = "COMPLETE"
    PRUNED = "PRUNED"
    STOPPED = "STOPPED"
    PREEMPTED = "PREEMPTED"
    PAUSED = "PAUSED"
    DIVERGED = "DIVERGED"
    OOM = "OOM"


@dataclass(frozen=True, slots=True, eq=False)
class TrainJob:
    """One lane: a network to train on a data set.

    Attributes:
        lane_id: the caller's name for it, repeated in reports and result.
        model: a name in the catalogue.
        params: hyperparameters; missing ones take their defaults.
        dataset: loaded data; lanes may share one.
        seed: decides initial weights, data order and dropout masks, and with `params` the whole result.
        output_dir: the lane's own folder, for `checkpoint.safetensors` and `network/`.
        resume_from: checkpoint of an earlier attempt, or None to begin anew.
        objective: metric that `best_epoch`, early stopping and `restore_best` go by; None for the validation loss.
        fold: which fold of a cross-validation validates, from 1; 0 for the data set's own validation part.
        n_folds: how many folds there are; 0 without cross-validation, 1 to learn from training and validation part
            together and hold nothing out (see `models.engine.refit`).
        saves_at_end: whether the state after the last epoch is saved as a checkpoint too.
        build: builds a network of the caller's own; `model` is then `custom`. Jobs that share the function train
            together where torch can map over the network, and one by one where it cannot.
    """

    lane_id: str
    model: str
    params: Mapping[str, ParamValue]
    dataset: Dataset
    seed: int
    output_dir: Path
    resume_from: Path | None = None
    objective: str | None = None
    fold: int = 0
    n_folds: int = 0
    saves_at_end: bool = False
    build: BuildCustom | None = None

    @property
    def info(self) -> ModelInfo:
        """The model's entry in the catalogue."""
        return get_model(self.model) if self.build is None else CUSTOM

    @property
    def checkpoint_path(self) -> Path:
        """Where the lane's checkpoint goes."""
        return self.output_dir / "checkpoint.safetensors"


@dataclass(frozen=True, slots=True)
class EpochReport:
    """What a lane achieved in one epoch.

    Attributes:
        lane_id: which lane.
        epoch: from 1.
        n_epochs: how many there will be.
        metrics: finite numbers by name, as the catalogue lists them.
    """

    lane_id: str
    epoch: int
    n_epochs: int
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class LaneResult:
    """How a lane ended.

    Attributes:
        lane_id: which lane.
        outcome: why it ended.
        reason: one sentence for people.
        epoch: last epoch that was reported, 0 for none.
        metrics: those of the epoch whose weights the network has; empty when there was none.
        best_epoch: epoch with the best objective so far, 0 for none.
        network_files: the saved network, `model.safetensors` and `model.json`, of the last epoch, or of the
            best one with `restore_best`; empty unless the outcome is COMPLETE or STOPPED.
        checkpoint: state to resume from; None where there is none.
        history: each metric's values epoch by epoch.
        objective: the metric that `best_epoch` refers to.
        kept_epochs: the epoch whose weights each training kept: one number, or one for each repeat and fold that ended
            with a network.
    """

    lane_id: str
    outcome: Outcome
    reason: str
    epoch: int
    metrics: Mapping[str, float]
    best_epoch: int
    network_files: tuple[Path, ...]
    checkpoint: Path | None
    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    objective: str = ""
    kept_epochs: tuple[int, ...] = ()


class Listener(Protocol):
    """Who hears about lanes while they train."""

    def on_epoch(self, report: EpochReport) -> Decision:
        """Take note of an epoch and say how the lane goes on."""
        ...

    def on_wait(self, lane_id: str) -> Decision:
        """Say whether a lane that waits for its place goes on waiting; asked after each epoch of those that train."""
        ...

    def on_checkpoint(self, lane_id: str, epoch: int, path: Path) -> None:
        """Take note that a lane could now be resumed after this epoch; the file is replaced by the next checkpoint."""
        ...

    def on_end(self, result: LaneResult) -> None:
        """Take note of a lane's end; the others go on."""
        ...
