"""The trainer: takes a list of lanes and advances them together, an epoch at a time.

Lanes know nothing of each other, so a result does not depend on company. Here each lane runs its own program; training
compatible lanes as one stacked program changes the inside of `train` only.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.engine.jobs import Decision, EpochReport, LaneResult, Listener, Outcome, TrainJob
from models.engine.lane import DivergedError, Lane


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """How the trainer goes about it; nothing here changes a result.

    Attributes:
        checkpoint_every_s: least time between two checkpoints of a lane, in seconds; 0 for one after each epoch.
        clock: seconds that never run backwards.
    """

    checkpoint_every_s: float = 10.0
    clock: Callable[[], float] = time.monotonic


def train(jobs: Sequence[TrainJob], listener: Listener, settings: TrainSettings | None = None) -> list[LaneResult]:
    """Train networks until each has ended.

    Same parameters, seed and data give bit-identical results on one CPU thread, whatever the company, the checkpoints
    and the interruptions. The number of threads is the caller's choice (`torch.set_num_threads`).

    Args:
        jobs: the lanes, with different `lane_id`s and output folders.
        listener: hears of each epoch at once and decides how its lane goes on. A decision after the last epoch comes
            too late: that lane is COMPLETE.
        settings: how often to save, by which clock.

    Returns:
        A result for each job, in their order; `listener.on_end` has had each as soon as it was there.

    Raises:
        CatalogueError: a job names an unknown model, metric or hyperparameter, or a value that is not accepted.
        CheckpointError: a checkpoint cannot be resumed from.
        FileNotFoundError: there is no such checkpoint. All of these are raised before any lane trains.
        ValueError: two jobs share a name or a folder.

    Effects:
        Writes checkpoints and finished networks into the jobs' output folders.
    """
    _require_distinct(jobs)
    settings = settings or TrainSettings()
    running = [_RunningLane(Lane(job), listener, settings) for job in jobs]
    results: dict[str, LaneResult] = {}
    while running:
        for lane in running:
            result = lane.advance()
            if result is not None:
                results[result.lane_id] = result
                listener.on_end(result)
        running = [lane for lane in running if lane.lane_id not in results]
    return [results[job.lane_id] for job in jobs]


class _RunningLane:
    """A lane between the trainer and the listener: reports, obeys, saves."""

    def __init__(self, lane: Lane, listener: Listener, settings: TrainSettings) -> None:
        self.lane = lane
        self.lane_id = lane.job.lane_id
        self.listener = listener
        self.settings = settings
        self.saved_at_s = settings.clock()
        self.checkpoint = lane.job.resume_from

    def advance(self) -> LaneResult | None:
        """Train one epoch; return the result when the lane has ended."""
        if self.lane.is_finished:  # resumed from a checkpoint of the last epoch
            return self._end(Outcome.COMPLETE)
        try:
            metrics = self.lane.train_epoch()
        except DivergedError as error:
            return self._end(Outcome.DIVERGED, str(error))
        epoch, n_epochs = self.lane.progress.epoch, self.lane.n_epochs
        decision = self.listener.on_epoch(EpochReport(self.lane_id, epoch, n_epochs, metrics))
        if self.lane.is_finished:
            return self._end(Outcome.COMPLETE)
        return self._obey(decision)

    def _obey(self, decision: Decision) -> LaneResult | None:
        match decision:
            case Decision.PRUNE:
                return self._end(Outcome.PRUNED)
            case Decision.STOP:
                return self._end(Outcome.STOPPED)
            case Decision.PREEMPT:
                self._save()
                return self._end(Outcome.PREEMPTED)
            case Decision.CONTINUE:
                if self.settings.clock() - self.saved_at_s >= self.settings.checkpoint_every_s:
                    self._save()
                return None

    def _save(self) -> None:
        self.checkpoint = self.lane.save_checkpoint()
        self.saved_at_s = self.settings.clock()
        self.listener.on_checkpoint(self.lane_id, self.lane.progress.epoch, self.checkpoint)

    def _end(self, outcome: Outcome, reason: str = "") -> LaneResult:
        progress = self.lane.progress
        keep_network = outcome in (Outcome.COMPLETE, Outcome.STOPPED)
        return LaneResult(
            lane_id=self.lane_id,
            outcome=outcome,
            reason=reason or f"{END_WORDS[outcome]} after epoch {progress.epoch} of {self.lane.n_epochs}.",
            epoch=progress.epoch,
            metrics=progress.metrics or {},
            best_epoch=progress.best_epoch,
            network_files=self.lane.save_network() if keep_network else (),
            checkpoint=self.checkpoint,
        )


END_WORDS = {
    Outcome.COMPLETE: "Trained to the end",
    Outcome.PRUNED: "Pruned",
    Outcome.STOPPED: "Stopped on request",
    Outcome.PREEMPTED: "Handed back",
}


def _require_distinct(jobs: Sequence[TrainJob]) -> None:
    for what, values in (
        ("lane_id", [job.lane_id for job in jobs]),
        ("output_dir", [str(job.output_dir) for job in jobs]),
    ):
        doubled = {value for value in values if values.count(value) > 1}
        if doubled:
            raise ValueError(f"Two jobs share the {what} {sorted(doubled)[0]!r}; each lane needs its own.")
