"""Convolutions that halve an image and transposed ones that double it, 4x4 with stride 2, alone and in lanes.

These two are what DCGAN-like networks are made of (Radford, Metz and Chintala, arXiv 1511.06434). Images lie with their
channels last, (..., n, height, width, channels), so that a convolution is a dense layer over windows and a transposed
convolution a dense layer whose answers are laid over each other; lanes then cost nothing of their own.
"""

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.layers.basic import dense
from models.layers.patches import channels_first, channels_last
from models.layers.tracing import is_tracing

EDGE = 4
"""Pixels along a window, which is moved by half of that; one pixel of zeros surrounds the image."""

N_PIXELS = EDGE * EDGE


class HalvingConv(nn.Module):
    """A convolution, (n, 2h, 2w, c) to (n, h, w, m) alone and with a leading lane dimension stacked.

    Its weights (m, 16 c) start undefined: the network that contains it sets them. A row holds a window's pixels row by
    row, each with its channels.
    """

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        """Make the layer.

        Args:
            n_inputs: c, channels of the image.
            n_outputs: m, channels of the result.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_outputs, N_PIXELS * n_inputs))  # (m, 16 c)
        self.bias = nn.Parameter(torch.zeros(n_outputs))  # (m,)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        return halving_conv(x, self.weight, self.bias)


class DoublingConv(nn.Module):
    """A transposed convolution, (n, h, w, c) to (n, 2h, 2w, m) alone and with a leading lane dimension stacked.

    Its weights (16 m, c) start undefined: the network that contains it sets them. Each pixel of the result is the sum
    of four windows that lie over it.
    """

    def __init__(self, n_inputs: int, n_outputs: int) -> None:
        """Make the layer.

        Args:
            n_inputs: c, channels of the image.
            n_outputs: m, channels of the result.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.empty(N_PIXELS * n_outputs, n_inputs))  # (16 m, c)
        self.bias = nn.Parameter(torch.zeros(n_outputs))  # (m,)

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge."""
        return doubling_conv(x, self.weight, self.bias)


def halving_conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve images, each lane with its own weights.

    Args:
        x: (n, 2h, 2w, c), or (lanes, n, 2h, 2w, c).
        weight: (m, 16 c), or (lanes, m, 16 c).
        bias: (m,), or (lanes, m).

    Returns:
        (n, h, w, m), or (lanes, n, h, w, m)
    """
    if is_tracing():  # an exported file gets a convolution, which is what its readers know
        kernel = weight.view(len(weight), EDGE, EDGE, -1).permute(0, 3, 1, 2)  # (m, c, 4, 4)
        return channels_last(F.conv2d(channels_first(x), kernel, bias, stride=2, padding=1))  # (n, h, w, m)
    return dense(_Windows.apply(x), weight, bias)  # type: ignore[no-untyped-call]  # (..., n, h, w, m)


def doubling_conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Enlarge images, each lane with its own weights; the adjoint of `halving_conv`.

    Args:
        x: (n, h, w, c), or (lanes, n, h, w, c).
        weight: (16 m, c), or (lanes, 16 m, c).
        bias: (m,), or (lanes, m).

    Returns:
        (n, 2h, 2w, m), or (lanes, n, 2h, 2w, m)
    """
    if is_tracing():
        kernel = weight.view(EDGE, EDGE, -1, weight.shape[-1]).permute(3, 2, 0, 1)  # (c, m, 4, 4)
        doubled = F.conv_transpose2d(channels_first(x), kernel, bias, stride=2, padding=1)  # (n, m, 2h, 2w)
        return channels_last(doubled)  # (n, 2h, 2w, m)
    image: Tensor = _Overlay.apply(dense(x, weight))  # type: ignore[no-untyped-call]  # (..., n, 2h, 2w, m)
    return image + (bias if bias.dim() == 1 else bias.view(len(bias), 1, 1, 1, -1))  # (..., n, 2h, 2w, m)


def windows(x: Tensor) -> Tensor:
    """Cut images into overlapping windows of 4x4 pixels, two pixels apart.

    Args:
        x: (..., 2h, 2w, c)

    Returns:
        (..., h, w, 16 c)
    """
    height, width, c = x.shape[-3:]
    padded = F.pad(x, (0, 0, 1, 1, 1, 1)).flatten(0, -4)  # (n, 2h + 2, 2w + 2, c)
    row = (width + 2) * c
    sizes = (len(padded), height // 2, width // 2, EDGE, EDGE * c)
    cut = padded.as_strided(sizes, ((height + 2) * row, 2 * row, 2 * c, row, 1))  # (n, h, w, 4, 4 c)
    return cut.reshape(*x.shape[:-3], height // 2, width // 2, N_PIXELS * c)  # (..., h, w, 16 c)


def overlay(patches: Tensor) -> Tensor:
    """Lay windows over each other and add up what lies on the same pixel; the adjoint of `windows`.

    Args:
        patches: (..., h, w, 16 c)

    Returns:
        (..., 2h, 2w, c)
    """
    height, width, size = patches.shape[-3:]
    c = size // N_PIXELS
    halves = patches.reshape(-1, height, width, 2, 2, 2, 2 * c)  # (n, h, w, half, row, half, 2 c)
    image = patches.new_zeros(len(halves), height + 1, 2, width + 1, 2 * c)  # pairs of rows, pairs of columns
    for down in (0, 1):
        for right in (0, 1):
            part = halves[:, :, :, down, :, right].transpose(2, 3)  # (n, h, row, w, 2 c)
            image[:, down : down + height, :, right : right + width] += part
    whole = image.view(*patches.shape[:-3], 2 * height + 2, 2 * width + 2, c)  # (..., 2h + 2, 2w + 2, c)
    return whole[..., 1:-1, 1:-1, :]  # (..., 2h, 2w, c)


class _Windows(torch.autograd.Function):
    # torch would undo the strided view by a scattered addition over storage; the overlay is four plain ones.

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor) -> Tensor:
        return windows(x)

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> Tensor:
        return overlay(gradients[0])


class _Overlay(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, patches: Tensor) -> Tensor:
        return overlay(patches)

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> Tensor:
        return windows(gradients[0])
