"""Reads of trials for Optuna: what has changed since the caller looked last, in as few statements as there are kinds.

A trial that ended carries the study's `rev` of that moment in `finished_rev`, and never changes again. So whoever knows
all that ended up to some `finished_rev` asks for those beyond it and for those that are open. Revisions become visible
in their order, because each is drawn while the study's row is locked.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Executable, and_, bindparam, case, exists, or_, select
from sqlalchemy.types import BigInteger

from db.metrics import Kind
from db.optuna_link import Link
from db.tables import MetricPointRow, MetricSeriesRow, StudyRow, TrialAttrRow, TrialRow

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
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    has_points: bool
    has_attrs: bool


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed: the trials, by trial id their attributes as (is_system, key, JSON text) and their points."""

    trials: Sequence[TrialRead]
    attrs: Mapping[int, Sequence[tuple[bool, str, str]]]
    points: Mapping[int, Mapping[int, float]]


_ATTRS_OF = exists(select(TrialAttrRow.trial_id).where(TrialAttrRow.trial_id == TrialRow.id).correlate(TrialRow))
_SERIES_OF = exists(select(MetricSeriesRow.id).where(MetricSeriesRow.trial_id == TrialRow.id).correlate(TrialRow))
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
    TrialRow.created_at,
    TrialRow.started_at,
    TrialRow.finished_at,
    _SERIES_OF,
    _ATTRS_OF,
)


def _changed() -> ColumnElement[bool]:
    # Waiting trials of Optuna's do not change while they wait. Of ours some do: a better suggestion may replace them.
    is_new = or_(TrialRow.id > bindparam("the_id", type_=BigInteger), TrialRow.distributions.is_(None))
    return or_(
        TrialRow.finished_rev > bindparam("the_rev", type_=BigInteger),
        TrialRow.state == "RUNNING",
        and_(TrialRow.state == "WAITING", is_new),
    )


_STUDY_ID = bindparam("the_study", type_=BigInteger)
_SINCE = (
    select(*_COLUMNS)
    .select_from(StudyRow)
    .outerjoin(TrialRow, and_(TrialRow.study_id == StudyRow.id, _changed()))
    .where(StudyRow.id == _STUDY_ID, StudyRow.deleted_at.is_(None))
    .order_by(TrialRow.number)
)
_ONE = (
    select(TrialRow.study_id, *_COLUMNS)
    .join(StudyRow, StudyRow.id == TrialRow.study_id)
    .where(TrialRow.id == bindparam("the_id"), StudyRow.deleted_at.is_(None))
)
_POINTS = (
    select(MetricSeriesRow.trial_id, MetricPointRow.step, MetricPointRow.value, MetricPointRow.kind)
    .join(MetricPointRow, MetricPointRow.series_id == MetricSeriesRow.id)
    .where(MetricSeriesRow.name == bindparam("the_metric"))
)
_ATTRS = select(TrialAttrRow.trial_id, TrialAttrRow.is_system, TrialAttrRow.key, TrialAttrRow.value)
_POINTS_OF_ONE = _POINTS.where(MetricSeriesRow.trial_id == bindparam("the_trial"))
_ATTRS_OF_ONE = _ATTRS.where(TrialAttrRow.trial_id == bindparam("the_trial"))
_POINTS_OF_MANY = _POINTS.join(TrialRow, TrialRow.id == MetricSeriesRow.trial_id).where(
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
    since = {"the_study": seen.study_id, "the_rev": seen.rev, "the_id": seen.last_id}
    rows = link.run(_SINCE, since)
    if not rows:
        return None
    trials = [TrialRead(*row) for row in rows if row[0] is not None]
    return _with_belongings(link, trials, {**since, "the_metric": seen.metric})


def find_change(link: Link, trial_id: int, metric_of: Callable[[int], str]) -> tuple[int, Changes] | None:
    """Return the study of one trial, and the trial as it is now; None where there is none.

    Args:
        link: Where to.
        trial_id: The trial.
        metric_of: Returns by study what its curves are named.
    """
    rows = link.run(_ONE, {"the_id": trial_id})
    if not rows:
        return None
    study_id = int(rows[0][0])
    return study_id, _with_belongings(link, [TrialRead(*rows[0][1:])], {"the_metric": metric_of(study_id)})


def _with_belongings(link: Link, trials: Sequence[TrialRead], values: Mapping[str, Any]) -> Changes:
    with_points = [trial.id for trial in trials if trial.has_points]
    with_attrs = [trial.id for trial in trials if trial.has_attrs]
    points: dict[int, dict[int, float]] = {trial_id: {} for trial_id in with_points}
    for trial_id, step, value, kind in _fetch(link, with_points, values, (_POINTS_OF_ONE, _POINTS_OF_MANY)):
        if trial_id in points:
            points[trial_id][step] = _NON_FINITE[Kind(kind)] if value is None else value
    attrs: dict[int, list[tuple[bool, str, str]]] = {trial_id: [] for trial_id in with_attrs}
    for trial_id, is_system, key, value in _fetch(link, with_attrs, values, (_ATTRS_OF_ONE, _ATTRS_OF_MANY)):
        if trial_id in attrs:
            attrs[trial_id].append((is_system, key, value))
    return Changes(trials, attrs, points)


def _fetch(
    link: Link, ids: Sequence[int], values: Mapping[str, Any], statements: tuple[Executable, Executable]
) -> Sequence[Any]:
    of_one, of_many = statements
    if len(ids) >= _MANY:
        return link.run(of_many, values)
    return [row for trial_id in ids for row in link.run(of_one, {**values, "the_trial": trial_id})]
