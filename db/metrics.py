"""Metric points: writing them once, reading curves back."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    Executable,
    Float,
    Select,
    SmallInteger,
    Update,
    bindparam,
    case,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.lifecycle import TrialState
from db.tables import MetricPointRow, MetricSeriesRow, TrialRow


class Kind(IntEnum):
    """Which number a point holds; only FINITE ones have a `value`."""

    FINITE = 0
    NAN = 1
    PLUS_INFINITY = 2
    MINUS_INFINITY = 3


_NON_FINITE = {Kind.NAN: math.nan, Kind.PLUS_INFINITY: math.inf, Kind.MINUS_INFINITY: -math.inf}


@dataclass(frozen=True, slots=True)
class Point:
    """One number at one step; `at_ms` counts from 1970."""

    name: str
    step: int
    value: float
    at_ms: int


@dataclass(frozen=True, slots=True)
class Series:
    """A curve's summary; minimum and maximum are of its finite points."""

    id: int
    trial_id: int
    name: str
    n_points: int
    latest_step: int | None
    latest_value: float | None
    min_value: float | None
    max_value: float | None


@dataclass(frozen=True, slots=True)
class _Inserts:
    """Statements that each kind of database writes in its own way; `takes_arrays`: one parameter a column of points."""

    insert_series: Executable
    insert_points: Executable
    takes_arrays: bool


# Statements of the hot path are built once: building one costs several times what running it does.
_SERIES = MetricSeriesRow.__table__.c
_POINTS = MetricPointRow.__table__.c
_SERIES_IDS = select(MetricSeriesRow.name, MetricSeriesRow.id).where(
    MetricSeriesRow.trial_id == bindparam("the_trial"),
    MetricSeriesRow.name.in_(bindparam("the_names", expanding=True)),
)


def _summarising() -> Update:
    step = bindparam("the_step", type_=BigInteger())
    low, high = bindparam("the_min", type_=Float(53)), bindparam("the_max", type_=Float(53))
    row = MetricSeriesRow
    is_later = func.coalesce(row.latest_step, -1) < step
    return (
        update(row)
        .where(row.id == bindparam("the_id"))
        .values(
            n_points=row.n_points + bindparam("the_n", type_=BigInteger()),
            latest_value=case((is_later, bindparam("the_value", type_=Float(53))), else_=row.latest_value),
            latest_kind=case((is_later, bindparam("the_kind", type_=SmallInteger())), else_=row.latest_kind),
            latest_step=case((is_later, step), else_=row.latest_step),
            # Without a finite point the new bound is NULL, and so is the comparison: the old one stays.
            min_value=case((func.coalesce(row.min_value, low) >= low, low), else_=row.min_value),
            max_value=case((func.coalesce(row.max_value, high) <= high, high), else_=row.max_value),
        )
    )


_SUMMARISE = _summarising()


def kind_of(value: float) -> Kind:
    """Tell finite numbers and the three others apart."""
    if math.isfinite(value):
        return Kind.FINITE
    if math.isnan(value):
        return Kind.NAN
    return Kind.PLUS_INFINITY if value > 0 else Kind.MINUS_INFINITY


def store_points(session: Session, trial_id: int, points: Sequence[Point]) -> list[Point]:
    """Store points of one trial and return those that are new: a (name, step) is stored once, the first time.

    A trial that resumes repeats steps which it reported before its last attempt ended; the curve keeps one point each.
    """
    ids = _series_ids(session, trial_id, sorted({point.name for point in points}))
    rows = [_point_row(ids[point.name], point) for point in points]
    if not rows:
        return []
    stored = _insert_points(session, rows)
    fresh = [point for point in _first_of_each(points) if (ids[point.name], point.step) in stored]
    for name in {point.name for point in fresh}:
        _summarise(session, ids[name], [point for point in fresh if point.name == name])
    return fresh


def list_series(session: Session, trial_ids: Collection[int], names: Collection[str] = ()) -> list[Series]:
    """Return the curves' summaries of some trials, all names or the given ones."""
    statement = select(*_SERIES).where(MetricSeriesRow.trial_id.in_(trial_ids))
    if names:
        statement = statement.where(MetricSeriesRow.name.in_(names))
    rows = session.execute(statement.order_by(MetricSeriesRow.trial_id, MetricSeriesRow.name))
    return [_series(row) for row in rows]


def list_points(session: Session, series_ids: Collection[int]) -> dict[int, tuple[list[int], list[float]]]:
    """Return steps and values by series, in the order of steps."""
    curves: dict[int, tuple[list[int], list[float]]] = {series_id: ([], []) for series_id in series_ids}
    statement = (
        select(MetricPointRow.series_id, MetricPointRow.step, MetricPointRow.value, MetricPointRow.kind)
        .where(MetricPointRow.series_id.in_(series_ids))
        .order_by(MetricPointRow.series_id, MetricPointRow.step)
    )
    for series_id, step, value, kind in session.execute(statement):
        steps, values = curves[series_id]
        steps.append(step)
        values.append(decode_value(value, kind))
    return curves


