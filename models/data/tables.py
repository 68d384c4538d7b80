"""Data sets that are part of scikit-learn, most of them tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from models.data.raw import Raw, Recipe, Tell
from models.data.splits import SPLIT_SEED, split_rows


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
