"""Generators, which make images of noise, and discriminators, which tell made images from real ones.

Two architectures: dense layers (Goodfellow et al., arXiv 1406.2661) and strided convolutions (Radford, Metz and
Chintala, arXiv 1511.06434). Images enter and leave as flat rows, channels first, as everywhere in this repository.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.layers.activations import ACTIVATIONS
from models.layers.basic import BatchNorm, Dense, Dropout, dense
from models.layers.initialisers import initialise
from models.layers.patches import channels_first, channels_last
from models.layers.spectral import SpectralNorm
from models.layers.strided import DoublingConv, HalvingConv, halving_conv

LEAK = 0.2
"""Slope below 0 of the discriminator's leaky rectifiers, as in DCGAN: a generator learns through them only."""
_LEAKY_GAIN = math.sqrt(2 / (1 + LEAK**2))  # He et al., arXiv 1502.01852, equation 15


@dataclass(frozen=True, slots=True)
class GANConfig:
    """Shape of a generator and its discriminator; ranges and meanings stand in the catalogue.

    Attributes:
        shape: (channels, height, width) of an image.
        latent: numbers of noise that an image is made of.
        widths: hidden layers, counted from the image: units if dense, channels if convolutional. The generator has
            them in reverse.
        is_dense: whether the layers are dense; otherwise height and width must be multiples of 2 ** len(widths).
    """

    shape: tuple[int, int, int]
    latent: int = 32
    widths: tuple[int, ...] = (128, 128)
    is_dense: bool = True
    loss: str = "non_saturating"
    activation: str = "relu"
    norm: str = "batch"
    spectral_norm: bool = False
    dropout: float = 0.0
    initialiser: str = "kaiming"


class DenseGenerator(nn.Module):
    """Map noise (n, latent) to images (n, n_inputs) before they are squashed; in lanes (lanes, n, ...)."""

    def __init__(self, config: GANConfig, generator: torch.Generator) -> None:
        """Build the layers with random weights."""
        super().__init__()
        widths = config.widths[::-1]  # from the noise to the image
        self.hidden = nn.ModuleList(Dense(d, m) for d, m in pairwise((config.latent, *widths)))
        self.norms = nn.ModuleList(_norm(config, m) for m in widths)
        self.activations = nn.ModuleList(ACTIVATIONS[config.activation].make() for _ in widths)
        self.output = Dense(widths[-1], math.prod(config.shape))
        gain = ACTIVATIONS[config.activation].gain
        for layer in self.hidden:
            initialise(layer.weight, config.initialiser, gain, generator)  # type: ignore[arg-type]  # (m, d)
        initialise(self.output.weight, config.initialiser, 1.0, generator)  # (n_inputs, m)

    def forward(self, z: Tensor) -> Tensor:
        """Make images.

        Args:
            z: (n, latent) standard normal noise.

        Returns:
            (n, n_inputs)
        """
        for layer, norm, activation in zip(self.hidden, self.norms, self.activations, strict=True):
            z = activation(norm(layer(z)))  # (n, m)
        return self.output(z)  # type: ignore[no-any-return]  # (n, n_inputs)


