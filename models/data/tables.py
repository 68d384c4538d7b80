"""Tables: those that are part of scikit-learn (and its small digits), and the prices of diamonds."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from models.data.raw import Raw, Recipe, Tell
from models.data.splits import SPLIT_SEED, split_rows
from models.data.wheels import WheelFiles, read_files

DIAMONDS = WheelFiles(
    "plotnine",
    "0.15.9",
    {"plotnine/data/diamonds.csv": "9574730b03aba241d899c4a97511c5061b19358fab89510774fb6c24168345c4"},
)
DIAMOND_NUMBERS = ("carat", "depth", "table", "x", "y", "z")
DIAMOND_GRADES = {
    "cut": ("Fair", "Good", "Very Good", "Premium", "Ideal"),
    "color": ("J", "I", "H", "G", "F", "E", "D"),
    "clarity": ("I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"),
}
"""Grades from worst to best; each becomes a column that is 1 for the diamonds that have it."""


def from_sklearn(name: str, is_stratified: bool = True) -> Recipe:
    """Return the recipe of a data set that scikit-learn holds.

    Args:
        name: the data set's name in the catalogue.
        is_stratified: whether each part gets its share of each class; False for regression.
    """

    def fetch(cache_dir: Path, tell: Tell) -> Raw:
        from sklearn import datasets  # a second of import that only preparing pays

        loaders: dict[str, Callable[[], Any]] = {
            "digits": datasets.load_digits,
            "breast_cancer": datasets.load_breast_cancer,
            "wine": datasets.load_wine,
            "iris": datasets.load_iris,
            "diabetes": lambda: datasets.load_diabetes(scaled=False),
        }
        bunch = loaders[name]()
        targets = np.asarray(bunch.target)
        strata = targets if is_stratified else np.zeros(len(targets), np.int64)
        return Raw(np.asarray(bunch.data, np.float64), targets, split_rows(strata, SPLIT_SEED))

    return fetch


def first_classes(recipe: Recipe, n_classes: int) -> Recipe:
    """Return a recipe that keeps the examples of the first classes of another data set, split anew."""

    def fetch(cache_dir: Path, tell: Tell) -> Raw:
        raw = recipe(cache_dir, tell)
        rows = raw.targets < n_classes
        return Raw(raw.features[rows], raw.targets[rows], split_rows(raw.targets[rows], SPLIT_SEED))

    return fetch


def fetch_diamonds(cache_dir: Path, tell: Tell) -> Raw:
    """Read weight, proportions, grades and price (US dollars) of 53,940 diamonds.

    The source holds 146 rows twice, and a few lengths of 0 where none was measured; both are left as they are, so that
    results compare with others'.

    Raises:
        DatasetError: `unavailable_dataset` or `different_dataset`.
    """
    [content] = read_files(DIAMONDS, cache_dir, tell)
    diamonds = list(csv.DictReader(content.decode().splitlines()))
    features = np.array([_describe_diamond(diamond) for diamond in diamonds], np.float64)  # (53940, 26)
    prices = np.array([float(diamond["price"]) for diamond in diamonds])  # (53940,)
    return Raw(features, prices, split_rows(np.zeros(len(prices), np.int64), SPLIT_SEED))


def _describe_diamond(diamond: dict[str, str]) -> list[float]:
    numbers = [float(diamond[name]) for name in DIAMOND_NUMBERS]
    return numbers + [float(diamond[name] == grade) for name, grades in DIAMOND_GRADES.items() for grade in grades]
