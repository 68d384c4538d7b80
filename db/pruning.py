"""Named queries for pruners: what a study's trials had reached by a step, and what was said of a running one."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from typing import Any

from sqlalchemy import ColumnElement, Executable, Select, and_, bindparam, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, aliased

from db.lifecycle import TrialState
from db.metric_tables import MetricBlockRow, MetricPointRow, MetricSeriesRow
from db.metrics import decode_value
from db.packing import unpack
from db.tables import TrialAttrRow, TrialRow

LAST = 2**53 - 1
"""A step beyond all others: the point by then is a curve's last one."""
_VERDICT = "tunewell:pruning"


@dataclass(frozen=True, slots=True)
class Contender:
    """A trial as pruners compare it; `number` is that in its study."""

    number: int
    state: TrialState
    value: float | None
    paused_step: int | None


@dataclass(frozen=True, slots=True)
class Reached:
    """The point of a trial's curve that was asked for, under its own step."""

    number: int
    step: int
    value: float


@dataclass(frozen=True, slots=True)
class Scope:
    """Some trials of a study: those that ended after its change `start`, up to its change `end`; or the open ones.

    Open are those that run, and those that have run and wait. Both bounds None mean: the open ones.
    """

    study_id: int
    start: int | None = None
    end: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether open trials are meant."""
        return self.end is None

    @property
    def values(self) -> dict[str, int]:
        """The parameters of the statements below."""
        if self.start is None or self.end is None:
            return {"the_study": self.study_id}
        return {"the_study": self.study_id, "the_start": self.start, "the_end": self.end}


def list_contenders(session: Session, scope: Scope) -> list[Contender]:
    """Return the trials in scope, in the order of their numbers."""
    return [
        Contender(number, TrialState(state), value, paused_step)
        for number, state, value, paused_step in session.execute(_contenders(scope.is_open), scope.values)
    ]


def list_reached(session: Session, scope: Scope, metric: str, step: int) -> Iterator[Reached]:
    """Return, of each trial in scope that has one, the point of a metric at the greatest step up to `step`."""
    if step == LAST:
        values = {**scope.values, "the_metric": metric}
        for number, at, value, kind in session.execute(_last_points(scope.is_open), values):
            yield Reached(number, at, decode_value(value, kind))
        return
    values = {**scope.values, "the_metric": metric, "the_step": step}
    found = {
        number: Reached(number, at, decode_value(value, kind))
        for number, at, value, kind in session.execute(_points_by(scope.is_open), values)
    }
    if not scope.is_open:  # points are packed once their trial is over
        for number, content in session.execute(_BLOCKS_BY, values):
            if number not in found:  # rows come behind all blocks
                found[number] = _reached_in(content, number, step)
    yield from found.values()


def list_ends(session: Session, scope: Scope, metrics: Sequence[str]) -> Iterator[tuple[str, Reached, int | None]]:
    """Return the last point of each of the named curves of the trials in scope.

    Returns:
        The curve's name, the point, and the step at which the trial said it would be done.
    """
    values = {**scope.values, "the_metrics": list(metrics)}
    for name, n_steps, number, at, value, kind in session.execute(_ends(scope.is_open), values):
        yield name, Reached(number, at, decode_value(value, kind)), n_steps


def list_curves(session: Session, study_id: int, metric: str, numbers: Collection[int]) -> Iterator[Reached]:
    """Return all points of a metric of the trials with these numbers."""
    values = {"the_study": study_id, "the_metric": metric, "the_numbers": list(numbers)}
    # Rows first, see `db.blocks`: a point that is packed meanwhile comes twice, which changes nothing.
    for number, step, value, kind in session.execute(_CURVES, values).all():
        yield Reached(number, step, decode_value(value, kind))
    for number, content in session.execute(_BLOCKS_OF, values):
        points = unpack(content)
        yield from map(Reached, repeat(number), points.steps.tolist(), points.values.tolist())


def find_verdict(session: Session, trial_id: int) -> Mapping[str, Any] | None:
    """Return what was last kept of a pruner's decisions on a trial."""
    found = session.execute(_FIND_VERDICT, {"the_trial": trial_id}).scalar_one_or_none()
    return None if found is None else dict(json.loads(found))


