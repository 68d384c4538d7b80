"""Capsule layers: the equations of the paper, the written-out gradients, patches."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  (torch's own documentation calls it F)

from models.layers.capsules import lengths, margin_losses, routed_capsules, squash
from models.layers.patches import MAX_PATCH_BYTES, PatchConv2d, patches
from models.seeds import generator


def draw(*shape: int, seed: int = 0) -> Tensor:
    """Return normal numbers."""
    return torch.randn(*shape, generator=generator(seed, "test"))


def routed_step_by_step(u: Tensor, weight: Tensor, n_rounds: int) -> Tensor:
    """Follow procedure 1 of the paper line by line, with torch's own gradient: (n, i, d) to (n, o, e)."""
    votes = torch.einsum("nid,idoe->nioe", u, weight)  # (n, i, o, e)
    logits = torch.zeros(votes.shape[:-1])  # (n, i, o)
    for _ in range(n_rounds):
        coupling = logits.softmax(dim=-1)  # (n, i, o)
        s = (coupling.unsqueeze(-1) * votes).sum(dim=1)  # (n, o, e)
        square = s.square().sum(dim=-1, keepdim=True)  # (n, o, 1)
        v = square / (1 + square) * s / square.sqrt()  # (n, o, e)
        logits = logits + (votes * v.unsqueeze(1)).sum(dim=-1)  # (n, i, o)
    return v


