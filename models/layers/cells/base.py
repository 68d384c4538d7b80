"""The recurrent cells' steps, forwards and backwards through time, on all lanes at once.

Autograd would record every operation of every step, which costs a small network more than its arithmetic. So each cell
has its backward written out: what a step needs of the others is computed for all steps together, and the loop itself is
left with two or three operations a step.

Everything lies feature by feature: a state is (lanes, units, n), examples last. A gate is then a block of rows, a slice
that is contiguous. tanh(a) is computed as 2 sigmoid(2 a) - 1, which takes a third of the time and is as exact.

`lanes` here counts directions too: those of a bidirectional layer are lanes of one program.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple, Protocol

import torch
from torch import Tensor


class Gradients(NamedTuple):
    """What arrives from above.

    Attributes:
        outputs: (lanes, units, steps, n), of the outputs at every step; None where nobody used them.
        last: (lanes, units, n), of the last step's output; None where nobody used it.
    """

    outputs: Tensor | None
    last: Tensor | None


class Cell(Protocol):
    """A recurrent unit.

    Attributes:
        n_gates: blocks of rows in a bias; each block has `units` rows.
        input_rows: which blocks the input feeds.
        state_rows: which blocks the state before feeds.
        is_faster_in_torch: whether torch's own kernel is the faster one for a single network on a CPU.
    """

    n_gates: int
    input_rows: slice
    state_rows: slice
    is_faster_in_torch: bool

    def forward(self, projected: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run all steps from a state of zeros.

        Args:
            projected: (lanes, input rows, steps, n), input times its weights plus bias.
            weight: (lanes, state rows, units), recurrent.
            bias: (lanes, rows, 1), all of it; the input's part is in `projected` already.

        Returns:
            The states (steps + 1, lanes, units, n), zeros first, and what `backward` needs.
        """
        ...

    def backward(
        self, states: Tensor, saved: tuple[Tensor, ...], weight: Tensor, above: Gradients, bptt_steps: int
    ) -> Tensor:
        """Go back through all steps.

        Args:
            states: from `forward`.
            saved: from `forward`.
            weight: (lanes, state rows, units), recurrent.
            above: the outputs' gradients.
            bptt_steps: steps after which the gradient is cut, counted from the last; 0 for never.

        Returns:
            (steps, lanes, rows, n), the gradient of the gates' sums.
        """
        ...

    def run_torch(self, x: Tensor, weights: list[Tensor], is_training: bool) -> tuple[Tensor, Tensor]:
        """Hand one network to torch's own kernel, which autograd can differentiate.

        Args:
            x: (steps, n, d)
            weights: for each direction the input's (input rows, d), the state's (state rows, units), the bias (rows,).
            is_training: whether a backward will follow.

        Returns:
            The outputs at every step (steps, n, directions * units) and the last states (directions, n, units).
        """
        ...


@lru_cache(maxsize=64)
def constant(value: float, device: torch.device) -> Tensor:
    """Return a number as a tensor () that stays on the device, for operations that take no plain number."""
    return torch.tensor(value, device=device)  # ()


def tanh_from_double(doubled: Tensor) -> Tensor:
    """Replace 2 a by tanh(a), in place."""
    return torch.add(constant(-1.0, doubled.device), doubled.sigmoid_(), alpha=2, out=doubled)


def in_threes(weights: list[Tensor]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Return each direction's three of `Cell.run_torch`'s weights."""
    return zip(weights[::3], weights[1::3], weights[2::3], strict=True)


def first_states(x: Tensor, weights: list[Tensor]) -> Tensor:
    """Return zeros (directions, n, units) for the arguments of `Cell.run_torch`."""
    return x.new_zeros(len(weights) // 3, x.shape[1], weights[1].shape[1])


def is_carried(step: int, n_steps: int, bptt_steps: int) -> bool:
    """Tell whether the gradient goes on from this step to the one before."""
    return step > 0 and not (bptt_steps and (n_steps - step) % bptt_steps == 0)


def arriving(above: Gradients, carried: Tensor | None, step: int) -> Tensor | None:
    """Return the whole gradient of a step's output, (lanes, units, n): through later states, and from above."""
    if above.outputs is None:
        return carried
    here = above.outputs.select(2, step)  # (lanes, units, n)
    return here if carried is None else carried + here
