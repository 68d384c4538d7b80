"""Convolution as a dense layer over patches, for images whose channels come last.

On small images a convolution costs more in calls and in rearranging than in arithmetic. Cut into patches, it is one
product of two matrices, alone and in lanes. Large images are left to torch's own convolution, which needs no copies.

Images are (n, height, width, channels), or (lanes, n, height, width, channels).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.layers.basic import dense
from models.layers.conv import conv2d
from models.layers.tracing import is_tracing

MAX_PATCH_BYTES = 8 << 20  # of one lane; beyond, the copy leaves the cache and torch's own convolution is quicker


class PatchConv2d(nn.Module):
    """A convolution, (n, h, w, c) to (n, h', w', m), h' = (h - kernel) // stride + 1; with a lane dimension stacked.

    Its weights start undefined: the network that contains it sets them, so that the global generator is never touched.
    """

    def __init__(self, n_inputs: int, n_outputs: int, kernel: int, stride: int = 1) -> None:
        """Make the layer.

        Args:
            n_inputs: c, channels of the images.
            n_outputs: m, channels of the result.
            kernel: edge of the square that each number of the result looks at, in pixels.
            stride: pixels from one square to the next.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_outputs, kernel * kernel * n_inputs))  # (m, k * k * c)
        self.bias = nn.Parameter(torch.zeros(n_outputs))  # (m,)
        self.n_inputs = n_inputs
        self.kernel = kernel
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Convolve."""
        k, m = self.kernel, self.weight.shape[:-1]
        height, width = x.shape[-3:-1]
        n_places = ((height - k) // self.stride + 1) * ((width - k) // self.stride + 1)
        is_small = 4 * x.shape[-4] * n_places * self.weight.shape[-1] <= MAX_PATCH_BYTES
        if is_small and not is_tracing():  # an exported file gets a convolution, which is what its readers know
            return dense(patches(x, k, self.stride), self.weight, self.bias)  # (..., h', w', m)
        weight = channels_first(self.weight.view(*m, k, k, self.n_inputs))  # (..., m, c, k, k)
        convolve = F.conv2d if weight.dim() == 4 else conv2d
        return channels_last(convolve(channels_first(x), weight, self.bias, self.stride))  # (..., h', w', m)


def channels_last(x: Tensor) -> Tensor:
    """View images (..., c, h, w) as (..., h, w, c)."""
    n = x.dim()  # counted from the front, since exported files know no axes from the end
    return x.permute(*range(n - 3), n - 2, n - 1, n - 3)  # (..., h, w, c)


def channels_first(x: Tensor) -> Tensor:
    """View images (..., h, w, c) as (..., c, h, w)."""
    n = x.dim()
    return x.permute(*range(n - 3), n - 1, n - 3, n - 2)  # (..., c, h, w)


def patches(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Cut squares out of images.

    Args:
        x: (..., h, w, c).
        kernel: k, edge of the squares.
        stride: pixels from one square to the next.

    Returns:
        (..., h', w', k * k * c) with h' = (h - k) // stride + 1.
    """
    if torch.is_grad_enabled() and x.requires_grad:
        return _Patches.apply(x, kernel, stride)  # type: ignore[no-any-return,no-untyped-call]
    return _patches(x, kernel, stride)  # (..., h', w', k * k * c)


def _patches(x: Tensor, kernel: int, stride: int) -> Tensor:
    squares = x.unfold(-3, kernel, stride).unfold(-3, kernel, stride)  # (..., h', w', c, k, k)
    return squares.movedim(-3, -1).flatten(-3)  # (..., h', w', k * k * c)


class _Patches(torch.autograd.Function):
    # torch's gradient of `unfold` adds number by number; this one adds whole images, k * k of them.

    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: int, stride: int) -> Tensor:
        ctx.shape, ctx.kernel, ctx.stride = x.shape, kernel, stride
        return _patches(x, kernel, stride)  # (..., h', w', k * k * c)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        k, stride = ctx.kernel, ctx.stride
        squares = gradients[0].view(*gradients[0].shape[:-1], k, k, -1)  # (..., h', w', k, k, c)
        height, width = squares.shape[-5:-3]
        of_x = squares.new_zeros(ctx.shape)  # (..., h, w, c)
        for row in range(k):
            for column in range(k):
                rows = slice(row, row + stride * (height - 1) + 1, stride)
                columns = slice(column, column + stride * (width - 1) + 1, stride)
                of_x[..., rows, columns, :] += squares[..., row, column, :]
        return of_x, None, None
