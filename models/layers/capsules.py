"""Capsules: groups of numbers whose length says how likely a thing is there and whose direction says how it looks.

`routed_capsules` has a backward of its own. The gradient is the exact one, through the couplings of every round; it is
quick because it never writes what differentiating each step of T rounds would write:

- before round t + 1 a capsule's logits are its votes times the *sum* of the first t answers, so none are carried along;
- the gradient of the votes is a sum of 2 T - 1 outer products (coupling x direction, agreement x sum of answers), so it
  is written once, as one product, and not once a round;
- with the votes laid out as (classes, capsules, dimension) of each example, every sum is a product of small matrices.

Source: Sabour, Frosst and Hinton, Dynamic Routing Between Capsules, arXiv 1710.09829.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from models.layers.precision import in_float32

_TINY = 1e-8
CHUNK_BYTES = 16 << 20
"""Votes of a lane at once where no gradient is wanted, so that evaluating many rows does not fill the memory."""


@in_float32
def squash(s: Tensor) -> Tensor:
    """Shorten vectors to a length below 1, keeping their direction: v = |s|^2 / (1 + |s|^2) s / |s| (equation 1).

    Args:
        s: (..., d).

    Returns:
        (..., d)
    """
    return _Squash.apply(s) if _is_learning(s) else _squash(s)  # type: ignore[no-untyped-call]  # (..., d)


@in_float32
def lengths(v: Tensor) -> Tensor:
    """Return the Euclidean length of vectors, (..., d) to (...); its gradient is finite at 0 too."""
    return (v.square().sum(dim=-1) + _TINY).sqrt()  # (...)


@in_float32
def routed_capsules(u: Tensor, weight: Tensor, n_rounds: int) -> Tensor:
    """Let each capsule vote for the capsules above it, and trust the votes that agree with the rest (procedure 1).

    Args:
        u: (n, i, d) capsules below, or (lanes, n, i, d).
        weight: (i, d, o, e) from each capsule below to each above, or (lanes, i, d, o, e).
        n_rounds: T, rounds of routing, from 1. In the first one all votes count alike.

    Returns:
        (n, o, e) capsules above, or (lanes, n, o, e).
    """
    if weight.dim() == 4:
        return routed_capsules(u.unsqueeze(0), weight.unsqueeze(0), n_rounds)[0]  # (n, o, e)
    if n_rounds == 1:
        return _averaged_capsules(u, weight)  # (lanes, n, o, e)
    if _is_learning(u, weight):
        return _Routing.apply(u, weight, n_rounds)  # type: ignore[no-any-return,no-untyped-call]  # (lanes, n, o, e)
    n_rows = max(1, CHUNK_BYTES * u.shape[-1] // (4 * weight[0].numel()))  # whatever the lanes, for equal rounding
    if u.shape[1] <= n_rows:
        return _route(_votes(u, weight), n_rounds)[0]  # (lanes, n, o, e)
    parts = [_route(_votes(part, weight), n_rounds)[0] for part in torch.split(u, n_rows, dim=1)]
    return torch.cat(parts, dim=1)  # (lanes, n, o, e)


def margin_losses(sizes: Tensor, y: Tensor, present: Tensor, absent: Tensor, absent_weight: Tensor) -> Tensor:
    """Return each example's margin loss: equation 4, summed over the classes.

    Args:
        sizes: (..., n, o) lengths of the class capsules.
        y: (..., n) classes.
        present: m+, the length that the right class should have at least; this and the next two () or (..., 1, 1).
        absent: m-, the length that a wrong class should have at most.
        absent_weight: lambda, how much the wrong classes count.

    Returns:
        (..., n)
    """
    is_right = one_hot(y, sizes.shape[-1])  # (..., n, o)
    too_short = (present - sizes).relu().square()  # (..., n, o)
    too_long = (sizes - absent).relu().square()  # (..., n, o)
    return (is_right * too_short + absent_weight * (1 - is_right) * too_long).sum(dim=-1)  # (..., n)


def one_hot(y: Tensor, n_classes: int) -> Tensor:
    """Return 1 at the class and 0 elsewhere, (...) to (..., n_classes) float32."""
    return (y.unsqueeze(-1) == torch.arange(n_classes, device=y.device)).float()  # (..., n_classes)


def _is_learning(*tensors: Tensor) -> bool:
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def _squash(s: Tensor) -> Tensor:
    square = s.square().sum(dim=-1, keepdim=True)  # (..., 1)
    return s * ((square + _TINY).sqrt() / (1 + square))  # (..., d)


def _squash_backward(s: Tensor, gradient: Tensor) -> Tensor:
    # v = f(q) s with q = |s|^2 and f = sqrt(q) / (1 + q), so ds = f dv + 2 f'(q) <dv, s> s.
    square = s.square().sum(dim=-1, keepdim=True)  # (..., 1)
    length, above = (square + _TINY).sqrt(), 1 + square  # (..., 1)
    factor = length / above  # (..., 1)
    slope = (1 / length - 2 * factor) / above  # (..., 1)  2 f'(q)
    return gradient * factor + s * (slope * (gradient * s).sum(dim=-1, keepdim=True))  # (..., d)


class _Squash(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, s: Tensor) -> Tensor:
        ctx.save_for_backward(s)
        return _squash(s)  # (..., d)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (s,) = ctx.saved_tensors
        return _squash_backward(s, gradients[0])  # (..., d)


def _averaged_capsules(u: Tensor, weight: Tensor) -> Tensor:
    # One round trusts all votes alike: their sum is a plain dense layer, and no vote is written.
    lanes, i, d, o, e = weight.shape
    sums = torch.bmm(u.flatten(2), weight.reshape(lanes, i * d, o * e))  # (lanes, n, o * e)
    return squash(sums.view(lanes, -1, o, e) / o)  # (lanes, n, o, e)


def _votes(u: Tensor, weight: Tensor) -> Tensor:
    lanes, i, d, o, e = weight.shape
    rows = u.transpose(1, 2).reshape(lanes * i, -1, d)  # (lanes * i, n, d)
    votes = torch.bmm(rows, weight.reshape(lanes * i, d, o * e))  # (lanes * i, n, o * e)
    return votes.view(lanes, i, -1, o, e).permute(0, 2, 3, 1, 4).contiguous()  # (lanes, n, o, i, e)


class _Rounds(NamedTuple):
    # Of each round t: sums s_t (lanes, n, o, e); of each round from the second: couplings c_t (lanes, n, o, i) and
    # totals v_1 + .. + v_t-1 (lanes, n, o, e).
    sums: list[Tensor]
    couplings: list[Tensor]
    totals: list[Tensor]


def _route(votes: Tensor, n_rounds: int) -> tuple[Tensor, _Rounds]:
    sums, couplings, totals = [votes.sum(dim=-2) / votes.shape[-3]], [], []
    answers = _squash(sums[0])  # (lanes, n, o, e)
    total = answers  # (lanes, n, o, e)
    for _ in range(1, n_rounds):
        coupling = agreement(total, votes).softmax(dim=-2)  # (lanes, n, o, i)  a capsule's trust is shared out
        s = weighted_sum(coupling, votes)  # (lanes, n, o, e)
        couplings.append(coupling)
        totals.append(total)
        sums.append(s)
        answers = _squash(s)  # (lanes, n, o, e)
        total = total + answers  # (lanes, n, o, e)
    return answers, _Rounds(sums, couplings, totals)


def agreement(directions: Tensor, votes: Tensor) -> Tensor:
    """Multiply each vote with its class's direction: (..., o, e) and (..., o, i, e) to (..., o, i)."""
    rows = directions.reshape(-1, 1, directions.shape[-1])  # (b, 1, e)
    return torch.bmm(rows, votes.flatten(0, -3).transpose(1, 2)).view(votes.shape[:-1])  # (..., o, i)


