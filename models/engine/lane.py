"""One lane between two epochs: what it is, how far it came and everything needed to go on."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from models.catalogue import Direction, MetricInfo, check_combination, unknown_name
from models.catalogue.metrics import GENERATIVE_METRICS, task_metrics
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
from models.engine.optimizers import OPTIMIZERS
from models.engine.parts import read_parts
from models.networks.base import HasPhases, HasPreparation
from models.networks.custom import build_custom
from models.networks.registry import build_network
from models.networks.saved import Network, NetworkConfig, wrap_network

DEFAULT_OBJECTIVE = "val_loss"
DEFAULT_GENERATIVE_OBJECTIVE = "frechet_distance"


class Lane:
    """A trial's training between two epochs.

    Attributes:
        job: what to train.
        params: all hyperparameters.
        objective: what `best_epoch`, early stopping and the kept weights go by.
        template: the network as built, for its structure; its own weights are the initial ones.
        state: what it goes on from, captured after some finished epoch.
        progress: how far it is; ahead of the state while a program trains it.
        best: weights and buffers after the best epoch, where they are kept.
    """

    def __init__(self, job: TrainJob) -> None:
        """Build the network, or go on from the job's checkpoint.

        Args:
            job: what to train.

        Raises:
            CatalogueError: unknown model, metric or hyperparameter, a value or combination that is not accepted.
            CheckpointError: the checkpoint is damaged or another trial's.
            FileNotFoundError: there is no such checkpoint.
        """
        self.job = job
        self.model = job.info
        self.params: dict[str, Any] = dict(check_combination(self.model, job.params, job.dataset.data_shape))
        self.objective = find_objective(job)
        data = job.dataset.data_shape
        if job.build is None:
            self.template = build_network(job.model, self.params, data, seed=job.seed)
        else:
            self.template = build_custom(job.build, data, job.seed)
        if isinstance(self.template, HasPreparation):
            _prepare(self.template, job)
        identity = Identity(job.model, self.params, job.seed, job.dataset.sha256, job.fold, job.n_folds)
        self.state = Checkpoint(identity, Progress(), initial_state(self.template), {}, {})
        if job.resume_from is not None:
            found = load_checkpoint(job.resume_from)
            require_same(found.identity, identity, job.resume_from)
            self._require_complete(found, job.resume_from)
            self.state = found
        self.progress = self.state.progress
        self.best = self.state.best

    def _require_complete(self, found: Checkpoint, path: Path) -> None:
        wanted = {name: tensor.shape for name, tensor in self.state.network.items()}
        memories = OPTIMIZERS[str(self.params["optimizer"])].memories if found.progress.epoch else ()
        phases = [phase.name for phase in self.template.phases()] if isinstance(self.template, HasPhases) else [""]
        lacking = [f"optimizer.{p}.{m}" for p in phases for m in memories if f"{p}.{m}" not in found.optimizer]
        for part, state in (("network", found.network), ("best", found.best)):
            if part == "network" or state:
                lacking += [f"{part}.{n}" for n, shape in wanted.items() if n not in state or state[n].shape != shape]
        if lacking:
            raise CheckpointError("corrupt_checkpoint", f"{path} lacks tensors of its trial: {', '.join(lacking[:5])}.")

    @property
    def n_epochs(self) -> int:
        """Epochs there are."""
        return cast(int, self.params["epochs"])

    @property
    def is_finished(self) -> bool:
        """Whether all epochs are done, or early stopping has ended them."""
        return self.progress.epoch >= self.n_epochs or self.is_stopped_early

    @property
    def is_stopped_early(self) -> bool:
        """Whether too many epochs passed without a better objective (Prechelt, Early stopping - but when?, 1998)."""
        patience = int(self.params.get("patience", 0))
        progress = self.progress
        return patience > 0 and progress.epoch < self.n_epochs and progress.epoch - progress.best_epoch >= patience

    @property
    def keeps_best(self) -> bool:
        """Whether the weights of the best epoch are the trial's."""
        return bool(self.params.get("restore_best", False))

    def capture(self, network: Mapping[str, Tensor], optimizer: Mapping[str, Tensor]) -> None:
        """Take over weights and optimizer memory as they are after the last finished epoch."""
        self.state = Checkpoint(self.state.identity, self.progress, network, optimizer, self.best)

    def rewind(self) -> None:
        """Go back to the captured state; what was trained since is lost and will be trained again."""
        self.progress = self.state.progress
        self.best = self.state.best

    def move_on(self, metrics: Mapping[str, float]) -> bool:
        """Take note of one more epoch; answer whether it is the best so far."""
        before, epoch = self.progress, self.progress.epoch + 1
        value = metrics[self.objective.name]
        is_best = before.best_value is None or _is_better(value, before.best_value, self.objective.direction)
        best_epoch, best_value = (epoch, value) if is_best else (before.best_epoch, before.best_value)
        history = {name: (*before.history.get(name, ()), number) for name, number in metrics.items()}
        self.progress = Progress(epoch, dict(metrics), best_epoch, best_value, history)
        return is_best

    @property
    def kept_epoch(self) -> int:
        """The epoch whose weights are the trial's, 0 for none."""
        return self.progress.best_epoch if self.keeps_best else self.progress.epoch

    def final_metrics(self) -> dict[str, float]:
        """Return the metrics of the epoch whose weights are the trial's; empty before the first epoch."""
        progress = self.progress
        if not self.keeps_best or not progress.best_epoch:
            return dict(progress.metrics or {})
        return {name: values[progress.best_epoch - 1] for name, values in progress.history.items()}

    def finished_network(self) -> Network:
        """Return the trial's network, ready to be saved: of the last epoch, or of the best one where that is kept."""
        keeps_best = self.keeps_best and bool(self.state.best)
        state = self.state.best if keeps_best else self.state.network
        self.template.load_state_dict(dict(state), strict=False)
        data = self.job.dataset
        config = NetworkConfig(
            model=self.job.model,
            params=self.params,
            data=data.data_shape,
            seed=self.job.seed,
            epoch=self.progress.best_epoch if keeps_best else self.progress.epoch,
            dataset_sha256=data.sha256,
        )
        return wrap_network(self.template.eval(), config, data)

    def save_checkpoint(self) -> None:
        """Write the state after the last finished epoch, for `resume_from`.

        Effects:
            Replaces the lane's checkpoint.
        """
        save_checkpoint(self.job.checkpoint_path, self.state)


