"""Trials of several trainings: repeats and folds become lanes of the trainer, their reports become the trial's."""

import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from models.catalogue import Direction, MetricInfo
from models.engine.checkpoint import load_checkpoint
from models.engine.jobs import Decision, EpochReport, LaneResult, Listener, Outcome, TrainJob
from models.engine.lane import find_objective
from models.engine.members import Member, Plan, choose_repeat, combine, member_job, members_of, repeat_values
from models.engine.racing import FIRST_REPEATS, is_hopeless
from models.engine.trainer import TrainSettings, train
from models.files import write_atomically

MEMBERS_FILE = "members.zip"
# How a trial ends when its members end differently: the first of these that any has. A member that could not be paused
# was pruned instead, and without it the others could not go on.
_DECISIVE = (
    Outcome.OOM,
    Outcome.DIVERGED,
    Outcome.PREEMPTED,
    Outcome.PRUNED,
    Outcome.PAUSED,
    Outcome.STOPPED,
)


def train_trials(
    jobs: Sequence[TrainJob], plan: Plan, listener: Listener, settings: TrainSettings | None = None
) -> list[LaneResult]:
    """Train trials, each as often as the plan says.

    The listener hears of a member's epoch under the trial's name with the member's suffix on each metric
    (`val_loss@r2f1`), and of the trial's own epoch, without suffixes, as soon as all members that train have finished
    it. Its decision on a trial's own epoch holds for all members.

    Args:
        jobs: the trials; `resume_from` is what `on_checkpoint` named.
        plan: repeats, folds and racing; the same for all.
        listener: as in `train`.
        settings: as in `train`.

    Returns:
        A result for each trial, in their order. The saved network is that of the member with the best objective; of
        a trial that was raced out, after fewer repeats, COMPLETE with the reason.

    Raises:
        What `train` raises.

    Effects:
        Writes checkpoints and networks into the jobs' output folders, those of members into folders of their own.
    """
    if plan.is_single:
        return train(jobs, listener, settings)
    trials = {job.lane_id: _Trial(job, plan) for job in jobs}
    relay = _Relay(trials, listener)
    first, last = 1, min(plan.n_repeats, FIRST_REPEATS if plan.is_racing else plan.n_repeats)
    running = list(trials.values())
    while running:
        members = [job for trial in running for job in trial.begin(first, last)]
        train(members, relay, settings)
        rivals = [plan.incumbent, *(trial.value() for trial in trials.values())]
        running = [trial for trial in running if not trial.is_settled(rivals)]
        first, last = last + 1, min(plan.n_repeats, last + FIRST_REPEATS)
    results = []
    for trial in trials.values():
        result = trial.result()
        listener.on_end(result)
        results.append(result)
    return results


class _Trial:
    """A trial under way: what its members have said."""

    def __init__(self, job: TrainJob, plan: Plan) -> None:
        self.job = job
        self.plan = plan
        self.objective: MetricInfo = find_objective(job)
        self.curves: dict[Member, list[Mapping[str, float]]] = {}
        self.results: dict[Member, LaneResult] = {}
        self.n_reported = 0
        self.decision = Decision.CONTINUE
        self.raced_out = ""
        self.resume_dir = _unpack(job)

    def begin(self, first: int, last: int) -> list[TrainJob]:
        """Return the jobs of some repeats."""
        members = members_of(self.plan, first, last)
        jobs = [member_job(self.job, self.plan, member, self.resume_dir) for member in members]
        self.curves |= {member: _earlier_epochs(job) for member, job in zip(members, jobs, strict=True)}
        return jobs

    def value(self) -> float | None:
        """Return the objective over the members that are complete; None where none is."""
        finals = self.finals()
        return combine(finals, self.objective, self.plan.choose)[self.objective.name] if finals else None

    def finals(self) -> dict[Member, Mapping[str, float]]:
        """Return the metrics of the members that trained to their end."""
        ended = (Outcome.COMPLETE, Outcome.STOPPED)
        return {m: result.metrics for m, result in self.results.items() if result.outcome in ended and result.metrics}

    def is_settled(self, rivals: Sequence[float | None]) -> bool:
        """Tell whether no further repeat is to be trained."""
        repeats = {member.repeat for member in self.results}
        if len(repeats) == self.plan.n_repeats or self.decision is not Decision.CONTINUE or self._is_broken():
            return True
        best = _best([value for value in rivals if value is not None], self.objective.direction)
        values = list(repeat_values(self.finals(), self.objective.name).values())
        if is_hopeless(values, best, self.objective.direction):
            self.raced_out = f"Stopped after {len(repeats)} of {self.plan.n_repeats} repeats, behind {best:.6g}."
        return bool(self.raced_out)

    def epoch_done(self) -> EpochReport | None:
        """Return the trial's own next epoch once all its members have finished it."""
        epoch = self.n_reported + 1
        at_epoch = {member: self._at(member, epoch) for member in self.curves}
        known = {member: metrics for member, metrics in at_epoch.items() if metrics is not None}
        if len(known) < len(at_epoch) or all(len(curve) < epoch for curve in self.curves.values()):
            return None
        self.n_reported = epoch
        metrics = combine(known, self.objective, self.plan.choose)
        return EpochReport(self.job.lane_id, epoch, int(self.job.params.get("epochs", 0) or 0), metrics)

    def result(self) -> LaneResult:
        """Return how the trial ended."""
        outcome, reason = self._outcome()
        finals = self.finals()
        keeps = outcome in (Outcome.COMPLETE, Outcome.STOPPED) and bool(finals)
        best = self._best_member(finals) if keeps else None
        files: tuple[Path, ...] = ()
        if best is not None:
            target = self.job.output_dir / "network"
            target.mkdir(parents=True, exist_ok=True)
            files = tuple(Path(shutil.copy(file, target / file.name)) for file in self.results[best].network_files)
        checkpoint = self.job.output_dir / MEMBERS_FILE
        return LaneResult(
            lane_id=self.job.lane_id,
            outcome=outcome,
            reason=reason,
            epoch=max((result.epoch for result in self.results.values()), default=0),
            metrics=combine(finals, self.objective, self.plan.choose) if finals else {},
            best_epoch=0 if best is None else self.results[best].best_epoch,
            network_files=files,
            checkpoint=checkpoint if checkpoint.exists() else self.job.resume_from,
            history={} if best is None else self.results[best].history,
            objective=self.objective.name,
            kept_epochs=tuple(epoch for member in finals for epoch in self.results[member].kept_epochs),
        )

    def pack(self) -> Path:
        """Put the members' checkpoints into one file and return it."""
        path = self.job.output_dir / MEMBERS_FILE
        scratch = path.with_suffix(".tmp")
        with zipfile.ZipFile(scratch, "w") as archive:
            for member in self.curves:
                saved = self.job.output_dir / member.suffix / "checkpoint.safetensors"
                if saved.is_file():
                    archive.write(saved, f"{member.suffix}.safetensors")
        write_atomically(path, scratch.read_bytes())
        scratch.unlink()
        return path

    def _at(self, member: Member, epoch: int) -> Mapping[str, float] | None:
        curve = self.curves[member]
        if len(curve) >= epoch:
            return curve[epoch - 1]
        ended = self.results.get(member)
        return ended.metrics if ended is not None and ended.metrics else None

    def _best_member(self, finals: Mapping[Member, Mapping[str, float]]) -> Member:
        repeat = choose_repeat(finals, self.objective, "best")
        return _best_of({m: f for m, f in finals.items() if m.repeat == repeat}, self.objective)

    def _is_broken(self) -> bool:
        broken = [r for r in self.results.values() if r.outcome in (Outcome.DIVERGED, Outcome.OOM)]
        return bool(broken) and (self.plan.choose != "best" or len(broken) == len(self.results))

    def _outcome(self) -> tuple[Outcome, str]:
        for wanted in _DECISIVE:
            for member, result in self.results.items():
                is_decisive = self._is_broken() or wanted not in (Outcome.OOM, Outcome.DIVERGED)
                if result.outcome is wanted and is_decisive:
                    return wanted, f"{member.suffix[1:]}: {result.reason}"
        return Outcome.COMPLETE, self.raced_out or f"All {len(self.results)} trainings ended."


