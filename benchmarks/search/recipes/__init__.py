"""How a cell of each tabulated task is evaluated. Imports scikit-learn and torch; only the tabulation needs it."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.search.recipes.base import Part, Recipe, Result
from benchmarks.search.recipes.networks import train_networks
from benchmarks.search.recipes.single import cash, kernel_ridge, sgd, svm, svr
from benchmarks.search.recipes.staged import (
    boost_classes,
    boost_counts,
    boost_numbers,
    grow_classes,
    grow_numbers,
)

__all__ = ["RECIPES", "Part", "Recipe", "Result"]

RECIPES: Mapping[str, Recipe] = {
    "mlp_digits": train_networks("mlp", epochs=6, batch_size=64),
    "mlp_diabetes": train_networks("mlp", epochs=15, batch_size=32, hidden_layers=1),
    "mlp_vowels": train_networks("mlp", epochs=8, hidden_layers=1),
    "cnn_digits": train_networks("cnn", epochs=3, widths="32"),
    "forest_cancer": grow_classes,
    "forest_diamonds": grow_numbers,
    "boosting_cancer": boost_classes,
    "boosting_diabetes": boost_numbers,
    "boosting_randhie": boost_counts,
    "svm_digits": svm,
    "svr_diabetes": svr,
    "sgd_vowels": sgd,
    "kernel_sunspots": kernel_ridge,
    "cash_wine": cash,
}
