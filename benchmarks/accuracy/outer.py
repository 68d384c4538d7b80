"""`python -m benchmarks.accuracy.outer`: the same searches with each part of a small data set as the test part; JSON.

A test part of a hundred rows moves a figure by a point or two. Here every row is tested once: a fold is put away,
search, choice and refit see the others alone, and the fold is looked at once, by the network and by the baselines.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from benchmarks.accuracy.__main__ import CACHE, find_lines, run_line
from benchmarks.accuracy.finals import judge
from benchmarks.accuracy.lines import Line
from benchmarks.report import describe_run
from models.data.dataset import Dataset, build_dataset, load_dataset
from models.data.digests import Array
from models.data.layout import PART_NAMES
from models.data.prepare import prepare_dataset
from models.data.scaling import fit_scaling, standardise
from models.data.splits import SPLIT_SEED, quantile_bins, stratified_folds
from models.measures.baselines import evaluate_baselines

N_INNER = 5
"""One fifth of what is left beside the test part is the validation part, as everywhere."""


def main(
    only: Annotated[str, typer.Option(help="Lines whose names begin so, comma-separated.")] = "breast_cancer,diabetes",
    folds: Annotated[int, typer.Option(help="Into how many test parts the rows are parted.", min=2)] = 10,
    trials: Annotated[int, typer.Option(help="Trials of each search; 0 for as many as each line says.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Decides proposals, initial weights and baselines.", min=0)] = 0,
    cache_dir: Annotated[Path, typer.Option(help="Folder of prepared data sets.")] = CACHE,
) -> None:
    """Search once for each test part, and print each figure, their means and standard errors."""
    lines = find_lines(only)
    torch.set_num_threads(1)
    document = describe_run(seed=seed, is_quick=bool(trials), started_at=datetime.now(UTC))
    document["n_folds"] = folds
    document["lines"] = {}
    for line in lines:
        dataset = load_dataset(prepare_dataset(line.dataset, cache_dir))
        runs = [_run(line, refolded(dataset, fold, folds), trials or line.n_trials, seed) for fold in range(folds)]
        document["lines"][line.name] = summarise(line, runs)
        print(f"{line.name}: {document['lines'][line.name]['network']}", file=sys.stderr)
    print(json.dumps(document, indent=2))


def refolded(dataset: Dataset, fold: int, n_folds: int) -> Dataset:
    """Part a data set anew, with one fold of all its rows as the test part.

    Args:
        dataset: a table or images in memory, whose rows follow no order in time.
        fold: which, from 0.
        n_folds: how many; classes, or bins of a regression's targets, keep their shares in each.

    Returns:
        The same rows, standardised by the new training part. Fewer than `n_folds` rows are tested in no fold.

    Raises:
        DatasetError: `unfit_folds`, more folds than the smallest class has rows.
    """
    features = np.concatenate([_raw(dataset, part) for part in PART_NAMES])  # (n, d)
    targets: Array = np.concatenate([getattr(dataset, f"y_{part}") for part in PART_NAMES])  # (n,)
    classes = quantile_bins(targets, n_folds) if dataset.task == "regression" else targets
    outer = stratified_folds(classes, n_folds, SPLIT_SEED)[fold]
    inner = stratified_folds(classes[outer.train], N_INNER, SPLIT_SEED)[0]
    parts = {"train": outer.train[inner.train], "val": outer.train[inner.val], "test": outer.val}
    scaling = fit_scaling(features[parts["train"]], targets[parts["train"]], dataset.data_shape)
    scaled = standardise(features, dataset.data_shape, scaling)
    arrays = {f"x_{part}": scaled[rows] for part, rows in parts.items()}
    arrays |= {f"y_{part}": targets[rows] for part, rows in parts.items()}
    return build_dataset(dataset.data_shape, arrays | scaling.members())


def summarise(line: Line, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Average over test parts.

    Args:
        line: what was searched for.
        runs: what `run_line` returned for each, at least two.

    Returns:
        `network`, `ensemble` and each of `baselines` as `{"mean", "standard_error", "folds"}`, and the `bar`: of those
        baselines that count, the best by its mean.
    """
    name = f"test_{line.metric}"
    network = _mean([run["test"]["network"][name] for run in runs])
    baselines = {one: _mean([run["baselines"][one] for run in runs]) for one in runs[0]["baselines"]}
    return {
        "metric": line.metric,
        "network": network,
        "ensemble": _mean([run["test"]["ensemble"][name] for run in runs]),
        "baselines": baselines,
        "bar": judge(line, network["mean"], [{"name": one, name: found["mean"]} for one, found in baselines.items()]),
        "params": [run["finalists"][0]["params"] for run in runs],
    }


def _run(line: Line, dataset: Dataset, n_trials: int, seed: int) -> dict[str, Any]:
    return run_line(line, dataset, n_trials, seed, lambda _: evaluate_baselines(dataset, seed=seed, is_refit=True))


def _raw(dataset: Dataset, part: str) -> Array:
    raw: Array = getattr(dataset, f"x_{part}").astype(np.float64) * dataset.feature_scale + dataset.feature_mean
    return raw  # (n_part, d)


def _mean(values: Sequence[float]) -> dict[str, Any]:
    error = statistics.stdev(values) / len(values) ** 0.5
    return {"mean": statistics.fmean(values), "standard_error": error, "folds": list(values)}


command = typer.Typer(add_completion=False)
command.command()(main)

if __name__ == "__main__":
    command()
