"""`python -m benchmarks.training`: how fast networks train here, beside what people use; prints one JSON document."""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.report import describe_run
from benchmarks.training.adversaries import measure_gan
from benchmarks.training.cases import CASES
from benchmarks.training.rates import measure_case
from benchmarks.training.study import measure_study
from models.data.dataset import load_dataset
from models.data.prepare import prepare_dataset

_PEERS = Path(__file__).resolve().parent.parent.parent / ".venv" / "peers"


def main(
    only: Annotated[str, typer.Option(help="Cases whose names begin so, `gan` or `study`, comma-separated.")] = "",
    rounds: Annotated[int, typer.Option(help="How often each is measured, in turns.", min=1)] = 5,
    trials: Annotated[int, typer.Option(help="Trials the engine gets at once.", min=1)] = 32,
) -> None:
    """Measure trials per CPU-second of the engine and of two loops, and a whole study in wall time."""
    torch.set_num_threads(1)
    document: dict[str, Any] = describe_run(seed=0, is_quick=False, started_at=datetime.now(UTC))
    wanted = [name.strip() for name in only.split(",") if name.strip()]
    with tempfile.TemporaryDirectory(prefix="tunewell-bench-") as folder:
        file = prepare_dataset("digits", Path(folder))
        data = load_dataset(file)
        document["cases"] = {
            case.name: measure_case(case, data, rounds, trials)
            for case in CASES
            if not wanted or any(case.name.startswith(name) for name in wanted)
        }
        if not wanted or "gan" in wanted:
            document["gan"] = measure_gan(data, rounds)
        if not wanted or "study" in wanted:
            document["study"] = measure_study(file, min(rounds, 3), _has_ray())
    print(json.dumps(document, indent=2))


def _has_ray() -> bool:
    sys.path.append(str(_PEERS))
    found = importlib.util.find_spec("ray") is not None
    sys.path.remove(str(_PEERS))
    if not found:
        print(
            "Ray is not installed: `make bench-train` installs it, and the study is compared without it",
            file=sys.stderr,
        )
    return found


if __name__ == "__main__":
    typer.run(main)
