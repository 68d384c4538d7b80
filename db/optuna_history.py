"""Reads of trials for Optuna: what has changed since the caller looked last, in as few statements as there are kinds.

A trial that ended carries the study's `rev` of that moment in `finished_rev`, and never changes again. So whoever knows
all that ended up to some `finished_rev` asks for those beyond it and for those that are open. Revisions become visible
in their order, because each is drawn while the study's row is locked.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Executable, and_, bindparam, case, exists, func, or_, select, type_coerce
from sqlalchemy.types import JSON, BigInteger, String

from db.metric_tables import MetricBlockRow, MetricPointRow, MetricSeriesRow
from db.metrics import Kind
from db.optuna_link import Link
from db.optuna_runner import Row
from db.packing import unpack
from db.tables import StudyRow, TrialAttrRow, TrialRow

_MANY = 8  # from so many trials on, what belongs to them is asked for at once
_NON_FINITE = {Kind.NAN: math.nan, Kind.PLUS_INFINITY: math.inf, Kind.MINUS_INFINITY: -math.inf}


@dataclass(frozen=True, slots=True)
class TrialRead:
    """One row of `trial`, as far as Optuna sees it: of our own workers' with `params`, else with `distributions`."""

    id: int
    number: int
    state: str
    finished_rev: int | None
    params: Mapping[str, Any] | None
    distributions: Sequence[Sequence[Any]] | None
    values: Mapping[str, Any]
    outcome_constraints: Sequence[Any] | None
    started_at: datetime | None
    finished_at: datetime | None
    # On SQLite whether there are any; on PostgreSQL, where each statement costs a round trip, all of them or None.
    points: Any
    attrs: Any
    # Whether points may be in blocks: on SQLite, which reads in several statements, as soon as there are any.
    is_packed: bool = False


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed: the trials, by trial id their attributes as (is_system, key, JSON text) and their points."""

    trials: Sequence[TrialRead]
    attrs: Mapping[int, Sequence[tuple[bool, str, str]]]
    points: Mapping[int, Mapping[int, float]]


_STARTED = func.coalesce(TrialRow.started_at, TrialRow.created_at)
_COLUMNS = (
    TrialRow.id,
    TrialRow.number,
    TrialRow.state,
    TrialRow.finished_rev,
    # What the distributions say already is not read twice.
    case((TrialRow.distributions.is_(None), TrialRow.params)),
    TrialRow.distributions,
    TrialRow.values,
    TrialRow.outcome_constraints,
    # A trial of ours that was cancelled while it waited never started; Optuna wants a time all the same.
    case((TrialRow.finished_at.is_(None), TrialRow.started_at), else_=_STARTED),
    TrialRow.finished_at,
)


def _belongings(is_sqlite: bool) -> list[Any]:
    points, attrs = MetricPointRow, TrialAttrRow
    of_curve = (MetricSeriesRow.trial_id == TrialRow.id, MetricSeriesRow.name == bindparam("the_metric", type_=String))
    if is_sqlite:
        series = select(MetricSeriesRow.id).where(*of_curve)
        noted = select(attrs.trial_id).where(attrs.trial_id == TrialRow.id)
        return [exists(one.correlate(TrialRow)) for one in (series, noted, series)]
    some_points = select(func.json_agg(func.json_build_array(points.step, points.value, points.kind)))
    some_attrs = select(func.json_agg(func.json_build_array(attrs.is_system, attrs.key, attrs.value)))
    curve = some_points.join(MetricSeriesRow, MetricSeriesRow.id == points.series_id).where(*of_curve)
    noted = some_attrs.where(attrs.trial_id == TrialRow.id)
    found = [type_coerce(one.correlate(TrialRow).scalar_subquery(), JSON) for one in (curve, noted)]
    packed = select(MetricSeriesRow.id).where(*of_curve, MetricSeriesRow.n_packed > 0)
    return [*found, exists(packed.correlate(TrialRow))]


_IS_NEW = TrialRow.id > bindparam("the_id", type_=BigInteger)


def _changed() -> ColumnElement[bool]:
    # Waiting trials of Optuna's do not change while they wait. Of ours some do: a better suggestion may replace them.
    is_new = or_(_IS_NEW, TrialRow.distributions.is_(None))
    return or_(
        TrialRow.finished_rev > bindparam("the_rev", type_=BigInteger),
        # What the first release stored has none.
        and_(TrialRow.finished_rev.is_(None), TrialRow.finished_at.is_not(None), _IS_NEW),
        TrialRow.state == "RUNNING",
        and_(TrialRow.state == "WAITING", is_new),
    )


_STUDY_ID = bindparam("the_study", type_=BigInteger)


def _since(is_sqlite: bool) -> Executable:
    return (
        select(*_COLUMNS, *_belongings(is_sqlite))
        .select_from(StudyRow)
        .outerjoin(TrialRow, and_(TrialRow.study_id == StudyRow.id, _changed()))
        .where(StudyRow.id == _STUDY_ID, StudyRow.deleted_at.is_(None))
        .order_by(TrialRow.number)
    )


def _one(is_sqlite: bool) -> Executable:
    return (
        select(*_COLUMNS, *_belongings(is_sqlite))
        .join(StudyRow, StudyRow.id == TrialRow.study_id)
        .where(TrialRow.id == bindparam("the_id"), StudyRow.deleted_at.is_(None))
    )


_SINCE = {is_sqlite: _since(is_sqlite) for is_sqlite in (True, False)}
_ONE = {is_sqlite: _one(is_sqlite) for is_sqlite in (True, False)}
_STUDY_OF = (
    select(TrialRow.study_id)
    .join(StudyRow, StudyRow.id == TrialRow.study_id)
    .where(TrialRow.id == bindparam("the_id"), StudyRow.deleted_at.is_(None))
)
_POINTS = (
    select(MetricPointRow.step, MetricPointRow.value, MetricPointRow.kind, MetricSeriesRow.trial_id)
    .join(MetricPointRow, MetricPointRow.series_id == MetricSeriesRow.id)
    .where(MetricSeriesRow.name == bindparam("the_metric"))
)
_BLOCKS = (
    select(MetricBlockRow.content, MetricSeriesRow.trial_id)
    .join(MetricBlockRow, MetricBlockRow.series_id == MetricSeriesRow.id)
    .where(MetricSeriesRow.name == bindparam("the_metric"))
)
_ATTRS = select(TrialAttrRow.trial_id, TrialAttrRow.is_system, TrialAttrRow.key, TrialAttrRow.value)
_POINTS_OF_ONE = _POINTS.where(MetricSeriesRow.trial_id == bindparam("the_trial"))
_BLOCKS_OF_ONE = _BLOCKS.where(MetricSeriesRow.trial_id == bindparam("the_trial"))
_ATTRS_OF_ONE = _ATTRS.where(TrialAttrRow.trial_id == bindparam("the_trial"))
_POINTS_OF_MANY = _POINTS.join(TrialRow, TrialRow.id == MetricSeriesRow.trial_id).where(
    TrialRow.study_id == _STUDY_ID, _changed()
)
_BLOCKS_OF_MANY = _BLOCKS.join(TrialRow, TrialRow.id == MetricSeriesRow.trial_id).where(
    TrialRow.study_id == _STUDY_ID, _changed()
)
_ATTRS_OF_MANY = _ATTRS.join(TrialRow, TrialRow.id == TrialAttrRow.trial_id).where(
    TrialRow.study_id == _STUDY_ID, _changed()
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a caller knows of a study: what ended up to `rev`, what was there up to `last_id`; `metric` names curves."""

    study_id: int
    metric: str
    rev: int = -1
    last_id: int = -1


