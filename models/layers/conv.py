"""Convolution, pooling and batch normalisation of images that work alone and in lanes.

Images are (n, channels, height, width) alone and (lanes, n, channels, height, width) stacked, as in
`models.layers.basic`: a layer whose weights have one dimension more than usual holds several networks.

Source: LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, Proc. IEEE 86, 1998.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.layers.basic import BatchNorm, batch_norm


class Conv2d(nn.Module):
    """A convolution, (n, c, h, w) to (n, m, h', w') alone and with a leading lane dimension stacked.

    Its weights start undefined: the network that contains it sets them, so that the global generator is never touched.
    """

    def __init__(
        self, n_inputs: int, n_outputs: int, kernel: int, stride: int = 1, padding: int = 0, bias: bool = True
    ) -> None:
        """Make the layer.

        Args:
            n_inputs: c, channels of the images.
            n_outputs: m, channels of the result.
            kernel: edge of the square that each number of the result looks at, in pixels.
            stride: pixels from one square to the next.
            padding: pixels of zeros around the image.
            bias: whether each channel of the result has a constant added.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_outputs, n_inputs, kernel, kernel))  # (m, c, k, k)
        self.bias = nn.Parameter(torch.zeros(n_outputs)) if bias else None  # (m,)
        self.stride = stride
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """Convolve; see `conv2d`."""
        return conv2d(x, self.weight, self.bias, self.stride, self.padding)


class ConvTranspose2d(nn.Module):
    """A convolution run backwards, which enlarges images: (n, c, h, w) to (n, m, h', w'), h' = (h - 1) stride + k - 2p.

    Its weights start undefined, as those of `Conv2d`.
    """

    def __init__(
        self, n_inputs: int, n_outputs: int, kernel: int, stride: int = 1, padding: int = 0, bias: bool = True
    ) -> None:
        """Make the layer; arguments as for `Conv2d`, `stride` and `padding` being those of the result."""
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_inputs, n_outputs, kernel, kernel))  # (c, m, k, k)
        self.bias = nn.Parameter(torch.zeros(n_outputs)) if bias else None  # (m,)
        self.stride = stride
        self.padding = padding

    def forward(self, x: Tensor) -> Tensor:
        """Enlarge; see `conv_transpose2d`."""
        return conv_transpose2d(x, self.weight, self.bias, self.stride, self.padding)


def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    """Convolve images, each lane with its own weights.

    Args:
        x: (n, c, h, w), or (lanes, n, c, h, w).
        weight: (m, c, k, k), or (lanes, m, c, k, k).
        bias: (m,), or (lanes, m); None for none.
        stride: pixels from one square to the next.
        padding: pixels of zeros around the image.

    Returns:
        (n, m, h', w'), or (lanes, n, m, h', w'), with h' = (h + 2 padding - k) // stride + 1.
    """
    if weight.dim() == 4:
        return F.conv2d(x, weight, bias, stride, padding)  # (n, m, h', w')
    lanes = weight.shape[0]
    flat_bias = None if bias is None else bias.reshape(-1)  # (lanes * m,)
    out = F.conv2d(side_by_side(x), weight.flatten(0, 1), flat_bias, stride, padding, groups=lanes)
    return in_lanes(out, lanes)  # (lanes, n, m, h', w')


def conv_transpose2d(
    x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0
) -> Tensor:
    """Enlarge images, each lane with its own weights.

    Args:
        x: (n, c, h, w), or (lanes, n, c, h, w).
        weight: (c, m, k, k), or (lanes, c, m, k, k).
        bias: (m,), or (lanes, m); None for none.
        stride: pixels of the result from one square to the next.
        padding: pixels taken away around the result.

    Returns:
        (n, m, h', w'), or (lanes, n, m, h', w'), with h' = (h - 1) stride + k - 2 padding.
    """
    if weight.dim() == 4:
        return F.conv_transpose2d(x, weight, bias, stride, padding)  # (n, m, h', w')
    lanes = weight.shape[0]
    flat_bias = None if bias is None else bias.reshape(-1)  # (lanes * m,)
    out = F.conv_transpose2d(side_by_side(x), weight.flatten(0, 1), flat_bias, stride, padding, groups=lanes)
    return in_lanes(out, lanes)  # (lanes, n, m, h', w')


def max_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    """Keep the largest number of each square, (..., h, w) to (..., h', w'), h' = (h - size) // stride + 1.

    Args:
        x: (n, c, h, w), or (lanes, n, c, h, w).
        size: edge of the squares in pixels.
        stride: pixels from one square to the next; None for `size`.
    """
    out = F.max_pool2d(x.flatten(0, -4), size, stride)  # (... n, c, h', w')
    return out.reshape(*x.shape[:-2], *out.shape[-2:])  # (..., n, c, h', w')


def average_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    """Average each square; as `max_pool2d`."""
    out = F.avg_pool2d(x.flatten(0, -4), size, stride)  # (... n, c, h', w')
    return out.reshape(*x.shape[:-2], *out.shape[-2:])  # (..., n, c, h', w')


class BatchNorm2d(BatchNorm):
    """Normalise each channel over the batch and the image, (n, c, h, w) or (lanes, n, c, h, w)."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise with the batch's own statistics while training, and with their running means afterwards."""
        if self.weight.dim() == 1:
            return batch_norm(x, self)  # as x
        return in_lanes(batch_norm(side_by_side(x), self), x.shape[0])  # as x


def side_by_side(x: Tensor) -> Tensor:
    """Lay lanes side by side among the channels: (lanes, n, c, h, w) to (n, lanes * c, h, w)."""
    return x.transpose(0, 1).flatten(1, 2)  # (n, lanes * c, h, w)


def in_lanes(x: Tensor, lanes: int) -> Tensor:
    """Undo `side_by_side`: (n, lanes * c, h, w) to a view (lanes, n, c, h, w)."""
    return x.reshape(x.shape[0], lanes, -1, *x.shape[2:]).transpose(0, 1)  # (lanes, n, c, h, w)


def size_after(size: int, kernel: int, stride: int, padding: int = 0) -> int:
    """Return the edge of an image after a convolution or a pooling, in pixels; below 1 where nothing is left."""
    return (size + 2 * padding - kernel) // stride + 1
