"""Multilayer perceptron: dense layers with an activation between them.

Source: Rumelhart, Hinton and Williams, Learning representations by back-propagating errors, Nature 323, 1986.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from models.layers.activations import ACTIVATIONS
from models.layers.basic import Dense, Dropout


@dataclass(frozen=True, slots=True)
class MLPConfig:
    """Shape of a multilayer perceptron; ranges and meanings stand in the catalogue."""

    n_inputs: int
    n_outputs: int
    hidden_layers: int = 2
    hidden_units: int = 64
    activation: str = "relu"
    dropout: float = 0.0


class MLP(nn.Module):
    """Map examples (n, n_inputs) to class scores or predicted numbers (n, n_outputs)."""

    def __init__(self, config: MLPConfig, generator: torch.Generator) -> None:
        """Build the layers with random weights.

        Args:
            config: the network's shape.
            generator: where initial weights come from.
        """
        super().__init__()
        self.config = config
        self.activation = ACTIVATIONS[config.activation]
        widths = [config.n_inputs] + [config.hidden_units] * config.hidden_layers  # w_0 .. w_h
        self.hidden = nn.ModuleList(Dense(n, m) for n, m in pairwise(widths))
        self.dropouts = nn.ModuleList(Dropout(config.dropout) for _ in self.hidden)
        self.output = Dense(widths[-1], config.n_outputs)
        self._initialise(generator)

    def forward(self, x: Tensor) -> Tensor:
        """Compute scores (logits, not probabilities) or predictions.

        Args:
            x: (n, n_inputs), standardised.

        Returns:
            (n, n_outputs)
        """
        for layer, dropout in zip(self.hidden, self.dropouts, strict=True):
            x = layer(x)  # (n, hidden_units)
            x = self.activation.apply(x)  # (n, hidden_units)
            x = dropout(x)  # (n, hidden_units)
        return self.output(x)  # type: ignore[no-any-return]  # (n, n_outputs)

    def _initialise(self, generator: torch.Generator) -> None:
        # Normal weights of deviation gain / sqrt(fan_in) keep the signal's size (He et al., arXiv 1502.01852); the
        # output starts at gain 1, near the uninformed answer.
        for layer in (*self.hidden, self.output):
            gain = 1.0 if layer is self.output else self.activation.gain
            nn.init.normal_(layer.weight, std=gain / layer.in_features**0.5, generator=generator)  # (m, n)
            nn.init.zeros_(layer.bias)  # (m,)
