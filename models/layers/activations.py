"""Activations by name. A new one is a line here and its name among the choices in the catalogue."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import torch
import torch.nn.functional as F  # noqa: N812  (torch's own documentation calls it F)
from torch import Tensor, nn

from models.layers.basic import over_lanes

RECTIFIER_GAIN = math.sqrt(2)


class Activation(nn.Module):
    """A curve applied to each number by itself, in any shape.

    Attributes:
        is_rectifier: whether a unit that answers 0 to every example has stopped learning (a dead unit).
    """

    def __init__(self, curve: Callable[[Tensor], Tensor], is_rectifier: bool = False) -> None:
        """Wrap a curve."""
        super().__init__()
        self.curve = curve
        self.is_rectifier = is_rectifier

    def forward(self, x: Tensor) -> Tensor:
        """Apply the curve; keeps the shape."""
        return self.curve(x)  # as x


class PReLU(nn.Module):
    """x above 0 and slope x below, the slope learned (He et al., arXiv 1502.01852); one slope a layer, from 0.25."""

    is_rectifier = False

    def __init__(self) -> None:
        """Start with the slope of the paper."""
        super().__init__()
        self.weight = nn.Parameter(torch.full((1,), 0.25))  # (1,)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the curve; keeps the shape."""
        slope = self.weight if self.weight.dim() == 1 else over_lanes(self.weight[:, 0], x)
        # Exact on both sides of 0, and measured three to six times as fast as choosing between x and slope x.
        return torch.lerp(F.relu(x), x, slope.to(x.dtype))  # as x


class _Step(torch.autograd.Function):
    # 1 above 0, else 0. Its true gradient is 0 almost everywhere, so the gradient passes straight through where the
    # input is near the step (Bengio, Leonard and Courville, arXiv 1308.3432).

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors  # type: ignore[attr-defined]
        inside: Tensor = x.abs() <= 1
        return gradients[0] * inside  # the gradient passes where the input is near the step


def step(x: Tensor) -> Tensor:
    """Return 1 above 0 and 0 elsewhere, with a straight-through gradient; keeps the shape."""
    return _Step.apply(x)  # type: ignore[no-any-return,no-untyped-call]


@dataclass(frozen=True, slots=True)
class ActivationKind:
    """An entry of the table below.

    Attributes:
        make: builds the module; each layer gets its own, since some have weights.
        gain: factor on initial weights that keeps the signal's size from layer to layer (He et al. 2015,
            arXiv 1502.01852, for the rectifiers; the usual 5/3 for tanh).
    """

    make: Callable[[], nn.Module]
    gain: float


def _curve(curve: Callable[[Tensor], Tensor], gain: float, is_rectifier: bool = False) -> ActivationKind:
    return ActivationKind(lambda: Activation(curve, is_rectifier), gain)


ACTIVATIONS: Mapping[str, ActivationKind] = MappingProxyType(
    {
        "relu": _curve(F.relu, RECTIFIER_GAIN, is_rectifier=True),  # max(0, x)
        "leaky_relu": _curve(F.leaky_relu, RECTIFIER_GAIN),  # x, or 0.01 x below 0
        "prelu": ActivationKind(PReLU, RECTIFIER_GAIN),
        "elu": _curve(F.elu, RECTIFIER_GAIN),  # x, or exp(x) - 1 below 0: arXiv 1511.07289
        "gelu": _curve(F.gelu, RECTIFIER_GAIN),  # x Phi(x): arXiv 1606.08415
        "swish": _curve(F.silu, RECTIFIER_GAIN),  # x sigmoid(x): arXiv 1710.05941
        "tanh": _curve(torch.tanh, 5 / 3),
        "sigmoid": _curve(torch.sigmoid, 1.0),
        "step": _curve(step, 1.0),
        "identity": _curve(lambda x: x, 1.0),
    }
)
