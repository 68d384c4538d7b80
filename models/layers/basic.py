"""Dense layers, normalisation and dropout that work alone and in lanes.

A lane-aware layer looks at its own weights: with one dimension more than usual they hold several networks of one shape,
a row a lane, and the input then carries a leading lane dimension too. So a network built from these layers is an
ordinary module for people and one program for many trials, without a second version of itself.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.layers.random import KeyedLayer, random_halves

_AHEAD = 1 << 17
"""Numbers of masks drawn at once."""
_RANGE = 1 << 16
_LOWEST = -(1 << 15)


class Dense(nn.Module):
    """A dense layer, (n, d) to (n, m) alone and (lanes, n, d) to (lanes, n, m) stacked.

    Its weights start undefined: the network that contains it sets them, so that the global generator is never touched.
    """

    def __init__(self, n_inputs: int, n_outputs: int, bias: bool = True) -> None:
        """Make the layer.

        Args:
            n_inputs: d.
            n_outputs: m.
            bias: whether each output has a bias neuron.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_outputs, n_inputs))  # (m, d)
        self.bias = nn.Parameter(torch.zeros(n_outputs)) if bias else None  # (m,)

    def forward(self, x: Tensor) -> Tensor:
        """Return weight x + bias; further dimensions between the lanes and the features are kept."""
        return dense(x, self.weight, self.bias)


def dense(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Apply a dense layer's weights.

    Args:
        x: (..., d), or (lanes, ..., d).
        weight: (m, d), or (lanes, m, d).
        bias: (m,), or (lanes, m); None for none.

    Returns:
        (..., m), or (lanes, ..., m)
    """
    if weight.dim() == 2:
        return F.linear(x, weight, bias)  # (..., m)
    rows = x.flatten(1, -2)  # (lanes, n, d)
    columns = weight.transpose(1, 2)  # (lanes, d, m)
    out = torch.bmm(rows, columns) if bias is None else torch.baddbmm(bias.unsqueeze(1), rows, columns)
    return out.view(*x.shape[:-1], out.shape[-1])  # (lanes, ..., m)


class Dropout(KeyedLayer):
    """Silence a share of the units at random while training (Srivastava et al., JMLR 15, 2014).

    Attributes:
        rates: share of units to silence, from 0 to below 1: one number, or one a lane.
    """

    def __init__(self, rate: float) -> None:
        """Make the layer; a rate of 0 costs nothing."""
        super().__init__()
        self.set_rates([rate])

    def set_numbers(self, numbers: Mapping[str, list[float]]) -> None:
        """Take the rate of each lane from the hyperparameter `dropout`."""
        self.set_rates(numbers["dropout"])

    def set_rates(self, rates: list[float]) -> None:
        """Set the rate of each lane.

        Args:
            rates: one number for a network alone, else one a lane.

        Effects:
            Changes what the layer does from the next step on.
        """
        self.is_idle = not any(rates)
        self._drawn: tuple[Tensor, ...] = ()
        self._keys_drawn: Tensor | None = None
        self._n_drawn = self._first = 0
        n_silent = (torch.tensor(rates, dtype=torch.float64) * _RANGE).round()  # (lanes,)
        self._threshold = (n_silent + _LOWEST).to(torch.int16).unsqueeze(-1)  # (lanes, 1)
        self._scale = (_RANGE / (_RANGE - n_silent)).float().unsqueeze(-1)  # (lanes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Silence units and scale the others up, to keep the sum's expected size; (n, ...) or (lanes, n, ...)."""
        if not self.training or self.is_idle:
            return x
        key = self.require_key()
        n = x.numel() // max(1, key.numel())
        if self._threshold.device != x.device:
            self._threshold, self._scale = self._threshold.to(x.device), self._scale.to(x.device)
        mask = self._draw(key, n) if self.keys is None else self._drawn_ahead(self.keys, n)
        return x * mask.view(x.shape)  # as x

    def _drawn_ahead(self, keys: Tensor, n: int) -> Tensor:
        # Masks of several steps at once: of small ones, starting the operations costs more than the operations.
        if self._keys_drawn is not keys or self._n_drawn != n or not 0 <= self.step - self._first < len(self._drawn):
            n_steps = max(1, _AHEAD * keys.shape[0] // (n * keys.numel()))
            self._drawn = self._draw(keys[self.step : self.step + n_steps], n).unbind()
            self._keys_drawn, self._n_drawn, self._first = keys, n, self.step
        return self._drawn[self.step - self._first]

    def _draw(self, keys: Tensor, n: int) -> Tensor:
        threshold, scale = self._threshold, self._scale
        if keys.shape[-1:] != threshold.shape[:1]:  # one network alone has no lane dimension
            threshold, scale = threshold[0], scale[0]
        mask: Tensor = (random_halves(keys, n) >= threshold) * scale  # (..., n)
        return mask


class BatchNorm(nn.Module):
    """Normalise each unit over the batch (Ioffe and Szegedy, arXiv 1502.03167), (n, d) or (lanes, n, d)."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, n_units: int) -> None:
        """Make the layer with scale 1 and shift 0."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_units))  # (d,)
        self.bias = nn.Parameter(torch.zeros(n_units))  # (d,)
        self.register_buffer("running_mean", torch.zeros(n_units))  # (d,)
        self.register_buffer("running_var", torch.ones(n_units))  # (d,)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise with the batch's own statistics while training, and with their running means afterwards."""
        if self.weight.dim() == 1:
            return self._norm(x)
        lanes, n, d = x.shape
        side_by_side = x.transpose(0, 1).reshape(n, lanes * d)  # (n, lanes * d)  a unit's statistics are its own
        return self._norm(side_by_side).view(n, lanes, d).transpose(0, 1)  # (lanes, n, d)

    def _norm(self, x: Tensor) -> Tensor:
        return batch_norm(x, self)


def batch_norm(x: Tensor, layer: BatchNorm) -> Tensor:
    """Normalise (n, units, ...) with a layer whose lanes lie side by side among the units.

    A batch of one row has no deviation, so it is normalised with the running statistics even while training.
    """
    uses_batch = layer.training and x.numel() // x.shape[1] > 1
    return F.batch_norm(
        x,
        layer.running_mean.view(-1),
        layer.running_var.view(-1),
        layer.weight.reshape(-1),
        layer.bias.reshape(-1),
        training=uses_batch,
        momentum=0.1,
    )


class LayerNorm(nn.Module):
    """Normalise each example over its units (Ba, Kiros and Hinton, arXiv 1607.06450), (..., d) or (lanes, ..., d)."""

    def __init__(self, n_units: int) -> None:
        """Make the layer with scale 1 and shift 0."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_units))  # (d,)
        self.bias = nn.Parameter(torch.zeros(n_units))  # (d,)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise the last dimension."""
        if self.weight.dim() == 1:
            return F.layer_norm(x, self.weight.shape, self.weight, self.bias)  # as x
        x = F.layer_norm(x, self.weight.shape[-1:])  # as x
        return x * over_lanes(self.weight, x) + over_lanes(self.bias, x)  # as x


def over_lanes(values: Tensor, like: Tensor) -> Tensor:
    """Shape per-lane values, (lanes,) or (lanes, d), to apply along the first and last dimensions of `like`."""
    if values.dim() < 2:
        return values.view(*values.shape, *(1 for _ in like.shape[values.dim() :]))
    return values.view(values.shape[0], *(1 for _ in like.shape[2:]), values.shape[1])
