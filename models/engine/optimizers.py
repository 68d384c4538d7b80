"""Optimizers by name, on matrices with a row of weights a lane and numbers of its own for each row.

They do not use `torch.optim`: constructing one of its optimizers imports torch's compiler, 0.9 to 2.4 CPU-seconds a
process and more than a small trial's whole training, and none of them takes a learning rate a row. Adam on the CPU
calls the kernel behind `torch.optim.Adam(fused=True)`, a row at a time: several times faster than the same arithmetic
in plain operations. It is not public and reads raw memory, so tests compare each rule with `torch.optim`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import torch
from torch import Tensor

from models.engine.stack import Slot


class Optimizer(ABC):
    """A rule that turns gradients into changes of the weights.

    Attributes:
        weights: (lanes, n), changed in place.
        momentum: (lanes, 1), for the rules that have one.
        weight_decay: (lanes, 1)
        state: what the rule remembers between steps by name, (lanes, n) each; saved in checkpoints.
        n_steps: steps taken, a number a lane.
    """

    memories: tuple[str, ...] = ()

    def __init__(self, weights: Tensor, momentum: Sequence[float], weight_decay: Sequence[float]) -> None:
        """Start with an empty memory.

        Args:
            weights: (lanes, n), each row contiguous.
            momentum: a number a lane.
            weight_decay: a number a lane.
        """
        self.weights = weights
        self.momentum = torch.tensor(momentum, device=weights.device).unsqueeze(1)  # (lanes, 1)
        self.weight_decay = torch.tensor(weight_decay, device=weights.device).unsqueeze(1)  # (lanes, 1)
        self.decays = any(weight_decay)
        self.decays_by_lane = list(weight_decay)
        self.state = {name: torch.zeros(weights.shape, device=weights.device) for name in self.memories}
        self.n_steps = [0] * len(weights)
        self.begin([])

    def begin(self, rates: Sequence[Sequence[float]]) -> None:
        """Take what the steps to come are taken with: sent to the device at once, since each sending waits for it.

        Args:
            rates: the learning rate of each lane in each step.

        Effects:
            The next step is the first of these.
        """
        self._rates = rates
        self._at = 0
        self._columns = self._send(rates)

    def step(self, gradients: Tensor) -> None:
        """Change the weights.

        Args:
            gradients: (lanes, n), each row contiguous; used up.

        Effects:
            Writes the weights and the state in place.
        """
        self.n_steps = [n + 1 for n in self.n_steps]
        self._step(gradients)
        self._at += 1

    def load(self, lane: int, state: Mapping[str, Tensor], n_steps: int) -> None:
        """Take over one lane's memory.

        Args:
            lane: which.
            state: (n,) by name.
            n_steps: steps that lane has taken.

        Raises:
            KeyError: a memory is missing.
            RuntimeError: a memory has another size.
        """
        for name, memory in self.state.items():
            memory[lane].copy_(state[name].view(memory[lane].shape))
        self.n_steps[lane] = n_steps

    @abstractmethod
    def _step(self, gradients: Tensor) -> None: ...

    def _decayed(self, gradients: Tensor) -> Tensor:
        return gradients.addcmul_(self.weights, self.weight_decay) if self.decays else gradients

    def _send(self, numbers: Sequence[Sequence[float]]) -> Sequence[Tensor]:
        # (lanes, 1) for each step.
        return torch.tensor(numbers, device=self.weights.device).unsqueeze(-1).unbind() if numbers else ()


class Adam(Optimizer):
    """Adam (Kingma and Ba, arXiv 1412.6980, algorithm 1); weight decay is added to the gradient."""

    memories = ("mean", "square")
    kernel: Callable[..., None] = staticmethod(torch._fused_adam_)
    is_decoupled = False

    def __init__(self, weights: Tensor, momentum: Sequence[float], weight_decay: Sequence[float]) -> None:
        """Start with an empty memory; see `Optimizer`."""
        self.goes_by_row = weights.device.type == "cpu"  # elsewhere a launch a row would cost more than the arithmetic
        self._alone: list[list[Tensor]] = []
        super().__init__(weights, momentum, weight_decay)

    def begin(self, rates: Sequence[Sequence[float]]) -> None:
        """Take the learning rates of the steps to come; see `Optimizer`."""
        self._rates, self._at = rates, 0
        if not self.goes_by_row:
            self._plan_matrix(rates)

    def _step(self, gradients: Tensor) -> None:
        if self.goes_by_row:
            self._step_rows(gradients, self._rates[self._at])
        else:
            self._step_matrix(gradients)

    def step_alone(self, gradients: Sequence[Tensor], slots: Sequence[Slot]) -> None:
        """Step a single lane from gradients that are still apart: a copy into a row would cost large networks dear.

        For optimizers that go by row.

        Args:
            gradients: one for each parameter, of its shape.
            slots: where the parameters lie in the row.

        Effects:
            Writes the weights and the state in place.
        """
        self.n_steps = [self.n_steps[0] + 1]
        if not self._alone:
            matrices = (self.weights, self.state["mean"], self.state["square"])
            self._alone = [[matrix[0, s.start : s.stop].view(s.shape) for s in slots] for matrix in matrices]
        weights, means, squares = self._alone
        rate = self._rates[self._at][0]
        self._call(weights, [gradient.contiguous() for gradient in gradients], means, squares, 0, rate)
        self._at += 1

    def _step_rows(self, gradients: Tensor, rates: Sequence[float]) -> None:
        matrices = (self.weights, gradients, self.state["mean"], self.state["square"])
        for lane, (rows, rate) in enumerate(zip(zip(*(m.unbind() for m in matrices), strict=True), rates, strict=True)):
            weights, gradient, mean, square = rows
            self._call([weights], [gradient], [mean], [square], lane, rate)

    def _call(
        self,
        weights: list[Tensor],
        gradients: list[Tensor],
        means: list[Tensor],
        squares: list[Tensor],
        lane: int,
        rate: float,
    ) -> None:
        step = torch.tensor(float(self.n_steps[lane]))
        self.kernel(
            weights,
            gradients,
            means,
            squares,
            [],  # maxima of the squares, which only the amsgrad variant keeps
            [step] * len(weights),
            lr=rate,
            beta1=0.9,
            beta2=0.999,
            weight_decay=self.decays_by_lane[lane],
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )

    def _plan_matrix(self, rates: Sequence[Sequence[float]]) -> None:
        counts = [[n + step for n in self.n_steps] for step in range(1, len(rates) + 1)]  # steps taken by then
        first = [[1 - 0.9**n for n in row] for row in counts]
        self._columns = self._send(rates)
        strides = [[-rate / f for rate, f in zip(*row, strict=True)] for row in zip(rates, first, strict=True)]
        self._strides = self._send(strides)
        self._roots = self._send([[(1 - 0.999**n) ** 0.5 for n in row] for row in counts])

    def _step_matrix(self, gradients: Tensor) -> None:
        if self.is_decoupled:
            self.weights.mul_(1 - self._columns[self._at] * self.weight_decay)
        else:
            gradients = self._decayed(gradients)
        mean, square = self.state["mean"], self.state["square"]
        mean.lerp_(gradients, 0.1)
        square.mul_(0.999).addcmul_(gradients, gradients, value=0.001)
        self.weights.addcmul_(mean / (square.sqrt() / self._roots[self._at] + 1e-8), self._strides[self._at])


class AdamW(Adam):
    """Adam whose weight decay shrinks the weights themselves (Loshchilov and Hutter, arXiv 1711.05101)."""

    kernel: Callable[..., None] = staticmethod(torch._fused_adamw_)
    is_decoupled = True


class SGD(Optimizer):
    """Gradient descent on batches: each weight follows its gradient as it is."""

    def _step(self, gradients: Tensor) -> None:
        self.weights.addcmul_(self._decayed(gradients), -self._columns[self._at])


class Momentum(Optimizer):
    """Gradient descent with momentum (Polyak 1964): velocities add up where gradients agree."""

    memories = ("velocity",)

    def _step(self, gradients: Tensor) -> None:
        velocity = self.state["velocity"].mul_(self.momentum).add_(self._decayed(gradients))  # (lanes, n)
        self.weights.addcmul_(velocity, -self._columns[self._at])


class Nesterov(Optimizer):
    """Momentum that looks ahead along its direction (Nesterov 1983; Sutskever et al., ICML 2013)."""

    memories = ("velocity",)

    def _step(self, gradients: Tensor) -> None:
        gradients = self._decayed(gradients)
        velocity = self.state["velocity"].mul_(self.momentum).add_(gradients)  # (lanes, n)
        self.weights.addcmul_(gradients.addcmul_(velocity, self.momentum), -self._columns[self._at])


class RMSprop(Optimizer):
    """Gradients over the root of their recent mean square, decay 0.99 (Tieleman and Hinton, lecture 6.5, 2012)."""

    memories = ("square",)

    def _step(self, gradients: Tensor) -> None:
        gradients = self._decayed(gradients)
        square = self.state["square"].mul_(0.99).addcmul_(gradients, gradients, value=0.01)  # (lanes, n)
        self.weights.addcmul_(gradients.div_(square.sqrt().add_(1e-8)), -self._columns[self._at])


OPTIMIZERS: Mapping[str, type[Optimizer]] = MappingProxyType(
    {"adam": Adam, "adamw": AdamW, "rmsprop": RMSprop, "momentum": Momentum, "nesterov": Nesterov, "sgd": SGD}
)
