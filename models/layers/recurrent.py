"""A recurrent layer that works alone and in lanes, in one direction or both."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from models.layers.cells import CELLS, Cell, Gradients
from models.layers.precision import in_float32
from models.layers.tracing import is_tracing


class _Scan(torch.autograd.Function):
    # All steps of a cell. Weight gradients are one product over steps and examples together, after the loop.

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, input_weight: Tensor, weight: Tensor, bias: Tensor, how: tuple[Cell, int]
    ) -> tuple[Tensor, Tensor]:
        cell, bptt_steps = how
        lanes, _, n_steps, n = x.shape
        rows = input_weight.shape[1]
        projected = torch.baddbmm(bias[:, :rows], input_weight, x.flatten(2))  # (lanes, input rows, steps * n)
        states, saved = cell.forward(projected.view(lanes, rows, n_steps, n), weight, bias)
        outputs = states[1:].permute(1, 2, 0, 3).contiguous()  # (lanes, units, steps, n)
        ctx.save_for_backward(x, input_weight, weight, states, outputs, *saved)
        ctx.cell, ctx.bptt_steps = cell, bptt_steps
        ctx.set_materialize_grads(False)
        return outputs, states[-1]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, of_outputs: Tensor | None, of_last: Tensor | None) -> tuple[Tensor | None, ...]:
        x, input_weight, weight, states, outputs, *saved = ctx.saved_tensors
        cell: Cell = ctx.cell
        lanes, units, n_steps, n = outputs.shape
        # A transposed gradient from the layer above would make every step's product take the slow way.
        above = Gradients(of_outputs, None if of_last is None else of_last.contiguous())
        by_step = cell.backward(states, tuple(saved), weight, above, ctx.bptt_steps)
        sums = by_step.permute(1, 2, 0, 3).reshape(lanes, -1, n_steps * n)  # (lanes, rows, steps * n)
        of_input = sums[:, : cell.input_rows.stop * units]  # (lanes, input rows, steps * n)
        of_state = sums[:, cell.state_rows.start * units :, n:]  # (lanes, state rows, (steps - 1) * n)
        before = outputs.flatten(2)[:, :, :-n]  # (lanes, units, (steps - 1) * n)
        of_x = None
        if ctx.needs_input_grad[0]:
            of_x = torch.bmm(input_weight.transpose(1, 2), of_input).view(x.shape)  # (lanes, d, steps, n)
        of_input_weight = torch.bmm(of_input, x.flatten(2).transpose(1, 2))  # (lanes, input rows, d)
        of_weight = torch.bmm(of_state, before.transpose(1, 2))  # (lanes, state rows, units)
        return of_x, of_input_weight, of_weight, sums.sum(dim=2, keepdim=True), None


class Recurrent(nn.Module):
    """A layer of recurrent units, whose weights start undefined like those of `Dense`.

    Attributes:
        input_weight: (directions, input rows, d)
        state_weight: (directions, state rows, units)
        bias: (directions, rows); what the rows are says the cell's class.
    """

    def __init__(
        self, cell: str, n_inputs: int, n_units: int, is_bidirectional: bool = False, bptt_steps: int = 0
    ) -> None:
        """Make the layer.

        Args:
            cell: `elman`, `gru` or `lstm`.
            n_inputs: d.
            n_units: units in each direction.
            is_bidirectional: whether a second set of units reads from the end (Schuster and Paliwal, IEEE Transactions
                on Signal Processing 45, 1997).
            bptt_steps: steps after which the gradient through the state is cut, counted from the last step read; 0 for
                the whole sequence.
        """
        super().__init__()
        self.cell = CELLS[cell]
        self.bptt_steps = bptt_steps
        self.n_units = n_units
        self.n_directions = 2 if is_bidirectional else 1
        n_input_gates, n_state_gates = (
            len(range(self.cell.n_gates)[rows]) for rows in (self.cell.input_rows, self.cell.state_rows)
        )
        self.input_weight = nn.Parameter(torch.empty(self.n_directions, n_input_gates * n_units, n_inputs))
        self.state_weight = nn.Parameter(torch.empty(self.n_directions, n_state_gates * n_units, n_units))
        self.bias = nn.Parameter(torch.zeros(self.n_directions, self.cell.n_gates * n_units))
        if cell == "lstm":  # the memory is kept at first: Gers et al. 2000; Jozefowicz et al. 2015
            with torch.no_grad():
                self.bias[:, n_units : 2 * n_units] = 1

    @in_float32
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Read sequences.

        Args:
            x: (lanes, d, steps, n); one lane alone.

        Returns:
            The outputs at every step, (lanes, directions * units, steps, n), and the last state of each direction,
            (lanes, directions * units, n): the second direction has then read the first step.
        """
        if self._leaves_it_to_torch(x):
            return self._run_torch(x)
        lanes, n = x.shape[0], x.shape[-1]
        x = x.contiguous()  # (lanes, d, steps, n)
        if self.n_directions == 2:
            x = torch.stack((x, x.flip(2)), dim=1).flatten(0, 1)  # (lanes * directions, d, steps, n)
        outputs, last = _Scan.apply(  # type: ignore[no-untyped-call]
            x,
            self.input_weight.reshape(-1, *self.input_weight.shape[-2:]),  # (lanes * directions, input rows, d)
            self.state_weight.reshape(-1, *self.state_weight.shape[-2:]),  # (lanes * directions, state rows, units)
            self.bias.reshape(-1, self.bias.shape[-1], 1),  # (lanes * directions, rows, 1)
            (self.cell, self.bptt_steps),
        )
        if self.n_directions == 2:
            forwards, backwards = outputs.unflatten(0, (lanes, 2)).unbind(1)  # each (lanes, units, steps, n)
            outputs = torch.cat((forwards, backwards.flip(2)), dim=1)  # (lanes, directions * units, steps, n)
        return outputs, last.reshape(lanes, -1, n)

    def _leaves_it_to_torch(self, x: Tensor) -> bool:
        if is_tracing():  # an exporter knows torch's cells, not the loops here
            return True
        is_alone = self.input_weight.dim() == 3
        is_truncated = self.bptt_steps > 0 and torch.is_grad_enabled()
        return is_alone and not is_truncated and (x.is_cuda or self.cell.is_faster_in_torch)

    def _run_torch(self, x: Tensor) -> tuple[Tensor, Tensor]:
        parameters = (self.input_weight, self.state_weight, self.bias)
        weights = [one for direction in zip(*(p.unbind() for p in parameters), strict=True) for one in direction]
        outputs, last = self.cell.run_torch(x[0].permute(1, 2, 0), weights, self.training)
        # (1, directions * units, steps, n), (1, directions * units, n)
        return outputs.permute(2, 0, 1).unsqueeze(0), last.transpose(1, 2).flatten(0, 1).unsqueeze(0)
