"""The recurrent cells' steps, forwards and backwards through time, on all lanes at once.

Autograd would record every operation of every step, which costs a small network more than its arithmetic. So each cell
has its backward written out: what a step needs of the others is computed for all steps together, and the loop itself is
left with two or three operations a step.

Everything lies feature by feature: a state is (lanes, units, n), examples last. A gate is then a block of rows, a slice
that is contiguous. tanh(a) is computed as 2 sigmoid(2 a) - 1, which takes a third of the time and is as exact.

`lanes` here counts directions too: those of a bidirectional layer are lanes of one program.
"""

from collections.abc import Mapping
from itertools import pairwise
from types import MappingProxyType
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

_MINUS_ONE = torch.tensor(-1.0)
_MINUS_TWO = torch.tensor(-2.0)


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
    """

    n_gates: int
    input_rows: slice
    state_rows: slice

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
            saved: from `forward`; its tensors may be overwritten.
            weight: (lanes, state rows, units), recurrent.
            above: the outputs' gradients.
            bptt_steps: steps after which the gradient is cut, counted from the last; 0 for never.

        Returns:
            (steps, lanes, rows, n), the gradient of the gates' sums.
        """
        ...


def _curve(doubled: Tensor) -> Tensor:
    # tanh(a) from 2 a, in place.
    return torch.add(_MINUS_ONE, doubled.sigmoid_(), alpha=2, out=doubled)


def _carries(step: int, n_steps: int, bptt_steps: int) -> bool:
    # Whether the gradient goes on from this step to the one before.
    return step > 0 and not (bptt_steps and (n_steps - step) % bptt_steps == 0)


def _arriving(above: Gradients, carried: Tensor | None, step: int) -> Tensor | None:
    # The whole gradient of a step's output: through later states, and from above.
    if above.outputs is None:
        return carried
    here = above.outputs.select(2, step)  # (lanes, units, n)
    return here if carried is None else carried + here


class GRU:
    """Gated recurrent unit (Cho et al., arXiv 1406.1078v1, section 2.3), gates r, z and candidate c.

    r = sigmoid(x_r + U_r h), z = sigmoid(x_z + U_z h), c = tanh(x_c + r (U_c h + b_h)), h' = z h + (1 - z) c. The reset
    gate acts after the product with U, as in cuDNN and PyTorch, so that a step is one product. Rows of the bias: x_c,
    r, z, b_h. The input feeds the first three, the state the last three.
    """

    n_gates = 4
    input_rows = slice(0, 3)
    state_rows = slice(1, 4)

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
            _curve(candidate.addcmul_(reset, new, value=2))  # (lanes, units, n)
            state = torch.lerp(candidate, state, update, out=after)  # (lanes, units, n)
        return states, (sums, candidates)

    def backward(
        self, states: Tensor, saved: tuple[Tensor, ...], weight: Tensor, above: Gradients, bptt_steps: int
    ) -> Tensor:
        """Go back through all steps; see `Cell`."""
        sums, candidates = saved
        n_steps, lanes, _, n = sums.shape
        units = candidates.shape[2]
        reset, update, new = sums.chunk(3, dim=2)  # each (steps, lanes, units, n)
        kept = 1 - update  # (steps, lanes, units, n)
        # What a gradient of the new state is multiplied by on its way to each gate's sum.
        factors = sums.new_empty(n_steps, lanes, 4, units, n)
        to_candidate, to_reset, to_update, to_new = factors.unbind(2)  # each (steps, lanes, units, n)
        torch.mul(kept - kept * candidates.square(), 1, out=to_candidate)
        torch.mul(to_candidate, reset, out=to_new)
        torch.mul(to_new, new, out=to_reset).mul_(1 - reset)
        torch.sub(states[:-1], candidates, out=to_update).mul_(update).mul_(kept)
        transposed = weight.transpose(1, 2)  # (lanes, units, 3 units)
        gates = factors.flatten(2, 3)  # (steps, lanes, 4 units, n)
        of_state = gates[:, :, units:].unbind()  # each (lanes, 3 units, n)
        steps = list(zip(factors.unbind(), of_state, update.unbind(), strict=True))
        carried = above.last  # (lanes, units, n)
        for step in range(n_steps - 1, -1, -1):
            gradient = _arriving(above, carried, step)  # (lanes, units, n)
            if gradient is None:
                gates[: step + 1] = 0
                break
            factor, to_state, held = steps[step]
            factor.mul_(gradient.unsqueeze(1))  # (lanes, 4, units, n)
            carried = None
            if _carries(step, n_steps, bptt_steps):
                carried = (gradient * held).baddbmm_(transposed, to_state)  # (lanes, units, n)
        return gates


