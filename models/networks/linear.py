"""Linear models as networks: a weighted sum of features, or of their powers and products.

Ridge, lasso and elastic net are the trainer's penalties `l2` and `l1` on the loss: with n training examples and
standardised targets scikit-learn's Ridge(alpha) has l2 = alpha / n, its Lasso(alpha) l1 = 2 alpha, its
LogisticRegression(C) l2 = 1 / (2 C n). Gradients bring a weight that the lasso drops close to 0, not exactly to it.

Source: the papers that the catalogue names; Hastie, Tibshirani and Friedman, The Elements of Statistical Learning,
2009, chapters 3 and 4.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.catalogue import DataShape, ParamValue
from models.layers.initialisers import initialise
from models.layers.scores import ScoreUnits
from models.networks.linear_terms import Terms


@dataclass(frozen=True, slots=True)
class LinearConfig:
    """Shape of a linear model; ranges and meanings stand in the catalogue.

    Attributes:
        n_inputs: features of one example.
        n_outputs: classes, or 1.
        degree: highest power of a feature.
        interactions: whether there are products of different features.
        n_features: terms that are chosen before training; 0 for all.
    """

    n_inputs: int
    n_outputs: int
    degree: int = 1
    interactions: bool = True
    n_features: int = 0
    initialiser: str = "kaiming"


class Linear(nn.Module):
    """Map examples (n, n_inputs) to predicted numbers or class scores (n, n_outputs); in lanes (lanes, n, ...)."""

    def __init__(self, config: LinearConfig, generator: torch.Generator) -> None:
        """Build the terms and their random weights.

        Args:
            config: the model's shape.
            generator: where initial weights come from.
        """
        super().__init__()
        self.config = config
        self.terms = Terms(config.n_inputs, config.degree, config.interactions, config.n_features)
        self.output = ScoreUnits(self.terms.n_terms, config.n_outputs)
        initialise(self.output.weight, config.initialiser, 1.0, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Compute scores (logits, not probabilities) or predictions.

        Args:
            x: (n, n_inputs), standardised.

        Returns:
            (n, n_outputs)
        """
        return self.output(self.terms(x))  # type: ignore[no-any-return]  # (n, n_outputs)

    def prepare(self, x: Tensor, y: Tensor) -> None:
        """Choose terms and their scale by the training part.

        Classes are chosen for as numbers: 1 for an example's own class and 0 for the others.

        Args:
            x: (n, n_inputs), standardised.
            y: (n,) standardised targets, or classes.

        Effects:
            Sets the terms' buffers, and the weights of terms that are left out to 0, where they then stay.
        """
        n_classes = self.config.n_outputs
        targets = y.unsqueeze(1) if n_classes == 1 else F.one_hot(y, n_classes)  # (n, n_outputs)
        kept = self.terms.fit(x, targets)  # (terms,)
        with torch.no_grad():
            self.output.weight.mul_(kept)  # (n_outputs, terms)


def from_params(params: Mapping[str, ParamValue], data: DataShape, generator: torch.Generator) -> Linear:
    """Build the network that complete hyperparameters describe."""
    config = LinearConfig(
        n_inputs=data.n_inputs,
        n_outputs=data.n_outputs,
        degree=int(params["degree"]),
        interactions=bool(params["interactions"]),
        n_features=int(params["n_features"]),
        initialiser=str(params["initialiser"]),
    )
    return Linear(config, generator)
