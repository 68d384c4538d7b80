"""First weights by name. A new initialiser is a line here and its name among the choices in the catalogue."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

Initialiser = Callable[[Tensor, float, torch.Generator], Tensor]


def initialise(weight: Tensor, name: str, gain: float, generator: torch.Generator) -> None:
    """Fill a layer's weights.

    Args:
        weight: (m, d), or (m, d, ...) for a convolution.
        name: key in `INITIALISERS`.
        gain: of the activation that follows, see `models.layers.activations`.
        generator: where the numbers come from.

    Effects:
        Writes the weights in place.
    """
    with torch.no_grad():
        INITIALISERS[name](weight, gain, generator)


def _kaiming(weight: Tensor, gain: float, generator: torch.Generator) -> Tensor:
    n_inputs = weight[0].numel()
    return weight.normal_(0, gain / n_inputs**0.5, generator=generator)


INITIALISERS: Mapping[str, Initialiser] = MappingProxyType(
    {
        # Deviation gain / sqrt(inputs) keeps the signal's size going forward: He et al., arXiv 1502.01852.
        "kaiming": _kaiming,
        # Between forward and backward: Glorot and Bengio, AISTATS 2010.
        "xavier": lambda w, gain, source: nn.init.xavier_uniform_(w, gain, generator=source),
        # Rows at right angles: Saxe, McClelland and Ganguli, arXiv 1312.6120.
        "orthogonal": lambda w, gain, source: nn.init.orthogonal_(w, gain, generator=source),
        # Fixed sizes, whatever the layer: what was usual before the three above.
        "uniform": lambda w, _, source: w.uniform_(-0.05, 0.05, generator=source),
        "normal": lambda w, _, source: w.normal_(0, 0.05, generator=source),
        # All units of a layer stay equal for ever; here to show why not.
        "zeros": lambda w, _, source: w.zero_(),
    }
)
