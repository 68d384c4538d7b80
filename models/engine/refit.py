"""The last training of a chosen parameter set: on training and validation part together, for as long as folds did.

A search leaves the validation part out of every training, because it chooses by it. Once the choice is made, those rows
are worth more as examples. Nothing is then left to tell when to stop, so that is taken from the trainings that made the
choice: a refit ends after as many epochs as they kept on average, on the schedule that they had.

Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2009, section 7.10: cross-validation
chooses the setting, and the model of that setting is then fitted to all the data.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

from models.catalogue import ParamValue
from models.engine.jobs import Decision, EpochReport, LaneResult, Outcome, TrainJob
from models.engine.trainer import TrainSettings, train

_WHOLE: Mapping[str, ParamValue] = {"patience": 0, "restore_best": False}
"""What goes by a validation part that is not there any more."""


def refit_epochs(result: LaneResult) -> int:
    """Return for how many epochs to train a parameter set anew: the mean of those that its trainings kept.

    Args:
        result: of a trial, usually of several folds.

    Raises:
        ValueError: none of its trainings came to an end.
    """
    if not any(result.kept_epochs):
        raise ValueError(
            f"{result.lane_id} ended as {result.outcome} without a network; nothing says how long to train."
        )
    return max(1, round(fmean(result.kept_epochs)))


def refit(jobs: Sequence[TrainJob], n_epochs: Sequence[int], settings: TrainSettings | None = None) -> list[LaneResult]:
    """Train on training and validation part together.

    Early stopping and keeping the best epoch are off, since nothing is held out to go by. The schedule is that of the
    job's `epochs`, cut off where the training ends.

    Args:
        jobs: with different `lane_id`s and output folders; their folds are ignored.
        n_epochs: after how many epochs each ends, from 1; at most its job's `epochs` count.
        settings: as in `train`.

    Returns:
        A result for each job. Its metrics are those of training: what `val_` would stand for has been learned.

    Raises:
        What `train` raises.

    Effects:
        Writes the finished networks into the jobs' output folders.
    """
    listener = _Stopper({job.lane_id: n for job, n in zip(jobs, n_epochs, strict=True)})
    return [_honest(result) for result in train([_whole(job) for job in jobs], listener, settings)]


def _whole(job: TrainJob) -> TrainJob:
    neutral = {name: value for name, value in _WHOLE.items() if name in job.info.hyperparameters}
    return replace(job, params={**job.params, **neutral}, fold=1, n_folds=1, resume_from=None)


def _honest(result: LaneResult) -> LaneResult:
    history = {name: values for name, values in result.history.items() if not name.startswith("val_")}
    metrics = {name: value for name, value in result.metrics.items() if not name.startswith("val_")}
    changed = replace(result, metrics=metrics, history=history, best_epoch=0, objective="")
    if result.outcome is not Outcome.STOPPED:
        return changed
    reason = f"Trained on training and validation part for {result.epoch} epochs."
    return replace(changed, outcome=Outcome.COMPLETE, reason=reason)


class _Stopper:
    """Ends each lane after its number of epochs."""

    def __init__(self, n_epochs: Mapping[str, int]) -> None:
        self.n_epochs = n_epochs

    def on_epoch(self, report: EpochReport) -> Decision:
        """Stop where it is time."""
        return Decision.STOP if report.epoch >= self.n_epochs[report.lane_id] else Decision.CONTINUE

    def on_wait(self, lane_id: str) -> Decision:
        """Let lanes wait for their place."""
        return Decision.CONTINUE

    def on_checkpoint(self, lane_id: str, epoch: int, path: Path) -> None:
        """Ignore the checkpoint."""

    def on_end(self, result: LaneResult) -> None:
        """Ignore the end; results are returned."""
