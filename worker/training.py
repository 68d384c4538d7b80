"""What a trial's process does with an order: train its lanes, and say how each went and what it shows."""

from __future__ import annotations

import json
import os
import re
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol, cast

from models.catalogue import get_model
from models.data.dataset import Dataset, load_dataset
from models.diagnosis.curves import Curves, Divergence, reference_accuracy, reference_loss
from models.diagnosis.diagnose import diagnose
from models.engine.checkpoint import CheckpointError, load_checkpoint
from models.engine.devices import choose_device
from models.engine.jobs import Decision, EpochReport, LaneResult, Outcome, TrainJob
from models.engine.members import Plan
from models.engine.memory import limit, seen_peaks, simulate
from models.engine.simulated import VARIABLE as SIMULATED_VARIABLE
from models.engine.simulated import open_simulated
from models.engine.trainer import TrainSettings
from models.engine.trials import train_trials
from models.files import write_atomically
from worker.costs import measure_costs
from worker.messages import BatchOrder, CheckpointSaved, EpochDone, LaneEnded, LaneLog, LaneOrder, MemoryUsed
from worker.settings import PRECISION_VARIABLE
from worker.slots import DEVICE_VARIABLE

CONFUSION_FILE = "confusion_matrix.json"
ONNX_FILE = "model.onnx"
DRAWING = frozenset({"capsnet", "gan"})
"""Networks whose pictures are stored with them."""
JUDGED_AT_THE_END = frozenset({"underfitting", "good_fit", "still_improving", "plateau"})
"""What the first epochs of a trial that was pruned or paused cannot tell."""


class Channel(Protocol):
    """The way to the supervisor."""

    def send(self, message: object) -> None:
        """Say something to the supervisor."""
        ...


