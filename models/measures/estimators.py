"""How each baseline is made: estimators of scikit-learn, or of the same two methods, for standardised features.

Each function imports what it needs, so that a program that only names baselines stays light. Settings that have to be
chosen are chosen by cross-validation within the training part; neither validation nor test rows are ever seen. A new
baseline is one function, one line in `ESTIMATORS` and its entry in the catalogue.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from models.data.dataset import Dataset
from models.measures.counting import Bigram, Unigram
from models.measures.persistence import Persistence

N_FOLDS = 5
ALPHAS = tuple(10.0**power for power in np.linspace(-3, 4, 15))
"""Strengths of L2 to choose from, for standardised features."""
NEIGHBOURS = (1, 3, 5, 9, 15, 25)
PRUNINGS = (0.0, 0.001, 0.003, 0.01, 0.03)
"""Shares of the root's impurity that a split must be worth, to choose from."""
N_TREES = 100
L1_SHARES = (0.1, 0.5, 0.9, 0.99)
LEAST_GAIN = 1e-3
"""Share of the variance that a further feature has to explain to be taken in by `stepwise`."""

Array = npt.NDArray[Any]


class Estimator(Protocol):
    """What scikit-learn calls an estimator."""

    def fit(self, features: Array, targets: Array) -> Any:
        """Learn from features (n, d) and targets (n,)."""
        ...

    def predict(self, features: Array) -> Array:
        """Return classes or numbers, (n,)."""
        ...


@dataclass(frozen=True, slots=True)
class Setting:
    """What an estimator is made for.

    Attributes:
        dataset: whose training part it will learn from; nothing else of it may be read here but its description.
        seed: decides folds, and the random draws of forests.
    """

    dataset: Dataset
    seed: int

    @property
    def is_classification(self) -> bool:
        """Whether classes are to be told apart."""
        return self.dataset.task == "classification"

    def folds(self) -> Any:
        """Return how the training part is cut for cross-validation: series in time only forwards."""
        from sklearn.model_selection import KFold, TimeSeriesSplit

        n_folds = min(N_FOLDS, len(self.dataset.y_train) - 1)
        if self.dataset.is_chronological:
            return TimeSeriesSplit(n_folds)
        return KFold(n_folds, shuffle=True, random_state=self.seed)


def _logistic_regression(setting: Setting) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=5000)


def _linear(setting: Setting) -> Any:
    from sklearn.linear_model import LinearRegression

    return LinearRegression()


def _ridge(setting: Setting) -> Any:
    from sklearn.linear_model import RidgeCV

    return RidgeCV(ALPHAS, cv=setting.folds())


def _polynomial(setting: Setting) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    return make_pipeline(PolynomialFeatures(2, include_bias=False), StandardScaler(), _ridge(setting))


def _stepwise(setting: Setting) -> Any:
    from sklearn.feature_selection import SequentialFeatureSelector
    from sklearn.pipeline import make_pipeline

    if setting.dataset.n_features == 1:
        return _linear(setting)  # nothing to choose from
    selector = SequentialFeatureSelector(_linear(setting), tol=LEAST_GAIN, cv=setting.folds())
    return make_pipeline(selector, _linear(setting))


def _lasso(setting: Setting) -> Any:
    from sklearn.linear_model import LassoCV

    return LassoCV(cv=setting.folds(), max_iter=20_000)


def _elastic_net(setting: Setting) -> Any:
    from sklearn.linear_model import ElasticNetCV

    return ElasticNetCV(l1_ratio=L1_SHARES, cv=setting.folds(), max_iter=20_000)


def _naive_bayes(setting: Setting) -> Any:
    from sklearn.naive_bayes import GaussianNB

    return GaussianNB()


def _k_nearest_neighbours(setting: Setting) -> Any:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    smallest_fold = len(setting.dataset.y_train) // (2 * N_FOLDS)  # of series in time the first fold is a sixth
    choices = [k for k in NEIGHBOURS if k <= max(1, smallest_fold)]
    neighbours = KNeighborsClassifier() if setting.is_classification else KNeighborsRegressor()
    return _chosen(setting, neighbours, {"n_neighbors": choices})


def _decision_tree(setting: Setting) -> Any:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    kind = DecisionTreeClassifier if setting.is_classification else DecisionTreeRegressor
    return _chosen(setting, kind(random_state=setting.seed), {"min_impurity_decrease": PRUNINGS})


def _random_forest(setting: Setting) -> Any:
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

    kind = RandomForestClassifier if setting.is_classification else RandomForestRegressor
    return kind(n_estimators=N_TREES, random_state=setting.seed)


def _gradient_boosting(setting: Setting) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if setting.is_classification else HistGradientBoostingRegressor
    return kind(max_iter=100, early_stopping=False, random_state=setting.seed)


def _chosen(setting: Setting, estimator: Any, choices: Mapping[str, Any]) -> Any:
    from sklearn.model_selection import GridSearchCV

    return GridSearchCV(estimator, dict(choices), cv=setting.folds())


ESTIMATORS: Mapping[str, Callable[[Setting], Any]] = MappingProxyType(
    {
        "logistic_regression": _logistic_regression,
        "ridge": _ridge,
        "linear": _linear,
        "polynomial": _polynomial,
        "stepwise": _stepwise,
        "lasso": _lasso,
        "elastic_net": _elastic_net,
        "naive_bayes": _naive_bayes,
        "k_nearest_neighbours": _k_nearest_neighbours,
        "decision_tree": _decision_tree,
        "random_forest": _random_forest,
        "gradient_boosting": _gradient_boosting,
        "persistence": lambda setting: Persistence(setting.dataset),
        "bigram": lambda setting: Bigram(setting.dataset.n_outputs),
        "unigram": lambda setting: Unigram(setting.dataset.n_outputs),
    }
)
"""One for each name in the catalogue."""
