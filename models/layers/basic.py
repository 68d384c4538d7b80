"""Layers that torch lacks in the form needed here."""

import torch
from torch import Tensor, nn

from models.seeds import derive


class Dense(nn.Linear):
    """A dense layer that leaves its first weights to the network that contains it.

    torch's own layer draws them from the global generator. Its `skip_init` would avoid that too, but goes through the
    meta device, which imports a computer algebra system: 0.4 CPU-seconds a process.
    """

    def reset_parameters(self) -> None:
        """Do nothing; the weights hold whatever lay in memory until the network sets them."""


class Dropout(nn.Module):
    """Silence a share of the units at random while training (Srivastava et al., JMLR 15, 2014).

    Masks come from the layer's own generator instead of the global one, so that they depend on nothing but the seed
    given to `reseed_dropout`: not on other trials in the process, nor on how often a run was interrupted.
    """

    def __init__(self, rate: float) -> None:
        """Make the layer.

        Args:
            rate: share of units to silence, from 0 to below 1; 0 costs nothing.
        """
        super().__init__()
        self.rate = rate
        self.generator = torch.Generator()

    def forward(self, x: Tensor) -> Tensor:
        """Silence units and scale the others up, so that the sum keeps its expected size."""
        if not self.training or self.rate == 0:
            return x
        kept = torch.rand(x.shape, generator=self.generator) >= self.rate  # as x, drawn on the CPU: same on any device
        return x * kept.to(x.device, x.dtype) / (1 - self.rate)  # as x


def dropout_layers(network: nn.Module) -> list[Dropout]:
    """List the layers of a network that `reseed_dropout` is for: those that would draw a mask."""
    return [module for module in network.modules() if isinstance(module, Dropout) and module.rate > 0]


def reseed_dropout(layers: list[Dropout], seed: int, step: int) -> None:
    """Make the next masks a function of (seed, step, place in the network).

    Args:
        layers: from `dropout_layers`.
        seed: the trial's seed.
        step: optimizer steps taken since the beginning of training, over all epochs.

    Effects:
        Sets the layers' generators.
    """
    for place, layer in enumerate(layers):
        layer.generator.manual_seed(derive(seed, "dropout", step, place))
