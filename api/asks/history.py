"""What a study's trials have shown, as samplers and pruners see it."""

from __future__ import annotations

import json
import math
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.orm import Session

from api.asks.plans import Plan, plan_of
from api.schemas.base import ParamValue
from db import history, lent, pruning
from db.lifecycle import OPEN_TRIALS, TrialState
from db.pruning import Scope
from db.records import LentRecord, StudyRecord, TrialRecord
from db.types import decode_float
from search.types import PastTrial

_MAX_STUDIES = 32


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A study at one moment: what a suggestion is computed from, and by what it is known to be still in time.

    Attributes:
        study: As it was; trials that ended after its `rev` are not known to have ended.
        plan: What it asks.
        finished: Its finished trials, by number; before them, below 0, those that others lent.
        open: Its waiting and running trials, by number, their parameters filled up to points of the space.
        last_end: The change of the study with which the last of the finished trials ended; -1 before.
        known: `params_key` of the parameter sets that have a result.
        paused: By number: the last point of those of the open trials that wait to be promoted.
    """

    study: StudyRecord
    plan: Plan
    finished: Sequence[PastTrial]
    open: Sequence[TrialRecord]
    last_end: int = -1
    known: Set[str] = frozenset()
    paused: Mapping[int, tuple[int, float]] = field(default_factory=dict)

    def past(self, hidden: Set[int] = frozenset()) -> list[PastTrial]:
        """Return all trials as its sampler sees them, but for the open ones with the numbers in `hidden`."""
        shown = [one for one in self.open if one.number not in hidden]
        paused = self.paused
        return [
            *self.finished,
            *(as_paused(one, *paused[one.number]) if one.number in paused else as_running(one) for one in shown),
        ]


@dataclass(frozen=True, slots=True)
class _Kept:
    rev: int
    finished: Mapping[int, PastTrial]
    last_end: int
    known: frozenset[str]


_NOTHING = _Kept(-1, {}, -1, frozenset())


class Histories:
    """Reads the trials of studies; of each study the finished ones are read once, for they never change.

    May be used by many threads.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, datetime, str], _Kept] = OrderedDict()

    def read(self, session: Session, study: StudyRecord) -> Snapshot:
        """Return a study's trials as they were at `study.rev`; none where its sampler does not learn."""
        plan = plan_of(study)
        if not plan.learns:
            return Snapshot(study, plan, (), ())
        kept = self._catch_up(session, study, plan)
        finished = [kept.finished[number] for number in sorted(kept.finished)]
        open_now = [filled(plan, one) for one in history.list_open(session, study.id, study.rev)]
        paused = _paused_points(session, study.id, plan.metrics[0], open_now)
        return Snapshot(study, plan, finished, open_now, kept.last_end, kept.known, paused)

    def _catch_up(self, session: Session, study: StudyRecord, plan: Plan) -> _Kept:
        # The time too: a database that was emptied begins to number anew. The digest: an edit of the space can give
        # trials from before it values of parameters that they do not store.
        key = study.id, study.created_at, plan.digest
        with self._lock:
            before = self._kept.get(key, _NOTHING)
        if before.rev >= study.rev:
            # Another thread has read on; what it added is not to be seen here.
            return before if before.rev == study.rev else _read_on(session, study, plan, _NOTHING)
        now = _read_on(session, study, plan, before)
        with self._lock:
            current = self._kept.get(key)
            if current is None or current.rev < now.rev:
                self._kept[key] = now
            self._kept.move_to_end(key)
            while len(self._kept) > _MAX_STUDIES:
                self._kept.popitem(last=False)
        return now


