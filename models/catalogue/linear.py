"""The entries of the linear models. `models/networks/linear.py` is the network of both."""

import math
from collections.abc import Mapping

from models.catalogue import shared
from models.catalogue.entries import DataFacts, Hyperparameter, ModelInfo, ParamValue, Rule, Template, by_name

MAX_TERMS = 4096
MAX_CANDIDATES = 1024

Params = Mapping[str, ParamValue]


def count_terms(n_features: int, degree: int, interactions: bool) -> int:
    """Return how many terms a polynomial has, without the constant.

    Args:
        n_features: numbers in one example.
        degree: highest power.
        interactions: whether products of different features count.
    """
    return math.comb(n_features + degree, degree) - 1 if interactions else n_features * degree


def _terms_of(params: Params, data: DataFacts) -> int:
    return count_terms(data.n_features, int(params["degree"]), bool(params["interactions"]))


def _too_many_terms(params: Params, data: DataFacts | None) -> str | None:
    if data is None or int(params["degree"]) == 1 or _terms_of(params, data) <= MAX_TERMS:
        return None
    return (
        f"degree {params['degree']} makes {_terms_of(params, data)} terms of the {data.n_features} features of "
        f"{data.name}, more than {MAX_TERMS}"
    )


def _too_many_candidates(params: Params, data: DataFacts | None) -> str | None:
    if data is None or not params["n_features"] or _terms_of(params, data) <= MAX_CANDIDATES:
        return None
    return f"forward selection chooses among {MAX_CANDIDATES} terms at most, and there are {_terms_of(params, data)}"


TERMS = (
    Hyperparameter(
        "degree",
        "int",
        1,
        "Highest power of the features. 1 is a plane; 2 and 3 bend it, with many more weights to learn.",
        low=1,
        high=3,
    ),
    Hyperparameter(
        "interactions",
        "bool",
        True,
        "Whether a polynomial has products of different features besides the powers of each.",
    ),
    Hyperparameter(
        "n_features",
        "int",
        0,
        "Stepwise regression: terms to keep, taken in one after the other before training, each the one that explains "
        "most of what is left of the training part. 0, or more than there are, keeps all.",
        low=0,
        high=MAX_CANDIDATES,
        per_lane=True,
    ),
)
RULES = (
    Rule(
        ("degree", "interactions"),
        _too_many_terms,
        "A smaller degree, or interactions false.",
    ),
    Rule(
        ("n_features", "degree", "interactions"),
        _too_many_candidates,
        "Set n_features to 0, and let l1 choose; or take a smaller degree.",
    ),
    *shared.SCHEDULE_RULES,
)
SPACE: Mapping[str, Mapping[str, object]] = {
    "learning_rate": {"type": "float", "low": 3e-3, "high": 0.1, "log": True},
    "degree": {"type": "int", "low": 1, "high": 2},
    "l1": {"type": "float", "low": 1e-5, "high": 0.1, "log": True},
    "l2": {"type": "float", "low": 1e-5, "high": 0.1, "log": True},
    "schedule": {"type": "categorical", "choices": ["constant", "cosine"]},
}

LINEAR = ModelInfo(
    name="linear",
    title="Linear regression",
    meaning=(
        "A weighted sum of the features, or of their powers and products. With `l2` it is ridge regression, with `l1` "
        "the lasso, with both the elastic net, with `n_features` stepwise regression. What every deeper network has to "
        "beat."
    ),
    source=(
        "Legendre, Nouvelles méthodes pour la détermination des orbites des comètes, 1805; Hoerl and Kennard, Ridge "
        "regression, Technometrics 12, 1970; Tibshirani, The lasso, Journal of the Royal Statistical Society B 58, "
        "1996; Zou and Hastie, The elastic net, Journal of the Royal Statistical Society B 67, 2005; Efroymson, "
        "Multiple regression analysis, 1960"
    ),
    tasks=("regression",),
    template=Template("diabetes"),
    hyperparameters=by_name(
        shared.epochs(100),
        shared.batch_size(),
        shared.learning_rate(1e-2),
        *TERMS,
        *shared.REGULARISATION,
        *shared.OPTIMISATION,
        shared.INITIALISER,
        shared.loss(shared.REGRESSION_LOSSES),
        shared.HUBER_DELTA,
    ),
    default_space=SPACE,
    rules=RULES,
)
LOGISTIC = ModelInfo(
    name="logistic",
    title="Logistic regression",
    meaning=(
        "A weighted sum for each class, turned into probabilities; for two classes a single sum. With `l1` or `l2` it "
        "is kept small, with the loss `hinge` it is a linear support vector machine."
    ),
    source=(
        "Cox, The regression analysis of binary sequences, Journal of the Royal Statistical Society B 20, 1958; the "
        "hinge loss: Cortes and Vapnik, Support-vector networks, Machine Learning 20, 1995"
    ),
    tasks=("classification",),
    template=Template("wine"),
    hyperparameters=by_name(
        shared.epochs(100),
        shared.batch_size(),
        shared.learning_rate(1e-2),
        *TERMS,
        *shared.REGULARISATION,
        *shared.OPTIMISATION,
        shared.INITIALISER,
        shared.loss(shared.CLASSIFICATION_LOSSES),
        shared.LABEL_SMOOTHING,
        shared.CLASS_WEIGHTS,
    ),
    default_space=SPACE,
    rules=(*RULES, *shared.LOSS_RULES),
)
