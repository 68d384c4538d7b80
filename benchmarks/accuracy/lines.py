"""The lines of the table: which network is searched for on which data, and what it should reach.

The search space is the model's own `default_space` without the settings that a line fixes. A line fixes how long
networks train and, where the default leaves it open, what is known of such data beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.catalogue import Direction, MetricInfo, ParamValue, get_dataset, get_model
from models.catalogue.metrics import task_metrics


@dataclass(frozen=True, slots=True)
class Bar:
    """What a network should reach on the test part.

    Attributes:
        value: the figure, or None for that of the best baseline named.
        baselines: the baselines that count as the bar, the best of them by the same test figure.
    """

    value: float | None = None
    baselines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A search and what is expected of it.

    Attributes:
        name: for `--only`, and the line's part of every seed.
        model: name in the catalogue.
        dataset: name in the catalogue.
        metric: what is measured, without its part, such as `accuracy`; on the validation part it is the objective.
        n_trials: parameter sets tried.
        fixed: hyperparameters that are not searched.
        n_folds: folds of the cross-validation that ranks parameter sets; 0 for the validation part, where rows are in
            the order of time.
        bar: what should be reached; None where figures are shown for comparison only.
    """

    name: str
    model: str
    dataset: str
    metric: str
    n_trials: int
    fixed: Mapping[str, ParamValue] = field(default_factory=dict)
    n_folds: int = 0
    bar: Bar | None = None

    @property
    def objective(self) -> str:
        """The metric by which the search ranks."""
        return f"val_{self.metric}"

    @property
    def direction(self) -> Direction:
        """What an improvement of it is."""
        return self._info().direction

    def space(self) -> dict[str, Mapping[str, object]]:
        """Return what is searched."""
        default = get_model(self.model).default_space
        return {name: shape for name, shape in default.items() if name not in self.fixed}

    def _info(self) -> MetricInfo:
        data = get_dataset(self.dataset)
        return next(one for one in task_metrics(data.task, data.n_classes) if one.name == self.objective)


LINEAR_BASELINES = ("linear", "ridge", "lasso", "elastic_net", "stepwise", "polynomial")
_COSINE: Mapping[str, ParamValue] = {"schedule": "cosine"}
_VOWELS: Mapping[str, ParamValue] = {"epochs": 30, "bidirectional": True, **_COSINE}
_BIGRAM = Bar(baselines=("bigram",))

LINES: tuple[Line, ...] = (
    Line("iris_two-perceptron", "perceptron", "iris_two", "accuracy", 16, n_folds=5, bar=Bar(1.0)),
    Line("wine-logistic", "logistic", "wine", "accuracy", 24, {"epochs": 60}, n_folds=5),
    Line("breast_cancer-logistic", "logistic", "breast_cancer", "accuracy", 24, {"epochs": 60}, 5, Bar(0.97)),
    Line("breast_cancer-mlp", "mlp", "breast_cancer", "accuracy", 24, {"epochs": 30, **_COSINE}, 5, Bar(0.97)),
    Line("diabetes-linear", "linear", "diabetes", "r2", 24, {"epochs": 100}, 5, Bar(baselines=LINEAR_BASELINES)),
    Line("diabetes-mlp", "mlp", "diabetes", "r2", 24, {"epochs": 40, **_COSINE}, 5, Bar(baselines=LINEAR_BASELINES)),
    Line("digits-mlp", "mlp", "digits", "accuracy", 16, {"epochs": 40, **_COSINE}, 3, Bar(0.97)),
    Line("digits-cnn", "cnn", "digits", "accuracy", 8, {"epochs": 40, **_COSINE}, 3, Bar(0.985)),
    Line("digits-capsnet", "capsnet", "digits", "accuracy", 8, {"epochs": 20, **_COSINE}, 3, Bar(0.985)),
    Line("mnist_5k-cnn", "cnn", "mnist_5k", "accuracy", 4, {"epochs": 8, **_COSINE}, 2, Bar(0.97)),
    Line("japanese_vowels-rnn", "rnn", "japanese_vowels", "accuracy", 8, _VOWELS, 3, Bar(0.97)),
    Line("sunspots-rnn", "rnn", "sunspots", "rmse", 16, {"epochs": 40, **_COSINE}, bar=Bar(18.6)),
    Line("descriptions-rnn", "rnn", "descriptions", "perplexity", 10, {"epochs": 25, **_COSINE}, bar=_BIGRAM),
)