def as_past(trial: TrialRecord, intermediate: Mapping[int, float], metrics: Sequence[str] = ()) -> PastTrial:
    """Return a stored trial as samplers and pruners see it.

    A trial that waits counts as running: its parameters are chosen, and must not be chosen again.

    Args:
        trial: The trial.
        intermediate: As much of its curve as is needed: of a pruned one the last point is all it achieved.
        metrics: The study's objectives; may be left out where there is one.
    """
    return PastTrial(
        number=trial.number,
        state="RUNNING" if trial.state in OPEN_TRIALS else trial.state.value,
        params=trial.params,
        values=_values(trial, metrics),
        intermediate=intermediate,
        constraints=tuple(decode_float(one) for one in trial.outcome_constraints or ()),
        paused_at=trial.paused_step if trial.state is TrialState.WAITING else None,
    )


def filled(plan: Plan, trial: TrialRecord) -> TrialRecord:
    """Return a trial with values also of parameters that were added to the space since."""
    params = plan.fill(trial.params)
    return trial if params is trial.params else replace(trial, params=params)


def params_key(params: Mapping[str, ParamValue]) -> str:
    """Return a text that is the same for equal parameters alone."""
    return json.dumps(dict(params), sort_keys=True)


def as_running(trial: TrialRecord) -> PastTrial:
    """Return a trial as it was seen before it ended."""
    return PastTrial(number=trial.number, state="RUNNING", params=trial.params)


def as_lent(plan: Plan, record: LentRecord) -> PastTrial:
    """Return a trial that another study lent."""
    last = record.last_point
    return PastTrial(
        number=record.number,
        state=record.state.value,
        params=plan.fill(record.params),
        values=None if record.values is None else tuple(decode_float(one) for one in record.values),
        intermediate={} if last is None else {last[0]: decode_float(last[1])},
        constraints=tuple(decode_float(one) for one in record.outcome_constraints or ()),
    )


def as_paused(trial: TrialRecord, step: int, value: float) -> PastTrial:
    """Return a trial that waits to be promoted as samplers see it: as if it had been pruned with its last point."""
    values = (value,) if math.isfinite(value) else None
    return PastTrial(trial.number, "PRUNED", trial.params, values, {step: value})


def _paused_points(
    session: Session, study_id: int, metric: str, open_now: Sequence[TrialRecord]
) -> dict[int, tuple[int, float]]:
    steps = {
        one.number: one.paused_step
        for one in open_now
        if one.state is TrialState.WAITING and one.paused_step is not None
    }
    return {
        point.number: (point.step, point.value)
        for step in sorted(set(steps.values()))
        for point in pruning.list_reached(session, Scope(study_id), metric, step)
        if steps.get(point.number) == step
    }


def _read_on(session: Session, study: StudyRecord, plan: Plan, before: _Kept) -> _Kept:
    if before is _NOTHING:  # what was lent never changes
        given = {one.number: as_lent(plan, one) for one in lent.list_lent(session, study.id)}
        before = replace(before, finished=given)
    records = history.list_finished(session, study.id, before.rev, study.rev)
    if not records:
        return replace(before, rev=study.rev)
    points: Mapping[int, tuple[int, float]] = {}
    if any(one.state is TrialState.PRUNED for one in records):
        points = history.last_points(session, study.id, plan.metrics[0], before.rev, study.rev)
    read = {one.number: as_past(filled(plan, one), _curve(points, one.number), plan.metrics) for one in records}
    last_end = max(one.finished_rev or 0 for one in records)
    known = before.known.union(params_key(one.params) for one in records if one.state is TrialState.COMPLETE)
    return _Kept(study.rev, {**before.finished, **read}, last_end, known)


def _curve(points: Mapping[int, tuple[int, float]], number: int) -> dict[int, float]:
    return {points[number][0]: points[number][1]} if number in points else {}


def _values(trial: TrialRecord, metrics: Sequence[str]) -> tuple[float, ...] | None:
    if trial.value is None:
        return None
    if len(metrics) < 2:
        return (trial.value,)
    if any(metric not in trial.values for metric in metrics):
        return None
    return tuple(decode_float(trial.values[metric]) for metric in metrics)