def weighted_sum(weights: Tensor, votes: Tensor) -> Tensor:
    """Sum votes over the capsules: (..., o, i) and (..., o, i, e) to (..., o, e)."""
    rows = weights.reshape(-1, 1, weights.shape[-1])  # (b, 1, i)
    return torch.bmm(rows, votes.flatten(0, -3)).view(*votes.shape[:-2], -1)  # (..., o, e)


def _votes_gradient(votes: Tensor, rounds: _Rounds, gradient: Tensor, out: Tensor) -> Tensor:
    # `left` and `right` gather the outer products (lanes, n, o, i) x (lanes, n, o, e) that the gradient is the sum of.
    # It may take the place of the votes, which nothing needs once the products are gathered.
    left: list[Tensor] = []
    right: list[Tensor] = []
    of_total = torch.zeros_like(gradient)  # (lanes, n, o, e)
    backwards = zip(rounds.sums[:0:-1], rounds.couplings[::-1], rounds.totals[::-1], strict=True)
    for s, coupling, total in backwards:
        of_sum = _squash_backward(s, gradient)  # (lanes, n, o, e)
        of_coupling = agreement(of_sum, votes) * coupling  # (lanes, n, o, i)
        of_logits = of_coupling - coupling * of_coupling.sum(dim=-2, keepdim=True)  # (lanes, n, o, i)
        left += [coupling, of_logits]
        right += [of_sum, total]
        of_total = of_total + weighted_sum(of_logits, votes)  # (lanes, n, o, e)
        gradient = of_total  # (lanes, n, o, e)  an answer is part of all later totals
    left.append(torch.full_like(left[0], 1 / votes.shape[-3]))
    right.append(_squash_backward(rounds.sums[0], gradient))
    factors = torch.stack(left, dim=-2).flatten(0, -3)  # (lanes * n * o, 2 T - 1, i)
    directions = torch.stack(right, dim=-2).flatten(0, -3)  # (lanes * n * o, 2 T - 1, e)
    torch.bmm(factors.transpose(1, 2), directions, out=out.view(-1, *votes.shape[-2:]))  # (lanes * n * o, i, e)
    return out  # (lanes, n, o, i, e)


class _Routing(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, u: Tensor, weight: Tensor, n_rounds: int) -> Tensor:
        votes = _votes(u, weight)  # (lanes, n, o, i, e)
        answers, ctx.rounds = _route(votes, n_rounds)
        ctx.save_for_backward(u, weight, votes)
        return answers  # (lanes, n, o, e)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        u, weight, votes = ctx.saved_tensors
        lanes, i, d, o, e = weight.shape
        # Fresh memory of this size costs as much as the arithmetic, so the votes' own is taken unless they are kept.
        is_kept = torch._C._autograd._get_current_graph_task_keep_graph()
        place = torch.empty_like(votes) if is_kept else votes  # (lanes, n, o, i, e)
        of_votes = _votes_gradient(votes, ctx.rounds, gradients[0], place)  # (lanes, n, o, i, e)
        rows = of_votes.permute(0, 3, 1, 2, 4).reshape(lanes * i, -1, o * e)  # (lanes * i, n, o * e)
        columns = u.permute(0, 2, 3, 1).reshape(lanes * i, d, -1)  # (lanes * i, d, n)
        of_weight = torch.bmm(columns, rows)  # (lanes * i, d, o * e)
        of_u = torch.bmm(weight.reshape(lanes * i, d, o * e), rows.transpose(1, 2))  # (lanes * i, d, n)
        return of_u.view(lanes, i, d, -1).permute(0, 3, 1, 2), of_weight.view_as(weight), None
