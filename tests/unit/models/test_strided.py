"""Halving and doubling convolutions against torch's own, alone and in lanes."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.layers.strided import DoublingConv, HalvingConv, doubling_conv, halving_conv, overlay, windows
from models.seeds import generator

N, H, W, C, M, LANES = 3, 2, 5, 3, 4, 2
Layer = Callable[[Tensor, Tensor, Tensor], Tensor]


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Return normal numbers that want a gradient."""
    return torch.randn(*shape, generator=generator(seed, "test")).requires_grad_()


def torch_halving(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve with torch; shapes as `halving_conv` alone."""
    kernel = weight.view(M, 4, 4, C).permute(0, 3, 1, 2)
    return F.conv2d(x.permute(0, 3, 1, 2), kernel, bias, stride=2, padding=1).permute(0, 2, 3, 1)


def torch_doubling(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Convolve transposed with torch; shapes as `doubling_conv` alone."""
    kernel = weight.view(4, 4, M, C).permute(3, 2, 0, 1)
    return F.conv_transpose2d(x.permute(0, 3, 1, 2), kernel, bias, stride=2, padding=1).permute(0, 2, 3, 1)


CASES: list[tuple[Layer, Layer, tuple[int, ...], tuple[int, int]]] = [
    (halving_conv, torch_halving, (N, 2 * H, 2 * W, C), (M, 16 * C)),
    (doubling_conv, torch_doubling, (N, H, W, C), (16 * M, C)),
]


@pytest.mark.parametrize(("ours", "theirs", "x_shape", "weight_shape"), CASES, ids=["halving", "doubling"])
class TestAgainstTorch:
    def test_answers_and_gradients(
        self, ours: Layer, theirs: Layer, x_shape: tuple[int, ...], weight_shape: tuple[int, int]
    ) -> None:
        inputs = draw(*x_shape), draw(*weight_shape, seed=1), draw(M, seed=2)
        found, wanted = ours(*inputs), theirs(*inputs)
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
        slope = draw(*wanted.shape, seed=3)
        for one, other in zip(
            torch.autograd.grad((found * slope).sum(), inputs),
            torch.autograd.grad((wanted * slope).sum(), inputs),
            strict=True,
        ):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)

    def test_lanes(self, ours: Layer, theirs: Layer, x_shape: tuple[int, ...], weight_shape: tuple[int, int]) -> None:
        inputs = draw(LANES, *x_shape), draw(LANES, *weight_shape, seed=1), draw(LANES, M, seed=2)
        found = ours(*inputs)
        wanted = torch.stack([theirs(*one) for one in zip(*inputs, strict=True)])
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
        slope = draw(*wanted.shape, seed=3)
        for one, other in zip(
            torch.autograd.grad((found * slope).sum(), inputs),
            torch.autograd.grad((wanted * slope).sum(), inputs),
            strict=True,
        ):
            torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_modules_hold_the_weights_of_their_functions() -> None:
    halving, doubling = HalvingConv(C, M), DoublingConv(C, M)
    assert halving.weight.shape == (M, 16 * C)
    assert doubling.weight.shape == (16 * M, C)
    with torch.no_grad():
        halving.weight.normal_(generator=generator(0, "w"))
        doubling.weight.normal_(generator=generator(1, "w"))
    x = draw(N, 2 * H, 2 * W, C)
    torch.testing.assert_close(halving(x), halving_conv(x, halving.weight, halving.bias))
    torch.testing.assert_close(doubling(x), doubling_conv(x, doubling.weight, doubling.bias))


def test_overlay_is_the_adjoint_of_windows() -> None:
    x, patches = draw(N, 2 * H, 2 * W, C).double(), draw(N, H, W, 16 * C, seed=1).double()
    torch.testing.assert_close((windows(x) * patches).sum(), (x * overlay(patches)).sum())
