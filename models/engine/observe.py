"""What a network shows of itself while it trains: dead units, and how gradients shrink or grow on their way back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from models.engine.stack import Slot


class UnitWatch:
    """Notes which rectified units ever answer above 0.

    Attributes:
        alive: (units,) or (lanes, units) for each layer that was watched.
    """

    def __init__(self, network: nn.Module, lane_shape: tuple[int, ...]) -> None:
        """Find the layers to watch.

        Args:
            network: with `Activation` layers.
            lane_shape: () or (lanes,).
        """
        self.layers = [module for module in network.modules() if getattr(module, "is_rectifier", False)]
        self.n_lane_dims = len(lane_shape)
        self.alive: dict[int, Tensor] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch what passes through the layers until the block ends."""
        handles = [layer.register_forward_hook(self._note) for layer in self.layers]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def dead_share(self) -> Tensor | None:
        """Return the share of units that never answered, () or (lanes,); None where nothing was watched."""
        if not self.alive:
            return None
        alive = torch.cat(list(self.alive.values()), dim=-1)  # (..., units)
        return 1 - alive.float().mean(dim=-1)  # () or (lanes,)

    def _note(self, layer: nn.Module, _: Any, output: Tensor) -> None:
        # Dense layers only: in a feature map a place is not a unit.
        if output.dim() != self.n_lane_dims + 2:
            return
        alive = (output > 0).any(dim=-2)  # (..., units)
        before = self.alive.get(id(layer))
        self.alive[id(layer)] = alive if before is None else before | alive


def gradient_ratio(gradients: Tensor, slots: Sequence[Slot]) -> Tensor | None:
    """Return the length of the first layer's gradient divided by the last layer's.

    Args:
        gradients: (lanes, n)
        slots: where the parameters lie in a row.

    Returns:
        (lanes,); None for a network of a single layer.
    """
    layers = [slot for slot in slots if len(slot.shape) > 1]
    if len(layers) < 2:
        return None
    first: Tensor = gradients[:, layers[0].start : layers[0].stop].norm(dim=1)  # (lanes,)
    last: Tensor = gradients[:, layers[-1].start : layers[-1].stop].norm(dim=1)  # (lanes,)
    return first / last.clamp(min=1e-30)  # (lanes,)
