"""The trainer: takes a list of jobs and trains those of one structure together, an epoch at a time."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from models.engine.devices import choose_device
from models.engine.groups import Group, OutOfMemoryError, group_key
from models.engine.jobs import Decision, EpochReport, LaneResult, Listener, Outcome, TrainJob
from models.engine.lane import Lane
from models.engine.measuring import Measured
from models.networks.saved import save_network


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How the trainer goes about it; a result changes by rounding at most, see `train`.

    Attributes:
        checkpoint_every_s: least time between two checkpoints of a lane, in seconds; 0 for one after each epoch.
        clock: seconds that never run backwards.
        device: where to train, see `choose_device`: `cpu`, `cuda`, `cuda:1`, `auto`.
        precision: `float32`, `bf16` (mixed precision), or `auto` for the faster one on a GPU.
        n_lanes: most trials to train as one program; None to find out by a short probe.
    """

    checkpoint_every_s: float = 10.0
    clock: Callable[[], float] = time.monotonic
    device: str = "cpu"
    precision: Literal["float32", "bf16", "auto"] = "float32"
    n_lanes: int | None = None


def train(jobs: Sequence[TrainJob], listener: Listener, settings: TrainSettings | None = None) -> list[LaneResult]:
    """Train networks until each has ended.

    A result depends on parameters, seed and data, not on the company, the checkpoints and the interruptions. How
    exactly that holds on which device stands in docs/training.md. The number of threads is the caller's choice
    (`torch.set_num_threads`).

    Args:
        jobs: the lanes, with different `lane_id`s and output folders.
        listener: hears of each epoch at once and decides how its lane goes on. A decision after the last epoch comes
            too late: that lane is COMPLETE.
        settings: how often to save, by which clock, where, and how many at once.

    Returns:
        A result for each job, in their order; `listener.on_end` has had each as soon as it was there.

    Raises:
        CatalogueError: a job names an unknown model, metric or hyperparameter, or a value that is not accepted.
        CheckpointError: a checkpoint cannot be resumed from.
        FileNotFoundError: there is no such checkpoint. All of these are raised before any lane trains.
        DeviceError: the device is not there, or its name is none.
        ValueError: two jobs share a name or a folder.

    Effects:
        Writes checkpoints and finished networks into the jobs' output folders.
    """
    _require_distinct(jobs)
    return _Trainer(jobs, listener, settings or TrainSettings()).run()


