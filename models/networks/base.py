"""What the trainer hands to a network, and what a network may say about its own training.

Most networks say nothing: they are `nn.Module`s from features to outputs, and the trainer supplies the loss. One that
needs more has one of these methods:

- `training_losses(batch, numbers)`: its own loss, such as the capsules' with its reconstruction;
- `phases()`: several optimizers that take turns, such as a generator and a discriminator;
- `prepare(x, y)`: a look at the training part before the first step, such as choosing inputs;
- `measure(x, y, keys)`: what is measured after each epoch instead of a validation loss.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """The examples of one step; every tensor has a leading lane dimension when the network has one.

    Attributes:
        x: (n, n_inputs) features.
        y: (n,) classes or standardised targets, or (n, steps) tokens.
        keys: () int32, this step's key for random numbers; (lanes,) in lanes.
    """

    x: Tensor
    y: Tensor
    keys: Tensor


Numbers = Mapping[str, Tensor]
"""The per-lane hyperparameters by name: () alone, (lanes,) in lanes; float32."""


class StepLosses(NamedTuple):
    """What a step has measured.

    Attributes:
        losses: () or (lanes,), to be made smaller.
        outputs: the network's answers to the batch, for the training metrics; None where there are none.
    """

    losses: Tensor
    outputs: Tensor | None


LossFunction = Callable[[Batch, Numbers], StepLosses]


@dataclass(frozen=True, slots=True)
class Phase:
    """One of several optimizers that take turns within a step.

    Attributes:
        name: its loss is reported as `train_<name>_loss`.
        prefix: the weights it changes are those whose names begin with this.
        losses: what it makes smaller.
    """

    name: str
    prefix: str
    losses: LossFunction


@runtime_checkable
class HasLosses(Protocol):
    """A network with a loss of its own."""

    def training_losses(self, batch: Batch, numbers: Numbers) -> StepLosses:
        """Return the losses of a step."""
        ...


@runtime_checkable
class HasPhases(Protocol):
    """A network trained by several optimizers in turn."""

    def phases(self) -> tuple[Phase, ...]:
        """Return the phases of a step, in order."""
        ...


@runtime_checkable
class HasPreparation(Protocol):
    """A network that looks at the training part before its first step; called alone, never in lanes."""

    def prepare(self, x: Tensor, y: Tensor) -> None:
        """Set buffers from the training part: x (n, n_inputs), y (n,)."""
        ...


@runtime_checkable
class HasMeasure(Protocol):
    """A network with measurements of its own after each epoch."""

    def measure(self, x: Tensor, y: Tensor, keys: Tensor) -> Mapping[str, Tensor]:
        """Return () or (lanes,) numbers by metric name, from a held-out part x (n, n_inputs), y (n,)."""
        ...
