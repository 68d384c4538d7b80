"""Activations by name. A new one is a line here and its name among the choices in the catalogue."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch.nn.functional as F  # noqa: N812  (torch's own documentation calls it F)
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Activation:
    """A curve applied to each number by itself.

    Attributes:
        apply: the curve; keeps the shape.
        gain: factor on initial weights that keeps the signal's size from layer to layer (He et al. 2015,
            arXiv 1502.01852, for the rectifiers; the usual 5/3 for tanh).
    """

    apply: Callable[[Tensor], Tensor]
    gain: float


RECTIFIER_GAIN = math.sqrt(2)

ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "relu": Activation(F.relu, RECTIFIER_GAIN),  # max(0, x)
        "leaky_relu": Activation(F.leaky_relu, RECTIFIER_GAIN),  # x, or 0.01 x below 0
        "elu": Activation(F.elu, RECTIFIER_GAIN),  # x, or exp(x) - 1 below 0: arXiv 1511.07289
        "gelu": Activation(F.gelu, RECTIFIER_GAIN),  # x Phi(x): arXiv 1606.08415
        "swish": Activation(F.silu, RECTIFIER_GAIN),  # x sigmoid(x): arXiv 1710.05941
        "tanh": Activation(lambda x: x.tanh(), 5 / 3),
        "sigmoid": Activation(lambda x: x.sigmoid(), 1.0),
        "identity": Activation(lambda x: x, 1.0),
    }
)
