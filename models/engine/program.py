"""Lanes trained together as one program, an epoch at a time.

Nothing here mixes lanes: each has its own row of weights, its own order of examples, its own keys for random numbers
and its own numbers, and every operation works row by row. That is what makes a result independent of company.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

import torch
from torch import Tensor

from models.engine.batches import LaneBatches, evaluation_keys
from models.engine.checkpoint import Checkpoint
from models.engine.descent import Descent
from models.engine.devices import Precision, autocast
from models.engine.lane import Lane
from models.engine.losses import balanced_weights
from models.engine.measuring import (
    Measured,
    Trace,
    find_divergence,
    measure_gradients,
    measure_training,
    measure_validation,
    measured_lane,
)
from models.engine.memory import allot
from models.engine.optimizers import OPTIMIZERS
from models.engine.parts import read_parts
from models.engine.penalties import make_penalties
from models.engine.schedules import rate_factor
from models.engine.stack import Stack
from models.engine.supervised import supervised_phase
from models.layers.random import KeyedLayer, keyed_layers, layer_keys_of
from models.networks.base import Batch, HasPhases, LossFunction
from models.networks.custom import seeded

IDLE_AT_ZERO = frozenset({"label_smoothing"})
"""Numbers that cost a computation which changes nothing where they are 0 in every lane; they are then left out."""
NORMS_PER_EPOCH = 8
"""Steps of an epoch, evenly spread, whose gradients' lengths are averaged."""
STEPS_BETWEEN_CHECKS = 64
"""Steps after which the program looks whether any lane is still finite."""


