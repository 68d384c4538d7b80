"""The capsule network from torch.nn alone, as a careful user would write it."""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)


def squash(s: Tensor) -> Tensor:
    """Shorten vectors (..., d) to a length below 1 and keep their direction."""
    square = s.square().sum(-1, keepdim=True)  # (..., 1)
    return s * ((square + 1e-8).sqrt() / (1 + square))  # (..., d)


class PlainCapsNet(nn.Module):
    """Convolution, primary capsules, routing by agreement, decoder."""

    def __init__(
        self,
        shape: tuple[int, int, int] = (1, 8, 8),
        n_classes: int = 10,
        channels: int = 64,
        types: int = 16,
        routings: int = 3,
        decoder: tuple[int, ...] = (128, 256),
    ) -> None:
        """Make the layers: squares of 3 pixels, the second layer's 2 pixels apart; capsules of 8 and 16 numbers."""
        super().__init__()
        self.shape = shape
        self.n_classes = n_classes
        self.routings = routings
        self.conv = nn.Conv2d(shape[0], channels, 3)
        self.primary = nn.Conv2d(channels, types * 8, 3, stride=2)
        n_capsules = types * ((shape[1] - 5) // 2 + 1) * ((shape[2] - 5) // 2 + 1)
        self.weight = nn.Parameter(torch.randn(n_capsules, 8, n_classes, 16) * (n_classes / (n_capsules * 8) ** 0.5))
        layers: list[nn.Module] = []
        for d, m in pairwise((n_classes * 16, *decoder)):
            layers += [nn.Linear(d, m), nn.ReLU()]
        self.decoder = nn.Sequential(*layers, nn.Linear(decoder[-1], shape[0] * shape[1] * shape[2]))

    def forward(self, x: Tensor) -> Tensor:
        """Return class capsules: flat images (n, c * h * w) to (n, o, 16)."""
        x = F.relu(self.conv(x.view(-1, *self.shape)))  # (n, channels, h, w)
        x = self.primary(x).permute(0, 2, 3, 1)  # (n, h', w', types * 8)
        u = squash(x.reshape(len(x), -1, 8))  # (n, i, 8)
        votes = torch.einsum("nid,idoe->nioe", u, self.weight)  # (n, i, o, 16)
        logits = votes.new_zeros(votes.shape[:3])  # (n, i, o)
        for _ in range(self.routings - 1):
            v = squash((logits.softmax(-1).unsqueeze(-1) * votes).sum(1))  # (n, o, 16)
            logits = logits + (votes * v.unsqueeze(1)).sum(-1)  # (n, i, o)
        return squash((logits.softmax(-1).unsqueeze(-1) * votes).sum(1))  # (n, o, 16)


def build(
    shape: tuple[int, int, int] = (1, 8, 8), n_classes: int = 10, channels: int = 64, types: int = 16, routings: int = 3
) -> PlainCapsNet:
    """Build it.

    Args:
        shape: (channels, height, width) of an image.
        n_classes: classes.
        channels: of the first convolution.
        types: kinds of primary capsules.
        routings: rounds of routing.

    Returns:
        A module from flat images (n, c * h * w) to class capsules (n, n_classes, 16).
    """
    return PlainCapsNet(shape, n_classes, channels, types, routings)


def loss(network: PlainCapsNet, x: Tensor, y: Tensor) -> Tensor:
    """Return the margin loss plus 0.0005 of the squared error of the image redrawn from the right capsule.

    Args:
        network: from `build`.
        x: (n, c * h * w) flat images.
        y: (n,) classes.
    """
    v = network(x)  # (n, o, 16)
    lengths = (v.square().sum(-1) + 1e-8).sqrt()  # (n, o)
    right = F.one_hot(y, network.n_classes).float()  # (n, o)
    margin = right * F.relu(0.9 - lengths).square() + 0.5 * (1 - right) * F.relu(lengths - 0.1).square()  # (n, o)
    drawn = network.decoder((v * right.unsqueeze(-1)).flatten(1))  # (n, c * h * w)
    error = (drawn - x).square().sum(1).mean()  # ()
    total: Tensor = margin.sum(1).mean() + 0.0005 * error  # ()
    return total
