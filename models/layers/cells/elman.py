"""Elman's simple recurrent unit."""

from itertools import pairwise

import torch
from torch import Tensor

from models.layers.cells.base import Gradients, arriving, first_states, in_threes, is_carried, tanh_from_double


class Elman:
    """Elman's simple recurrent unit (Finding structure in time, Cognitive Science 14, 1990): h' = tanh(x + U h)."""

    n_gates = 1
    input_rows = slice(0, 1)
    state_rows = slice(0, 1)
    is_faster_in_torch = False

    def forward(self, projected: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run all steps; see `Cell`."""
        lanes, units, n_steps, n = projected.shape
        states = projected.new_zeros(n_steps + 1, lanes, units, n)
        states[1:] = projected.permute(2, 0, 1, 3)
        every = states.unbind()
        tanh_from_double(every[1].mul_(2))
        for before, state in pairwise(every[1:]):
            tanh_from_double(state.baddbmm_(weight, before, beta=2, alpha=2))  # (lanes, units, n)
        return states, ()

    def backward(
        self, states: Tensor, saved: tuple[Tensor, ...], weight: Tensor, above: Gradients, bptt_steps: int
    ) -> Tensor:
        """Go back through all steps; see `Cell`."""
        n_steps = len(states) - 1
        sums = 1 - states[1:].square()  # (steps, lanes, units, n)
        transposed = weight.transpose(1, 2)  # (lanes, units, units)
        carried = above.last  # (lanes, units, n)
        every = sums.unbind()
        for step in range(n_steps - 1, -1, -1):
            gradient = arriving(above, carried, step)  # (lanes, units, n)
            if gradient is None:
                sums[: step + 1] = 0
                break
            every[step].mul_(gradient)
            carried = torch.bmm(transposed, every[step]) if is_carried(step, n_steps, bptt_steps) else None
        return sums

    def run_torch(self, x: Tensor, weights: list[Tensor], is_training: bool) -> tuple[Tensor, Tensor]:
        """Hand one network to torch's own kernel; see `Cell`."""
        flat = [one for u, v, bias in in_threes(weights) for one in (u, v, bias, torch.zeros_like(bias))]
        start = first_states(x, weights)  # (directions, n, units)
        return torch.rnn_tanh(x, start, flat, True, 1, 0.0, is_training, len(start) == 2, False)
