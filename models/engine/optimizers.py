"""Optimizers by name, on torch's kernels without `torch.optim`.

Constructing any `torch.optim` optimizer imports torch's compiler, which costs 0.9 to 2.4 CPU-seconds once a process:
more than a small trial's whole training. The fused kernels below are the ones `torch.optim.Adam(fused=True)` calls
(measured: 17 us a step for a small network, against 98 us for the same arithmetic in plain tensor operations). They are
not public and read raw memory, so gradients are made contiguous first, and tests compare each rule with `torch.optim`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class StepSettings:
    """Numbers of an optimizer that a search may vary."""

    learning_rate: float
    weight_decay: float = 0.0


class Optimizer(ABC):
    """A rule that turns gradients into changes of the weights.

    Attributes:
        weights: the tensors to change, contiguous.
        settings: learning rate and weight decay.
        state: what the rule remembers between steps, by name; saved in checkpoints, restored in place.
    """

    def __init__(self, weights: Sequence[Tensor], settings: StepSettings) -> None:
        """Start with an empty memory.

        Args:
            weights: the tensors to change.
            settings: learning rate and weight decay.
        """
        self.weights = [weight.detach() for weight in weights]
        self.settings = settings
        self.state: dict[str, Tensor] = {}

    def step(self, gradients: Sequence[Tensor]) -> None:
        """Change the weights.

        Args:
            gradients: one for each weight, of its shape.

        Effects:
            Writes the weights and the state in place.
        """
        self._step([gradient.contiguous() for gradient in gradients])

    @abstractmethod
    def _step(self, gradients: list[Tensor]) -> None: ...

    def _memory(self, name: str) -> list[Tensor]:
        # One tensor of zeros for each weight, kept in the state under `name.0`, `name.1`, ...
        tensors = [torch.zeros_like(weight) for weight in self.weights]
        self.state.update({f"{name}.{place}": tensor for place, tensor in enumerate(tensors)})
        return tensors


class Adam(Optimizer):
    """Adam (Kingma and Ba, arXiv 1412.6980); weight decay is added to the gradient."""

    kernel: Callable[..., None] = staticmethod(torch._fused_adam_)

    def __init__(self, weights: Sequence[Tensor], settings: StepSettings) -> None:
        """Start with zero moments."""
        super().__init__(weights, settings)
        self.means = self._memory("mean")
        self.squares = self._memory("square")
        self.steps = [torch.zeros(()) for _ in self.weights]
        self.state.update({f"step.{place}": step for place, step in enumerate(self.steps)})

    def _step(self, gradients: list[Tensor]) -> None:
        torch._foreach_add_(self.steps, 1)
        self.kernel(
            self.weights,
            gradients,
            self.means,
            self.squares,
            [],  # maxima of the squares, which only the amsgrad variant keeps
            self.steps,
            lr=self.settings.learning_rate,
            beta1=0.9,
            beta2=0.999,
            weight_decay=self.settings.weight_decay,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights themselves (Loshchilov and Hutter, arXiv 1711.05101)."""

    kernel: Callable[..., None] = staticmethod(torch._fused_adamw_)


class SGD(Optimizer):
    """Gradient descent on batches: each weight follows its gradient as it is."""

    def _step(self, gradients: list[Tensor]) -> None:
        decayed = torch._foreach_add(gradients, self.weights, alpha=self.settings.weight_decay)
        torch._foreach_add_(self.weights, decayed, alpha=-self.settings.learning_rate)


class Momentum(Optimizer):
    """Gradient descent with momentum 0.9 (Polyak 1964): velocities add up where gradients agree."""

    def __init__(self, weights: Sequence[Tensor], settings: StepSettings) -> None:
        """Start at rest."""
        super().__init__(weights, settings)
        self.velocities = self._memory("velocity")

    def _step(self, gradients: list[Tensor]) -> None:
        torch._foreach_mul_(self.velocities, 0.9)
        torch._foreach_add_(self.velocities, gradients)
        torch._foreach_add_(self.velocities, self.weights, alpha=self.settings.weight_decay)
        torch._foreach_add_(self.weights, self.velocities, alpha=-self.settings.learning_rate)


class RMSprop(Optimizer):
    """Gradients over the root of their recent mean square, decay 0.99 (Tieleman and Hinton, lecture 6.5, 2012)."""

    def __init__(self, weights: Sequence[Tensor], settings: StepSettings) -> None:
        """Start with zero mean squares."""
        super().__init__(weights, settings)
        self.squares = self._memory("square")

    def _step(self, gradients: list[Tensor]) -> None:
        decayed = torch._foreach_add(gradients, self.weights, alpha=self.settings.weight_decay)
        torch._foreach_mul_(self.squares, 0.99)
        torch._foreach_addcmul_(self.squares, decayed, decayed, 0.01)
        roots = torch._foreach_sqrt(self.squares)
        torch._foreach_add_(roots, 1e-8)
        torch._foreach_addcdiv_(self.weights, decayed, roots, -self.settings.learning_rate)


OPTIMIZERS: Mapping[str, type[Optimizer]] = MappingProxyType(
    {"adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "momentum": Momentum, "nesterov": Momentum, "sgd": SGD}
)
