"""What a page shows of a data set is what the data set holds."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.__main__ import main
from models.catalogue import DATASETS, DataShape
from models.data.dataset import Dataset, build_dataset, load_dataset
from models.data.layout import PART_NAMES
from models.data.prepare import prepare_dataset
from models.data.preview import MAX_COLUMNS, MAX_PICTURES, MAX_ROWS, preview, profile
from models.data.profiles import N_BINS

WITHOUT_DOWNLOAD = ("digits", "iris", "diabetes", "descriptions")
MAX_BYTES = 256 * 1024


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def load(name: str, cache: Path) -> Dataset:
    return load_dataset(prepare_dataset(name, cache))


def counts_of(seen: dict[str, Any]) -> dict[str, list[int]]:
    """Return the counts of each part, by class or bin."""
    bins = seen["target_histogram"]
    return {part: bins[part] if bins else [one[part] for one in seen["classes"]] for part in PART_NAMES}


@pytest.mark.parametrize("name", WITHOUT_DOWNLOAD)
def test_counts_are_of_all_rows_and_nothing_grows_large(name: str, cache: Path) -> None:
    info, dataset = DATASETS[name], load(name, cache)
    seen, few = profile(dataset), preview(dataset)
    per_row = info.n_features if info.task == "next_token" else 1
    sizes = {"train": info.n_train, "val": info.n_val, "test": info.n_test}
    counts = counts_of(seen)
    assert {part: sum(of_part) for part, of_part in counts.items()} == {k: n * per_row for k, n in sizes.items()}
    assert len(counts["train"]) == (info.n_classes or N_BINS)
    assert len(seen["columns"]) == 1 + (1 if info.kind == "image" else min(info.n_features, MAX_COLUMNS))
    assert len(few["rows"]) == (0 if info.kind == "image" else MAX_ROWS)
    assert all(len(row) == len(few["columns"]) for row in few["rows"])
    assert len(json.dumps([seen, few], allow_nan=False)) < MAX_BYTES


def test_rows_and_columns_are_in_the_unit_of_the_source(cache: Path) -> None:
    iris = load("iris", cache)
    seen, few = profile(iris), preview(iris)
    assert all(0.1 <= number <= 7.9 for row in few["rows"] for number in row[:4])
    # Lengths of sepals in centimetres, to the millimetre.
    assert all(abs(row[0] * 10 - round(row[0] * 10)) < 1e-4 for row in few["rows"])
    first, target = seen["columns"][0], seen["columns"][-1]
    assert 4.3 <= first["min"] < first["mean"] < first["max"] <= 7.9
    assert (first["type"], first["role"], sum(first["histogram"]["counts"])) == ("number", "feature", 90)
    assert (target["role"], target["n_distinct"], target["top"][0]) == ("target", 3, {"value": "0", "count": 30})
    assert few["pictures"] is None


def test_targets_of_a_regression_are_counted_in_bins(cache: Path) -> None:
    seen = profile(load("diabetes", cache))["target_histogram"]
    assert len(seen["edges"]) == N_BINS + 1
    assert seen["edges"] == sorted(seen["edges"])
    assert (seen["edges"][0], seen["edges"][-1]) == (25, 346)


def test_pictures_show_the_classes_in_turn(cache: Path) -> None:
    digits = load("digits", cache)
    pictures = preview(digits)["pictures"]
    assert pictures["labels"] == list("0123456789") * (MAX_PICTURES // 10)
    pixels = np.frombuffer(base64.b64decode(pictures["pixels"]), np.uint8).reshape(MAX_PICTURES, 64)
    first = int(np.flatnonzero(digits.y_train == 0)[0])
    raw = digits.x_train[first] * digits.feature_scale + digits.feature_mean
    assert np.abs(pixels[0] / 255 * 16 - raw).max() < 0.05, "ink from 0 to 16"


def test_a_class_without_rows_is_counted_as_none() -> None:
    x, y = np.zeros((3, 2), np.float32), np.array([0, 2, 2])
    one = np.ones(2, np.float32)
    arrays = {f"x_{part}": x for part in PART_NAMES} | {f"y_{part}": y for part in PART_NAMES}
    scaling = {"feature_mean": one, "feature_scale": one, "target_mean": one[0], "target_scale": one[0]}
    dataset = build_dataset(DataShape("classification", "table", (2,), 4), {**arrays, **scaling})
    assert counts_of(profile(dataset))["val"] == [1, 0, 2, 0]


def test_the_command_prints_it(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "--dataset", "iris", "--cache-dir", str(cache)]) == 0
    printed = json.loads(capsys.readouterr().out)
    iris = load("iris", cache)
    assert printed == {"sha256": DATASETS["iris"].sha256, "profile": profile(iris), "preview": preview(iris)}
