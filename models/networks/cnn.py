"""Convolutional network: blocks of convolutions and pooling, then dense layers.

Source: LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, Proc. IEEE 86, 1998;
the residual option is that of He, Zhang, Ren and Sun, arXiv 1512.03385 (equations 1 and 2).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from models.catalogue import DataShape, ParamValue
from models.catalogue.cnn import first_stride, sizes_on_the_way
from models.catalogue.widths import read_widths
from models.layers.activations import ACTIVATIONS
from models.layers.augment import NUMBERS, Augment
from models.layers.basic import Dense, Dropout
from models.layers.conv import BatchNorm2d, ChannelDropout, Conv2d, average_pool2d, max_pool2d
from models.layers.initialisers import initialise

POOLINGS: Mapping[str, Callable[[Tensor, int], Tensor]] = {"max": max_pool2d, "average": average_pool2d}
RISING = frozenset({"relu", "leaky_relu", "elu", "tanh", "sigmoid", "identity"})
"""Activations that keep the order of numbers, so that the largest is the same before them and after them."""


@dataclass(frozen=True, slots=True)
class CNNConfig:
    """Shape of a convolutional network; ranges and meanings stand in the catalogue.

    Attributes:
        shape: (channels, height, width) of an example.
        n_outputs: classes, or 1.
        last_size: (height, width) after the last block.
        channels: of each block.
        stride: of a block's first convolution.
        widths: units of each dense layer before the output.
        augmentation: strength of each augmentation by name.
    """

    shape: tuple[int, ...]
    n_outputs: int
    last_size: tuple[int, int]
    channels: tuple[int, ...] = (16, 32)
    convolutions: int = 1
    kernel: int = 3
    stride: int = 1
    padding: bool = True
    pooling: str = "max"
    pool_size: int = 2
    activation: str = "relu"
    norm: str = "none"
    residual: bool = False
    head: str = "flatten"
    widths: tuple[int, ...] = (64,)
    dropout: float = 0.0
    channel_dropout: float = 0.0
    augmentation: Mapping[str, float] | None = None
    initialiser: str = "kaiming"

    @property
    def n_features(self) -> int:
        """Numbers that the blocks hand to the dense layers."""
        height, width = self.last_size
        return self.channels[-1] * (height * width if self.head == "flatten" else 1)


class Block(nn.Module):
    """Convolutions with an activation after each, an optional shortcut past them, and a pooling.

    Maps images (n, c, h, w) to (n, m, h', w'); in lanes (lanes, n, ...).
    """

    def __init__(self, n_inputs: int, n_outputs: int, config: CNNConfig) -> None:
        """Make the layers, their weights undefined.

        Args:
            n_inputs: c, channels of the images.
            n_outputs: m, channels of the result.
            config: the network's shape.
        """
        super().__init__()
        padding = config.kernel // 2 if config.padding else 0
        ends = [n_inputs] + [n_outputs] * config.convolutions
        strides = [config.stride] + [1] * (config.convolutions - 1)
        has_bias = config.norm == "none"  # a normalisation takes the mean away, and a bias with it
        self.convolutions = nn.ModuleList(
            Conv2d(c, m, config.kernel, stride, padding, has_bias)
            for (c, m), stride in zip(pairwise(ends), strides, strict=True)
        )
        self.norms = nn.ModuleList(_norm(config.norm, n_outputs) for _ in strides)
        self.activations = nn.ModuleList(ACTIVATIONS[config.activation].make() for _ in strides)
        self.shortcut = _shortcut(n_inputs, n_outputs, config.stride) if config.residual else None
        self.pool_size = config.pool_size
        self.pool = POOLINGS.get(config.pooling)
        self.pools_first = config.pooling == "max" and config.activation in RISING
        self.dropout = ChannelDropout(config.channel_dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Look for this block's patterns."""
        before = None if self.shortcut is None else self.shortcut(x)  # (n, m, h', w')
        last = len(self.convolutions) - 1
        for place, (convolution, norm, activation) in enumerate(
            zip(self.convolutions, self.norms, self.activations, strict=True)
        ):
            x = norm(convolution(x))  # (n, m, h', w')
            if place == last:
                x = self._finish(x, activation, before)  # (n, m, h'', w'')
            else:
                x = activation(x)  # (n, m, h', w')
        return self.dropout(x)  # type: ignore[no-any-return]  # (n, m, h'', w'')

    def _finish(self, x: Tensor, activation: nn.Module, before: Tensor | None) -> Tensor:
        if before is not None:
            x = x + before  # (n, m, h', w')
        if self.pool is None:
            return activation(x)  # type: ignore[no-any-return]  # (n, m, h', w')
        if self.pools_first:  # the same numbers, with a quarter of the work for the activation
            return activation(self.pool(x, self.pool_size))  # type: ignore[no-any-return]  # (n, m, h'', w'')
        return self.pool(activation(x), self.pool_size)  # (n, m, h'', w'')


