"""The members of a trial: repeats with other initial weights, folds of a cross-validation, and what they add up to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Literal

from models.catalogue import MetricInfo
from models.engine.jobs import TrainJob
from models.seeds import derive

Choice = Literal["mean", "best", "worst"]


@dataclass(frozen=True, slots=True)
class Plan:
    """How often a trial is trained and how its members are judged.

    Attributes:
        n_repeats: trainings with initial weights, data order and masks of their own.
        choose: which repeat's metrics are the trial's: the mean of all, or those of the best or worst one.
        is_racing: whether a parameter set that is clearly behind stops after few repeats.
        n_folds: folds of a cross-validation, 0 for the holdout; a repeat's metrics are the mean over its folds.
        incumbent: the study's best objective so far, for racing.
    """

    n_repeats: int = 1
    choose: Choice = "mean"
    is_racing: bool = False
    n_folds: int = 0
    incumbent: float | None = None

    @property
    def is_single(self) -> bool:
        """Whether the trial is one ordinary training."""
        return self.n_repeats == 1 and self.n_folds == 0


@dataclass(frozen=True, slots=True)
class Member:
    """One training of a trial.

    Attributes:
        repeat: from 1.
        fold: from 1, or 0 for the holdout.
    """

    repeat: int
    fold: int

    @property
    def suffix(self) -> str:
        """What its metrics' names end with, such as `@r1f3`; a holdout counts as the only fold."""
        return f"@r{self.repeat}f{self.fold or 1}"


def members_of(plan: Plan, first_repeat: int, last_repeat: int) -> list[Member]:
    """List the members of some repeats, in order."""
    folds = range(1, plan.n_folds + 1) if plan.n_folds else (0,)
    return [Member(repeat, fold) for repeat in range(first_repeat, last_repeat + 1) for fold in folds]


def member_job(job: TrainJob, plan: Plan, member: Member, resume_dir: Path | None) -> TrainJob:
    """Return what one member trains; the first repeat has the trial's own seed.

    Args:
        job: the trial.
        plan: how often it is trained.
        member: which of its trainings.
        resume_dir: checkpoints of an earlier attempt by suffix; None to begin anew.
    """
    saved = None if resume_dir is None else resume_dir / f"{member.suffix}.safetensors"
    return replace(
        job,
        lane_id=job.lane_id + member.suffix,
        seed=job.seed if member.repeat == 1 else derive(job.seed, "repeat", member.repeat) & 0x7FFFFFFF,
        output_dir=job.output_dir / member.suffix,
        resume_from=saved if saved is not None and saved.is_file() else None,
        fold=member.fold,
        n_folds=plan.n_folds,
        saves_at_end=True,
    )


def repeat_values(finals: Mapping[Member, Mapping[str, float]], metric: str) -> dict[int, float]:
    """Return the mean of a metric over the folds of each repeat, by repeat."""
    by_repeat: dict[int, list[float]] = {}
    for member, metrics in finals.items():
        if metric in metrics:
            by_repeat.setdefault(member.repeat, []).append(metrics[metric])
    return {repeat: fmean(values) for repeat, values in by_repeat.items()}


def choose_repeat(finals: Mapping[Member, Mapping[str, float]], objective: MetricInfo, choose: Choice) -> int:
    """Return the best repeat by the objective, or the worst one if that is what counts."""
    values = repeat_values(finals, objective.name)
    highest = (objective.direction == "maximize") == (choose != "worst")
    return (max if highest else min)(values, key=lambda repeat: values[repeat])


def combine(finals: Mapping[Member, Mapping[str, float]], objective: MetricInfo, choose: Choice) -> dict[str, float]:
    """Return the metrics of a trial from those of its members.

    Args:
        finals: metrics of each member, at one epoch or at the end; not empty.
        objective: what best and worst go by.
        choose: see `Plan`.

    Returns:
        The means over all members, or over the folds of the chosen repeat; of metrics that all of them have.
    """
    chosen: Sequence[Mapping[str, float]] = list(finals.values())
    if choose != "mean":
        repeat = choose_repeat(finals, objective, choose)
        chosen = [metrics for member, metrics in finals.items() if member.repeat == repeat]
    names = [name for name in chosen[0] if all(name in metrics for metrics in chosen)]
    return {name: fmean(metrics[name] for metrics in chosen) for name in names}
