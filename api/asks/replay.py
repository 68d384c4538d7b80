"""Computes suggestions again from what is stored, and compares."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from api.asks.asker import draw
from api.asks.history import as_lent, as_past, as_paused, as_running, filled
from api.asks.plans import Plan
from api.asks.versions import Versions
from db.records import LentRecord, StudyRecord, TrialRecord
from search.types import PastTrial, Suggestion, SuggestRequest

Status: TypeAlias = Literal["same", "different", "unknown"]
# Answers a plan's request for so many points at once.
Suggest: TypeAlias = Callable[[Plan, SuggestRequest, int], Sequence[Suggestion]]


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
        versions: Its plans, as edits made one of another.
        records: All its trials.
        last_points: The last step and value of each pruned trial, by number.
        suggest: Asks the sampler of a plan.
        lent: What other studies lent to it; every suggestion saw all of that.
        points: By number and step: the points with which trials were seen while they were paused.
    """

    study: StudyRecord
    versions: Versions
    records: Sequence[TrialRecord]
    last_points: Mapping[int, tuple[int, float]]
    suggest: Suggest
    lent: Sequence[LentRecord] = ()
    points: Mapping[tuple[int, int], float] = field(default_factory=dict)
    _batches: dict[tuple[int, int], Sequence[Suggestion]] = field(default_factory=dict)

    def replay(self, trial: TrialRecord) -> Replayed:
        """Compute the suggestion of one of the sampler's trials again."""
        seen = trial.seen or {}
        version = self.versions.find(seen)
        if version is None:
            return Replayed(trial, "unknown", "the study was changed since: its space, sampler or objectives")
        if self.versions.plans[version].learns and "rev" not in seen:
            return Replayed(trial, "unknown", "what the sampler had seen was not recorded")
        again = self._compute(trial, seen, version)
        if again is None:
            return Replayed(trial, "different", again=None)
        is_same = dict(again.params) == dict(trial.params) and again.note == trial.note
        return Replayed(trial, "same" if is_same else "different", again=again)

    def _compute(self, trial: TrialRecord, seen: Mapping[str, Any], version: int) -> Suggestion | None:
        plan, batch = self.versions.plans[version], seen.get("batch")
        if batch is None:
            request = self._request(trial.number, trial.cell or 0, seen, version)
            if "fallback" in seen:
                return draw(request, seen["fallback"])
            return _at(self.suggest(plan, request, 1), 0)
        first, place = batch["first"], batch["place"]
        if (version, first) not in self._batches:
            self._batches.clear()  # the trials of a batch follow each other
            request = self._request(first, (trial.cell or 0) - place, seen, version)
            self._batches[version, first] = self.suggest(plan, request, batch["n"])
        return _at(self._batches[version, first], place)

    def _request(self, number: int, cell: int, seen: Mapping[str, Any], version: int) -> SuggestRequest:
        plan = self.versions.plans[version]
        return SuggestRequest(
            space=plan.space,
            directions=plan.directions,
            seed=plan.seed,
            number=number,
            cell=cell,
            history=self._history(seen, version),
            options=plan.options,
            n_trials=seen.get("n_trials", self.study.n_trials),
            max_parallel=seen.get("max_parallel", self.study.max_parallel),
        )

    def _history(self, seen: Mapping[str, Any], version: int) -> tuple[PastTrial, ...]:
        """Return the trials as the sampler saw them."""
        plan = self.versions.plans[version]
        if not plan.learns:
            return ()
        running, paused = set(seen["running"]), dict(seen.get("paused", ()))
        past = [as_lent(plan, one) for one in self.lent]
        for record in self.records:
            if record.number in running:
                past.append(as_running(filled(plan, self.versions.at(record, version))))
            elif record.number in paused:
                step = paused[record.number]
                past.append(as_paused(filled(plan, record), step, self.points[record.number, step]))
            elif record.finished_rev is not None and record.finished_rev <= seen["rev"]:
                past.append(self._finished(record, plan))
        return tuple(past)

    def _finished(self, record: TrialRecord, plan: Plan) -> PastTrial:
        last = self.last_points.get(record.number)
        return as_past(filled(plan, record), {} if last is None else {last[0]: last[1]}, plan.metrics)


def _at(suggestions: Sequence[Suggestion], place: int) -> Suggestion | None:
    return suggestions[place] if place < len(suggestions) else None
