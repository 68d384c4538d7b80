"""`python -m benchmarks.accuracy`: search, choose and test networks on every line of the table; prints JSON."""

from __future__ import annotations

import functools
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

from benchmarks.accuracy.finals import best_baseline, choose, judge, measure
from benchmarks.accuracy.lines import LINES, Line
from benchmarks.accuracy.search import Bench
from benchmarks.accuracy.tables import as_table
from benchmarks.report import describe_run
from models.data.dataset import Dataset, load_dataset
from models.data.prepare import prepare_dataset
from models.measures.baselines import evaluate_baselines

CACHE = Path.home() / ".cache" / "tunewell" / "datasets"


def main(
    only: Annotated[str, typer.Option(help="Lines whose names begin so, comma-separated.")] = "",
    trials: Annotated[int, typer.Option(help="Trials of each search; 0 for as many as each line says.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Decides proposals, initial weights and baselines.", min=0)] = 0,
    cache_dir: Annotated[Path, typer.Option(help="Folder of prepared data sets.")] = CACHE,
    from_file: Annotated[list[Path] | None, typer.Option(help="Print the table of earlier runs' JSON instead.")] = None,
) -> None:
    """Run the lines one after the other and print one JSON document; `--from-file` makes a table of it."""
    if from_file:
        print(as_table([json.loads(file.read_text()) for file in from_file]))
        return
    lines = find_lines(only)
    torch.set_num_threads(1)
    document = describe_run(seed=seed, is_quick=bool(trials), started_at=datetime.now(UTC))

    @functools.cache
    def read(name: str) -> Dataset:
        return load_dataset(prepare_dataset(name, cache_dir))

    @functools.cache
    def references(name: str) -> list[dict[str, Any]]:
        return evaluate_baselines(read(name), seed=seed, is_refit=True)

    document["lines"] = {
        line.name: run_line(line, read(line.dataset), trials or line.n_trials, seed, references) for line in lines
    }
    print(json.dumps(document, indent=2))


def run_line(
    line: Line, dataset: Dataset, n_trials: int, seed: int, references: Callable[[str], list[dict[str, Any]]]
) -> dict[str, Any]:
    """Search, choose, refit, and then test once.

    Args:
        line: what to do.
        dataset: its data.
        n_trials: parameter sets to try.
        seed: decides everything that chance does.
        references: baselines on a data set by name, which have learned the same rows as a refit.

    Returns:
        The line's part of the document.
    """
    started_at_s = time.process_time()
    with tempfile.TemporaryDirectory(prefix="tunewell-accuracy-") as folder:
        bench = Bench(line, dataset, seed, Path(folder))
        tried = bench.search(n_trials)
        chosen = choose(bench, tried)
        search_cpu_s = time.process_time() - started_at_s
        print(f"{line.name}: searched for {search_cpu_s:.0f} CPU-s", file=sys.stderr)
        tested = measure(bench, chosen)
    return {
        **describe_line(line, n_trials),
        "n_failed": sum(not trial.metrics for trial in tried),
        "finalists": [
            {
                "trial": one.number,
                "params": dict(one.params),
                line.objective: one.metrics.get(line.objective),
                "n_epochs": one.n_epochs,
            }
            for one in chosen.finalists
        ],
        "cpu_s": round(search_cpu_s, 1),
        "n_test": len(dataset.y_test),
        "test": tested,
        **compare(line, tested["network"][f"test_{line.metric}"], references(line.dataset)),
    }


def describe_line(line: Line, n_trials: int) -> dict[str, Any]:
    """Return what was asked for."""
    return {
        "model": line.model,
        "dataset": line.dataset,
        "metric": line.metric,
        "direction": line.direction,
        "n_trials": n_trials,
        "n_folds": line.n_folds,
        "fixed": dict(line.fixed),
        "space": line.space(),
    }


def compare(line: Line, value: float, baselines: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Hold a test figure against the line's bar and beside the baselines' test figures."""
    return {
        "bar": judge(line, value, baselines),
        "best_baseline": best_baseline(line, baselines)["name"],
        "baselines": {one["name"]: one[f"test_{line.metric}"] for one in baselines},
    }


def find_lines(text: str) -> Sequence[Line]:
    """Return the lines whose names begin with one of some comma-separated words; all for an empty text.

    Raises:
        typer.BadParameter: no name begins with a word.
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if not any(line.name.startswith(word) for line in LINES):
            known = ", ".join(line.name for line in LINES)
            raise typer.BadParameter(f"no line begins with {word!r}; known: {known}", param_hint="--only")
    return [line for line in LINES if not words or line.name.startswith(tuple(words))]


command = typer.Typer(add_completion=False)
command.command()(main)

if __name__ == "__main__":
    command()