class CNN(nn.Module):
    """Map flat images (n, c * h * w) to class scores or predicted numbers (n, n_outputs); in lanes (lanes, n, ...)."""

    def __init__(self, config: CNNConfig, generator: torch.Generator) -> None:
        """Build the layers with random weights.

        Args:
            config: the network's shape.
            generator: where initial weights come from.
        """
        super().__init__()
        self.config = config
        self.augment = Augment(config.shape, config.augmentation)
        self.blocks = nn.ModuleList(Block(c, m, config) for c, m in pairwise((config.shape[0], *config.channels)))
        self.feature_dropout = Dropout(config.dropout)
        widths = (config.n_features, *config.widths)
        self.hidden = nn.ModuleList(Dense(d, m) for d, m in pairwise(widths))
        self.activations = nn.ModuleList(ACTIVATIONS[config.activation].make() for _ in config.widths)
        self.dropouts = nn.ModuleList(Dropout(config.dropout) for _ in config.widths)
        self.output = Dense(widths[-1], config.n_outputs)
        gain = ACTIVATIONS[config.activation].gain
        for layer in self.modules():
            if isinstance(layer, Conv2d | Dense):
                initialise(layer.weight, config.initialiser, 1.0 if layer is self.output else gain, generator)

    def forward(self, x: Tensor) -> Tensor:
        """Compute scores (logits, not probabilities) or predictions.

        Args:
            x: (n, c * h * w), standardised.

        Returns:
            (n, n_outputs)
        """
        x = self.augment(x)  # (n, c * h * w)
        x = x.view(*x.shape[:-1], *self.config.shape)  # (n, c, h, w)
        for block in self.blocks:
            x = block(x)  # (n, m, h', w')
        x = x.mean(dim=(-2, -1)) if self.config.head == "global_average" else x.flatten(-3)  # (n, n_features)
        x = self.feature_dropout(x)  # (n, n_features)
        for layer, activation, dropout in zip(self.hidden, self.activations, self.dropouts, strict=True):
            x = dropout(activation(layer(x)))  # (n, w)
        return self.output(x)  # type: ignore[no-any-return]  # (n, n_outputs)


def from_params(params: Mapping[str, ParamValue], data: DataShape, generator: torch.Generator) -> CNN:
    """Build the network that complete hyperparameters describe."""
    config = CNNConfig(
        shape=data.shape,
        n_outputs=data.n_outputs,
        last_size=_last_size(params, data.shape),
        channels=read_widths(str(params["channels"])),
        convolutions=int(params["convolutions"]),
        kernel=int(params["kernel"]),
        stride=first_stride(params),
        padding=bool(params["padding"]),
        pooling=str(params["pooling"]),
        pool_size=int(params["pool_size"]),
        activation=str(params["activation"]),
        norm=str(params["norm"]),
        residual=bool(params["residual"]),
        head=str(params["head"]),
        widths=read_widths(str(params["widths"])),
        dropout=float(params["dropout"]),
        channel_dropout=float(params["channel_dropout"]),
        augmentation={name: float(params[name]) for name in NUMBERS},
        initialiser=str(params["initialiser"]),
    )
    return CNN(config, generator)


def _last_size(params: Mapping[str, ParamValue], shape: tuple[int, ...]) -> tuple[int, int]:
    height, width = ([size for _, size in sizes_on_the_way(params, edge)][-1] for edge in shape[1:])
    return height, width


def _norm(name: str, n_channels: int) -> nn.Module:
    return BatchNorm2d(n_channels) if name == "batch" else nn.Identity()


def _shortcut(n_inputs: int, n_outputs: int, stride: int) -> nn.Module:
    # As it is where the shapes agree (equation 1), through a linear map where they do not (equation 2).
    if n_inputs == n_outputs and stride == 1:
        return nn.Identity()
    return Conv2d(n_inputs, n_outputs, 1, stride, bias=False)
