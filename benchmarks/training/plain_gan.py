"""The generative adversarial network from torch.nn alone, as a careful user would write and train it."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

LEAK = 0.2


class Adversaries(NamedTuple):
    """A generator and its discriminator.

    Attributes:
        generator: (n, latent) noise to flat images (n, c * h * w).
        discriminator: flat images to scores (n, 1).
        latent: numbers of noise.
    """

    generator: nn.Module
    discriminator: nn.Module
    latent: int


def build(
    shape: tuple[int, int, int] = (1, 8, 8),
    latent: int = 32,
    widths: tuple[int, ...] = (128, 128),
    is_dense: bool = True,
    has_norm: bool = True,
) -> Adversaries:
    """Build both networks with the defaults of the catalogue.

    Args:
        shape: (channels, height, width) of an image.
        latent: numbers of noise.
        widths: hidden layers from the image to the noise: units if dense, channels if convolutional.
        is_dense: whether the layers are dense instead of strided 4x4 convolutions.
        has_norm: whether the generator normalises over the batch.
    """
    make = _dense if is_dense else _convolutional
    generator, discriminator = make(shape, latent, widths, has_norm)
    return Adversaries(generator, discriminator, latent)


def discriminator_loss(networks: Adversaries, made: Tensor, x: Tensor) -> Tensor:
    """Return the discriminator's loss on made and real images, one pass for both; (n, c * h * w) each."""
    fooled, real = networks.discriminator(torch.cat((made, x))).chunk(2)
    return F.softplus(fooled).mean() + F.softplus(-real).mean()


def generator_loss(networks: Adversaries, made: Tensor) -> Tensor:
    """Return the generator's loss on images (n, c * h * w) that it has just made."""
    return F.softplus(-networks.discriminator(made)).mean()


def make_optimizers(
    networks: Adversaries, rate: float, name: str = "rmsprop"
) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
    """Return the optimizers of generator and discriminator, the fastest that torch has on a CPU."""
    return _optimizer(networks.generator, rate, name), _optimizer(networks.discriminator, rate, name)


def train_step(
    networks: Adversaries, optimizers: tuple[torch.optim.Optimizer, torch.optim.Optimizer], x: Tensor
) -> tuple[Tensor, Tensor]:
    """Take one step of both networks on real images (n, c * h * w).

    The images are made once for both turns, and the generator's turn computes no gradients of the discriminator's
    weights, which nobody would use.

    Returns:
        The losses of generator and discriminator, detached.
    """
    of_generator, of_discriminator = optimizers
    made = networks.generator(torch.randn(len(x), networks.latent))  # (n, c * h * w)
    against = discriminator_loss(networks, made.detach(), x)  # ()
    of_discriminator.zero_grad(set_to_none=True)
    against.backward()  # type: ignore[no-untyped-call]
    of_discriminator.step()
    networks.discriminator.requires_grad_(False)
    loss = generator_loss(networks, made)  # ()
    of_generator.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    of_generator.step()
    networks.discriminator.requires_grad_(True)
    return loss.detach(), against.detach()


def _optimizer(network: nn.Module, rate: float, name: str) -> torch.optim.Optimizer:
    if name == "adam":
        return torch.optim.Adam(network.parameters(), lr=rate, fused=True)
    return torch.optim.RMSprop(network.parameters(), lr=rate, foreach=True)


def _dense(
    shape: tuple[int, int, int], latent: int, widths: tuple[int, ...], has_norm: bool
) -> tuple[nn.Module, nn.Module]:
    n_inputs = math.prod(shape)
    making: list[nn.Module] = []
    for d, m in pairwise((latent, *reversed(widths))):
        making += [nn.Linear(d, m), *([nn.BatchNorm1d(m)] if has_norm else []), nn.ReLU()]
    making += [nn.Linear(widths[0], n_inputs), nn.Sigmoid()]
    judging: list[nn.Module] = []
    for d, m in pairwise((n_inputs, *widths)):
        judging += [nn.Linear(d, m), nn.LeakyReLU(LEAK)]
    return nn.Sequential(*making), nn.Sequential(*judging, nn.Linear(widths[-1], 1))


def _convolutional(
    shape: tuple[int, int, int], latent: int, widths: tuple[int, ...], has_norm: bool
) -> tuple[nn.Module, nn.Module]:
    channels, height, width = shape
    seed = (widths[-1], height >> len(widths), width >> len(widths))
    making: list[nn.Module] = [nn.Linear(latent, math.prod(seed)), nn.Unflatten(1, seed)]
    for c, m in pairwise(reversed(widths)):
        making += [*_normed(c, has_norm), nn.ConvTranspose2d(c, m, 4, stride=2, padding=1)]
    making += [*_normed(widths[0], has_norm), nn.ConvTranspose2d(widths[0], channels, 4, stride=2, padding=1)]
    judging: list[nn.Module] = [nn.Unflatten(1, shape)]
    for c, m in pairwise((channels, *widths)):
        judging += [nn.Conv2d(c, m, 4, stride=2, padding=1), nn.LeakyReLU(LEAK)]
    return nn.Sequential(*making, nn.Flatten(), nn.Sigmoid()), nn.Sequential(
        *judging, nn.Flatten(), nn.Linear(math.prod(seed), 1)
    )


def _normed(c: int, has_norm: bool) -> list[nn.Module]:
    return [*([nn.BatchNorm2d(c)] if has_norm else []), nn.ReLU()]
