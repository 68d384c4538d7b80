"""The perceptron: a unit with a step, or one a class, that learns by Rosenblatt's rule or by gradient.

Source: Rosenblatt, The perceptron: a probabilistic model for information storage and organization in the brain,
Psychological Review 65, 1958; the rule as a gradient: Duda, Hart and Stork, Pattern Classification, 2001, section 5.5.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.catalogue import DataShape, ParamValue
from models.layers.activations import step
from models.layers.initialisers import initialise
from models.layers.scores import ScoreUnits
from models.networks.base import Batch, Numbers, StepLosses


@dataclass(frozen=True, slots=True)
class PerceptronConfig:
    """Shape of a perceptron and its way to learn; meanings stand in the catalogue.

    Attributes:
        n_inputs: features of one example.
        n_outputs: classes.
    """

    n_inputs: int
    n_outputs: int
    rule: str = "rosenblatt"
    activation: str = "sigmoid"
    initialiser: str = "kaiming"


class Perceptron(nn.Module):
    """Map examples (n, n_inputs) to class scores (n, n_outputs); in lanes (lanes, n, ...).

    Scores are the sums before the step: the highest wins where several units fire, or none.
    """

    def __init__(self, config: PerceptronConfig, generator: torch.Generator) -> None:
        """Build the units with random weights.

        Args:
            config: the perceptron's shape.
            generator: where initial weights come from.
        """
        super().__init__()
        self.config = config
        self.output = ScoreUnits(config.n_inputs, config.n_outputs)
        initialise(self.output.weight, config.initialiser, 1.0, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Compute scores.

        Args:
            x: (n, n_inputs), standardised.

        Returns:
            (n, n_outputs)
        """
        return self.output(x)  # type: ignore[no-any-return]  # (n, n_outputs)

    def training_losses(self, batch: Batch, numbers: Numbers) -> StepLosses:
        """Return what the rule makes smaller: the mean over the examples of the sum over the units."""
        sums = self.output.sums(batch.x).float()  # (..., n, units)
        if self.config.n_outputs == 2:
            wanted = batch.y.unsqueeze(-1).to(sums.dtype)  # (..., n, 1)  the unit fires for the second class
        else:
            wanted = F.one_hot(batch.y, self.config.n_outputs).to(sums.dtype)  # (..., n, units)
        losses = self._unit_losses(sums, wanted).sum(dim=-1)  # (..., n)
        return StepLosses(losses.mean(dim=-1), self.output.scores(sums))

    def _unit_losses(self, sums: Tensor, wanted: Tensor) -> Tensor:
        if self.config.rule == "rosenblatt":
            # Its gradient is (fired - wanted) x, so gradient descent is Rosenblatt's w += rate (wanted - fired) x.
            fired = (sums.detach() > 0).to(sums.dtype)  # (..., n, units)
            return (fired - wanted) * sums  # (..., n, units)  how far a wrong sum is from the step, 0 for a right one
        if self.config.activation == "step":
            return (step(sums) - wanted).square() / 2  # (..., n, units)
        return F.binary_cross_entropy_with_logits(sums, wanted, reduction="none")  # (..., n, units)


def from_params(params: Mapping[str, ParamValue], data: DataShape, generator: torch.Generator) -> Perceptron:
    """Build the network that complete hyperparameters describe."""
    config = PerceptronConfig(
        n_inputs=data.n_inputs,
        n_outputs=data.n_outputs,
        rule=str(params["rule"]),
        activation=str(params["activation"]),
        initialiser=str(params["initialiser"]),
    )
    return Perceptron(config, generator)
