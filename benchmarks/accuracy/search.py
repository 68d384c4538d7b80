"""The search of a line: a sampler of `search/` proposes in batches, the engine trains each batch in lanes.

Nothing here reads the test part.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.accuracy.lines import Line
from models.catalogue import ParamValue
from models.data.dataset import Dataset
from models.engine.jobs import Decision, EpochReport, LaneResult, Outcome, TrainJob
from models.engine.members import Plan
from models.engine.refit import refit, refit_epochs
from models.engine.trainer import TrainSettings
from models.engine.trials import train_trials
from models.seeds import derive
from search.samplers import get_sampler
from search.space import parse_space
from search.types import PastTrial, SuggestRequest

BATCH = 8
"""Trials proposed at once and trained together; those that differ in numbers alone share a program."""
SETTINGS = TrainSettings(checkpoint_every_s=math.inf)


@dataclass(frozen=True, slots=True)
class Trial:
    """A parameter set that was tried.

    Attributes:
        number: from 0.
        params: the searched parameters.
        metrics: means over folds and repeats, or of the validation part; empty where it failed.
        n_epochs: how long to train it anew: the mean over folds and repeats of the epochs whose weights they kept.
    """

    number: int
    params: Mapping[str, ParamValue]
    metrics: Mapping[str, float]
    n_epochs: int


class Silence:
    """A listener that lets every lane train to its end."""

    def on_epoch(self, report: EpochReport) -> Decision:
        """Go on."""
        return Decision.CONTINUE

    def on_wait(self, lane_id: str) -> Decision:
        """Let lanes wait for their place."""
        return Decision.CONTINUE

    def on_checkpoint(self, lane_id: str, epoch: int, path: Path) -> None:
        """Ignore the checkpoint."""

    def on_end(self, result: LaneResult) -> None:
        """Ignore the end; results are returned."""


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """Where a line is worked on.

    Attributes:
        line: what is searched for.
        dataset: loaded data.
        seed: decides proposals, and with line and trial all initial weights.
        folder: takes networks.
    """

    line: Line
    dataset: Dataset
    seed: int
    folder: Path

    def search(self, n_trials: int) -> list[Trial]:
        """Try parameter sets.

        Returns:
            All trials, the best by the validation metric first.
        """
        space = parse_space(self.line.space())
        tried: list[Trial] = []
        for first in range(0, n_trials, BATCH):
            proposed: list[PastTrial] = []
            for number in range(first, min(first + BATCH, n_trials)):
                history = [*(_past(trial, self.line) for trial in tried), *proposed]
                request = SuggestRequest(space, (self.line.direction,), self.seed, number, number, history)
                suggestion = get_sampler("bayesian").suggest(request)
                assert suggestion is not None  # only a grid has an end
                proposed.append(PastTrial(number, "RUNNING", suggestion.params))
            batch = [(trial.number, _set_params(trial.params)) for trial in proposed]
            tried += self.train("search", batch, Plan(n_folds=self.line.n_folds))
            self._tell(tried)
        return ranked(tried, self.line)

    def train(self, purpose: str, batch: Sequence[tuple[int, Mapping[str, ParamValue]]], plan: Plan) -> list[Trial]:
        """Train parameter sets.

        Args:
            purpose: part of the seeds, so that what was chosen by luck is not lucky again.
            batch: number and searched parameters of each.
            plan: how often.

        Returns:
            One trial each, in their order.
        """
        jobs = [self._job(purpose, number, params) for number, params in batch]
        results = train_trials(jobs, plan, Silence(), SETTINGS)
        return [_trial(number, params, result) for (number, params), result in zip(batch, results, strict=True)]

    def refit(self, chosen: Trial, n: int) -> list[Path]:
        """Train a parameter set anew on training and validation part together.

        Args:
            chosen: with the epochs to train.
            n: how often, from other initial weights each time.

        Returns:
            The folders of the networks, in the order of their seeds.

        Raises:
            RuntimeError: a training diverged, which none of its folds did.
        """
        jobs = [self._job("refit", number, chosen.params) for number in range(n)]
        results = refit(jobs, [chosen.n_epochs] * n, SETTINGS)
        for result in results:
            if not result.network_files:
                raise RuntimeError(f"{self.line.name}: {result.lane_id} ended as {result.outcome}: {result.reason}")
        return [result.network_files[0].parent for result in results]

    def _job(self, purpose: str, number: int, params: Mapping[str, ParamValue]) -> TrainJob:
        return TrainJob(
            lane_id=f"{purpose} {number}",
            model=self.line.model,
            params={**self.line.fixed, **params},
            dataset=self.dataset,
            seed=derive(self.seed, f"{self.line.name} {purpose}", number) & 0x7FFFFFFF,
            output_dir=self.folder / purpose / str(number),
            objective=self.line.objective,
        )

    def _tell(self, tried: Sequence[Trial]) -> None:
        best = ranked(tried, self.line)[0]
        value = best.metrics.get(self.line.objective, math.nan)
        print(
            f"{self.line.name}: {len(tried)} trials, best {self.line.objective} {value:.4f} of trial {best.number}",
            file=sys.stderr,
        )


def ranked(trials: Sequence[Trial], line: Line) -> list[Trial]:
    """Order trials by the line's objective, equal ones by the validation loss; failed ones come last."""
    sign = -1 if line.direction == "maximize" else 1

    def key(trial: Trial) -> tuple[float, float]:
        value, loss = trial.metrics.get(line.objective, math.nan), trial.metrics.get("val_loss", math.nan)
        return (math.inf if math.isnan(value) else sign * value, math.inf if math.isnan(loss) else loss)

    return sorted(trials, key=key)


def _trial(number: int, params: Mapping[str, ParamValue], result: LaneResult) -> Trial:
    if result.outcome is not Outcome.COMPLETE or not result.network_files:
        return Trial(number, params, {}, 0)
    return Trial(number, params, dict(result.metrics), refit_epochs(result))


def _past(trial: Trial, line: Line) -> PastTrial:
    if not trial.metrics:
        return PastTrial(trial.number, "FAIL", trial.params)
    return PastTrial(trial.number, "COMPLETE", trial.params, (trial.metrics[line.objective],))


def _set_params(params: Mapping[str, object]) -> dict[str, ParamValue]:
    return {name: value for name, value in params.items() if isinstance(value, float | int | str | bool)}