def find_objective(job: TrainJob) -> MetricInfo:
    """Return the metric that a job goes by.

    Raises:
        CatalogueError: `unknown_metric`.
    """
    data = job.dataset.data_shape
    if job.info.is_generative:
        known, default = GENERATIVE_METRICS, DEFAULT_GENERATIVE_OBJECTIVE
    else:
        n_classes = None if data.task == "regression" else data.n_outputs
        known, default = task_metrics(data.task, n_classes), DEFAULT_OBJECTIVE
    metrics = {info.name: info for info in known}
    wanted = job.objective or default
    if wanted not in metrics:
        raise unknown_name("metric", wanted, metrics, "objective")
    return metrics[wanted]


def initial_state(network: nn.Module) -> dict[str, Tensor]:
    """Return a network's parameters and float buffers by name, as copies."""
    tensors = (*network.named_parameters(), *network.named_buffers())
    return {name: tensor.detach().clone() for name, tensor in tensors if tensor.is_floating_point()}


def _prepare(network: HasPreparation, job: TrainJob) -> None:
    parts = read_parts([job], torch.device("cpu"))
    network.prepare(*parts.train.take(torch.from_numpy(parts.train_rows[0])))  # of a fold, its own training rows


def _is_better(value: float, best: float, direction: Direction) -> bool:
    return value > best if direction == "maximize" else value < best
