"""Accuracy over outer folds: every row is tested once, by networks that have not seen it."""

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmarks.accuracy.outer import command, refolded
from models.data.dataset import Dataset, load_dataset
from models.data.errors import DatasetError
from models.data.prepare import prepare_dataset

N_FOLDS = 4


@pytest.fixture(scope="module", params=["iris_two", "diabetes"])
def dataset(request: pytest.FixtureRequest, cache_dir: Path) -> Dataset:
    """A classification and a regression."""
    return load_dataset(prepare_dataset(request.param, cache_dir))


def raw(dataset: Dataset, part: str) -> set[tuple[float, ...]]:
    """Return a part's rows on their own scale, with their targets."""
    features = getattr(dataset, f"x_{part}") * dataset.feature_scale + dataset.feature_mean
    return {
        (*row, y) for row, y in zip(np.round(features, 4).tolist(), getattr(dataset, f"y_{part}").tolist(), strict=True)
    }


def test_every_row_is_tested_once_and_is_nowhere_else_then(dataset: Dataset) -> None:
    folds = [refolded(dataset, fold, N_FOLDS) for fold in range(N_FOLDS)]
    everything = set.union(*(raw(dataset, part) for part in ("train", "val", "test")))
    tested = [raw(fold, "test") for fold in folds]
    assert sum(map(len, tested)) == len(set.union(*tested)) >= len(everything) - (N_FOLDS - 1)
    for fold, rows in zip(folds, tested, strict=True):
        assert raw(fold, "train").isdisjoint(raw(fold, "val") | rows)
        assert rows.isdisjoint(raw(fold, "val"))
        assert raw(fold, "train") | raw(fold, "val") | rows == everything


def test_only_the_new_training_part_decides_the_scale(dataset: Dataset) -> None:
    fold = refolded(dataset, 1, N_FOLDS)
    assert fold.x_train.mean(axis=0) == pytest.approx(0, abs=1e-5)
    assert abs(fold.x_test.mean(axis=0)).max() > 1e-3


def test_more_folds_than_rows_of_a_class_are_refused(cache_dir: Path) -> None:
    dataset = load_dataset(prepare_dataset("iris_two", cache_dir))
    with pytest.raises(DatasetError) as refused:
        refolded(dataset, 0, 10_000)
    assert refused.value.code == "unfit_folds"


def test_a_run_prints_means_over_folds(cache_dir: Path) -> None:
    arguments = ["--only", "iris_two", "--trials", "2", "--folds", "2", "--cache-dir", str(cache_dir)]
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    line = document["lines"]["iris_two-perceptron"]
    folds = line["network"]["folds"]
    assert line["network"]["mean"] == pytest.approx(sum(folds) / 2)
    assert line["network"]["standard_error"] == pytest.approx(abs(folds[0] - folds[1]) / 2)
    assert line["baselines"]["logistic_regression"]["mean"] > 0.9
    assert document["n_folds"] == len(line["params"]) == 2
