"""Random numbers from keys: their distribution, and that a lane's are its own."""

import pytest
import torch

from models.layers.activations import PReLU
from models.layers.random import random_normal

KEYS = torch.tensor([3, -77, 1 << 30], dtype=torch.int32)


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_normal_numbers_have_the_shape_asked_for_and_are_a_lanes_own(n: int) -> None:
    together = random_normal(KEYS, (n, 3))
    assert together.shape == (3, n, 3)
    for place, key in enumerate(KEYS):
        assert torch.equal(together[place], random_normal(key, (n, 3)))


def test_normal_numbers_are_standard_normal_in_both_halves() -> None:
    numbers = random_normal(KEYS, (100_000,))
    for half in numbers.chunk(2, dim=-1):
        assert half.mean(dim=-1).abs().max() < 0.02
        assert (half.std(dim=-1) - 1).abs().max() < 0.02
        assert (half.pow(4).mean(dim=-1) - 3).abs().max() < 0.15  # neither too flat nor too pointed


def test_the_two_numbers_of_a_pair_do_not_hang_together() -> None:
    first, second = random_normal(KEYS, (100_000,)).chunk(2, dim=-1)
    for one, other in ((first, second), (first.square(), second.square())):
        for lane in range(len(KEYS)):
            assert torch.corrcoef(torch.stack((one[lane], other[lane])))[0, 1].abs() < 0.02


@pytest.mark.parametrize("shape", [(5,), (2, 3)])
def test_prelu_in_lanes_is_each_lanes_own(shape: tuple[int, ...]) -> None:
    slopes = torch.tensor([[0.25], [-0.5], [1.5]])
    x = random_normal(KEYS, (4, *shape)).requires_grad_()
    together = PReLU()
    together.weight = torch.nn.Parameter(slopes)
    answer = together(x)
    gradients = torch.autograd.grad(answer.square().sum(), (x, together.weight))
    for place, slope in enumerate(slopes):
        alone = torch.nn.functional.prelu(x[place], slope)
        torch.testing.assert_close(answer[place], alone)
        slope.requires_grad_()
        wanted = torch.autograd.grad(torch.nn.functional.prelu(x[place], slope).square().sum(), (x, slope))
        torch.testing.assert_close(gradients[0][place], wanted[0][place])
        torch.testing.assert_close(gradients[1][place], wanted[1])