class _Relay:
    """Listens to members and speaks for trials."""

    def __init__(self, trials: Mapping[str, _Trial], listener: Listener) -> None:
        self.trials = trials
        self.listener = listener

    def on_epoch(self, report: EpochReport) -> Decision:
        """Pass a member's epoch on, and the trial's own once it is complete."""
        trial, member = self._find(report.lane_id)
        trial.curves[member].append(report.metrics)
        named = {f"{name}{member.suffix}": value for name, value in report.metrics.items()}
        self._decide(trial, replace(report, lane_id=trial.job.lane_id, metrics=named))
        own = trial.epoch_done()
        if own is not None:
            self._decide(trial, replace(own, n_epochs=report.n_epochs))
        return trial.decision

    def on_wait(self, lane_id: str) -> Decision:
        """Answer what was decided on the trial, or is now."""
        trial, _ = self._find(lane_id)
        if trial.decision is Decision.CONTINUE:
            trial.decision = self.listener.on_wait(trial.job.lane_id)
        return trial.decision

    def on_checkpoint(self, lane_id: str, epoch: int, path: Path) -> None:
        """Pack the members' checkpoints anew."""
        trial, _ = self._find(lane_id)
        self.listener.on_checkpoint(trial.job.lane_id, max(1, trial.n_reported), trial.pack())

    def on_end(self, result: LaneResult) -> None:
        """Keep a member's result; an epoch may be complete without it."""
        trial, member = self._find(result.lane_id)
        trial.results[member] = result
        own = trial.epoch_done()
        while own is not None:
            self._decide(trial, replace(own, n_epochs=max(own.n_epochs, result.epoch)))
            own = trial.epoch_done()

    def _decide(self, trial: _Trial, report: EpochReport) -> None:
        decision = self.listener.on_epoch(report)
        if trial.decision is Decision.CONTINUE:
            trial.decision = decision

    def _find(self, lane_id: str) -> tuple[_Trial, Member]:
        name, _, place = lane_id.rpartition("@r")
        repeat, _, fold = place.partition("f")
        trial = self.trials[name]
        return trial, Member(int(repeat), int(fold) if trial.plan.n_folds else 0)


def _unpack(job: TrainJob) -> Path | None:
    if job.resume_from is None:
        return None
    folder = job.output_dir / "resume"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(job.resume_from) as archive:
        for name in archive.namelist():
            if Path(name).name == name:  # nothing outside the folder
                (folder / name).write_bytes(archive.read(name))
    return folder


def _earlier_epochs(job: TrainJob) -> list[Mapping[str, float]]:
    if job.resume_from is None:
        return []
    progress = load_checkpoint(job.resume_from).progress
    return [{name: values[at] for name, values in progress.history.items()} for at in range(progress.epoch)]


def _best(values: Sequence[float], direction: Direction) -> float | None:
    if not values:
        return None
    return max(values) if direction == "maximize" else min(values)


def _best_of(finals: Mapping[Member, Mapping[str, float]], objective: MetricInfo) -> Member:
    highest = objective.direction == "maximize"
    return (max if highest else min)(finals, key=lambda member: finals[member][objective.name])
