"""What a process loads: the API's no torch, a trial's no scikit-learn and no compiler."""

import subprocess
import sys

HEAVY = ("torch", "numpy", "sklearn", "scipy", "sympy", "torch._dynamo", "torch._inductor")

TRAIN = """
import sys
from pathlib import Path
from models.data.dataset import load_dataset
from models.engine.trainer import train
from models.engine.jobs import TrainJob, Decision
from tests.unit.models.helpers import Recorder, make_dataset, EVERY_EPOCH
import tempfile
with tempfile.TemporaryDirectory() as folder:
    for optimizer in ("adam", "adamw", "rmsprop", "momentum", "sgd"):
        params = {"epochs": 1, "optimizer": optimizer, "dropout": 0.1, "weight_decay": 0.1}
        job = TrainJob(optimizer, "mlp", params, make_dataset("classification"), 0, Path(folder) / optimizer)
        train([job], Recorder(), EVERY_EPOCH)
        train([job], Recorder(lambda report: Decision.PREEMPT), EVERY_EPOCH)
"""


def loaded_after(program: str) -> set[str]:
    """Run a program in a fresh interpreter and tell which heavy modules it loaded."""
    listing = f"\nimport sys\nsys.stdout.write(' '.join(name for name in {HEAVY!r} if name in sys.modules))"
    finished = subprocess.run([sys.executable, "-c", program + listing], capture_output=True, text=True, check=True)
    return set(finished.stdout.split())


def test_catalogue_loads_nothing_heavy() -> None:
    assert loaded_after("import models.catalogue") == set()


def test_training_loads_torch_and_numpy_only() -> None:
    assert loaded_after(TRAIN) == {"torch", "numpy"}