class ConvGenerator(nn.Module):
    """As `DenseGenerator`: a dense layer makes a small image of many channels, which each further layer doubles."""

    def __init__(self, config: GANConfig, generator: torch.Generator) -> None:
        """Build the layers with random weights."""
        super().__init__()
        channels, height, width = config.shape
        widths = config.widths[::-1]  # from the noise to the image
        n_halvings = len(widths)
        self.seed_shape = (height >> n_halvings, width >> n_halvings, widths[0])
        self.seed = Dense(config.latent, math.prod(self.seed_shape))
        self.hidden = nn.ModuleList(DoublingConv(c, m) for c, m in pairwise(widths))
        self.norms = nn.ModuleList(_norm(config, m) for m in widths)
        self.activations = nn.ModuleList(ACTIVATIONS[config.activation].make() for _ in widths)
        self.output = DoublingConv(widths[-1], channels)
        gain = ACTIVATIONS[config.activation].gain
        initialise(self.seed.weight, config.initialiser, gain, generator)  # (h w m, latent)
        # Four windows add up to a pixel, so each of them brings a quarter of its variance.
        for layer in self.hidden:
            initialise(layer.weight, config.initialiser, gain / 2, generator)  # type: ignore[arg-type]  # (16 m, c)
        initialise(self.output.weight, config.initialiser, 0.5, generator)  # (16 channels, c)

    def forward(self, z: Tensor) -> Tensor:
        """Make images; shapes as in `DenseGenerator`."""
        image: Tensor = self.seed(z).view(*z.shape[:-1], *self.seed_shape)  # (n, h, w, m)
        image = self._finish(image, 0)  # (n, h, w, m)
        for place, layer in enumerate(self.hidden, start=1):
            image = layer(image)  # (n, 2h, 2w, m')
            image = self._finish(image, place)  # (n, 2h, 2w, m')
        image = self.output(image)  # (n, height, width, channels)
        return channels_first(image).flatten(-3)  # (n, n_inputs)

    def _finish(self, image: Tensor, place: int) -> Tensor:
        pixels = self.norms[place](image.flatten(-4, -2))  # (n * h * w, m)  a channel's pixels share its statistics
        return self.activations[place](pixels).view(image.shape)  # type: ignore[no-any-return]  # (n, h, w, m)


class Discriminator(nn.Module):
    """Map images (n, n_inputs) to scores (n,), above 0 for those taken as real; in lanes (lanes, n, ...).

    It has no batch normalisation: a score would then depend on which other images stand in the batch, real or made.
    """

    def __init__(self, config: GANConfig, generator: torch.Generator) -> None:
        """Build the layers with random weights."""
        super().__init__()
        self.shape = config.shape
        self.is_dense = config.is_dense
        channels, height, width = config.shape
        n_halvings = len(config.widths)
        n_first = math.prod(config.shape) if self.is_dense else channels
        n_last = config.widths[-1] if self.is_dense else config.widths[-1] * (height * width >> 2 * n_halvings)
        layer = Dense if self.is_dense else HalvingConv
        self.hidden = nn.ModuleList(layer(d, m) for d, m in pairwise((n_first, *config.widths)))
        self.dropouts = nn.ModuleList(Dropout(config.dropout) for _ in config.widths)
        self.output = Dense(n_last, 1)
        layers: list[Dense | HalvingConv] = [*self.hidden, self.output]
        for place, one in enumerate(layers):
            gain = _LEAKY_GAIN if place < n_halvings else 1.0
            initialise(one.weight, config.initialiser, gain, generator)  # (m, d)
        norms = (SpectralNorm(one.weight, generator) if config.spectral_norm else nn.Identity() for one in layers)
        self.norms = nn.ModuleList(norms)

    def forward(self, x: Tensor) -> Tensor:
        """Judge images.

        Args:
            x: (n, n_inputs), standardised.

        Returns:
            (n,)
        """
        if not self.is_dense:
            x = channels_last(x.view(*x.shape[:-1], *self.shape))  # (n, height, width, channels)
        apply = dense if self.is_dense else halving_conv
        for layer, norm, dropout in zip(self.hidden, self.norms, self.dropouts, strict=False):
            x = apply(x, norm(layer.weight), layer.bias)  # type: ignore[arg-type]  # (n, m), (n, h, w, m)
            x = F.leaky_relu(x, LEAK)  # as x
            x = dropout(x)  # as x
        if not self.is_dense:
            x = x.flatten(-3)  # (n, h * w * m)
        return dense(x, self.norms[-1](self.output.weight), self.output.bias).squeeze(-1)  # (n,)


def _norm(config: GANConfig, n_units: int) -> nn.Module:
    return BatchNorm(n_units) if config.norm == "batch" else nn.Identity()
