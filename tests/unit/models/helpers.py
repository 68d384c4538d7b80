"""Small data, a listener with a script, and short training runs."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from models.catalogue import DataShape, ParamValue, Task
from models.catalogue.entries import DataKind
from models.data.dataset import Array, Dataset, build_dataset
from models.engine.jobs import Decision, EpochReport, LaneResult, TrainJob
from models.engine.trainer import TrainSettings, train

EVERY_EPOCH = TrainSettings(checkpoint_every_s=0)
NEVER = TrainSettings(checkpoint_every_s=float("inf"))


def make_dataset(task: Task, n_train: int = 96, n_features: int = 6, seed: int = 0) -> Dataset:
    """Make data that a small network learns in a few steps: two or three shifted clouds, or a noisy plane."""
    rng = np.random.default_rng(seed)
    sizes = {"train": n_train, "val": 48, "test": 48}
    slope = rng.normal(size=n_features)
    arrays: dict[str, Array] = {}
    for part, n_rows in sizes.items():
        x = rng.normal(size=(n_rows, n_features))
        if task == "classification":
            y = np.arange(n_rows) % 3
            arrays[f"y_{part}"] = y.astype(np.int64)
            x[np.arange(n_rows), y] += 3
        else:
            arrays[f"y_{part}"] = (40 + 10 * (x @ slope) + rng.normal(size=n_rows)).astype(np.float32)
        arrays[f"x_{part}"] = x.astype(np.float32)
    regression = task == "regression"
    arrays["feature_mean"] = np.full(n_features, 2.0, np.float32)
    arrays["feature_scale"] = np.full(n_features, 4.0, np.float32)
    arrays["target_mean"] = np.array(arrays["y_train"].mean() if regression else 0, np.float32)
    arrays["target_scale"] = np.array(arrays["y_train"].std() if regression else 1, np.float32)
    return build_dataset(DataShape(task, "table", (n_features,), 1 if regression else 3), arrays)


SHAPES: Mapping[DataKind, tuple[int, ...]] = {"table": (6,), "image": (1, 8, 8), "sequence": (7, 3), "text": (9,)}
N_TOKENS = 5


def make_data(task: Task, kind: DataKind) -> Dataset:
    """Make small data of a kind that a network learns something from in a few steps."""
    shape = SHAPES[kind]
    if kind == "text":
        return _make_text(shape)
    table = make_dataset(task, n_features=math.prod(shape))
    arrays = {
        name: array for name, array in table.members().items() if name.startswith(("x_", "y_", "feature", "target"))
    }
    return build_dataset(replace(table.data_shape, kind=kind, shape=shape), arrays)


def _make_text(shape: tuple[int, ...]) -> Dataset:
    # Each token is the one before plus one, or a random one at times.
    rng = np.random.default_rng(0)
    tokens = np.cumsum(np.where(rng.random(20_000) < 0.9, 1, rng.integers(N_TOKENS, size=20_000))) % N_TOKENS
    arrays: dict[str, Array] = {}
    for part, (first, n_rows) in {"train": (0, 96), "val": (1500, 48), "test": (3000, 48)}.items():
        starts = first + shape[0] * np.arange(n_rows)[:, None] + np.arange(shape[0])
        arrays[f"x_{part}"] = tokens[starts].astype(np.float32)
        arrays[f"y_{part}"] = tokens[starts + 1].astype(np.int64)
    arrays["feature_mean"] = np.zeros(shape, np.float32)
    arrays["feature_scale"] = np.ones(shape, np.float32)
    arrays["target_mean"], arrays["target_scale"] = np.array(0, np.float32), np.array(1, np.float32)
    return build_dataset(DataShape("next_token", "text", shape, N_TOKENS), arrays)


def always_continue(report: EpochReport) -> Decision:
    """Let every lane run to its end."""
    return Decision.CONTINUE


@dataclass
class Recorder:
    """A listener that writes everything down and decides by a function of the report."""

    decide: Callable[[EpochReport], Decision] = always_continue
    reports: list[EpochReport] = field(default_factory=list)
    checkpoints: list[tuple[str, int, Path]] = field(default_factory=list)
    ended: list[LaneResult] = field(default_factory=list)

    def on_epoch(self, report: EpochReport) -> Decision:
        """Record the report and answer with the script's decision."""
        self.reports.append(report)
        return self.decide(report)

    def on_wait(self, lane_id: str) -> Decision:
        """Let lanes wait."""
        return Decision.CONTINUE

    def on_checkpoint(self, lane_id: str, epoch: int, path: Path) -> None:
        """Record the checkpoint."""
        self.checkpoints.append((lane_id, epoch, path))

    def on_end(self, result: LaneResult) -> None:
        """Record the result."""
        self.ended.append(result)

    def curve(self, lane_id: str, metric: str) -> list[float]:
        """Return one lane's values of a metric, epoch by epoch."""
        return [report.metrics[metric] for report in self.reports if report.lane_id == lane_id]


def decide_at(epoch: int, decision: Decision) -> Callable[[EpochReport], Decision]:
    """Return a script that continues except after one epoch."""
    return lambda report: decision if report.epoch == epoch else Decision.CONTINUE


@dataclass(frozen=True)
class Run:
    """A way to train lanes of one model on one data set."""

    dataset: Dataset
    folder: Path
    model: str = "mlp"
    params: Mapping[str, ParamValue] = field(default_factory=dict)
    seed: int = 1

    def job(self, lane_id: str, **params: ParamValue) -> TrainJob:
        """Make a job whose folder bears the lane's name."""
        return TrainJob(
            lane_id=lane_id,
            model=self.model,
            params={**self.params, **params},
            dataset=self.dataset,
            seed=self.seed,
            output_dir=self.folder / lane_id,
        )

    def train_one(self, lane_id: str, **params: ParamValue) -> tuple[LaneResult, Recorder]:
        """Train a single lane to its end, without checkpoints."""
        recorder = Recorder()
        return train([self.job(lane_id, **params)], recorder, NEVER)[0], recorder