class Program:
    """Lanes of one structure on one data set.

    Attributes:
        lanes: in the order of the rows.
        stack: their networks.
    """

    def __init__(self, lanes: Sequence[Lane], device: torch.device, precision: Precision = "float32") -> None:
        """Put lanes together, each where its state says it is.

        Args:
            lanes: of one structure, one data set and one way of validation.
            device: where to train.
            precision: of the forward pass; see `models.engine.devices`.

        Raises:
            CheckpointError: a lane's state does not fit its network.
            OutOfMemoryError: torch's own: the device has no room for them.
        """
        self.lanes = list(lanes)
        self.device = device
        self.precision: Precision = precision
        first = lanes[0]
        self.dataset = first.job.dataset
        states = [lane.state for lane in lanes]
        self.stack = Stack(first.template, [state.network for state in states], device, first.job.build is None)
        self.parts = read_parts([lane.job for lane in lanes], device)
        self.batches = LaneBatches(
            self.parts.train,
            self.parts.train_rows,
            [lane.job.seed for lane in lanes],
            int(first.params["batch_size"]),
        )
        self.keyed = keyed_layers(self.stack.network)
        self.keys = evaluation_keys([lane.job.seed for lane in lanes], device).view(self.stack.lane_shape)
        self.numbers = _lane_numbers(lanes, self.stack)
        for module in self.stack.network.modules():
            set_numbers = getattr(module, "set_numbers", None)
            if set_numbers is not None:
                set_numbers(_number_rows(lanes))
        self.phases = self._make_phases()
        self.held = allot(device, self, self._resident())
        self.norm_every = -(-self.batches.n_steps // NORMS_PER_EPOCH)
        for place, state in enumerate(states):
            self._load_optimizers(place, state)

    def train_epoch(self) -> list[Measured]:
        """Train each lane for one epoch and measure it.

        Returns:
            What each lane did, in their order. Lanes that diverged must be dropped; the others have moved on.

        Effects:
            Changes the stack, the optimizers and the lanes' progress.
        """
        epochs = [lane.progress.epoch + 1 for lane in self.lanes]
        with self._own_randomness():
            trace = self._take_steps(epochs, self.batches.n_steps)
        reasons = find_divergence(trace, epochs, self.batches.n_steps)
        measured = measure_training(trace, self.dataset.task, len(self.stack.lane_shape))
        measured |= measure_gradients(trace, self.stack, self.phases[-1].gradients, self.phases[-1].slots)
        measured |= measure_validation(self.stack, self.parts, self.dataset, self.keys, self.lanes[0].objective)
        numbers = {name: values.view(-1).tolist() for name, values in measured.items()}  # one wait each, not one a lane
        return [self._move_on(place, numbers, reason) for place, reason in enumerate(reasons)]

    def time_steps(self, n_steps: int) -> None:
        """Take some training steps that nobody looks at, to see how long they take.

        Effects:
            Spoils the lanes: the program is to be thrown away.
        """
        with self._own_randomness():
            self._take_steps([1] * len(self.lanes), n_steps)

    def capture(self) -> None:
        """Write every lane's weights and optimizer memory back into its state, so that it can go on elsewhere."""
        for place, lane in enumerate(self.lanes):
            memories = {
                f"{phase.name}.{name}": memory[place].cpu().clone()
                for phase in self.phases
                for name, memory in phase.optimizer.state.items()
            }
            lane.capture(self.stack.state_dict(place), memories)

    def _take_steps(self, epochs: Sequence[int], n_steps: int) -> Trace:
        self.stack.network.train()
        rates = self._rates()  # n_steps x lanes
        trace = Trace({phase.name: [] for phase in self.phases}, rates[min(n_steps, len(rates)) - 1])
        for phase in self.phases:
            phase.begin(rates)
        keys = self.batches.keys(epochs)  # (n_steps,) or (n_steps, lanes)
        layer_keys = self._layer_keys(keys)
        for step, batch in enumerate(itertools.islice(self.batches.epoch(epochs, keys.unbind()), n_steps)):
            for layer, own_keys in layer_keys:
                layer.key, layer.step = own_keys[step], step
            is_watched = step % self.norm_every == 0 or step == len(rates) - 1
            with self.held.step():
                output = self._step(batch, trace, is_watched)
            if is_watched:
                trace.norms.append(self._gradient_norms())
            if output is not None:
                trace.outputs.append(output)
                trace.targets.append(batch.y)
            if step % STEPS_BETWEEN_CHECKS == STEPS_BETWEEN_CHECKS - 1 and not trace.is_any_finite():
                break
        return trace

    def _resident(self) -> Iterator[Tensor]:
        """Yield what stays on the device for as long as the program does."""
        yield self.stack.weights
        yield from self.stack.buffers.values()
        for phase in self.phases:
            yield phase.gradients
            yield from phase.optimizer.state.values()
        yield from (one for one in (self.parts.train.x, self.parts.train.y) if isinstance(one, Tensor))

    def _own_randomness(self) -> AbstractContextManager[None]:
        # A network of the user's own draws from torch's global generator, so it trains alone and from its own seed.
        first = self.lanes[0]
        if first.job.build is None:
            return nullcontext()
        return seeded(first.job.seed, "torch", first.progress.epoch + 1, device=self.device)

    def _move_on(self, place: int, measured: Mapping[str, Sequence[float]], reason: str) -> Measured:
        lane = self.lanes[place]
        outcome = measured_lane(place, measured, reason, lane.progress.epoch + 1)
        if not outcome.reason and lane.move_on(outcome.metrics) and lane.keeps_best:
            lane.best = self.stack.state_dict(place)
        return outcome

    def _layer_keys(self, keys: Tensor) -> list[tuple[KeyedLayer, tuple[Tensor, ...]]]:
        # A layer's place among all counts, idle or not: whether it is idle depends on the neighbours.
        if all(layer.is_idle for layer in self.keyed):
            return []
        keyed = list(zip(self.keyed, layer_keys_of(self.keyed, keys), strict=True))  # own keys of keys' shape
        for layer, own in keyed:
            layer.keys = own
        return [(layer, own.unbind()) for layer, own in keyed if not layer.is_idle]

    def _gradient_norms(self) -> Tensor:
        squares = [phase.gradients.square().sum(dim=1) for phase in self.phases]  # (lanes,) each
        return torch.stack(squares).sum(dim=0).sqrt()  # (lanes,)

    def _step(self, batch: Batch, trace: Trace, is_watched: bool) -> Tensor | None:
        kept: Tensor | None = None
        for phase in self.phases:
            with autocast(self.device, self.precision):
                losses, outputs = phase.losses(batch, self.numbers)
                total = losses.sum() if losses.dim() else losses  # a lane's gradient sees its own loss only
            gradients = torch.autograd.grad(total, phase.parameters, allow_unused=True)
            phase.step(gradients, is_watched)
            trace.losses[phase.name].append(losses.detach().view(-1))  # (lanes,)
            kept = outputs.detach() if outputs is not None else None
        return kept

    def _make_phases(self) -> list[Descent]:
        network = self.stack.network
        if isinstance(network, HasPhases):
            declared = network.phases()
        else:
            task = self.dataset.task
            declared = (supervised_phase(self.stack, task, self.lanes[0].params.get("loss"), self._class_weights()),)
        return [self._make_phase(phase.name, phase.prefix, phase.losses) for phase in declared]

    def _make_phase(self, name: str, prefix: str, losses: LossFunction) -> Descent:
        chosen = [place for place, slot in enumerate(self.stack.slots) if slot.name.startswith(prefix)]
        start = self.stack.slots[chosen[0]].start
        slots = [
            replace(slot, start=slot.start - start, stop=slot.stop - start)
            for slot in (self.stack.slots[place] for place in chosen)
        ]
        weights = self.stack.weights[:, start : start + slots[-1].stop]  # (lanes, n)
        gradients = torch.zeros_like(weights)  # (lanes, n)
        lanes = self.stack.lane_shape
        views = [gradients[:, slot.start : slot.stop].view(*lanes, *slot.shape) for slot in slots]
        params = [lane.params for lane in self.lanes]
        optimizer = OPTIMIZERS[str(params[0]["optimizer"])](
            weights,
            [float(one.get("momentum", 0.9)) for one in params],
            [float(one.get("weight_decay", 0.0)) for one in params],
        )
        parameters = [self.stack.parameters[place] for place in chosen]
        penalties = make_penalties(params, slots, weights)
        shares = [float(one.get(f"{name}_rate_factor", 1.0)) for one in params]
        return Descent(name, losses, parameters, weights, gradients, views, slots, optimizer, penalties, shares)

    def _load_optimizers(self, place: int, state: Checkpoint) -> None:
        if not state.optimizer and not state.progress.epoch:
            return
        n_steps = state.progress.epoch * self.batches.n_steps
        for phase in self.phases:
            prefix = f"{phase.name}."
            memory = {
                name.removeprefix(prefix): tensor for name, tensor in state.optimizer.items() if name.startswith(prefix)
            }
            phase.optimizer.load(place, memory, n_steps)

    def _class_weights(self) -> Tensor | None:
        wanted = [lane.params.get("class_weights", "none") == "balanced" for lane in self.lanes]
        if not any(wanted) or self.dataset.task != "classification":
            return None
        n_classes = self.dataset.n_outputs
        targets = self.parts.train.y
        rows = [
            balanced_weights(targets[torch.from_numpy(rows).to(targets.device)], n_classes)
            if is_wanted
            else torch.ones(n_classes, device=targets.device)
            for is_wanted, rows in zip(wanted, self.parts.train_rows, strict=True)
        ]
        return torch.stack(rows).view(*self.stack.lane_shape, n_classes).to(self.device)  # (n_classes,) or (lanes, ..)

    def _rates(self) -> list[list[float]]:
        n_steps = self.batches.n_steps
        columns = [
            [
                float(lane.params["learning_rate"])
                * rate_factor(
                    str(lane.params.get("schedule", "constant")),
                    float(lane.params.get("warmup", 0.0)),
                    lane.progress.epoch * n_steps + step,
                    lane.n_epochs * n_steps,
                )
                for step in range(n_steps)
            ]
            for lane in self.lanes
        ]
        return [list(row) for row in zip(*columns, strict=True)]


def _number_rows(lanes: Sequence[Lane]) -> dict[str, list[float]]:
    hyperparameters = lanes[0].model.hyperparameters.values()
    names = [one.name for one in hyperparameters if one.per_lane and one.type in ("float", "int", "bool")]
    return {name: [float(lane.params[name]) for lane in lanes] for name in names}


def _lane_numbers(lanes: Sequence[Lane], stack: Stack) -> dict[str, Tensor]:
    return {
        name: torch.tensor(row, device=stack.device).view(stack.lane_shape)
        for name, row in _number_rows(lanes).items()
        if name not in IDLE_AT_ZERO or any(row)
    }