class Speaker:
    """Hears the trainer and tells the supervisor.

    Args:
        order: What is trained.
        dataset: On what.
        channel: The way to the supervisor.
        decide: The decision on a lane, as it stands.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        order: BatchOrder,
        dataset: Dataset,
        channel: Channel,
        decide: Callable[[str], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.order = order
        self.dataset = dataset
        self.channel = channel
        self.decide = decide
        self.ended: set[str] = set()
        self.incumbent = order.incumbent
        self._told: dict[int, int] = {}
        self._clock = clock
        self._begun_s = clock()

    def on_epoch(self, report: EpochReport) -> Decision:
        """Pass an epoch on; a line about it now and then."""
        lane = report.lane_id
        self.tell_memory()
        self.channel.send(EpochDone(lane, report.epoch, report.n_epochs, dict(report.metrics)))
        is_own = not any("@" in name for name in report.metrics)
        if is_own and is_worth_a_line(report.epoch, report.n_epochs):
            shown = "  ".join(f"{name} {value:.4g}" for name, value in report.metrics.items())
            self.channel.send(LaneLog(lane, f"epoch {report.epoch}/{report.n_epochs}  {shown}"))
        return Decision(self.decide(lane))

    def tell_memory(self) -> None:
        """Say what the process took of its GPU, where that is more than was said before."""
        fresh = {n: peak for n, peak in seen_peaks().items() if peak > self._told.get(n, 0)}
        if fresh:
            self._told |= fresh
            self.channel.send(MemoryUsed(tuple(sorted(fresh.items()))))

    def on_wait(self, lane_id: str) -> Decision:
        """Answer with the decision as it stands."""
        return Decision(self.decide(lane_id))

    def on_checkpoint(self, lane_id: str, epoch: int, path: Path) -> None:
        """Pass a checkpoint on."""
        self.channel.send(CheckpointSaved(lane_id, epoch, str(path)))

    def on_end(self, result: LaneResult) -> None:
        """Say how a lane ended, with everything that its network shows."""
        self.ended.add(result.lane_id)
        self.tell_memory()
        metrics, files = {**result.metrics, **self._costs(result)}, list(result.network_files)
        if files and not get_model(self.order.model).is_generative:
            more, made = self._examine(result)
            metrics, files = more | metrics, [*files, *made]
        files += self._draw(result)
        self.channel.send(
            LaneEnded(
                lane=result.lane_id,
                outcome=result.outcome,
                reason=result.reason,
                is_retryable=False,
                metrics=metrics,
                files=tuple(str(path) for path in files),
                diagnosis=self._diagnose(result),
            )
        )

    def _costs(self, result: LaneResult) -> dict[str, float]:
        """Measure what a finished network costs; a failure here costs these numbers, not the trial."""
        if not result.network_files:
            return {}
        train_s = self._clock() - self._begun_s
        from models.measures.evaluation import read_part

        try:
            is_generative = get_model(self.order.model).is_generative
            row = None if is_generative else read_part(self.dataset, "val").features[:1]  # (1, d)
            return {"train_s": train_s, **measure_costs(result.network_files, row)}
        except Exception:
            self.channel.send(LaneLog(result.lane_id, traceback.format_exc(limit=4), "stderr"))
            return {"train_s": train_s}

    def _diagnose(self, result: LaneResult) -> tuple[Mapping[str, Any], ...]:
        """Say what the curves show; should that fail, its neighbours must not suffer."""
        params = next(lane.params for lane in self.order.lanes if lane.lane == result.lane_id)
        try:
            findings = diagnose(curves_of(result, self.order.model, dict(params), self.dataset))
            is_cut_short = result.outcome in (Outcome.PRUNED, Outcome.PAUSED)
            return tuple(one.to_json() for one in findings if not (is_cut_short and one.kind in JUDGED_AT_THE_END))
        except Exception:
            self.channel.send(LaneLog(result.lane_id, traceback.format_exc(limit=4), "stderr"))
            return ()

    def _draw(self, result: LaneResult) -> list[Path]:
        """Draw what a network that draws has learned; a failure here costs the picture, not the trial."""
        if not result.network_files or get_model(self.order.model).name not in DRAWING:
            return []
        from models.measures.pictures import draw_network
        from models.networks.saved import load_network

        try:
            folder = result.network_files[0].parent
            seed = next(lane.seed for lane in self.order.lanes if lane.lane == result.lane_id)
            drawing = draw_network(load_network(folder), self.dataset, seed)
            if drawing is None:
                return []
            write_atomically(folder / drawing.name, drawing.png)
            return [folder / drawing.name]
        except Exception:
            self.channel.send(LaneLog(result.lane_id, traceback.format_exc(limit=4), "stderr"))
            return []

    def _examine(self, result: LaneResult) -> tuple[dict[str, float], list[Path]]:
        """Measure a finished network once more, by everything; a failure here costs the extras, not the trial."""
        made: list[Path] = []
        try:
            metrics = self._measure(result, made)
            self._export_if_best(result, made)
        except Exception:
            self.channel.send(LaneLog(result.lane_id, traceback.format_exc(limit=4), "stderr"))
            return {}, made
        return metrics, made

    def _measure(self, result: LaneResult, made: list[Path]) -> dict[str, float]:
        from models.measures.evaluation import forward_all, read_part
        from models.measures.final import confusion_matrix, final_metrics
        from models.networks.saved import load_network

        if self.order.n_folds:
            return {}  # a member's own fold is not the data set's validation part
        folder = result.network_files[0].parent
        part = read_part(self.dataset, "val")
        outputs = forward_all(load_network(folder).body, part.features)
        task = self.dataset.task
        if task == "classification":
            path = folder / CONFUSION_FILE
            counts = {"part": "val", "counts": confusion_matrix(outputs, part.targets)}
            write_atomically(path, json.dumps(counts).encode())
            made.append(path)
        if self.order.n_repeats > 1 and self.order.choose != "best":
            return {}  # the trial's metrics are over all repeats, the network is one of them
        return final_metrics("val", task, outputs, part.targets, float(self.dataset.target_scale))

    def _export_if_best(self, result: LaneResult, made: list[Path]) -> None:
        value = result.metrics.get(self.order.objective)
        is_higher_better = self.order.direction == "maximize"
        if value is None:
            return
        if self.incumbent is not None and (value <= self.incumbent if is_higher_better else value >= self.incumbent):
            return
        from models.networks.onnx_file import export_onnx
        from models.networks.saved import load_network

        self.incumbent = value
        folder = result.network_files[0].parent
        made.append(export_onnx(load_network(folder), folder / ONNX_FILE))


def run_order(order: BatchOrder, channel: Channel, decide: Callable[[str], str]) -> None:
    """Train the lanes of an order; whatever goes wrong, each of them gets its end.

    Args:
        order: What to train.
        channel: The way to the supervisor.
        decide: The decision on a lane, as it stands.
    """
    ended: set[str] = set()
    try:
        settings = settings_of(order)
        dataset = load_dataset(Path(order.dataset_file))
        speaker = Speaker(order, dataset, channel, decide)
        ended = speaker.ended
        jobs = [_job(order, lane, dataset, channel) for lane in order.lanes]
        plan = Plan(
            n_repeats=order.n_repeats,
            choose=order.choose,
            is_racing=order.is_racing,
            n_folds=order.n_folds,
            incumbent=order.incumbent,
        )
        train_trials(jobs, plan, speaker, settings)
    except BaseException as error:
        traceback.print_exc()
        for lane in order.lanes:
            if lane.lane not in ended:
                channel.send(_failure(lane, error))


def settings_of(order: BatchOrder) -> TrainSettings:
    """Return how to train an order in this process.

    Raises:
        DeviceError: The worker was given a device that is not here.

    Effects:
        Training in this process takes its memory of a simulated GPU from now on, where the slot has one, and no more of
        any than the order says.
    """
    precision = os.environ.get(PRECISION_VARIABLE, "float32")
    simulated = os.environ.get(SIMULATED_VARIABLE)
    simulate(open_simulated(simulated) if simulated else None)
    device = choose_device(os.environ.get(DEVICE_VARIABLE, "auto"))
    if order.memory_bytes is not None:
        limit(device, order.memory_bytes)
    return TrainSettings(
        checkpoint_every_s=order.checkpoint_every_s,
        device=str(device),
        precision=cast(Literal["float32", "bf16", "auto"], precision),
        n_lanes=order.n_lanes,
    )


def curves_of(result: LaneResult, model: str, params: dict[str, Any], dataset: Dataset) -> Curves:
    """Return what a diagnosis needs to know of a lane.

    Args:
        result: How it ended.
        model: What was trained.
        params: With which hyperparameters.
        dataset: On what.
    """
    is_generative = get_model(model).is_generative
    divergence = None
    if result.outcome is Outcome.DIVERGED:
        step = re.search(r"step (\d+) of", result.reason)
        divergence = Divergence(result.epoch + 1, int(step[1]) if step else None, result.reason)
    counts = () if dataset.task == "regression" else tuple(Counter(dataset.y_train.ravel().tolist()).values())
    return Curves(
        metrics=result.history,
        n_epochs=int(params.get("epochs", result.epoch) or 1),
        task=None if is_generative else dataset.task,
        n_train=len(dataset.y_train),
        reference_loss=None if is_generative else reference_loss(dataset.task, counts),
        reference_accuracy=None if is_generative else reference_accuracy(dataset.task, counts),
        divergence=divergence,
        params=params,
    )


def is_worth_a_line(epoch: int, n_epochs: int) -> bool:
    """Choose about twenty epochs for the log, the first and the last among them; the curves have them all."""
    return epoch in (1, n_epochs) or epoch % max(1, n_epochs // 20) == 0


def _job(order: BatchOrder, lane: LaneOrder, dataset: Dataset, channel: Channel) -> TrainJob:
    return TrainJob(
        lane_id=lane.lane,
        model=order.model,
        params={name: value for name, value in lane.params.items() if value is not None},
        dataset=dataset,
        seed=lane.seed,
        output_dir=Path(lane.folder),
        resume_from=_resumable(order, lane, channel),
        objective=order.objective,
    )


def _resumable(order: BatchOrder, lane: LaneOrder, channel: Channel) -> Path | None:
    if lane.resume_from is None:
        return None
    path = Path(lane.resume_from)
    if order.n_repeats > 1 or order.n_folds:
        return path  # a file of several, each looked at when its member begins
    try:
        load_checkpoint(path)
    except CheckpointError as error:
        channel.send(LaneLog(lane.lane, f"starting anew, the checkpoint cannot be used: {error}", "stderr"))
        return None
    return path


def _failure(lane: LaneOrder, error: BaseException) -> LaneEnded:
    import torch

    is_memory = isinstance(error, MemoryError | torch.OutOfMemoryError)
    reason = f"{type(error).__name__}: {error}"[:2000]
    # A full or broken disk is this machine's trouble; everything else would happen again elsewhere.
    is_retryable = isinstance(error, OSError)
    return LaneEnded(lane.lane, "OOM" if is_memory else "CRASHED", reason, is_retryable)


def preload() -> None:
    """Import while nobody waits what the end of every trial needs."""
    import models.measures.evaluation
    import models.measures.final
    import models.networks.saved  # noqa: F401
