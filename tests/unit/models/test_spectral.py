"""Spectral normalisation: against singular values, in lanes, and where a weight is nothing but zeros."""

import torch
from torch import Tensor

from models.layers.spectral import SpectralNorm
from models.seeds import generator


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Return normal numbers."""
    return torch.randn(*shape, generator=generator(seed, "test"))


def make(weight: Tensor, seed: int = 0) -> SpectralNorm:
    """Return a layer that has begun to look at a weight."""
    return SpectralNorm(weight, generator(seed, "left")).train()


def test_largest_singular_value_becomes_one() -> None:
    weight = 5 * draw(12, 7)
    layer = make(weight)
    for _ in range(50):
        normed = layer(weight)
    torch.testing.assert_close(torch.linalg.matrix_norm(normed, 2), torch.tensor(1.0), rtol=1e-4, atol=0)


def test_gradient_is_that_of_a_division_by_the_singular_value() -> None:
    weight, direction = draw(6, 9).requires_grad_(), draw(6, 9, seed=1)
    layer = make(weight)
    for _ in range(100):
        ours = layer(weight)
    [found] = torch.autograd.grad((ours * direction).sum(), weight)
    [exact] = torch.autograd.grad((weight / torch.linalg.matrix_norm(weight, 2) * direction).sum(), weight)
    torch.testing.assert_close(found, exact, rtol=1e-3, atol=1e-4)


def test_follows_a_weight_that_moves_only_while_training() -> None:
    weight = draw(6, 9)
    layer = make(weight)
    before = layer.left.clone()
    layer.eval()(draw(6, 9, seed=2))
    assert torch.equal(layer.left, before)
    layer.train()(draw(6, 9, seed=2))
    assert not torch.equal(layer.left, before)


def test_lanes_are_normed_as_each_alone() -> None:
    weights = [draw(6, 9, seed=seed).requires_grad_() for seed in range(3)]
    alone = [make(weight, seed) for seed, weight in enumerate(weights)]
    together = make(weights[0])
    together._buffers["left"] = torch.stack([layer.left for layer in alone])
    stacked = torch.stack([weight.detach() for weight in weights]).requires_grad_()
    direction = draw(6, 9, seed=9)
    ours = together(stacked)
    [gradient] = torch.autograd.grad((ours * direction).sum(), stacked)
    for lane, (layer, weight) in enumerate(zip(alone, weights, strict=True)):
        theirs = layer(weight)
        torch.testing.assert_close(ours[lane], theirs, rtol=1e-5, atol=1e-6)
        [own] = torch.autograd.grad((theirs * direction).sum(), weight)
        torch.testing.assert_close(gradient[lane], own, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(together.left[lane], layer.left, rtol=1e-5, atol=1e-6)


def test_zeros_stay_zeros_and_do_not_stop_the_iteration() -> None:
    layer = make(torch.zeros(4, 5))
    zeros = torch.zeros(4, 5, requires_grad=True)
    normed = layer(zeros)
    assert torch.equal(normed, torch.zeros(4, 5))
    weight = draw(4, 5)
    for _ in range(50):
        normed = layer(weight)
    torch.testing.assert_close(torch.linalg.matrix_norm(normed, 2), torch.tensor(1.0), rtol=1e-4, atol=0)
