"""Tunewell's Python SDK.

Example:
    >>> import tunewell
    >>> with tunewell.init("notes", params={"learning_rate": 0.1}) as run:                # doctest: +SKIP
    ...     run.log({"val_loss": 0.25}, step=1)
    >>> with tunewell.Client("http://127.0.0.1:8000") as client:                          # doctest: +SKIP
    ...     for trial in client.list_trials("digits-mlp", order_by="value"):
    ...         print(trial.number, trial.value, trial.params)
"""

from tunewell.client import Client
from tunewell.comparison import Comparison
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
from tunewell.runs.api import agent, current_trial, init
from tunewell.runs.run import Run, Stopped

__version__ = "0.1.0"

__all__ = [
    "Advice",
    "Artifact",
    "Attempt",
    "BestTrial",
    "Client",
    "Comparison",
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
    "Run",
    "ServerBusy",
    "ServerFailure",
    "ServerUnreachable",
    "Stopped",
    "Study",
    "Trial",
    "TrialEnvironment",
    "TunewellError",
    "Unauthorized",
    "Worker",
    "__version__",
    "agent",
    "current_trial",
    "init",
]
