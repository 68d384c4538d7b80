"""Metric points: writing them once, reading curves back."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from typing import Any

from pydantic_core import to_json
from sqlalchemy import (
    BigInteger,
    Executable,
    Float,
    Select,
    SmallInteger,
    Text,
    Update,
    bindparam,
    case,
    cast,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from db.metric_tables import MetricPointRow, MetricSeriesRow


class Kind(IntEnum):
    """Which number a point holds; only FINITE ones have a `value`."""

    FINITE = 0
    NAN = 1
    PLUS_INFINITY = 2
    MINUS_INFINITY = 3


_NON_FINITE = {Kind.NAN: math.nan, Kind.PLUS_INFINITY: math.inf, Kind.MINUS_INFINITY: -math.inf}


@dataclass(frozen=True, slots=True)
class NamedPoints:
    """Numbers at steps, of one trial: columns of one length; `at_ms` counts from 1970.

    Columns, because a thousand objects cost as much as all else that is done with a thousand points.
    """

    names: Sequence[str] = ()
    steps: Sequence[int] = ()
    values: Sequence[float] = ()
    at_ms: Sequence[int] = ()

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.steps)

    def only(self, places: Sequence[int]) -> NamedPoints:
        """Return the points at some places, in their order."""
        return NamedPoints(
            [self.names[place] for place in places],
            [self.steps[place] for place in places],
            [self.values[place] for place in places],
            [self.at_ms[place] for place in places],
        )

    def curves(self) -> dict[str, tuple[list[int], list[float]]]:
        """Return the steps and the values of each name."""
        found: dict[str, tuple[list[int], list[float]]] = {name: ([], []) for name in dict.fromkeys(self.names)}
        for name, step, value in zip(self.names, self.steps, self.values, strict=True):
            steps, values = found[name]
            steps.append(step)
            values.append(value)
        return found


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
class _Known:
    """A curve that is there; `latest_step` is -1 before its first point."""

    id: int
    latest_step: int


@dataclass(frozen=True, slots=True)
class _Inserts:
    """Statements that each kind of database writes in its own way; `takes_arrays`: one parameter a column of points."""

    insert_series: Executable
    insert_new: Executable
    insert_missing: Executable
    takes_arrays: bool


# Statements of the hot path are built once: building one costs several times what running it does.
_SERIES = MetricSeriesRow.__table__.c
_POINTS = MetricPointRow.__table__.c
_POINT_NAMES = tuple(column.name for column in _POINTS)
_INSERT_ON_SQLITE = f"INSERT INTO metric_point ({', '.join(_POINT_NAMES)}) VALUES (?, ?, ?, ?, ?)"  # noqa: S608 - names of ours
_SERIES_OF = select(MetricSeriesRow.name, MetricSeriesRow.id, MetricSeriesRow.latest_step).where(
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


def store_points(session: Session, trial_id: int, points: NamedPoints) -> NamedPoints:
    """Store points of one trial and return those that are new: a (name, step) is stored once, the first time.

    A trial that resumes repeats steps which it reported before its last attempt ended; the curve keeps one point each.
    """
    points = _first_of_each(points)
    curves = points.curves()
    series = _know_series(session, trial_id, sorted(curves))
    if not curves:
        return points
    if all(min(steps) > series[name].latest_step for name, (steps, _) in curves.items()):
        _insert_new(session, _columns_of(series, points))  # behind all there are: nothing to compare with
    else:
        stored = _insert_missing(session, _columns_of(series, points))
        keys = zip(points.names, points.steps, strict=True)
        points = points.only([place for place, (name, step) in enumerate(keys) if (series[name].id, step) in stored])
        curves = points.curves()
    if curves:
        summaries = [_summary(series[name].id, steps, values) for name, (steps, values) in curves.items()]
        # All at once: one by one they are most of what a small report costs. Of one alone, a batch would cost more.
        session.execute(_SUMMARISE, summaries if len(summaries) > 1 else summaries[0])
    return points


def list_series(session: Session, trial_ids: Collection[int], names: Collection[str] = ()) -> list[Series]:
    """Return the curves' summaries of some trials, all names or the given ones."""
    statement = select(*_SERIES).where(MetricSeriesRow.trial_id.in_(trial_ids))
    if names:
        statement = statement.where(MetricSeriesRow.name.in_(names))
    rows = session.execute(statement.order_by(MetricSeriesRow.trial_id, MetricSeriesRow.name))
    return [_series(row) for row in rows]


def list_rows(session: Session, series_id: int) -> dict[int, float]:
    """Return the points of a curve whose trial is open, value by step: none of them is in a block yet."""
    statement = select(MetricPointRow.step, MetricPointRow.value, MetricPointRow.kind)
    rows = session.execute(statement.where(MetricPointRow.series_id == series_id).order_by(MetricPointRow.step))
    return {step: decode_value(value, kind) for step, value, kind in rows}


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


