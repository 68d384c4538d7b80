"""Several networks of one shape as one: their weights are the rows of a matrix.

A row holds all weights of one lane. The network's parameters are views into the matrix, so optimizers, penalties,
clipping and norms are a few operations on matrices instead of loops over layers. One lane alone keeps the shapes the
network was built with; several give every parameter a leading lane dimension.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

ALIGNMENT = 16
"""Each parameter begins at a multiple of 16 numbers (64 bytes), as a tensor of its own would."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Where one parameter lies in a row.

    Attributes:
        name: as in `named_parameters`.
        shape: of a single network's parameter.
        start: first column.
        stop: behind the last column.
    """

    name: str
    shape: torch.Size
    start: int
    stop: int


def lay_out(network: nn.Module) -> tuple[tuple[Slot, ...], int]:
    """Give each parameter of a network its place in a row.

    Returns:
        The slots in the order of `named_parameters`, and the number of columns, padding included.
    """
    slots: list[Slot] = []
    column = 0
    for name, parameter in network.named_parameters():
        slots.append(Slot(name, parameter.shape, column, column + parameter.numel()))
        column += -(-parameter.numel() // ALIGNMENT) * ALIGNMENT
    return tuple(slots), column


class Stack:
    """Networks of one shape, trained as one.

    Attributes:
        network: the module to call; its parameters are views into `weights`.
        weights: (lanes, n_columns) float32.
        slots: where each parameter lies.
        parameters: the network's parameters in the order of the slots.
        buffers: float buffers by name, () or with a leading lane dimension.
        n_weights: numbers of one network, without padding.
    """

    def __init__(
        self,
        template: nn.Module,
        states: Sequence[Mapping[str, Tensor]],
        device: torch.device | None = None,
        is_lane_aware: bool = True,
    ) -> None:
        """Stack networks.

        Args:
            template: a network of the shape; left as it is.
            states: parameters and float buffers of each lane by name, in a single network's shapes.
            device: where to train; the CPU by default.
            is_lane_aware: whether the module accepts a lane dimension; others are mapped over by `torch.func.vmap`.

        Raises:
            KeyError: a state lacks a tensor.
            RuntimeError: a tensor has another shape than the template's.
        """
        self.slots, n_columns = lay_out(template)
        self.n_weights = sum(slot.shape.numel() for slot in self.slots)
        self.device = device or torch.device("cpu")
        self.network = copy.deepcopy(template).to(self.device)
        self.is_mapped = len(states) > 1 and not is_lane_aware
        self.weights = torch.zeros(len(states), n_columns, device=self.device)  # (lanes, n_columns)
        self.buffers: dict[str, Tensor] = {
            name: torch.zeros(len(states), *buffer.shape, device=self.device)
            for name, buffer in template.named_buffers()
            if buffer.is_floating_point()
        }
        for lane, state in enumerate(states):
            self.load_state_dict(lane, state)
        self.parameters: list[nn.Parameter] = []
        self._bind()

    @property
    def n_lanes(self) -> int:
        """Networks in the stack."""
        return len(self.weights)

    @property
    def lane_shape(self) -> tuple[int, ...]:
        """() for one network alone, else (lanes,)."""
        return () if self.n_lanes == 1 else (self.n_lanes,)

    def state_dict(self, lane: int) -> dict[str, Tensor]:
        """Return one network's parameters and float buffers by name, as copies in its own shapes on the CPU."""
        row = self.weights[lane].cpu()  # (n_columns,)  at once, since each fetching waits for the device
        state = {slot.name: row[slot.start : slot.stop].view(slot.shape).clone() for slot in self.slots}
        return state | {name: buffer[lane].cpu().clone() for name, buffer in self.buffers.items()}

    def load_state_dict(self, lane: int, state: Mapping[str, Tensor]) -> None:
        """Overwrite one network.

        Args:
            lane: which.
            state: from `state_dict`.

        Raises:
            KeyError: a tensor is missing.
            RuntimeError: a tensor has another shape.
        """
        row = self.weights[lane]
        for slot in self.slots:
            row[slot.start : slot.stop].view(slot.shape).copy_(_of_shape(state[slot.name], slot.shape, slot.name))
        for name, buffer in self.buffers.items():
            buffer[lane].copy_(_of_shape(state[name], buffer[lane].shape, name))

    def forward(self, x: Tensor) -> Tensor:
        """Answer a batch: (n, d) alone or (lanes, n, d), to (n, ...) or (lanes, n, ...)."""
        if self.is_mapped and self.n_lanes > 1:
            return self._mapped(x)
        return self.network(x)  # type: ignore[no-any-return]

    def _mapped(self, x: Tensor) -> Tensor:
        from torch.func import functional_call, vmap

        named: dict[str, Tensor] = dict(zip((slot.name for slot in self.slots), self.parameters, strict=True))

        def one(weights: dict[str, Tensor], buffers: dict[str, Tensor], rows: Tensor) -> Tensor:
            answer: Tensor = functional_call(self.network, (weights, buffers), (rows,))
            return answer

        return vmap(one)(named, dict(self.buffers), x)  # (lanes, n, ...)

    def _bind(self) -> None:
        alone = self.n_lanes == 1
        self.parameters = []
        for slot in self.slots:
            columns = self.weights[:, slot.start : slot.stop]
            view = columns.view(slot.shape) if alone else columns.view(self.n_lanes, *slot.shape)
            parameter = nn.Parameter(_alias(view))
            self.parameters.append(parameter)
            module, name = _owner(self.network, slot.name)
            module._parameters[name] = parameter
        for path, buffer in self.buffers.items():
            module, name = _owner(self.network, path)
            module._buffers[name] = buffer[0] if alone else buffer


def _alias(view: Tensor) -> Tensor:
    # The same memory without torch's bookkeeping of views: a step of one optimizer (a discriminator's) would else count
    # as a change of every weight in the matrix, the generator's too, whose gradients are still to come.
    empty = torch.empty(0, dtype=view.dtype, device=view.device)
    return empty.set_(view.untyped_storage(), view.storage_offset(), view.size(), view.stride())


def _owner(network: nn.Module, path: str) -> tuple[nn.Module, str]:
    prefix, _, name = path.rpartition(".")
    return network.get_submodule(prefix), name


def _of_shape(tensor: Tensor, shape: torch.Size, name: str) -> Tensor:
    if tensor.shape != shape:
        raise RuntimeError(f"{name} has the shape {tuple(tensor.shape)} instead of {tuple(shape)}")
    return tensor
