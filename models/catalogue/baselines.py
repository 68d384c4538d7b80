"""The simple models that a network has to beat, by name and meaning. `models/measures/estimators.py` makes them."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from models.catalogue.entries import Task


@dataclass(frozen=True, slots=True)
class BaselineInfo:
    """A simple model, learnt from the same training part and measured by the same metrics as a network.

    Attributes:
        name: key of the baseline.
        title: name for people.
        meaning: one sentence on what it does, and what is chosen for it from the training part alone.
        tasks: what it can learn to predict; the linear baseline of each task comes first among those of the task.
    """

    name: str
    title: str
    meaning: str
    tasks: tuple[Task, ...]


BASELINES: Mapping[str, BaselineInfo] = MappingProxyType(
    {
        info.name: info
        for info in (
            BaselineInfo(
                "logistic_regression",
                "Logistic regression",
                "A weighted sum of the features for each class, turned into probabilities; L2 of strength 1.",
                ("classification",),
            ),
            BaselineInfo(
                "ridge",
                "Ridge regression",
                "A weighted sum of the features with L2; its strength by cross-validation. On a window of past values "
                "it is an autoregression.",
                ("regression",),
            ),
            BaselineInfo(
                "linear", "Linear regression", "A weighted sum of the features, least squares.", ("regression",)
            ),
            BaselineInfo(
                "polynomial",
                "Polynomial regression",
                "Ridge regression on the features, their squares and their products.",
                ("regression",),
            ),
            BaselineInfo(
                "stepwise",
                "Stepwise regression",
                "Linear regression on features taken in one after the other, each the one that helps most in "
                "cross-validation, until none helps.",
                ("regression",),
            ),
            BaselineInfo(
                "lasso",
                "Lasso",
                "A weighted sum of the features with L1, which drops features; its strength by cross-validation.",
                ("regression",),
            ),
            BaselineInfo(
                "elastic_net",
                "Elastic net",
                "A weighted sum of the features with L1 and L2; strength and mixture by cross-validation.",
                ("regression",),
            ),
            BaselineInfo(
                "naive_bayes",
                "Naive Bayes",
                "A normal distribution for each feature in each class, as if features were independent.",
                ("classification",),
            ),
            BaselineInfo(
                "k_nearest_neighbours",
                "k nearest neighbours",
                "The most similar training examples vote; how many of them by cross-validation.",
                ("classification", "regression"),
            ),
            BaselineInfo(
                "decision_tree",
                "Decision tree",
                "Questions about one feature at a time; how far the tree is cut back by cross-validation.",
                ("classification", "regression"),
            ),
            BaselineInfo(
                "random_forest",
                "Random forest",
                "The mean of 100 trees, each grown on a random draw of examples and features.",
                ("classification", "regression"),
            ),
            BaselineInfo(
                "gradient_boosting",
                "Gradient boosting",
                "100 small trees on binned features, each of which mends what is left of the error.",
                ("classification", "regression"),
            ),
            BaselineInfo(
                "persistence",
                "Persistence",
                "The next value is the last one: what a forecast of a series of one feature has to beat first.",
                ("regression",),
            ),
            BaselineInfo(
                "bigram",
                "Bigram",
                "How often each token followed the present one in training, one added to each count.",
                ("next_token",),
            ),
            BaselineInfo(
                "unigram",
                "Unigram",
                "How often each token occurred in training, one added to each count, whatever came before.",
                ("next_token",),
            ),
        )
    }
)


def default_baseline(task: Task) -> str:
    """Name the first baseline to hold a network against: the linear one, or the bigrams of a text."""
    return next(name for name, info in BASELINES.items() if task in info.tasks)
