"""Computes suggestions again from what is stored, and compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from api.asks.asker import draw
from api.asks.history import as_past
from api.asks.plans import Plan
from api.schemas.base import ParamValue
from db.records import StudyRecord, TrialRecord
from search.types import PastTrial, Suggestion, SuggestRequest

Status: TypeAlias = Literal["same", "different", "unknown"]
# Answers a request for so many points at once.
Suggest: TypeAlias = Callable[[SuggestRequest, int], Sequence[Suggestion]]


@dataclass(frozen=True, slots=True)
class Replayed:
    """One suggestion, computed again.

    Attributes:
        trial: The trial as it is stored.
        status: Whether parameters and note came out the same; unknown where they cannot be computed again.
        reason: Why it is unknown; empty otherwise.
        again: What came out; None where nothing did.
    """

    trial: TrialRecord
    status: Status
    reason: str = ""
    again: Suggestion | None = None


@dataclass(slots=True)
class Replay:
    """Computes the suggestions of one study again.

    Args:
        study: The study.
        plan: Its plan as it is now.
        records: All its trials.
        last_points: The last step and value of each pruned trial, by number.
        suggest: Asks the sampler.
    """

    study: StudyRecord
    plan: Plan
    records: Sequence[TrialRecord]
    last_points: Mapping[int, tuple[int, float]]
    suggest: Suggest
    _batches: dict[int, Sequence[Suggestion]] = field(default_factory=dict)

    def replay(self, trial: TrialRecord) -> Replayed:
        """Compute the suggestion of one of the sampler's trials again."""
        seen = trial.seen or {}
        if seen.get("asked", self.plan.digest) != self.plan.digest:
            return Replayed(trial, "unknown", "the study was changed since: its space, sampler or objectives")
        if self.plan.learns and "rev" not in seen:
            return Replayed(trial, "unknown", "what the sampler had seen was not recorded")
        again = self._compute(trial, seen)
        if again is None:
            return Replayed(trial, "different", again=None)
        is_same = dict(again.params) == dict(trial.params) and again.note == trial.note
        return Replayed(trial, "same" if is_same else "different", again=again)

    def _compute(self, trial: TrialRecord, seen: Mapping[str, Any]) -> Suggestion | None:
        batch = seen.get("batch")
        if batch is None:
            request = self._request(trial.number, trial.cell or 0, seen)
            if "fallback" in seen:
                return draw(request, seen["fallback"])
            return _at(self.suggest(request, 1), 0)
        first, place = batch["first"], batch["place"]
        if first not in self._batches:
            self._batches.clear()  # the trials of a batch follow each other
            self._batches[first] = self.suggest(self._request(first, (trial.cell or 0) - place, seen), batch["n"])
        return _at(self._batches[first], place)

    def _request(self, number: int, cell: int, seen: Mapping[str, Any]) -> SuggestRequest:
        return SuggestRequest(
            space=self.plan.space,
            directions=self.plan.directions,
            seed=self.plan.seed,
            number=number,
            cell=cell,
            history=self._history(seen),
            options=self.plan.options,
            n_trials=seen.get("n_trials", self.study.n_trials),
            max_parallel=seen.get("max_parallel", self.study.max_parallel),
        )

    def _history(self, seen: Mapping[str, Any]) -> tuple[PastTrial, ...]:
        """Return the trials as the sampler saw them."""
        if not self.plan.learns:
            return ()
        running = set(seen["running"])
        return tuple(
            _as_running(record.number, record.params) if record.number in running else self._finished(record)
            for record in self.records
            if record.number in running or (record.finished_rev is not None and record.finished_rev <= seen["rev"])
        )

    def _finished(self, record: TrialRecord) -> PastTrial:
        last = self.last_points.get(record.number)
        return as_past(record, {} if last is None else {last[0]: last[1]}, self.plan.metrics)


def _as_running(number: int, params: Mapping[str, ParamValue]) -> PastTrial:
    return PastTrial(number=number, state="RUNNING", params=params)


def _at(suggestions: Sequence[Suggestion], place: int) -> Suggestion | None:
    return suggestions[place] if place < len(suggestions) else None
