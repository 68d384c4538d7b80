"""Long short-term memory."""

import torch
from torch import Tensor

from models.layers.cells.base import Gradients, arriving, constant, first_states, in_threes, is_carried


class LSTM:
    """Long short-term memory (Hochreiter and Schmidhuber, Neural Computation 9, 1997), gates i, f, o and candidate g.

    With the forget gate of Gers, Schmidhuber and Cummins 2000: c' = f c + i g, h' = o tanh(c'). Rows: i, f, g, o; input
    and state feed all of them. Inside, the cell is kept doubled, as its curve needs it.
    """

    n_gates = 4
    input_rows = slice(0, 4)
    state_rows = slice(0, 4)
    is_faster_in_torch = True  # oneDNN's: measured 1.1 to 2 times as fast as the loop here, for one network

    def forward(self, projected: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run all steps; see `Cell`."""
        lanes, rows, n_steps, n = projected.shape
        units = rows // 4
        new_rows = slice(2 * units, 3 * units)
        sums = projected.permute(2, 0, 1, 3).contiguous()  # (steps, lanes, 4 units, n)
        sums[:, :, new_rows] *= 2
        weight = weight.clone()  # (lanes, 4 units, units)
        weight[:, new_rows] *= 2
        states = projected.new_empty(n_steps + 1, lanes, units, n)
        cells = projected.new_empty(n_steps + 1, lanes, units, n)
        curves = projected.new_empty(n_steps, lanes, units, n)
        state, cell = states[0].zero_(), cells[0].zero_()  # (lanes, units, n)
        minus_one, minus_two = (constant(value, sums.device) for value in (-1.0, -2.0))
        parts = (part.unbind() for part in (sums, *sums.chunk(4, dim=2), cells[1:], curves, states[1:]))
        for gates, enter, forget, new, leave, next_cell, curve, after in zip(*parts, strict=True):
            gates.baddbmm_(weight, state).sigmoid_()  # (lanes, 4 units, n)
            torch.add(minus_two, new, alpha=4, out=new)  # (lanes, units, n)
            cell = torch.mul(forget, cell, out=next_cell).addcmul_(enter, new)  # (lanes, units, n)
            torch.sigmoid(cell, out=curve)  # (lanes, units, n)
            torch.add(minus_one, curve, alpha=2, out=curve)  # (lanes, units, n)
            state = torch.mul(leave, curve, out=after)  # (lanes, units, n)
        return states, (sums, cells, curves)

    def backward(
        self, states: Tensor, saved: tuple[Tensor, ...], weight: Tensor, above: Gradients, bptt_steps: int
    ) -> Tensor:
        """Go back through all steps; see `Cell`."""
        sums, cells, curves = saved
        _, forget, _, leave = sums.chunk(4, dim=2)  # each (steps, lanes, units, n)
        factors = _factors(sums, cells, curves)  # (steps, lanes, 4, units, n)
        to_cell = (1 - curves.square()).mul_(leave).div_(2)  # (steps, lanes, units, n)
        transposed = weight.transpose(1, 2)  # (lanes, units, 4 units)
        gates = factors.flatten(2, 3)  # (steps, lanes, 4 units, n)
        parts = (to_cell, factors[:, :, :3], factors[:, :, 3], forget, gates)
        steps = list(zip(*(part.unbind() for part in parts), strict=True))
        carried, carried_cell = above.last, None  # each (lanes, units, n)
        for step in range(len(steps) - 1, -1, -1):
            gradient = arriving(above, carried, step)  # (lanes, units, n)
            if gradient is None:
                gates[: step + 1] = 0
                break
            cell, by_cell, by_output, held, to_state = steps[step]
            cell.mul_(gradient)  # (lanes, units, n)
            if carried_cell is not None:
                cell += carried_cell
            by_output.mul_(gradient)  # (lanes, units, n)
            by_cell.mul_(cell.unsqueeze(1))  # (lanes, 3, units, n)
            carried = carried_cell = None
            if is_carried(step, len(steps), bptt_steps):
                carried_cell = cell * held  # (lanes, units, n)
                carried = torch.bmm(transposed, to_state)  # (lanes, units, n)
        return gates

    def run_torch(self, x: Tensor, weights: list[Tensor], is_training: bool) -> tuple[Tensor, Tensor]:
        """Hand one network to torch's own kernel; see `Cell`."""
        flat = [one for u, v, bias in in_threes(weights) for one in (u, v, bias, torch.zeros_like(bias))]
        start = first_states(x, weights)  # (directions, n, units)
        outputs, last, _ = torch.lstm(x, (start, start), flat, True, 1, 0.0, is_training, len(start) == 2, False)
        return outputs, last


def _factors(sums: Tensor, cells: Tensor, curves: Tensor) -> Tensor:
    # What is multiplied on the way to each gate's sum, (steps, lanes, 4, units, n): a gradient of the doubled cell for
    # the first three, one of the state for the last.
    n_steps, lanes, units, n = curves.shape
    enter, forget, new, leave = sums.chunk(4, dim=2)  # each (steps, lanes, units, n); `new` is doubled too
    factors = sums.new_empty(n_steps, lanes, 4, units, n)
    to_enter, to_forget, to_new, to_leave = factors.unbind(2)  # each (steps, lanes, units, n)
    torch.addcmul(enter, enter, enter, value=-1, out=to_enter).mul_(new)
    torch.addcmul(forget, forget, forget, value=-1, out=to_forget).mul_(cells[:-1])
    torch.mul(2 - new.square() / 2, enter, out=to_new)
    torch.addcmul(leave, leave, leave, value=-1, out=to_leave).mul_(curves)
    return factors
