"""Linear and logistic regression from torch.nn alone, as a careful user would write them."""

from itertools import combinations_with_replacement

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)


class Squares(nn.Module):
    """Add to the features their squares and products: (n, d) to (n, d + d (d + 1) / 2)."""

    pairs: Tensor

    def __init__(self, n_inputs: int) -> None:
        """List the pairs."""
        super().__init__()
        pairs = list(combinations_with_replacement(range(n_inputs), 2))
        self.register_buffer("pairs", torch.tensor(pairs).T)  # (2, products)

    def forward(self, x: Tensor) -> Tensor:
        """Multiply the features of each pair."""
        return torch.cat([x, x[:, self.pairs[0]] * x[:, self.pairs[1]]], dim=1)  # (n, terms)


def build(n_inputs: int = 30, n_outputs: int = 2, degree: int = 1) -> nn.Module:
    """Build it.

    Args:
        n_inputs: features of one example.
        n_outputs: classes, or 1 for a number.
        degree: 1, or 2 for squares and products as well.

    Returns:
        A module from (n, n_inputs) to (n, n_outputs).
    """
    if degree == 1:
        return nn.Linear(n_inputs, n_outputs)
    return nn.Sequential(Squares(n_inputs), nn.Linear(n_inputs + n_inputs * (n_inputs + 1) // 2, n_outputs))


def loss(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Return the mean loss of a batch: x (n, d), y (n,) classes or standardised numbers."""
    outputs = network(x)  # (n, n_outputs)
    return F.mse_loss(outputs[:, 0], y) if y.is_floating_point() else F.cross_entropy(outputs, y)
