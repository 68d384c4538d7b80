"""Networks, trained by this repository's engine in lanes."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.accuracy.search import Silence
from benchmarks.search.recipes.base import Part, Recipe, Result, timed
from benchmarks.search.spaces import Params, Value
from models.engine.jobs import LaneResult, TrainJob
from models.engine.trainer import TrainSettings, train
from models.measures.evaluation import evaluate_network
from models.networks.saved import load_network

SEED = 1
SETTINGS = TrainSettings(checkpoint_every_s=math.inf, n_lanes=16)


def train_networks(model: str, **fixed: Value) -> Recipe:
    """Return a recipe that trains `model` with these settings beside the cell's own."""

    def recipe(part: Part, cells: Sequence[Params]) -> list[Result]:
        torch.set_num_threads(1)
        with tempfile.TemporaryDirectory(prefix="tunewell-bench-") as folder:
            jobs = [_job(model, {**fixed, **cell}, part, Path(folder) / str(at)) for at, cell in enumerate(cells)]
            results, seconds = timed(lambda: train(jobs, Silence(), SETTINGS))
            return [_result(result, part, seconds / len(jobs)) for result in results]

    return recipe


def _job(model: str, params: Params, part: Part, folder: Path) -> TrainJob:
    assert part.dataset is not None  # the catalogue's tasks of networks name data sets of models/
    return TrainJob(lane_id=folder.name, model=model, params=params, dataset=part.dataset, seed=SEED, output_dir=folder)


def _result(result: LaneResult, part: Part, seconds: float) -> Result:
    if not result.network_files or part.dataset is None:
        return Result(math.inf, math.inf, seconds)
    network = load_network(result.network_files[0].parent)
    test = evaluate_network(network, part.dataset)["test_loss"]
    return Result(result.metrics["val_loss"], test, seconds)