def capsules_below(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return capsules (5, 7, 3) and their weights (7, 3, 4, 6), both wanting gradients."""
    return squash(draw(5, 7, 3, seed=seed)).requires_grad_(), draw(7, 3, 4, 6, seed=seed + 9).requires_grad_()


def test_squash_keeps_directions_and_shortens_lengths() -> None:
    s = torch.tensor([[3.0, 4.0], [0.06, 0.08], [0.0, 0.0]])
    v = squash(s)
    torch.testing.assert_close(v.norm(dim=-1), torch.tensor([25 / 26, 0.01 / 1.01, 0.0]))
    torch.testing.assert_close(v[:2] / v[:2].norm(dim=-1, keepdim=True), s[:2] / s[:2].norm(dim=-1, keepdim=True))


def test_gradients_of_squash_and_length_are_right_and_finite_at_zero() -> None:
    s = draw(4, 3).double().requires_grad_()
    assert torch.autograd.gradcheck(squash, s)
    zero = torch.zeros(2, 3, requires_grad=True)
    [gradient] = torch.autograd.grad(lengths(squash(zero)).sum(), zero)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("n_rounds", [1, 2, 3, 5])
def test_routing_and_its_gradient_are_those_of_the_procedure(n_rounds: int) -> None:
    u, weight = capsules_below()
    slope = draw(5, 4, 6, seed=3)
    ours, theirs = (route(u, weight, n_rounds) for route in (routed_capsules, routed_step_by_step))
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)
    for mine, right in zip(
        *(torch.autograd.grad(answers, (u, weight), slope) for answers in (ours, theirs)), strict=True
    ):
        torch.testing.assert_close(mine, right, rtol=1e-4, atol=1e-5)


def test_routing_passes_gradcheck_in_double_precision() -> None:
    u, weight = squash(draw(2, 3, 2)).double().requires_grad_(), draw(3, 2, 2, 3).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda u, weight: routed_capsules(u, weight, 3), (u, weight))


def test_a_kept_graph_gives_the_same_gradient_again() -> None:
    u, weight = capsules_below()
    answers = routed_capsules(u, weight, 3).sum()
    first = torch.autograd.grad(answers, (u, weight), retain_graph=True)
    again = torch.autograd.grad(answers, (u, weight))
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))


def test_votes_that_agree_gain_weight_over_the_rounds() -> None:
    # Of two classes, one gets equal votes and the other votes that cancel in part.
    weight = torch.zeros(4, 1, 2, 2)
    weight[:, 0, 0] = torch.tensor([1.0, 0.0])
    weight[:, 0, 1] = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])
    u = torch.ones(1, 4, 1)
    margins = [lengths(routed_capsules(u, weight, n_rounds))[0] for n_rounds in (1, 2, 3)]
    assert margins[0][0] < margins[1][0] < margins[2][0]
    assert margins[0][0] > margins[0][1]


@pytest.mark.parametrize("n_rounds", [1, 3])
def test_lanes_route_as_they_do_alone(n_rounds: int) -> None:
    pairs = [capsules_below(seed) for seed in range(3)]
    slope = draw(3, 5, 4, 6, seed=4)
    u, weight = (torch.stack(tensors).detach().requires_grad_() for tensors in zip(*pairs, strict=True))
    together = routed_capsules(u, weight, n_rounds)
    gradients = torch.autograd.grad(together, (u, weight), slope)
    for lane, pair in enumerate(pairs):
        alone = routed_capsules(*pair, n_rounds)
        torch.testing.assert_close(together[lane], alone, rtol=1e-5, atol=1e-6)
        for mine, right in zip(gradients, torch.autograd.grad(alone, pair, slope[lane]), strict=True):
            torch.testing.assert_close(mine[lane], right, rtol=1e-5, atol=1e-6)


def test_routing_without_gradients_works_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    u, weight = capsules_below()
    with torch.inference_mode():
        whole = routed_capsules(u, weight, 3)
        monkeypatch.setattr("models.layers.capsules.CHUNK_BYTES", 2 * 4 * 7 * 4 * 6)
        torch.testing.assert_close(routed_capsules(u, weight, 3), whole)


def test_margin_loss_of_a_hand_computed_example() -> None:
    sizes = torch.tensor([[0.7, 0.3, 0.05], [0.95, 0.0, 0.1]])
    numbers = (torch.tensor(0.9), torch.tensor(0.1), torch.tensor(0.5))
    losses = margin_losses(sizes, torch.tensor([0, 0]), *numbers)
    torch.testing.assert_close(losses, torch.tensor([0.2**2 + 0.5 * 0.2**2, 0.0]))


@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2), (2, 3), (6, 1)])
def test_patches_and_their_gradient_are_those_of_a_convolution(kernel: int, stride: int) -> None:
    layer = PatchConv2d(2, 5, kernel, stride)
    with torch.no_grad():
        layer.weight.copy_(draw(5, kernel * kernel * 2))
        layer.bias.copy_(draw(5))
    x = draw(3, 8, 6, 2).requires_grad_()
    weight = layer.weight.detach().view(5, kernel, kernel, 2).permute(0, 3, 1, 2).requires_grad_()
    ours = layer(x)
    theirs = F.conv2d(x.permute(0, 3, 1, 2), weight, layer.bias, stride).permute(0, 2, 3, 1)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    slope = draw(*ours.shape, seed=2)
    mine, of_weight = torch.autograd.grad(ours, (x, layer.weight), slope)
    right, of_theirs = torch.autograd.grad(theirs, (x, weight), slope)
    torch.testing.assert_close(mine, right, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(of_weight, of_theirs.permute(0, 2, 3, 1).reshape(5, -1), rtol=1e-4, atol=1e-4)
    small = draw(1, 7, 6, 1).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: patches(x, kernel, stride), small)


@pytest.mark.parametrize("lanes", [(), (3,)])
def test_large_images_are_convolved_alike(lanes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    layer = PatchConv2d(2, 5, 3, 2)
    layer.weight = torch.nn.Parameter(draw(*lanes, 5, 18))
    layer.bias = torch.nn.Parameter(draw(*lanes, 5))
    x = draw(*lanes, 4, 9, 7, 2)
    assert x.nbytes < MAX_PATCH_BYTES
    in_patches = layer(x)
    monkeypatch.setattr("models.layers.patches.MAX_PATCH_BYTES", 0)
    torch.testing.assert_close(layer(x), in_patches, rtol=1e-5, atol=1e-5)
