"""Image layers compute what torch computes, alone and in lanes, forwards and backwards."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.layers.conv import (
    BatchNorm2d,
    Conv2d,
    average_pool2d,
    conv2d,
    max_pool2d,
)
from models.seeds import generator

SHAPES = [
    (1, 3, 1, 1),
    (3, 3, 2, 1),
    (2, 5, 1, 2),
    (3, 2, 2, 0),
    (2, 1, 1, 0),
    (2, 4, 3, 1),
]  # c, kernel, stride, padding


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Return normal numbers that want gradients."""
    return torch.randn(*shape, generator=generator(seed, "test")).requires_grad_()


def assert_same(ours: Tensor, theirs: Tensor, leaves: list[Tensor]) -> None:
    """Hold results and the gradients of all leaves against each other."""
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    slope = draw(*theirs.shape, seed=9).detach()
    for mine, right in zip(
        torch.autograd.grad(ours, leaves, slope), torch.autograd.grad(theirs, leaves, slope), strict=True
    ):
        torch.testing.assert_close(mine, right, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", SHAPES)
def test_convolution_is_torchs(shape: tuple[int, int, int, int]) -> None:
    channels, kernel, stride, padding = shape
    x, weight, bias = draw(3, 5, channels, 7, 6), draw(3, 4, channels, kernel, kernel), draw(3, 4)
    each = [F.conv2d(x[i], weight[i], bias[i], stride, padding) for i in range(3)]
    assert_same(conv2d(x, weight, bias, stride, padding), torch.stack(each), [x, weight, bias])
    alone = F.conv2d(x[1], weight[1], None, stride, padding)
    assert_same(conv2d(x[1], weight[1], None, stride, padding), alone, [x, weight])


@pytest.mark.parametrize(("size", "stride"), [(2, 2), (3, 2), (2, 1), (3, None)])
@pytest.mark.parametrize(("ours", "torchs"), [(max_pool2d, F.max_pool2d), (average_pool2d, F.avg_pool2d)])
def test_pooling_is_torchs(
    ours: Callable[..., Tensor], torchs: Callable[..., Tensor], size: int, stride: int | None
) -> None:
    x = draw(3, 5, 2, 7, 6)
    each = torch.stack([torchs(x[i], size, stride) for i in range(3)])
    assert_same(ours(x, size, stride), each, [x])
    assert_same(ours(x[0], size, stride), torchs(x[0], size, stride), [x])


def test_batch_norm_of_a_lane_is_the_one_it_has_alone() -> None:
    x = draw(3, 5, 2, 7, 6)
    alone = [BatchNorm2d(2) for _ in range(3)]
    together = BatchNorm2d(2)
    together.weight = torch.nn.Parameter(torch.rand(3, 2, generator=generator(1, "test")))
    together.bias = torch.nn.Parameter(torch.rand(3, 2, generator=generator(2, "test")))
    together.running_mean, together.running_var = torch.zeros(3, 2), torch.ones(3, 2)
    for lane, layer in enumerate(alone):
        layer.weight.data, layer.bias.data = together.weight[lane].detach(), together.bias[lane].detach()
    assert_same(together(x), torch.stack([layer(x[i]) for i, layer in enumerate(alone)]), [x])
    together.eval()
    torch.testing.assert_close(together(x)[2], alone[2].eval()(x[2]))


def test_layers_hold_their_weights_and_no_random_ones() -> None:
    before = torch.get_rng_state()
    shapes = [tuple(w.shape) for w in (*Conv2d(3, 4, 5).parameters(), *Conv2d(3, 4, 5, bias=False).parameters())]
    assert shapes == [(4, 3, 5, 5), (4,), (4, 3, 5, 5)]
    assert torch.equal(before, torch.get_rng_state())
