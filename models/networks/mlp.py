"""Multilayer perceptron: dense layers with an activation between them.

Source: Rumelhart, Hinton and Williams, Learning representations by back-propagating errors, Nature 323, 1986; the
residual option is that of He et al., arXiv 1512.03385, on dense layers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from models.catalogue import DataShape, ParamValue
from models.catalogue.mlp import mlp_widths
from models.layers.activations import ACTIVATIONS
from models.layers.basic import BatchNorm, Dense, Dropout, LayerNorm
from models.layers.initialisers import initialise

NORMS: Mapping[str, Callable[[int], nn.Module]] = {
    "none": lambda _: nn.Identity(),
    "batch": BatchNorm,
    "layer": LayerNorm,
}


@dataclass(frozen=True, slots=True)
class MLPConfig:
    """Shape of a multilayer perceptron; ranges and meanings stand in the catalogue.

    Attributes:
        n_inputs: features of one example.
        n_outputs: classes, or 1.
        widths: units of each hidden layer; empty for a linear model.
    """

    n_inputs: int
    n_outputs: int
    widths: tuple[int, ...] = (64, 64)
    activation: str = "relu"
    norm: str = "none"
    bias: bool = True
    residual: bool = False
    dropout: float = 0.0
    initialiser: str = "kaiming"


class MLP(nn.Module):
    """Map examples (n, n_inputs) to class scores or predicted numbers (n, n_outputs); in lanes (lanes, n, ...)."""

    def __init__(self, config: MLPConfig, generator: torch.Generator) -> None:
        """Build the layers with random weights.

        Args:
            config: the network's shape.
            generator: where initial weights come from.
        """
        super().__init__()
        self.config = config
        widths = (config.n_inputs, *config.widths)  # w_0 .. w_h
        # Batch norm takes the mean out again, and has a shift of its own: a bias before it would only drift.
        has_bias = config.bias and config.norm != "batch"
        self.hidden = nn.ModuleList(Dense(d, m, has_bias) for d, m in pairwise(widths))
        self.norms = nn.ModuleList(NORMS[config.norm](m) for m in config.widths)
        self.activations = nn.ModuleList(ACTIVATIONS[config.activation].make() for _ in config.widths)
        self.dropouts = nn.ModuleList(Dropout(config.dropout) for _ in config.widths)
        self.output = Dense(widths[-1], config.n_outputs, config.bias)
        gain = ACTIVATIONS[config.activation].gain
        for layer in self.hidden:
            initialise(layer.weight, config.initialiser, gain, generator)  # type: ignore[arg-type]  # (m, d)
        initialise(self.output.weight, config.initialiser, 1.0, generator)  # near the uninformed answer

    def forward(self, x: Tensor) -> Tensor:
        """Compute scores (logits, not probabilities) or predictions.

        Args:
            x: (n, n_inputs), standardised.

        Returns:
            (n, n_outputs)
        """
        for layer, norm, activation, dropout in zip(
            self.hidden, self.norms, self.activations, self.dropouts, strict=True
        ):
            before = x  # (n, w)
            x = layer(x)  # (n, w')
            x = norm(x)  # (n, w')
            x = activation(x)  # (n, w')
            x = dropout(x)  # (n, w')
            if self.config.residual and before.shape == x.shape:
                x = x + before  # (n, w')
        return self.output(x)  # type: ignore[no-any-return]  # (n, n_outputs)


def from_params(params: Mapping[str, ParamValue], data: DataShape, generator: torch.Generator) -> MLP:
    """Build the network that complete hyperparameters describe."""
    config = MLPConfig(
        n_inputs=data.n_inputs,
        n_outputs=data.n_outputs,
        widths=mlp_widths(params),
        activation=str(params["activation"]),
        norm=str(params["norm"]),
        bias=bool(params["bias"]),
        residual=bool(params["residual"]),
        dropout=float(params["dropout"]),
        initialiser=str(params["initialiser"]),
    )
    return MLP(config, generator)