class _Trainer:
    """Takes groups in turn, an epoch each, and stands between lanes and listener: reports, obeys, saves."""

    def __init__(self, jobs: Sequence[TrainJob], listener: Listener, settings: TrainSettings) -> None:
        self.jobs = jobs
        self.listener = listener
        self.settings = settings
        device = choose_device(settings.device)
        by_key: dict[object, list[TrainJob]] = {}
        for job in jobs:
            by_key.setdefault(group_key(job), []).append(job)
        self.groups = [Group(members, device, settings.n_lanes, settings.precision) for members in by_key.values()]
        self.saved_at_s = dict.fromkeys((job.lane_id for job in jobs), settings.clock())
        self.checkpoints = {job.lane_id: job.resume_from for job in jobs}
        self.n_reported = dict.fromkeys((job.lane_id for job in jobs), 0)
        self.results: dict[str, LaneResult] = {}

    def run(self) -> list[LaneResult]:
        """Train until no group is left."""
        while self.groups:
            for group in self.groups:
                for lane in group.refill():
                    self._end(lane, Outcome.COMPLETE)
                if group.active:
                    self._advance(group)
            self.groups = [group for group in self.groups if not group.is_done]
        return [self.results[job.lane_id] for job in self.jobs]

    def _advance(self, group: Group) -> None:
        try:
            measured = group.train_epoch()
        except OutOfMemoryError as error:
            [lane] = group.active
            group.drop([lane])
            self._end(lane, Outcome.OOM, str(error))
            return
        endings = [(lane, *self._hear(lane, one)) for lane, one in measured]
        endings += [(lane, *self._ask_waiting(lane)) for lane in group.waiting]
        ended = [(lane, outcome, reason) for lane, outcome, reason in endings if outcome is not None]
        to_save = [lane for lane, outcome, _ in endings if self._is_due(lane, outcome)]
        if to_save and not ended and group.program is not None:
            group.program.capture()
        group.drop([lane for lane, _, _ in ended])
        paused = [lane for lane, outcome, _ in ended if outcome is Outcome.PAUSED]
        for lane in to_save:
            if lane not in paused:
                self._save(lane)
        for lane, outcome, reason in ended:
            self._end(lane, *(self._set_aside(lane) if lane in paused else (outcome, reason)))

    def _hear(self, lane: Lane, measured: Measured) -> tuple[Outcome | None, str]:
        """Report an epoch; answer how the lane ends, if it does."""
        if measured.reason:
            return Outcome.DIVERGED, measured.reason
        decision = Decision.CONTINUE
        if lane.progress.epoch > self.n_reported[lane.job.lane_id]:  # not trained again after memory ran out
            self.n_reported[lane.job.lane_id] = lane.progress.epoch
            report = EpochReport(lane.job.lane_id, lane.progress.epoch, lane.n_epochs, measured.metrics)
            decision = self.listener.on_epoch(report)
        if lane.is_finished:
            return Outcome.COMPLETE, ""
        return _ENDINGS.get(decision), ""

    def _ask_waiting(self, lane: Lane) -> tuple[Outcome | None, str]:
        return _ENDINGS.get(self.listener.on_wait(lane.job.lane_id)), ""

    def _is_due(self, lane: Lane, outcome: Outcome | None) -> bool:
        if not lane.progress.epoch:
            return False  # it still waited for its place: there is nothing to go on from
        if outcome is not None:
            return outcome is Outcome.PREEMPTED  # a lane that is paused saves as it ends
        elapsed_s = self.settings.clock() - self.saved_at_s[lane.job.lane_id]
        return elapsed_s >= self.settings.checkpoint_every_s

    def _set_aside(self, lane: Lane) -> tuple[Outcome, str]:
        """Save a lane that is to go on later; one that cannot be saved has no later, and its neighbours go on."""
        if not lane.progress.epoch:
            return Outcome.PAUSED, ""  # it still waited for its place, and begins when it is resumed
        try:
            self._save(lane)
        except OSError as error:
            return Outcome.PRUNED, f"To be paused, but its checkpoint cannot be written: {error}"
        return Outcome.PAUSED, ""

    def _save(self, lane: Lane) -> None:
        lane.save_checkpoint()
        lane_id = lane.job.lane_id
        self.saved_at_s[lane_id] = self.settings.clock()
        self.checkpoints[lane_id] = lane.job.checkpoint_path
        self.listener.on_checkpoint(lane_id, lane.progress.epoch, lane.job.checkpoint_path)

    def _end(self, lane: Lane, outcome: Outcome, reason: str = "") -> None:
        progress, job = lane.progress, lane.job
        files: tuple[Path, ...] = ()
        if job.saves_at_end and outcome is Outcome.COMPLETE and progress.epoch:
            self._save(lane)
        if outcome in (Outcome.COMPLETE, Outcome.STOPPED):
            files = save_network(lane.finished_network(), job.output_dir / "network")
        result = LaneResult(
            lane_id=job.lane_id,
            outcome=outcome,
            reason=reason or _end_words(lane, outcome),
            epoch=progress.epoch,
            metrics=lane.final_metrics(),
            best_epoch=progress.best_epoch,
            network_files=files,
            checkpoint=self.checkpoints[job.lane_id],
            history=progress.history,
            objective=lane.objective.name,
            kept_epochs=(lane.kept_epoch,) if files else (),
        )
        self.results[job.lane_id] = result
        self.listener.on_end(result)


_ENDINGS = {
    Decision.PRUNE: Outcome.PRUNED,
    Decision.STOP: Outcome.STOPPED,
    Decision.PREEMPT: Outcome.PREEMPTED,
    Decision.PAUSE: Outcome.PAUSED,
}
_END_WORDS = {
    Outcome.COMPLETE: "Trained to the end",
    Outcome.PRUNED: "Pruned",
    Outcome.STOPPED: "Stopped on request",
    Outcome.PREEMPTED: "Handed back",
    Outcome.PAUSED: "Paused",
}


def _end_words(lane: Lane, outcome: Outcome) -> str:
    progress = lane.progress
    if outcome is Outcome.COMPLETE and lane.is_stopped_early:
        return (
            f"Stopped early after epoch {progress.epoch} of {lane.n_epochs}: {lane.objective.name} was best in epoch "
            f"{progress.best_epoch}."
        )
    return f"{_END_WORDS[outcome]} after epoch {progress.epoch} of {lane.n_epochs}."


def _require_distinct(jobs: Sequence[TrainJob]) -> None:
    for what, values in (
        ("lane_id", [job.lane_id for job in jobs]),
        ("output_dir", [str(job.output_dir) for job in jobs]),
    ):
        doubled = {value for value in values if values.count(value) > 1}
        if doubled:
            raise ValueError(f"Two jobs share the {what} {sorted(doubled)[0]!r}; each lane needs its own.")
