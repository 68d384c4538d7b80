"""Tunewell's Python SDK.

Example:
    >>> import tunewell
    >>> with tunewell.Client("http://127.0.0.1:8000") as client:                          # doctest: +SKIP
    ...     for trial in client.list_trials("digits-mlp", order_by="value"):
    ...         print(trial.number, trial.value, trial.params)
"""

from tunewell.client import Client
from tunewell.environments import Environment, TrialEnvironment
from tunewell.errors import (
    Conflict,
    Forbidden,
    Invalid,
    LeaseLost,
    NotFound,
    ServerBusy,
    ServerFailure,
    ServerUnreachable,
    TunewellError,
    Unauthorized,
)
from tunewell.evaluations import Advice, Evaluation
from tunewell.prediction import Prediction, Predictor
from tunewell.records import (
    Artifact,
    Attempt,
    BestTrial,
    Dataset,
    Event,
    LogLine,
    LogPage,
    MetricSeries,
    Model,
    Study,
    Trial,
    Worker,
)

__version__ = "0.1.0"

__all__ = [
    "Advice",
    "Artifact",
    "Attempt",
    "BestTrial",
    "Client",
    "Conflict",
    "Dataset",
    "Environment",
    "Evaluation",
    "Event",
    "Forbidden",
    "Invalid",
    "LeaseLost",
    "LogLine",
    "LogPage",
    "MetricSeries",
    "Model",
    "NotFound",
    "Prediction",
    "Predictor",
    "ServerBusy",
    "ServerFailure",
    "ServerUnreachable",
    "Study",
    "Trial",
    "TrialEnvironment",
    "TunewellError",
    "Unauthorized",
    "Worker",
    "__version__",
]
