"""Capsule network: parts of an image vote for what the whole is, and a decoder draws it again.

The probability of a class is taken from the lengths of the class capsules. The paper reads a length as the probability
that the class is present, each class by itself; given that exactly one is, its probability is proportional to
length / (1 - length), so the scores are the logits of the lengths, and cross-entropy on them is defined.

Source: Sabour, Frosst and Hinton, Dynamic Routing Between Capsules, arXiv 1710.09829; sections 4 and 4.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.catalogue import DataShape, ParamValue
from models.catalogue.capsnet import capsule_grid
from models.catalogue.widths import read_widths
from models.layers.activations import ACTIVATIONS, RECTIFIER_GAIN
from models.layers.augment import NUMBERS, Augment
from models.layers.basic import Dense
from models.layers.capsules import lengths, margin_losses, one_hot, routed_capsules, squash
from models.layers.initialisers import initialise
from models.layers.patches import PatchConv2d, channels_last
from models.networks.base import Batch, Numbers, StepLosses

_LENGTH_MARGIN = 1e-6


@dataclass(frozen=True, slots=True)
class CapsNetConfig:
    """Shape of a capsule network; ranges and meanings stand in the catalogue.

    Attributes:
        shape: (channels, height, width) of the images.
        n_classes: o, capsules of the last layer.
        grid: (height, width) of the grid on which primary capsules stand; follows from kernels and strides.
        decoder_widths: units of each hidden layer of the decoder.
        augmentation: strength of each augmentation by name.
    """

    shape: tuple[int, int, int]
    n_classes: int
    grid: tuple[int, int]
    conv_channels: int = 64
    conv_kernel: int = 3
    conv_stride: int = 1
    activation: str = "relu"
    primary_types: int = 16
    primary_dim: int = 8
    primary_kernel: int = 3
    primary_stride: int = 2
    capsule_dim: int = 16
    routings: int = 3
    decoder_widths: tuple[int, ...] = (128, 256)
    augmentation: Mapping[str, float] | None = None
    initialiser: str = "kaiming"

    @property
    def n_pixels(self) -> int:
        """Numbers in one image."""
        return self.shape[0] * self.shape[1] * self.shape[2]

    @property
    def n_capsules(self) -> int:
        """Primary capsules, i."""
        return self.primary_types * self.grid[0] * self.grid[1]


class CapsNet(nn.Module):
    """Map images (n, n_pixels) to class scores (n, n_classes); in lanes (lanes, n, ...)."""

    def __init__(self, config: CapsNetConfig, generator: torch.Generator) -> None:
        """Build the layers with random weights.

        Args:
            config: the network's shape.
            generator: where initial weights come from.
        """
        super().__init__()
        self.config = config
        n_primary = config.primary_types * config.primary_dim
        self.augment = Augment(config.shape, config.augmentation)
        self.conv = PatchConv2d(config.shape[0], config.conv_channels, config.conv_kernel, config.conv_stride)
        self.activation = ACTIVATIONS[config.activation].make()
        self.primary = PatchConv2d(config.conv_channels, n_primary, config.primary_kernel, config.primary_stride)
        sizes = (config.n_capsules, config.primary_dim, config.n_classes, config.capsule_dim)
        self.votes = nn.Parameter(torch.empty(sizes))  # (i, d, o, e)
        widths = (config.n_classes * config.capsule_dim, *config.decoder_widths, config.n_pixels)
        self.decoder = nn.ModuleList(Dense(d, m) for d, m in pairwise(widths))
        self._initialise(generator)

    def forward(self, x: Tensor) -> Tensor:
        """Compute scores: the logits of the class capsules' lengths.

        Args:
            x: (n, n_pixels), standardised.

        Returns:
            (n, n_classes)
        """
        return _scores(lengths(self.capsules(self.augment(x))))  # (n, o)

    def capsules(self, x: Tensor) -> Tensor:
        """Return the class capsules: (n, n_pixels) to (n, o, e)."""
        config = self.config
        x = channels_last(x.view(*x.shape[:-1], *config.shape))  # (n, h, w, c)
        x = self.activation(self.conv(x))  # (n, h', w', conv_channels)
        x = self.primary(x)  # (n, h'', w'', types * d)
        u = squash(x.reshape(*x.shape[:-3], config.n_capsules, config.primary_dim))  # (n, i, d)
        return routed_capsules(u, self.votes, config.routings)  # (n, o, e)

    def decode(self, capsules: Tensor, y: Tensor) -> Tensor:
        """Draw images from the capsule of one class each; all others are masked (section 4.1).

        Args:
            capsules: (n, o, e).
            y: (n,) the classes to draw.

        Returns:
            (n, n_pixels), standardised as the inputs are; so the last layer is linear, not the paper's sigmoid.
        """
        x = (capsules * one_hot(y, self.config.n_classes).unsqueeze(-1)).flatten(-2)  # (n, o * e)
        *hidden, last = self.decoder
        for layer in hidden:
            x = F.relu(layer(x))  # (n, w)
        return last(x)  # type: ignore[no-any-return]  # (n, n_pixels)

    def reconstruct(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Draw images again from what was recognised in them.

        Args:
            x: (n, n_pixels), standardised.
            y: (n,) whose capsule to draw from; None for the longest.

        Returns:
            (n, n_pixels), standardised.
        """
        capsules = self.capsules(x)  # (n, o, e)
        return self.decode(capsules, lengths(capsules).argmax(dim=-1) if y is None else y)  # (n, n_pixels)

    def training_losses(self, batch: Batch, numbers: Numbers) -> StepLosses:
        """Return the margin loss plus the weighted squared error of the redrawn image, both means over the batch.

        The image to be redrawn is the one that the network saw, augmented or not.

        Args:
            batch: the examples of the step.
            numbers: `present_margin`, `absent_margin`, `absent_weight` and `reconstruction_weight`.

        Returns:
            () losses and (n, n_classes) scores; in lanes (lanes,) and (lanes, n, n_classes).
        """
        x = self.augment(batch.x)  # (n, n_pixels)
        capsules = self.capsules(x)  # (n, o, e)
        sizes = lengths(capsules)  # (n, o)
        margins = (numbers[name][..., None, None] for name in ("present_margin", "absent_margin", "absent_weight"))
        margin = margin_losses(sizes, batch.y, *margins).mean(dim=-1)  # ()
        drawn = self.decode(capsules, batch.y)  # (n, n_pixels)
        error = (drawn - x).square().sum(dim=-1).mean(dim=-1)  # ()
        return StepLosses(margin + numbers["reconstruction_weight"] * error, _scores(sizes.detach()))

    def _initialise(self, generator: torch.Generator) -> None:
        config = self.config
        name = config.initialiser
        initialise(self.conv.weight, name, ACTIVATIONS[config.activation].gain, generator)
        initialise(self.primary.weight, name, 1.0, generator)
        i, d, o, e = self.votes.shape
        # The first round is a dense layer of i * d inputs whose sums are divided by o: the gain makes up for that.
        dense = torch.empty(o * e, i * d)
        initialise(dense, name, float(o), generator)
        self.votes.data.copy_(dense.view(o, e, i, d).permute(2, 3, 0, 1))
        *hidden, last = self.decoder
        for layer in hidden:
            initialise(layer.weight, name, RECTIFIER_GAIN, generator)  # type: ignore[arg-type]
        initialise(last.weight, name, 1.0, generator)  # type: ignore[arg-type]


def _scores(sizes: Tensor) -> Tensor:
    return torch.logit(sizes, eps=_LENGTH_MARGIN)  # (..., n, o)


def from_params(params: Mapping[str, ParamValue], data: DataShape, generator: torch.Generator) -> CapsNet:
    """Build the network that complete hyperparameters describe."""
    channels, height, width = data.shape
    config = CapsNetConfig(
        shape=(channels, height, width),
        n_classes=data.n_outputs,
        grid=capsule_grid(params, data.shape),
        conv_channels=int(params["conv_channels"]),
        conv_kernel=int(params["conv_kernel"]),
        conv_stride=int(params["conv_stride"]),
        activation=str(params["activation"]),
        primary_types=int(params["primary_types"]),
        primary_dim=int(params["primary_dim"]),
        primary_kernel=int(params["primary_kernel"]),
        primary_stride=int(params["primary_stride"]),
        capsule_dim=int(params["capsule_dim"]),
        routings=int(params["routings"]),
        decoder_widths=read_widths(str(params["decoder_widths"])),
        augmentation={name: float(params[name]) for name in NUMBERS},
        initialiser=str(params["initialiser"]),
    )
    return CapsNet(config, generator)
