"""The gated recurrent unit."""

import torch
from torch import Tensor

from models.layers.cells.base import Gradients, arriving, first_states, in_threes, is_carried, tanh_from_double


class GRU:
    """Gated recurrent unit (Cho et al., arXiv 1406.1078v1, section 2.3), gates r, z and candidate c.

    r = sigmoid(x_r + U_r h), z = sigmoid(x_z + U_z h), c = tanh(x_c + r (U_c h + b_h)), h' = z h + (1 - z) c. The reset
    gate acts after the product with U, as in cuDNN and PyTorch, so that a step is one product. Rows of the bias: x_c,
    r, z, b_h. The input feeds the first three, the state the last three.
    """

    n_gates = 4
    input_rows = slice(0, 3)
    state_rows = slice(1, 4)
    is_faster_in_torch = False

    def forward(self, projected: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run all steps; see `Cell`."""
        lanes, rows, n_steps, n = projected.shape
        units = rows // 3
        by_step = projected.permute(2, 0, 1, 3)  # (steps, lanes, 3 units, n)
        sums = projected.new_empty(n_steps, lanes, rows, n)  # (steps, lanes, 3 units, n)
        sums[:, :, : 2 * units] = by_step[:, :, units:]
        sums[:, :, 2 * units :] = bias[:, rows:]
        candidates = by_step[:, :, :units].contiguous().mul_(2)  # (steps, lanes, units, n)
        states = projected.new_empty(n_steps + 1, lanes, units, n)
        state = states[0].zero_()  # (lanes, units, n)
        squashed = sums[:, :, : 2 * units].unbind()  # each (lanes, 2 units, n)
        parts = (part.unbind() for part in (*sums.chunk(3, dim=2), candidates, states[1:]))
        for gates, both, reset, update, new, candidate, after in zip(sums.unbind(), squashed, *parts, strict=True):
            gates.baddbmm_(weight, state)  # (lanes, 3 units, n)
            both.sigmoid_()
            tanh_from_double(candidate.addcmul_(reset, new, value=2))  # (lanes, units, n)
            state = torch.lerp(candidate, state, update, out=after)  # (lanes, units, n)
        return states, (sums, candidates)

    def backward(
        self, states: Tensor, saved: tuple[Tensor, ...], weight: Tensor, above: Gradients, bptt_steps: int
    ) -> Tensor:
        """Go back through all steps; see `Cell`."""
        sums, candidates = saved
        n_steps, _, units, _ = candidates.shape
        update = sums[:, :, units : 2 * units]  # (steps, lanes, units, n)
        factors = _factors(states, sums, candidates)  # (steps, lanes, 4, units, n)
        transposed = weight.transpose(1, 2)  # (lanes, units, 3 units)
        gates = factors.flatten(2, 3)  # (steps, lanes, 4 units, n)
        of_state = gates[:, :, units:].unbind()  # each (lanes, 3 units, n)
        steps = list(zip(factors.unbind(), of_state, update.unbind(), strict=True))
        carried = above.last  # (lanes, units, n)
        for step in range(n_steps - 1, -1, -1):
            gradient = arriving(above, carried, step)  # (lanes, units, n)
            if gradient is None:
                gates[: step + 1] = 0
                break
            factor, to_state, held = steps[step]
            factor.mul_(gradient.unsqueeze(1))  # (lanes, 4, units, n)
            carried = None
            if is_carried(step, n_steps, bptt_steps):
                carried = (gradient * held).baddbmm_(transposed, to_state)  # (lanes, units, n)
        return gates

    def run_torch(self, x: Tensor, weights: list[Tensor], is_training: bool) -> tuple[Tensor, Tensor]:
        """Hand one network to torch's own kernel, which has the gates in the order r, z, c; see `Cell`."""
        flat: list[Tensor] = []
        for of_input, of_state, bias in in_threes(weights):
            units = of_state.shape[1]
            flat += [of_input.roll(-units, 0), of_state]
            flat += [bias[: 3 * units].roll(-units, 0), torch.cat((bias.new_zeros(2 * units), bias[3 * units :]))]
        start = first_states(x, weights)  # (directions, n, units)
        return torch.gru(x, start, flat, True, 1, 0.0, is_training, len(start) == 2, False)


def _factors(states: Tensor, sums: Tensor, candidates: Tensor) -> Tensor:
    # What a gradient of the new state is multiplied by on its way to each gate's sum, (steps, lanes, 4, units, n).
    n_steps, lanes, units, n = candidates.shape
    reset, update, new = sums.chunk(3, dim=2)  # each (steps, lanes, units, n)
    kept = 1 - update  # (steps, lanes, units, n)
    factors = sums.new_empty(n_steps, lanes, 4, units, n)
    to_candidate, to_reset, to_update, to_new = factors.unbind(2)  # each (steps, lanes, units, n)
    torch.addcmul(kept, kept, candidates.square(), value=-1, out=to_candidate)
    torch.mul(to_candidate, reset, out=to_new)
    torch.mul(to_new, new, out=to_reset).mul_(1 - reset)
    torch.sub(states[:-1], candidates, out=to_update).mul_(update).mul_(kept)
    return factors
