"""The data sets of the tabulated tasks, all from packages: those of `models.data` and one more of statsmodels."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from benchmarks.search.recipes.base import Numbers, Part, log_loss, rmse
from models.data.dataset import load_dataset
from models.data.prepare import prepare_dataset, tell_nobody
from models.data.splits import SPLIT_SEED, split_rows
from models.data.wheels import WheelFiles, read_files

MAX_ROWS = 1500
"""Of each part: larger samples would cost tables of thousands of cells more than they tell."""

RANDHIE = WheelFiles(
    "statsmodels",
    "0.15.0",
    {"statsmodels/datasets/randhie/randhie.csv": "9f6c87d05aef087a82cc4465310c8cd3f38327be6eafa43bd81fb98c4f3d088c"},
)


def load_part(name: str, cache_dir: Path) -> Part:
    """Return a data set, at most MAX_ROWS rows of each part; its rows are in random order already.

    Raises:
        DatasetError: A file it is made from cannot be had.
    """
    if name == "randhie":
        return _doctor_visits(cache_dir)
    dataset = load_dataset(prepare_dataset(name, cache_dir))
    x, x_val, x_test = (part[:MAX_ROWS] for part in (dataset.x_train, dataset.x_val, dataset.x_test))
    y, y_val, y_test = (part[:MAX_ROWS] for part in (dataset.y_train, dataset.y_val, dataset.y_test))
    if dataset.task == "regression":
        y, y_val, y_test = ((part - dataset.target_mean) / dataset.target_scale for part in (y, y_val, y_test))
    return Part(x, y, x_val, y_val, x_test, y_test, _constant_loss(y, y_val), dataset)


def _doctor_visits(cache_dir: Path) -> Part:
    """Read RAND's health insurance experiment: the logarithm of one more than the visits to a doctor in a year."""
    [content] = read_files(RANDHIE, cache_dir, tell_nobody)
    rows = [{name: float(text) for name, text in row.items()} for row in csv.DictReader(content.decode().splitlines())]
    x = np.array([[value for name, value in row.items() if name != "mdvis"] for row in rows])
    y = np.log1p(np.array([row["mdvis"] for row in rows]))
    parts = split_rows(np.zeros(len(y), np.int64), SPLIT_SEED)
    train, val, test = (parts[name][:MAX_ROWS] for name in ("train", "val", "test"))
    x = (x - x[train].mean(axis=0)) / x[train].std(axis=0)
    y = (y - y[train].mean()) / y[train].std()
    return Part(x[train], y[train], x[val], y[val], x[test], y[test], _constant_loss(y[train], y[val]))


def _constant_loss(y: Numbers, y_val: Numbers) -> float:
    if np.issubdtype(y.dtype, np.integer):
        shares = np.bincount(y) / len(y)
        return log_loss(np.tile(shares, (len(y_val), 1)), y_val)
    return rmse(np.full(len(y_val), y.mean()), y_val)