def list_intermediate(
    session: Session, study_id: int, metric: str, *, state: TrialState | None = None, step: int | None = None
) -> dict[int, dict[int, float]]:
    """Return a metric's points by trial of a study: trial id -> step -> value.

    Args:
        session: Open transaction.
        study_id: The study.
        metric: Name of the metric.
        state: Only of trials in this state; None: of all.
        step: Only the points at this step; None: whole curves.
    """
    statement = (
        select(TrialRow.id, MetricPointRow.step, MetricPointRow.value, MetricPointRow.kind)
        .join(MetricSeriesRow, MetricSeriesRow.trial_id == TrialRow.id)
        .join(MetricPointRow, MetricPointRow.series_id == MetricSeriesRow.id)
        .where(TrialRow.study_id == study_id, MetricSeriesRow.name == metric)
    )
    if state is not None:
        statement = statement.where(TrialRow.state == state)
    if step is not None:
        statement = statement.where(MetricPointRow.step == step)
    curves: dict[int, dict[int, float]] = {}
    for trial_id, at, value, kind in session.execute(statement):
        curves.setdefault(trial_id, {})[at] = decode_value(value, kind)
    return curves


def _series(row: Any) -> Series:
    return Series(
        id=row.id,
        trial_id=row.trial_id,
        name=row.name,
        n_points=row.n_points,
        latest_step=row.latest_step,
        latest_value=None if row.latest_step is None else decode_value(row.latest_value, row.latest_kind),
        min_value=row.min_value,
        max_value=row.max_value,
    )


def _series_ids(session: Session, trial_id: int, names: Sequence[str]) -> dict[str, int]:
    if not names:
        return {}
    found = _find_series_ids(session, trial_id, names)
    missing = [name for name in names if name not in found]
    if missing:
        rows = [{"trial_id": trial_id, "name": name} for name in missing]
        session.execute(_on_dialect(session).insert_series, rows)
        found = _find_series_ids(session, trial_id, names)
    return found


def _find_series_ids(session: Session, trial_id: int, names: Sequence[str]) -> dict[str, int]:
    found = session.execute(_SERIES_IDS, {"the_trial": trial_id, "the_names": list(names)})
    return {row.name: row.id for row in found}


def _summarise(session: Session, series_id: int, fresh: Sequence[Point]) -> None:
    last = max(fresh, key=lambda point: point.step)
    finite = [point.value for point in fresh if math.isfinite(point.value)]
    values = {
        "the_id": series_id,
        "the_n": len(fresh),
        "the_step": last.step,
        "the_value": _finite(last.value),
        "the_kind": int(kind_of(last.value)),
        "the_min": min(finite, default=None),
        "the_max": max(finite, default=None),
    }
    session.execute(_SUMMARISE, values)


def _point_row(series_id: int, point: Point) -> dict[str, Any]:
    return {
        "series_id": series_id,
        "step": point.step,
        "value": _finite(point.value),
        "kind": int(kind_of(point.value)),
        "at_ms": point.at_ms,
    }


def _first_of_each(points: Iterable[Point]) -> list[Point]:
    first: dict[tuple[str, int], Point] = {}
    for point in points:
        first.setdefault((point.name, point.step), point)
    return list(first.values())


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def decode_value(value: float | None, kind: int) -> float:
    """Return a stored number; `value` is None for the three that a column cannot hold, and `kind` tells them apart."""
    return _NON_FINITE[Kind(kind)] if value is None else value


def _insert_points(session: Session, rows: Sequence[Mapping[str, Any]]) -> set[tuple[int, int]]:
    """Insert rows that are not there yet and return their keys."""
    inserts = _on_dialect(session)
    names = [column.name for column in _POINTS]
    values: Any = {name: [row[name] for row in rows] for name in names} if inserts.takes_arrays else rows
    return {(series_id, step) for series_id, step in session.execute(inserts.insert_points, values)}


def _on_dialect(session: Session) -> _Inserts:
    return _inserts(session.get_bind().dialect.name)


def _points_from_arrays() -> Select[Any]:
    # One parameter a column: a VALUES list of a thousand rows has thousands, which the driver reads one by one.
    arrays = [bindparam(column.name, type_=postgresql.ARRAY(column.type)) for column in _POINTS]
    return select(func.unnest(*arrays).table_valued(*[column.name for column in _POINTS]).render_derived())


@cache
def _inserts(dialect: str) -> _Inserts:
    is_sqlite = dialect == "sqlite"
    insert = sqlite.insert if is_sqlite else postgresql.insert
    points = insert(MetricPointRow)
    if not is_sqlite:
        points = points.from_select([column.name for column in _POINTS], _points_from_arrays())
    return _Inserts(
        insert_series=insert(MetricSeriesRow).on_conflict_do_nothing(),
        insert_points=points.on_conflict_do_nothing().returning(MetricPointRow.series_id, MetricPointRow.step),
        takes_arrays=not is_sqlite,
    )