def _know_series(session: Session, trial_id: int, names: Sequence[str]) -> dict[str, _Known]:
    if not names:
        return {}
    found = _find_series(session, trial_id, names)
    missing = [name for name in names if name not in found]
    if missing:
        rows = [{"trial_id": trial_id, "name": name} for name in missing]
        session.execute(_on_dialect(session).insert_series, rows)
        found = _find_series(session, trial_id, names)
    return found


def _find_series(session: Session, trial_id: int, names: Sequence[str]) -> dict[str, _Known]:
    found = session.execute(_SERIES_OF, {"the_trial": trial_id, "the_names": list(names)})
    return {name: _Known(series_id, -1 if latest is None else latest) for name, series_id, latest in found}


def _summary(series_id: int, steps: Sequence[int], values: Sequence[float]) -> dict[str, Any]:
    last_step = max(steps)
    last = values[steps.index(last_step)]
    finite = [value for value in values if math.isfinite(value)]
    return {
        "the_id": series_id,
        "the_n": len(steps),
        "the_step": last_step,
        "the_value": _finite(last),
        "the_kind": int(kind_of(last)),
        "the_min": min(finite, default=None),
        "the_max": max(finite, default=None),
    }


def _columns_of(series: Mapping[str, _Known], points: NamedPoints) -> list[Sequence[Any]]:
    """Return the columns of `metric_point`, in their order there."""
    kinds, stored = [int(Kind.FINITE)] * len(points), list[float | None](points.values)
    if not all(map(math.isfinite, points.values)):
        kinds, stored = [int(kind_of(value)) for value in points.values], [_finite(value) for value in points.values]
    ids = {name: one.id for name, one in series.items()}
    return [[ids[name] for name in points.names], points.steps, stored, kinds, points.at_ms]


def _first_of_each(points: NamedPoints) -> NamedPoints:
    keys = list(zip(points.names, points.steps, strict=True))
    if len(set(keys)) == len(keys):
        return points
    first = {key: place for place, key in reversed(list(enumerate(keys)))}
    return points.only(sorted(first.values()))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def decode_value(value: float | None, kind: int) -> float:
    """Return a stored number; `value` is None for the three that a column cannot hold, and `kind` tells them apart."""
    return _NON_FINITE[Kind(kind)] if value is None else value


def _insert_new(session: Session, columns: Sequence[Sequence[Any]]) -> None:
    """Insert rows none of which is there."""
    inserts = _on_dialect(session)
    if inserts.takes_arrays:
        session.execute(inserts.insert_new, _as_arrays(columns))
        return
    # Straight to the driver, which has nothing to convert: SQLAlchemy would take longer to hand the rows on than SQLite
    # takes to store them.
    session.connection().exec_driver_sql(_INSERT_ON_SQLITE, list(zip(*columns, strict=True)))


def _insert_missing(session: Session, columns: Sequence[Sequence[Any]]) -> set[tuple[int, int]]:
    """Insert rows that are not there yet and return their keys."""
    inserts = _on_dialect(session)
    values: Any = (
        _as_arrays(columns)
        if inserts.takes_arrays
        else [dict(zip(_POINT_NAMES, row, strict=True)) for row in zip(*columns, strict=True)]
    )
    return {(series_id, step) for series_id, step in session.execute(inserts.insert_missing, values)}


def _as_arrays(columns: Sequence[Sequence[float | None]]) -> dict[str, str]:
    """Return columns of finite numbers as PostgreSQL writes arrays: `{1,2,null}`."""
    texts = (to_json(list(column)).decode() for column in columns)
    return {name: f"{{{text[1:-1]}}}" for name, text in zip(_POINT_NAMES, texts, strict=True)}


def _on_dialect(session: Session) -> _Inserts:
    return _inserts(session.get_bind().dialect.name)


def _points_from_arrays() -> Select[Any]:
    # One parameter a column: a VALUES list of a thousand rows has thousands, which the driver reads one by one. And as
    # text: it would look at each member of a list, too.
    arrays = [cast(bindparam(column.name, type_=Text()), postgresql.ARRAY(column.type)) for column in _POINTS]
    return select(func.unnest(*arrays).table_valued(*[column.name for column in _POINTS]).render_derived())


@cache
def _inserts(dialect: str) -> _Inserts:
    is_sqlite = dialect == "sqlite"
    insert = sqlite.insert if is_sqlite else postgresql.insert
    points = insert(MetricPointRow)
    if not is_sqlite:
        points = points.from_select(_POINT_NAMES, _points_from_arrays())
    return _Inserts(
        insert_series=insert(MetricSeriesRow).on_conflict_do_nothing(),
        insert_new=points,
        insert_missing=points.on_conflict_do_nothing().returning(MetricPointRow.series_id, MetricPointRow.step),
        takes_arrays=not is_sqlite,
    )
