"""Steps of a GAN in lanes and in a careful loop. Steps alone: what is measured after an epoch is not timed."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.report import rates, ratio
from benchmarks.training import plain_gan
from benchmarks.training.cases import BATCH_SIZE
from models.data.dataset import Dataset
from models.engine.jobs import TrainJob
from models.engine.lane import Lane
from models.engine.probe import choose_lanes
from models.engine.program import Program

N_LANES = 16
N_EPOCHS = 3
BAR = 1.4
_CPU = torch.device("cpu")


def measure_gan(data: Dataset, n_rounds: int) -> dict[str, Any]:
    """Measure dense generators and discriminators of two hidden layers of 128 on digits.

    Args:
        data: digits.
        n_rounds: how often, in turns.

    Returns:
        Epochs of one network pair per CPU-second, and the engine's gain.
    """
    found: dict[str, list[float]] = {"engine": [], "engine, one at a time": [], "careful loop": []}
    with tempfile.TemporaryDirectory(prefix="tunewell-bench-") as folder:
        lanes = [Lane(_job(data, Path(folder), number)) for number in range(N_LANES)]
        n_chosen = choose_lanes(lanes, "gan", _CPU)
        for round_ in range(n_rounds):
            found["engine"].append(_engine(lanes[:n_chosen]))
            found["engine, one at a time"].append(_engine(lanes[:1]))
            found["careful loop"].append(_careful(data))
            print(f"gan: round {round_ + 1} of {n_rounds}", file=sys.stderr)
    gain = ratio(found["engine"], found["careful loop"])
    return {
        "n_lanes": n_chosen,
        "epochs_per_cpu_s": {name: rates(values) for name, values in found.items()},
        "engine_to_careful": gain,
        "engine_one_at_a_time_to_careful": ratio(found["engine, one at a time"], found["careful loop"]),
        "bar_to_careful": BAR,
        "reaches_bar": gain >= BAR,
    }


def _job(data: Dataset, folder: Path, number: int) -> TrainJob:
    return TrainJob(
        lane_id=str(number),
        model="gan",
        params={"batch_size": BATCH_SIZE, "learning_rate": 2e-4 * (1 + number / N_LANES)},
        dataset=data,
        seed=number,
        output_dir=folder / str(number),
    )


def _engine(lanes: list[Lane]) -> float:
    program = Program(lanes, _CPU)
    program.time_steps(2)
    began_s = time.process_time()
    for _ in range(N_EPOCHS):
        program.time_steps(program.batches.n_steps)
    return len(lanes) * N_EPOCHS / (time.process_time() - began_s)


def _careful(data: Dataset) -> float:
    torch.manual_seed(0)
    # The generator paints between 0 and 1, as the engine's does before it standardises.
    x = torch.from_numpy(data.x_train)
    networks = plain_gan.build()
    optimizers = plain_gan.make_optimizers(networks, 2e-4)
    plain_gan.train_step(networks, optimizers, x[:BATCH_SIZE])
    began_s = time.process_time()
    for _ in range(N_EPOCHS):
        shuffled = x[torch.randperm(len(x))]
        for at in range(0, len(x), BATCH_SIZE):
            plain_gan.train_step(networks, optimizers, shuffled[at : at + BATCH_SIZE])
    return N_EPOCHS / (time.process_time() - began_s)
