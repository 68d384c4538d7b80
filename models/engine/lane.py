"""One lane: a network, its optimizer and its place in the data, trained an epoch at a time."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from models.catalogue import Direction, MetricInfo, complete_params, get_model, unknown_name
from models.catalogue.metrics import METRICS_BY_TASK
from models.engine.checkpoint import (
    Checkpoint,
    CheckpointError,
    Identity,
    Progress,
    load_checkpoint,
    require_same,
    save_checkpoint,
)
from models.engine.jobs import TrainJob
from models.engine.optimizers import OPTIMIZERS, StepSettings
from models.layers.random import keyed_layers, set_keys
from models.measures.evaluation import forward_all, read_part
from models.measures.metrics import batch_loss, part_metrics
from models.networks.registry import build_network
from models.networks.saved import NetworkConfig, save_network, wrap_network
from models.seeds import derive, generator

DEFAULT_OBJECTIVE = "val_loss"


class DivergedError(ArithmeticError):
    """The loss is no longer a finite number; the message says where that was seen first."""


class Lane:
    """A trial's training, resumable after any epoch.

    Attributes:
        job: what to train.
        n_epochs: how many epochs there are.
        progress: how far it is.
    """

    def __init__(self, job: TrainJob) -> None:
        """Build the network, and go on from the job's checkpoint where it names one.

        Args:
            job: what to train.

        Raises:
            CatalogueError: unknown model, metric or hyperparameter, or a value that is not accepted.
            CheckpointError: the checkpoint is damaged or another trial's.
            FileNotFoundError: there is no such checkpoint.
        """
        self.job = job
        self.params = complete_params(get_model(job.model), job.params)
        self.objective = _find_objective(job)
        self.n_epochs = cast(int, self.params["epochs"])
        self.train_part = read_part(job.dataset, "train")
        self.val_part = read_part(job.dataset, "val")
        self.network = build_network(job.model, self.params, job.dataset.data_shape, seed=job.seed)
        self.weights = list(self.network.parameters())
        self.keyed = keyed_layers(self.network)
        settings = StepSettings(cast(float, self.params["learning_rate"]), cast(float, self.params["weight_decay"]))
        self.optimizer = OPTIMIZERS[cast(str, self.params["optimizer"])](self.weights, settings)
        self.progress = Progress()
        if job.resume_from is not None:
            self._resume(job.resume_from)

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are done."""
        return self.progress.epoch >= self.n_epochs

    @property
    def checkpoint_path(self) -> Path:
        """Where the lane's checkpoint goes."""
        return self.job.output_dir / "checkpoint.safetensors"

    def train_epoch(self) -> Mapping[str, float]:
        """Train one epoch and evaluate.

        Returns:
            The metrics that the catalogue lists, all finite.

        Raises:
            DivergedError: a loss or metric is not finite; the progress stays at the epoch before.

        Effects:
            Changes the network and the optimizer, and moves the progress on.
        """
        epoch = self.progress.epoch + 1
        measured = self._train_metrics(epoch) | self._val_metrics()
        metrics = {info.name: measured[info.name] for info in METRICS_BY_TASK[self.job.dataset.task]}
        for name, value in metrics.items():
            if not math.isfinite(value):
                raise DivergedError(f"{name} became {value} at the end of epoch {epoch}.")
        self.progress = self._moved_on(epoch, metrics)
        return metrics

    def save_checkpoint(self) -> Path:
        """Write the state after the last finished epoch.

        Returns:
            The file.

        Effects:
            Replaces the lane's checkpoint.
        """
        state = self.network.state_dict()
        save_checkpoint(self.checkpoint_path, Checkpoint(self._identity(), self.progress, state, self.optimizer.state))
        return self.checkpoint_path

    def save_network(self) -> tuple[Path, ...]:
        """Write the network as it is now.

        Returns:
            The files, in the folder `network` of the job's output folder.
        """
        data = self.job.dataset
        config = NetworkConfig(
            model=self.job.model,
            params=self.params,
            data=data.data_shape,
            seed=self.job.seed,
            epoch=self.progress.epoch,
            dataset_sha256=data.sha256,
        )
        return save_network(wrap_network(self.network, config, data), self.job.output_dir / "network")

    def _train_metrics(self, epoch: int) -> dict[str, float]:
        data, task = self.train_part, self.job.dataset.task
        batch_size = cast(int, self.params["batch_size"])
        order = torch.randperm(len(data.targets), generator=generator(self.job.seed, "order", epoch))  # (n,)
        targets = data.targets[order]  # (n,)  gathered once an epoch: batches are then views
        batches = list(
            zip(torch.split(data.features[order], batch_size), torch.split(targets, batch_size), strict=True)
        )
        losses: list[Tensor] = []
        outputs: list[Tensor] = []
        self.network.train()
        for place, (x, y) in enumerate(batches):
            step = (epoch - 1) * len(batches) + place
            set_keys(self.keyed, torch.tensor(derive(self.job.seed, "step", step) & 0x7FFFFFFF, dtype=torch.int32))
            output = self.network(x)  # (batch, n_outputs)
            loss = batch_loss(task, output, y)  # ()
            self.optimizer.step(torch.autograd.grad(loss, self.weights))
            losses.append(loss.detach())
            outputs.append(output.detach())
        _require_finite(torch.stack(losses), epoch)
        return part_metrics("train", task, torch.cat(outputs), targets, self._unit())

    def _val_metrics(self) -> dict[str, float]:
        outputs = forward_all(self.network, self.val_part.features)
        return part_metrics("val", self.job.dataset.task, outputs, self.val_part.targets, self._unit())

    def _moved_on(self, epoch: int, metrics: Mapping[str, float]) -> Progress:
        before, value = self.progress, metrics[self.objective.name]
        if before.best_value is None or _is_better(value, before.best_value, self.objective.direction):
            return Progress(epoch, metrics, best_epoch=epoch, best_value=value)
        return Progress(epoch, metrics, before.best_epoch, before.best_value)

    def _resume(self, path: Path) -> None:
        found = load_checkpoint(path)
        require_same(found.identity, self._identity(), path)
        try:
            self.network.load_state_dict(dict(found.network))
            for name, tensor in self.optimizer.state.items():
                tensor.copy_(found.optimizer[name])
        except (KeyError, RuntimeError) as error:
            raise CheckpointError("corrupt_checkpoint", f"{path} lacks tensors of its trial: {error}") from error
        self.progress = found.progress

    def _identity(self) -> Identity:
        return Identity(self.job.model, self.params, self.job.seed, self.job.dataset.sha256)

    def _unit(self) -> float:
        return float(self.job.dataset.target_scale)


def _find_objective(job: TrainJob) -> MetricInfo:
    metrics = {info.name: info for info in METRICS_BY_TASK[job.dataset.task]}
    wanted = job.objective or DEFAULT_OBJECTIVE
    if wanted not in metrics:
        raise unknown_name("metric", wanted, metrics, "objective")
    return metrics[wanted]


def _is_better(value: float, best: float, direction: Direction) -> bool:
    return value > best if direction == "maximize" else value < best


def _require_finite(losses: Tensor, epoch: int) -> None:
    # One test an epoch instead of one a step: reading a number back from a GPU stops it.
    finite = losses.isfinite()  # (n_steps,)
    if not bool(finite.all()):
        step = int(finite.logical_not().nonzero()[0])
        raise DivergedError(
            f"train_loss became {losses[step].item()} in epoch {epoch}, step {step + 1} of {len(losses)}."
        )
