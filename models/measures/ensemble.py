"""Several networks that answer together, beside each of them alone.

Source: Hansen and Salamon, Neural network ensembles, IEEE Transactions on Pattern Analysis 12, 1990: networks err on
different examples, so the mean of their answers errs on fewer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from models.catalogue import Task
from models.data.dataset import Dataset
from models.measures.evaluation import UnfitNetworkError, answer_part, measure_outputs, read_part
from models.networks.saved import Network


@dataclass(frozen=True, slots=True)
class EnsembleResult:
    """How an ensemble did on the test part.

    Attributes:
        ensemble: metrics of the joint answer, under names such as `test_loss`.
        members: the same of each network alone, in the order given.
    """

    ensemble: dict[str, float]
    members: tuple[dict[str, float], ...]

    def to_json(self) -> dict[str, Any]:
        """Return both as JSON values."""
        return {"ensemble": self.ensemble, "members": list(self.members)}


def evaluate_ensemble(networks: Sequence[Network], dataset: Dataset) -> EnsembleResult:
    """Measure several networks on the test part, together and one by one.

    Members may differ in kind, size and seed, and may have been trained on different folds of the data: no fold holds
    rows of the test part.

    Args:
        networks: two or more trained networks.
        dataset: the data they all were trained on.

    Returns:
        The metrics of `evaluate_network` for the ensemble and for each member.

    Raises:
        UnfitNetworkError: there are fewer than two networks, or one makes examples instead of predicting.
        OtherDatasetError: one was trained on other data.
    """
    if len(networks) < 2:
        raise UnfitNetworkError(f"An ensemble takes two networks or more, not {len(networks)}.")
    part = read_part(dataset, "test")
    answers = [answer_part(network, dataset, part) for network in networks]
    members = tuple(measure_outputs(outputs, dataset, part) for outputs in answers)
    return EnsembleResult(measure_outputs(join_outputs(dataset.task, answers), dataset, part), members)


def join_outputs(task: Task, answers: Sequence[Tensor]) -> Tensor:
    """Average what several networks answer: numbers as they are, scores as the probabilities they stand for.

    Args:
        task: kind of data.
        answers: (n, n_outputs) or (n, steps, n_outputs) each.

    Returns:
        Of the same shape; for classes, scores whose softmax are the mean probabilities.
    """
    stacked = torch.stack(list(answers)).double()  # (networks, n, n_outputs)
    if task == "regression":
        return stacked.mean(dim=0).float()  # (n, 1)
    # The logarithm of the mean probability, computed without leaving logarithms.
    total = stacked.log_softmax(dim=-1).logsumexp(dim=0)  # (n, n_outputs)
    return (total - torch.tensor(float(len(answers))).log()).float()  # (n, n_outputs)
