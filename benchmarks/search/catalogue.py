"""The tabulated tasks: what is trained on which data set, and which hyperparameters are searched.

Every task is minimised. A classification's loss is the log loss of the validation part, a regression's its RMSE in
standard deviations of the target, networks aside, whose loss is their own (cross-entropy or squared error). A training
that diverges counts as ten times the loss of a constant prediction, and no loss counts as more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.search.spaces import Axis, Space, choices, floats, ints


@dataclass(frozen=True)
class Table:
    """A task whose every cell has been evaluated beforehand.

    Attributes:
        name: Of the task and its file.
        dataset: What is learned from.
        model: What learns, in words.
        space: What is searched.
        together: Parameters that one fit serves all levels of (stages of a boosting, lanes of the engine).
    """

    name: str
    dataset: str
    model: str
    space: Space
    together: tuple[str, ...] = ()


_RATE = floats("learning_rate", 1e-4, 0.3, 8, log=True)
_LANES = ("learning_rate", "dropout", "weight_decay", "momentum")


def _table(name: str, dataset: str, model: str, together: tuple[str, ...], *axes: Axis) -> Table:
    return Table(name, dataset, model, Space(axes), together)


_ALL = (
    _table(
        *("mlp_digits", "digits", "multilayer perceptron", _LANES),
        _RATE,
        ints("hidden_layers", 1, 2, 3),
        ints("hidden_units", 8, 16, 32, 64, log=True),
        choices("activation", "relu", "tanh"),
        floats("dropout", 0.0, 0.6, 4),
    ),
    _table(
        *("mlp_diabetes", "diabetes", "multilayer perceptron, two optimizers", _LANES),
        _RATE,
        ints("hidden_units", 4, 8, 16, 32, 64, 128, log=True),
        floats("weight_decay", 1e-5, 1e-1, 4, log=True),
        choices("optimizer", "adamw", "momentum"),
        floats("momentum", 0.5, 1.0, 5).given("optimizer", "momentum"),
    ),
    _table(
        *("mlp_vowels", "japanese_vowels", "multilayer perceptron", _LANES),
        _RATE,
        ints("hidden_units", 8, 16, 32, 64, log=True),
        ints("batch_size", 8, 16, 32, 64, log=True),
        choices("activation", "relu", "tanh", "swish"),
        floats("dropout", 0.0, 0.6, 3),
    ),
    _table(
        *("cnn_digits", "digits", "convolutional network", _LANES),
        _RATE,
        choices("channels", "4", "8", "4-8", "8-16"),
        choices("kernel", 3, 5),
        ints("batch_size", 32, 64, 128, log=True),
        floats("dropout", 0.0, 0.6, 3),
    ),
    _table(
        *("forest_cancer", "breast_cancer", "random forest", ("n_estimators",)),
        floats("max_features", 0.05, 1.0, 6),
        ints("max_depth", 1, 2, 3, 4, 6, 8, log=True),
        ints("min_samples_leaf", 1, 2, 4, 8, 16, 32, log=True),
        choices("criterion", "gini", "entropy"),
        ints("n_estimators", 8, 16, 32, 64, log=True),
    ),
    _table(
        *("forest_diamonds", "diamonds", "random forest or extremely randomised trees", ("n_estimators",)),
        choices("kind", "forest", "extra"),
        floats("max_features", 0.05, 1.0, 5),
        ints("max_depth", 2, 4, 6, 8, 10, 12),
        ints("min_samples_leaf", 1, 2, 4, 8, 16, log=True),
        ints("n_estimators", 8, 16, 32, 64, log=True),
    ),
    _table(
        *("boosting_cancer", "breast_cancer", "gradient boosting", ("n_estimators",)),
        floats("learning_rate", 0.005, 1.0, 8, log=True),
        ints("max_depth", 1, 2, 3, 4, 5),
        floats("subsample", 0.2, 1.0, 3),
        ints("min_samples_leaf", 1, 4, 16, log=True),
        ints("n_estimators", 8, 16, 32, 64, 128, log=True),
    ),
    _table(
        *("boosting_diabetes", "diabetes", "gradient boosting, three losses", ("n_estimators",)),
        floats("learning_rate", 0.005, 1.0, 8, log=True),
        ints("max_depth", 1, 2, 3, 4, 5),
        choices("loss", "squared_error", "absolute_error", "huber"),
        floats("alpha", 0.5, 1.0, 4).given("loss", "huber"),
        ints("n_estimators", 8, 16, 32, 64, 128, log=True),
    ),
    _table(
        *("boosting_randhie", "randhie", "histogram boosting", ("max_iter",)),
        floats("learning_rate", 0.01, 1.0, 7, log=True),
        ints("max_leaf_nodes", 2, 4, 8, 16, 32, log=True),
        floats("l2_regularization", 1e-3, 1e3, 5, log=True),
        choices("loss", "squared_error", "poisson"),
        ints("max_iter", 8, 16, 32, 64, log=True),
    ),
    _table(
        *("svm_digits", "digits", "support vectors, three kernels", ()),
        floats("C", 1e-2, 1e3, 8, log=True),
        choices("kernel", "linear", "rbf", "poly"),
        floats("gamma", 1e-5, 1.0, 10, log=True).given("kernel", "rbf", "poly"),
        ints("degree", 2, 3, 4).given("kernel", "poly"),
        choices("coef0", 0.0, 1.0).given("kernel", "poly"),
    ),
    _table(
        *("svr_diabetes", "diabetes", "support vector regression, three kernels", ()),
        floats("C", 1e-2, 1e2, 8, log=True),
        floats("epsilon", 1e-2, 1.0, 5, log=True),
        choices("kernel", "linear", "rbf", "poly"),
        floats("gamma", 1e-4, 1.0, 8, log=True).given("kernel", "rbf", "poly"),
        ints("degree", 2, 3).given("kernel", "poly"),
    ),
    _table(
        *("sgd_vowels", "japanese_vowels", "linear classifier by gradient descent", ()),
        floats("alpha", 1e-6, 1e-1, 6, log=True),
        choices("penalty", "l2", "l1", "elasticnet"),
        floats("l1_ratio", 0.0, 1.0, 4).given("penalty", "elasticnet"),
        choices("learning_rate", "constant", "adaptive", "invscaling"),
        floats("power_t", 0.1, 0.9, 4).given("learning_rate", "invscaling"),
        floats("eta0", 1e-4, 1.0, 6, log=True),
    ),
    _table(
        *("kernel_sunspots", "sunspots", "kernel ridge over past years", ()),
        ints("n_lags", 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, 33),
        floats("alpha", 1e-4, 1e2, 8, log=True),
        choices("kernel", "rbf", "laplacian", "polynomial"),
        floats("gamma", 1e-4, 1.0, 8, log=True).given("kernel", "rbf", "laplacian"),
        ints("degree", 1, 2, 3).given("kernel", "polynomial"),
    ),
    _table(
        *("cash_wine", "wine", "one of four kinds of model with its own hyperparameters", ()),
        choices("model", "neighbours", "logistic", "support_vectors", "forest"),
        ints("n_neighbors", *range(1, 21)).given("model", "neighbours"),
        choices("weights", "uniform", "distance").given("model", "neighbours"),
        choices("p", 1, 2).given("model", "neighbours"),
        floats("logistic_C", 1e-4, 1e4, 12, log=True).given("model", "logistic"),
        floats("l1_ratio", 0.0, 1.0, 6).given("model", "logistic"),
        floats("C", 1e-3, 1e3, 12, log=True).given("model", "support_vectors"),
        floats("gamma", 1e-4, 1.0, 12, log=True).given("model", "support_vectors"),
        ints("max_depth", 1, 2, 3, 4, 6, 8, log=True).given("model", "forest"),
        floats("max_features", 0.05, 1.0, 6).given("model", "forest"),
        ints("n_estimators", 8, 16, 32, 64, log=True).given("model", "forest"),
    ),
)

TABLES: Mapping[str, Table] = {table.name: table for table in _ALL}