def find_verdicts(session: Session, trial_ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
    """Return what was last kept of the decisions on some trials, by trial."""
    rows = session.execute(_FIND_VERDICTS, {"the_trials": list(trial_ids)})
    return {trial_id: dict(json.loads(value)) for trial_id, value in rows}


def keep_verdict(session: Session, trial_id: int, verdict: Mapping[str, Any]) -> None:
    """Keep what a pruner decided on a trial, in the place of what it decided before; JSON, finite numbers alone."""
    values = {"trial_id": trial_id, "is_system": True, "key": _VERDICT, "value": json.dumps(verdict, allow_nan=False)}
    session.execute(_keeping(session.get_bind().dialect.name), values)


def _in_scope(is_open: bool) -> ColumnElement[bool]:
    # A trial that confirms another is trained to its end whatever happens: it is nobody's peer.
    is_own = and_(TrialRow.study_id == bindparam("the_study"), TrialRow.confirms.is_(None))
    if is_open:
        has_run = and_(TrialRow.state == TrialState.WAITING, TrialRow.n_attempts > 0)
        return and_(is_own, or_(TrialRow.state == TrialState.RUNNING, has_run))
    is_between = and_(TrialRow.finished_rev > bindparam("the_start"), TrialRow.finished_rev <= bindparam("the_end"))
    return and_(is_own, is_between)


# Statements of the hot path are built once: building one costs several times what running it does.
@cache
def _contenders(is_open: bool) -> Select[*tuple[Any, ...]]:
    columns = TrialRow.number, TrialRow.state, TrialRow.value, TrialRow.paused_step
    return select(*columns).where(_in_scope(is_open)).order_by(TrialRow.number)


def _series_of(statement: Select[*tuple[Any, ...]], *names: ColumnElement[bool]) -> Select[*tuple[Any, ...]]:
    return statement.join(MetricSeriesRow, and_(MetricSeriesRow.trial_id == TrialRow.id, *names))


_THE_METRIC = MetricSeriesRow.name == bindparam("the_metric")
_LATEST = (MetricSeriesRow.latest_step, MetricSeriesRow.latest_value, MetricSeriesRow.latest_kind)
_POINT = (MetricPointRow.step, MetricPointRow.value, MetricPointRow.kind)


@cache
def _last_points(is_open: bool) -> Select[*tuple[Any, ...]]:
    statement = _series_of(select(TrialRow.number, *_LATEST), _THE_METRIC)
    return statement.where(_in_scope(is_open), MetricSeriesRow.latest_step.is_not(None))


@cache
def _ends(is_open: bool) -> Select[*tuple[Any, ...]]:
    names = MetricSeriesRow.name.in_(bindparam("the_metrics", expanding=True))
    chosen = select(MetricSeriesRow.name, TrialRow.n_steps, TrialRow.number, *_LATEST)
    return _series_of(chosen, names).where(_in_scope(is_open), MetricSeriesRow.latest_step.is_not(None))


@cache
def _points_by(is_open: bool) -> Select[*tuple[Any, ...]]:
    before = aliased(MetricPointRow)
    # One search in the key of the points for each trial: their number hardly matters.
    greatest = (
        select(func.max(before.step))
        .where(before.series_id == MetricSeriesRow.id, before.step <= bindparam("the_step"))
        .correlate(MetricSeriesRow)
        .scalar_subquery()
    )
    at_it = and_(MetricPointRow.series_id == MetricSeriesRow.id, MetricPointRow.step == greatest)
    statement = _series_of(select(TrialRow.number, *_POINT), _THE_METRIC)
    return statement.join(MetricPointRow, at_it).where(_in_scope(is_open))


def _reached_in(content: bytes, number: int, step: int) -> Reached:
    """Return the point of a block at the greatest step up to `step`; the block begins at or before it."""
    points = unpack(content)
    place = int(points.steps.searchsorted(step, side="right")) - 1
    return Reached(number, int(points.steps[place]), float(points.values[place]))


def _blocks_by() -> Select[*tuple[Any, ...]]:
    before = aliased(MetricBlockRow)
    greatest = (
        select(func.max(before.first_step))
        .where(before.series_id == MetricSeriesRow.id, before.first_step <= bindparam("the_step"))
        .correlate(MetricSeriesRow)
        .scalar_subquery()
    )
    at_it = and_(MetricBlockRow.series_id == MetricSeriesRow.id, MetricBlockRow.first_step == greatest)
    statement = _series_of(select(TrialRow.number, MetricBlockRow.content), _THE_METRIC)
    return statement.join(MetricBlockRow, at_it).where(_in_scope(False), MetricSeriesRow.n_packed > 0)


_BLOCKS_BY = _blocks_by()
_NUMBERED = (
    TrialRow.study_id == bindparam("the_study"),
    TrialRow.number.in_(bindparam("the_numbers", expanding=True)),
)
_BLOCKS_OF = (
    _series_of(select(TrialRow.number, MetricBlockRow.content), _THE_METRIC)
    .join(MetricBlockRow, MetricBlockRow.series_id == MetricSeriesRow.id)
    .where(*_NUMBERED)
)
_CURVES = (
    _series_of(select(TrialRow.number, *_POINT), _THE_METRIC)
    .join(MetricPointRow, MetricPointRow.series_id == MetricSeriesRow.id)
    .where(*_NUMBERED)
)
_IS_VERDICT = and_(TrialAttrRow.is_system.is_(True), TrialAttrRow.key == _VERDICT)
_FIND_VERDICT = select(TrialAttrRow.value).where(TrialAttrRow.trial_id == bindparam("the_trial"), _IS_VERDICT)
_FIND_VERDICTS = select(TrialAttrRow.trial_id, TrialAttrRow.value).where(
    TrialAttrRow.trial_id.in_(bindparam("the_trials", expanding=True)), _IS_VERDICT
)


@cache
def _keeping(dialect: str) -> Executable:
    insert = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = insert(TrialAttrRow)
    keys = [TrialAttrRow.trial_id, TrialAttrRow.is_system, TrialAttrRow.key]
    return statement.on_conflict_do_update(index_elements=keys, set_={"value": statement.excluded.value})
