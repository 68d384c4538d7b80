"""What a finished network says of new examples, in a form for people and programs."""

import csv
import io
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
import torch

from models.data.dataset import Floats
from models.measures.evaluation import forward_all, require_predicting
from models.networks.saved import Network


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """A network's answers to n examples.

    Attributes:
        values: (n,) the most probable class, or token to come next, int64; or the number in the target's own unit.
        probabilities: (n, n_outputs) of every class or token, float64, rows sum to 1; None for numbers.
    """

    values: npt.NDArray[Any]
    probabilities: npt.NDArray[Any] | None

    def to_json(self) -> list[dict[str, Any]]:
        """Return a mapping for each example: `prediction` and, for classes, `probabilities`."""
        answers: list[dict[str, Any]] = [{"prediction": value} for value in self.values.tolist()]
        if self.probabilities is not None:
            for answer, row in zip(answers, self.probabilities.tolist(), strict=True):
                answer["probabilities"] = row
        return answers

    def to_csv(self) -> str:
        """Return a table with a header, a line an example: `prediction`, then `probability_0` and so on for classes."""
        names = ["prediction"]
        if self.probabilities is not None:
            names += [f"probability_{number}" for number in range(self.probabilities.shape[1])]
        text = io.StringIO()
        table = csv.writer(text, lineterminator="\n")
        table.writerow(names)
        table.writerows([answer["prediction"], *answer.get("probabilities", ())] for answer in self.to_json())
        return text.getvalue()


def predict(network: Network, features: Floats) -> Prediction:
    """Answer new examples.

    Args:
        network: a trained network, from `load_network`.
        features: (n, d) raw, as the data set's source gives them; NaN at steps in front that a sequence lacks.

    Returns:
        One answer an example; for a text, the token that comes after its last one.

    Raises:
        UnfitNetworkError: the network makes examples instead of predicting.

    Effects:
        Leaves the network in evaluation mode.
    """
    require_predicting(network)
    x = torch.from_numpy(features)  # (n, d)
    x = torch.where(x.isnan(), network.feature_mean, x)  # (n, d)  a missing step is 0 once standardised
    outputs = forward_all(network, x)  # (n, n_outputs), or (n, steps, n_outputs)
    task = network.config.data.task
    if task == "regression":
        return Prediction(outputs[:, 0].numpy(), None)
    scores = outputs[:, -1] if task == "next_token" else outputs  # (n, n_outputs)
    return Prediction(scores.argmax(dim=-1).numpy(), scores.double().softmax(dim=-1).numpy())
