"""One optimizer with the weights it changes: from gradients to a step."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.engine.optimizers import Adam, Optimizer
from models.engine.penalties import Penalties
from models.engine.stack import Slot
from models.networks.base import LossFunction


@dataclass(slots=True, eq=False)
class Descent:
    """A phase of a step, in the program's terms.

    Attributes:
        name: empty where there is one only.
        losses: what it makes smaller.
        parameters: of the network, those it changes.
        weights: (lanes, n) the same as rows.
        gradients: (lanes, n) of the last step that was watched, or that had a penalty or several lanes.
        views: of the gradients, in the shapes of the parameters.
        slots: where the parameters lie in a row.
        optimizer: the rule.
        penalties: what is added to gradients.
        shares: factor on each lane's learning rate.
    """

    name: str
    losses: LossFunction
    parameters: list[nn.Parameter]
    weights: Tensor
    gradients: Tensor
    views: list[Tensor]
    slots: list[Slot]
    optimizer: Optimizer
    penalties: Penalties
    shares: list[float]

    def begin(self, rates: Sequence[Sequence[float]]) -> None:
        """Take the learning rate of each lane in each of the steps to come."""
        self.optimizer.begin([[rate * share for rate, share in zip(row, self.shares, strict=True)] for row in rates])

    def step(self, gradients: Sequence[Tensor | None], is_watched: bool) -> None:
        """Change the weights.

        Args:
            gradients: in the order of the parameters; None for a weight that played no part.
            is_watched: whether somebody looks at `gradients` after this step.

        Effects:
            Writes weights, optimizer memory and, where it needs them as rows, gradients.
        """
        found = [
            torch.zeros_like(view) if one is None else one for one, view in zip(gradients, self.views, strict=True)
        ]
        optimizer = self.optimizer
        is_plain = len(self.weights) == 1 and self.penalties.is_idle
        alone = optimizer if is_plain and isinstance(optimizer, Adam) and optimizer.goes_by_row else None
        if is_watched or alone is None:
            torch._foreach_copy_(self.views, found)
        if alone is not None:
            alone.step_alone(found, self.slots)
        else:
            self.penalties.apply(self.gradients, self.weights)
            self.optimizer.step(self.gradients)