def list_changes(link: Link, seen: Seen) -> Changes | None:
    """Return the trials of a study that ended since, are running, or wait newly, by number; None without the study."""
    values = {"the_study": seen.study_id, "the_rev": seen.rev, "the_id": seen.last_id, "the_metric": seen.metric}
    rows = link.run(_SINCE[link.is_sqlite], values)
    if not rows:
        return None
    return _with_belongings(link, [TrialRead(*row) for row in rows if row[0] is not None], values)


def find_study_of(link: Link, trial_id: int) -> int | None:
    """Return the study of a trial, unless there is none or it is deleted."""
    rows = link.run(_STUDY_OF, {"the_id": trial_id})
    return int(rows[0][0]) if rows else None


def find_change(link: Link, trial_id: int, metric: str) -> Changes | None:
    """Return one trial as it is now, None where there is none; `metric` names its curve."""
    values = {"the_id": trial_id, "the_metric": metric}
    rows = link.run(_ONE[link.is_sqlite], values)
    return _with_belongings(link, [TrialRead(*row) for row in rows], values) if rows else None


def _with_belongings(link: Link, trials: Sequence[TrialRead], values: Mapping[str, Any]) -> Changes:
    changes = _as_rows(link, trials, values)
    # Asked for after the rows: a curve that is packed meanwhile is then read from either of both, or from both.
    packed = [trial.id for trial in trials if trial.finished_at is not None and trial.is_packed]
    found = _fetch(link, packed, values, (_BLOCKS_OF_ONE, _BLOCKS_OF_MANY)) if packed else []
    points = {trial_id: dict(curve) for trial_id, curve in changes.points.items()}
    for content, trial_id in found:
        block = unpack(content)
        points.setdefault(trial_id, {}).update(zip(block.steps.tolist(), block.values.tolist(), strict=True))
    return Changes(changes.trials, changes.attrs, points) if found else changes


def _as_rows(link: Link, trials: Sequence[TrialRead], values: Mapping[str, Any]) -> Changes:
    if not link.is_sqlite:
        attrs_of = {trial.id: [(one[0], one[1], one[2]) for one in trial.attrs] for trial in trials if trial.attrs}
        return Changes(trials, attrs_of, {trial.id: _curve(trial.points) for trial in trials if trial.points})
    points: dict[int, list[Row]] = {trial.id: [] for trial in trials if trial.points}
    for row in _fetch(link, list(points), values, (_POINTS_OF_ONE, _POINTS_OF_MANY)):
        points.setdefault(row[3], []).append(row)
    attrs: dict[int, list[tuple[bool, str, str]]] = {trial.id: [] for trial in trials if trial.attrs}
    for trial_id, is_system, key, value in _fetch(link, list(attrs), values, (_ATTRS_OF_ONE, _ATTRS_OF_MANY)):
        attrs.setdefault(trial_id, []).append((is_system, key, value))
    return Changes(trials, attrs, {trial_id: _curve(rows) for trial_id, rows in points.items()})


def _curve(points: Sequence[Sequence[Any]]) -> dict[int, float]:
    """Return values by step of points that begin with step, value and kind."""
    return {point[0]: _NON_FINITE[Kind(point[2])] if point[1] is None else float(point[1]) for point in points}


def _fetch(
    link: Link, ids: Sequence[int], values: Mapping[str, Any], statements: tuple[Executable, Executable]
) -> list[Row]:
    of_one, of_many = statements
    if len(ids) >= _MANY:
        return link.run(of_many, values)
    return [row for trial_id in ids for row in link.run(of_one, {**values, "the_trial": trial_id})]
