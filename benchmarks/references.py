"""`python -m benchmarks.references`: what simple models reach on every data set, as JSON or as the docs' tables."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.report import describe_run
from models.catalogue import DATASETS, Task
from models.data.dataset import load_dataset
from models.data.prepare import prepare_dataset
from models.measures.baselines import evaluate_baselines, fitting_baselines

CACHE = Path.home() / ".cache" / "tunewell" / "datasets"

COLUMNS: dict[Task, tuple[tuple[str, int], ...]] = {
    "classification": (("accuracy", 3), ("balanced_accuracy", 3), ("f1_macro", 3), ("roc_auc", 4), ("log_loss", 3)),
    "regression": (("rmse", 2), ("mae", 2), ("r2", 3)),
    "next_token": (("perplexity", 2), ("accuracy", 3)),
}
"""Metrics of a table and the digits that they are shown with; rows are ordered by the first, then by the loss."""
LARGER_IS_BETTER = frozenset({"accuracy"})


def main(
    only: Annotated[str, typer.Option(help="Data sets, comma-separated.")] = ",".join(DATASETS),
    seed: Annotated[int, typer.Option(help="Decides folds and the draws of forests.", min=0)] = 0,
    cache_dir: Annotated[Path, typer.Option(help="Folder of prepared data sets.")] = CACHE,
    from_file: Annotated[Path | None, typer.Option(help="Print the table of an earlier run's JSON instead.")] = None,
) -> None:
    """Fit every baseline that fits each data set and print one JSON document; `--from-file` makes tables of it."""
    if from_file is not None:
        print(as_tables(json.loads(from_file.read_text())))
        return
    names = _dataset_names(only)
    document = describe_run(seed=seed, is_quick=False, started_at=datetime.now(UTC))
    document["versions"]["scikit-learn"] = version("scikit-learn")
    document["datasets"] = {name: _measure(name, cache_dir, seed) for name in names}
    print(json.dumps(document, indent=2))


def as_tables(document: dict[str, Any]) -> str:
    """Return a run's test figures as one Markdown table a data set, the best baseline first."""
    return "\n\n".join(_table(name, facts) for name, facts in document["datasets"].items())


def _measure(dataset_name: str, cache_dir: Path, seed: int) -> dict[str, Any]:
    dataset = load_dataset(prepare_dataset(dataset_name, cache_dir))
    answers: list[dict[str, Any]] = []
    for name in fitting_baselines(dataset):
        started_at = time.process_time()
        answers += evaluate_baselines(dataset, [name], seed)
        print(f"{dataset_name}, {name}: {time.process_time() - started_at:.1f} CPU-s", file=sys.stderr)
    return {
        "task": dataset.task,
        "sha256": dataset.sha256,
        "n_train": len(dataset.y_train),
        "n_val": len(dataset.y_val),
        "n_test": len(dataset.y_test),
        "baselines": answers,
    }


def _table(name: str, facts: dict[str, Any]) -> str:
    columns = COLUMNS[facts["task"]]
    lines = [
        f"### {name}",
        "",
        f"{DATASETS[name].title}: {facts['n_train']} examples to learn from, {facts['n_test']} to test.",
        "",
        f"| baseline | {' | '.join(metric.replace('_', ' ') for metric, _ in columns)} |",
        f"|---|{'---|' * len(columns)}",
    ]
    sign = -1 if columns[0][0] in LARGER_IS_BETTER else 1
    for answer in sorted(facts["baselines"], key=lambda one: (sign * one[f"test_{columns[0][0]}"], one["test_loss"])):
        cells = (f"{answer[f'test_{metric}']:.{digits}f}" for metric, digits in columns)
        lines.append(f"| {answer['name'].replace('_', ' ')} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _dataset_names(text: str) -> Sequence[str]:
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in DATASETS]
    if unknown:
        raise typer.BadParameter(
            f"there is no data set {unknown[0]!r}; known: {', '.join(DATASETS)}", param_hint="--only"
        )
    return names


command = typer.Typer(add_completion=False)
command.command()(main)

if __name__ == "__main__":
    command()
