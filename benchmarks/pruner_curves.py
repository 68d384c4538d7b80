"""`python -m benchmarks.pruner_curves`: train the learning curves that `benchmarks.pruners` measures pruners on.

Random search over wide spaces, so that good, slow, noisy and diverging curves are all there. Each trial runs to its
end. The file holds, for each study and metric, an array (trials, epochs) in the order of the trials' numbers; NaN
after a trial has diverged.
"""

from __future__ import annotations

import math
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from models.data.dataset import Dataset, load_dataset
from models.data.prepare import prepare_dataset
from models.engine.jobs import Decision, EpochReport, LaneResult, TrainJob
from models.engine.trainer import TrainSettings, train
from models.seeds import derive
from search.samplers import get_sampler
from search.space import parse_space
from search.types import SuggestRequest

FILE = Path(__file__).parent / "data" / "pruner_curves.npz"
_DIGITS = 5
_RATE = {"learning_rate": {"type": "float", "low": 1e-4, "high": 0.3, "log": True}}
_DENSE: Mapping[str, Any] = {
    **_RATE,
    # Few shapes, so that many trials train as one program.
    "hidden_layers": {"type": "int", "low": 1, "high": 2},
    "hidden_units": {"type": "categorical", "choices": [12, 64]},
    "activation": {"type": "categorical", "choices": ["relu", "tanh"]},
    "optimizer": {"type": "categorical", "choices": ["adam", "momentum", "sgd"]},
    "dropout": {"type": "float", "low": 0.0, "high": 0.5},
}
_SCHEDULED: Mapping[str, Any] = {
    **_DENSE,
    "schedule": {"type": "categorical", "choices": ["constant", "step", "cosine", "one_cycle"]},
}


@dataclass(frozen=True, slots=True)
class Study:
    """One random search.

    Attributes:
        name: in the file.
        model: a network of the catalogue.
        dataset: what it learns.
        space: what is drawn.
        n_trials: how many.
        epochs: of each.
        metrics: whose curves are kept.
    """

    name: str
    model: str
    dataset: str
    space: Mapping[str, Any]
    n_trials: int
    epochs: int
    metrics: tuple[str, ...]


_CLASSES, _NUMBERS = ("val_accuracy", "val_loss"), ("val_r2", "val_loss")
STUDIES = (
    Study("digits-mlp", "mlp", "digits", _DENSE, 96, 40, _CLASSES),
    Study("digits-scheduled", "mlp", "digits", _SCHEDULED, 96, 30, _CLASSES),
    Study("cancer-mlp", "mlp", "breast_cancer", _DENSE, 96, 40, _CLASSES),
    Study("cancer-scheduled", "mlp", "breast_cancer", _SCHEDULED, 96, 30, _CLASSES),
    Study("diabetes-mlp", "mlp", "diabetes", _DENSE, 96, 40, _NUMBERS),
    Study("diabetes-scheduled", "mlp", "diabetes", _SCHEDULED, 96, 30, _NUMBERS),
)


class Recorder:
    """A listener that keeps the wanted curves and lets every lane train to its end."""

    def __init__(self, study: Study) -> None:
        self.curves = {metric: np.full((study.n_trials, study.epochs), math.nan) for metric in study.metrics}

    def on_epoch(self, report: EpochReport) -> Decision:
        """Keep the epoch's values."""
        for metric, curves in self.curves.items():
            curves[int(report.lane_id), report.epoch - 1] = report.metrics.get(metric, math.nan)
        return Decision.CONTINUE

    def on_wait(self, lane_id: str) -> Decision:
        """Let lanes wait for their place."""
        return Decision.CONTINUE

    def on_checkpoint(self, lane_id: str, epoch: int, path: Path) -> None:
        """Ignore the checkpoint."""

    def on_end(self, result: LaneResult) -> None:
        """Ignore the end: the curve is complete."""


def train_study(study: Study, dataset: Dataset, seed: int, folder: Path) -> dict[str, np.ndarray]:
    """Train all trials of a study.

    Returns:
        By metric (trials, epochs), rounded to five significant digits: more would double the file.

    Effects:
        Writes networks into `folder`.
    """
    space, recorder = parse_space(study.space), Recorder(study)
    jobs = []
    for number in range(study.n_trials):
        suggestion = get_sampler("random").suggest(SuggestRequest(space, ("maximize",), seed, number, number))
        assert suggestion is not None  # only a grid has an end
        own_seed = derive(seed, study.name, number) & 0x7FFFFFFF
        params = {
            "epochs": study.epochs,
            "batch_size": 32,
            **{k: v for k, v in suggestion.params.items() if v is not None},
        }
        jobs.append(TrainJob(str(number), study.model, params, dataset, own_seed, folder / str(number)))
    train(jobs, recorder, TrainSettings(checkpoint_every_s=math.inf))
    return {metric: _rounded(curves) for metric, curves in recorder.curves.items()}


def main(
    out: Annotated[Path, typer.Option(help="Where the curves go.")] = FILE,
    seed: Annotated[int, typer.Option(help="Decides parameters and initial weights.", min=0)] = 2026,
) -> None:
    """Train the curves and store them; about five minutes of one core."""
    torch.set_num_threads(1)
    found: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder:
        for study in STUDIES:
            began_s = time.process_time()
            dataset = load_dataset(prepare_dataset(study.dataset, Path(folder) / "data"))
            curves = train_study(study, dataset, seed, Path(folder) / study.name)
            found |= {f"{study.name}/{metric}": values for metric, values in curves.items()}
            print(f"{study.name}: {time.process_time() - began_s:.0f} CPU s", file=sys.stderr)
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, allow_pickle=False, **found)
    print(f"{out.name}: {out.stat().st_size} bytes", file=sys.stderr)


def _rounded(values: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        magnitude = np.floor(np.log10(np.abs(values)))
    scale = np.where(np.isfinite(magnitude), 10.0 ** (_DIGITS - 1 - np.nan_to_num(magnitude, posinf=0, neginf=0)), 1.0)
    return np.asarray(np.round(values * scale) / scale, dtype=np.float32)


if __name__ == "__main__":
    typer.run(main)