class LSTM:
    """Long short-term memory (Hochreiter and Schmidhuber, Neural Computation 9, 1997), gates i, f, o and candidate g.

    With the forget gate of Gers, Schmidhuber and Cummins 2000: c' = f c + i g, h' = o tanh(c'). Rows: i, f, g, o; input
    and state feed all of them. Inside, the cell is kept doubled, as its curve needs it.
    """

    n_gates = 4
    input_rows = slice(0, 4)
    state_rows = slice(0, 4)

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
        parts = (part.unbind() for part in (sums, *sums.chunk(4, dim=2), cells[1:], curves, states[1:]))
        for gates, enter, forget, new, leave, next_cell, curve, after in zip(*parts, strict=True):
            gates.baddbmm_(weight, state).sigmoid_()  # (lanes, 4 units, n)
            torch.add(_MINUS_TWO, new, alpha=4, out=new)  # (lanes, units, n)
            cell = torch.mul(forget, cell, out=next_cell).addcmul_(enter, new)  # (lanes, units, n)
            torch.sigmoid(cell, out=curve)  # (lanes, units, n)
            torch.add(_MINUS_ONE, curve, alpha=2, out=curve)  # (lanes, units, n)
            state = torch.mul(leave, curve, out=after)  # (lanes, units, n)
        return states, (sums, cells, curves)

    def backward(
        self, states: Tensor, saved: tuple[Tensor, ...], weight: Tensor, above: Gradients, bptt_steps: int
    ) -> Tensor:
        """Go back through all steps; see `Cell`."""
        sums, cells, curves = saved
        enter, forget, new, leave = sums.chunk(4, dim=2)  # each (steps, lanes, units, n)
        n_steps, lanes, units, n = curves.shape
        factors = sums.new_empty(n_steps, lanes, 4, units, n)
        to_enter, to_forget, to_new, to_leave = factors.unbind(2)  # each (steps, lanes, units, n)
        torch.mul(enter - enter.square(), new, out=to_enter)
        torch.mul(forget - forget.square(), cells[:-1], out=to_forget)
        torch.mul(2 - new.square() / 2, enter, out=to_new)
        torch.mul(leave - leave.square(), curves, out=to_leave)
        to_cell = (1 - curves.square()).mul_(leave).div_(2)  # (steps, lanes, units, n)
        transposed = weight.transpose(1, 2)  # (lanes, units, 4 units)
        gates = factors.flatten(2, 3)  # (steps, lanes, 4 units, n)
        parts = (to_cell, factors[:, :, :3], to_leave, forget, gates)
        steps = list(zip(*(part.unbind() for part in parts), strict=True))
        carried, carried_cell = above.last, None  # each (lanes, units, n)
        for step in range(len(steps) - 1, -1, -1):
            gradient = _arriving(above, carried, step)  # (lanes, units, n)
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
            if _carries(step, len(steps), bptt_steps):
                carried_cell = cell * held  # (lanes, units, n)
                carried = torch.bmm(transposed, to_state)  # (lanes, units, n)
        return gates


class Elman:
    """Elman's simple recurrent unit (Finding structure in time, Cognitive Science 14, 1990): h' = tanh(x + U h)."""

    n_gates = 1
    input_rows = slice(0, 1)
    state_rows = slice(0, 1)

    def forward(self, projected: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Run all steps; see `Cell`."""
        lanes, units, n_steps, n = projected.shape
        states = projected.new_zeros(n_steps + 1, lanes, units, n)
        states[1:] = projected.permute(2, 0, 1, 3)
        every = states.unbind()
        _curve(every[1].mul_(2))
        for before, state in pairwise(every[1:]):
            _curve(state.baddbmm_(weight, before, beta=2, alpha=2))  # (lanes, units, n)
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
            gradient = _arriving(above, carried, step)  # (lanes, units, n)
            if gradient is None:
                sums[: step + 1] = 0
                break
            every[step].mul_(gradient)
            carried = torch.bmm(transposed, every[step]) if _carries(step, n_steps, bptt_steps) else None
        return sums


CELLS: Mapping[str, Cell] = MappingProxyType({"elman": Elman(), "gru": GRU(), "lstm": LSTM()})
