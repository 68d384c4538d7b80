"""Convolution, pooling and batch normalisation of images that work alone and in lanes.

Images are (n, channels, height, width) alone and (lanes, n, channels, height, width) stacked, as in
`models.layers.basic`: a layer whose weights have one dimension more than usual holds several networks. Lanes then lie
side by side among the channels, and one grouped convolution serves all of them. In memory the channels come last:
measured on the CPU, pooling is four times as fast there and convolution a little faster than with rows of pixels.

Source: LeCun, Bottou, Bengio and Haffner, Gradient-based learning applied to document recognition, Proc. IEEE 86, 1998.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.layers.basic import BatchNorm, Dropout, batch_norm


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
    if weight.shape[-1] == 1 and not padding:
        # The pixels that such a convolution reads, and no others: torch 2.13 writes beyond its memory when it strides
        # over images of less than 8 channels by itself (oneDNN issue 6035).
        x, stride = x[..., ::stride, ::stride], 1  # (..., n, c, h', w')
    if weight.dim() == 4:
        return F.conv2d(channels_last(x), weight, bias, stride, padding)  # (n, m, h', w')
    lanes = weight.shape[0]
    flat_bias = None if bias is None else bias.reshape(-1)  # (lanes * m,)
    x = channels_last(side_by_side(x))  # (n, lanes * c, h, w)
    x = F.conv2d(x, weight.flatten(0, 1), flat_bias, stride, padding, groups=lanes)  # (n, lanes * m, h', w')
    return in_lanes(x, lanes)  # (lanes, n, m, h', w')


def max_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    """Keep the largest number of each square, (..., h, w) to (..., h', w'), h' = (h - size) // stride + 1.

    Args:
        x: (n, c, h, w), or (lanes, n, c, h, w).
        size: edge of the squares in pixels.
        stride: pixels from one square to the next; None for `size`.
    """
    if x.dim() == 5:
        return in_lanes(max_pool2d(side_by_side(x), size, stride), x.shape[0])  # (lanes, n, c, h', w')
    return F.max_pool2d(channels_last(x), size, stride)  # (n, c, h', w')


def average_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    """Average each square; as `max_pool2d`."""
    if x.dim() == 5:
        return in_lanes(average_pool2d(side_by_side(x), size, stride), x.shape[0])  # (lanes, n, c, h', w')
    return F.avg_pool2d(channels_last(x), size, stride)  # (n, c, h', w')


class ChannelDropout(Dropout):
    """Silence whole channels of an image at random while training (Tompson et al., arXiv 1411.4280).

    Neighbouring pixels tell nearly the same, so silencing single ones would take little away.
    """

    def set_numbers(self, numbers: Mapping[str, list[float]]) -> None:
        """Take the rate of each lane from the hyperparameter `channel_dropout`."""
        self.set_rates(numbers["channel_dropout"])

    def forward(self, x: Tensor) -> Tensor:
        """Silence channels and scale the others up; (n, c, h, w) or (lanes, n, c, h, w)."""
        if not self.training or self.is_idle:
            return x
        factors = super().forward(x.new_ones(x.shape[:-2]))  # (..., n, c)
        return x * factors[..., None, None]  # as x


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


def channels_last(x: Tensor) -> Tensor:
    """Lay the channels of a pixel side by side in memory; keeps the numbers and the shape (n, c, h, w)."""
    if x.shape[1] == 1:  # already so, but torch takes it for rows of pixels unless the lone channel's stride is 1
        return x.squeeze(1).unsqueeze(-1).movedim(-1, 1)  # (n, 1, h, w)
    return x.contiguous(memory_format=torch.channels_last)  # (n, c, h, w)
