"""The convolutional network from torch.nn alone, as a careful user would write it."""

from itertools import pairwise

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)


def build(
    shape: tuple[int, int, int] = (1, 8, 8),
    n_outputs: int = 10,
    channels: tuple[int, ...] = (16, 32),
    kernel: int = 3,
    widths: tuple[int, ...] = (64,),
    dropout: float = 0.0,
) -> nn.Module:
    """Build it: per block a padded convolution, a rectifier and a pooling of two pixels; then dense layers.

    Args:
        shape: (channels, height, width) of an image.
        n_outputs: classes.
        channels: of each block.
        kernel: odd edge of the convolutions' squares.
        widths: of each dense layer before the output.
        dropout: share of units silenced before each dense layer.

    Returns:
        A module from flat images (n, c * h * w) to scores (n, n_outputs).
    """
    layers: list[nn.Module] = [nn.Unflatten(1, shape)]
    for c, m in pairwise((shape[0], *channels)):
        layers += [nn.Conv2d(c, m, kernel, padding=kernel // 2), nn.ReLU(), nn.MaxPool2d(2)]
    shrunk = 2 ** len(channels)
    n_features = channels[-1] * (shape[1] // shrunk) * (shape[2] // shrunk)
    layers += [nn.Flatten(), *_dropout(dropout)]
    for d, m in pairwise((n_features, *widths)):
        layers += [nn.Linear(d, m), nn.ReLU(), *_dropout(dropout)]
    layers.append(nn.Linear(widths[-1] if widths else n_features, n_outputs))
    return nn.Sequential(*layers)


def loss(network: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Return the mean cross-entropy of a batch: x (n, c * h * w), y (n,) classes."""
    return F.cross_entropy(network(x), y)


def _dropout(rate: float) -> list[nn.Module]:
    return [nn.Dropout(rate)] if rate else []
