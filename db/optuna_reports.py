"""Intermediate values of Optuna's trials: unlike with ours, a later value at the same step replaces the earlier one.

They are points of the curve that is named after the study's objective, so charts show them like any other. On
PostgreSQL a value is one statement, as each costs a round trip; SQLite has neither the cost nor such statements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Executable,
    Float,
    SmallInteger,
    String,
    Update,
    bindparam,
    case,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from db.metrics import Kind, kind_of
from db.optuna_events import metrics_payload, notices, storing
from db.optuna_link import Link
from db.optuna_trials import is_open as _is_open
from db.tables import MetricPointRow, MetricSeriesRow, TrialRow
from db.types import Json, encode_float

_SERIES, _POINT = MetricSeriesRow, MetricPointRow
_OWNER = {"trial_id": bindparam("the_trial", type_=BigInteger), "name": bindparam("the_name", type_=String)}


def _opening(is_sqlite: bool) -> Executable:
    adding = (sqlite.insert if is_sqlite else postgresql.insert)(_SERIES).values(_OWNER)
    # Where the curve is there already, setting its name to what it is makes the statement answer with its id.
    found = adding.on_conflict_do_update(index_elements=["trial_id", "name"], set_={"name": adding.excluded["name"]})
    return found.returning(_SERIES.id)


_OPEN_SERIES = {is_sqlite: _opening(is_sqlite) for is_sqlite in (True, False)}
_STEP = bindparam("the_step", type_=BigInteger)
_VALUE = bindparam("the_value", type_=Float(53))
_KIND = bindparam("the_kind", type_=SmallInteger)
_AT_MS = bindparam("the_at_ms", type_=BigInteger)
_SERIES_ID = bindparam("the_series", type_=BigInteger)
_ADVANCE = (
    update(TrialRow)
    .where(*_is_open("the_trial"))
    .values(step=case((func.coalesce(TrialRow.step, -1) < _STEP, _STEP), else_=TrialRow.step))
    .returning(TrialRow.id)
)


Points = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Curve:
    """Where a trial's intermediate values go: ids of study and trial, its number, id and name of the series."""

    study_id: int
    trial_id: int
    number: int
    series_id: int
    name: str


def open_series(link: Link, trial_id: int, name: str) -> int:
    """Return the id of a trial's curve, which is made if it is not there. The trial exists."""
    values = {"the_trial": trial_id, "the_name": name}
    ((series_id,),) = link.run(_OPEN_SERIES[link.is_sqlite], values)
    return int(series_id)


def store_value(link: Link, curve: Curve, step: int, value: float, at_ms: int) -> bool:
    """Store an intermediate value of an open trial of Optuna's, or replace it. Returns whether it is open.

    Effects:
        The point, the curve's summary, how far the trial is, one event.
    """
    ids = (curve.study_id, curve.trial_id, curve.number)
    values = {
        "the_trial": curve.trial_id,
        "the_series": curve.series_id,
        **_point_values(step, value, at_ms),
        "the_payload": metrics_payload(ids, curve.name, step, encode_float(value)),
        "the_study": curve.study_id,
    }
    if link.is_sqlite:
        return _store_in_turn(link, values)
    ((n_open, n_old),) = link.run(_STORE_AT_ONCE, values)
    if n_old:
        link.run(_RECOUNT, values)
    return bool(n_open)


def insert_curves(connection: Connection, name: str, curves: Sequence[tuple[int, Points]]) -> None:
    """Store the intermediate values of new trials, each with its points (step, value) and each step once."""
    if not curves:
        return
    adding = insert(_SERIES).returning(_SERIES.id, sort_by_parameter_order=True)
    made = connection.execute(adding, [{"trial_id": trial_id, "name": name} for trial_id, _ in curves]).scalars().all()
    points = [
        {**_point_values(step, value, 0), "the_series": series_id}
        for series_id, (_, values) in zip(made, curves, strict=True)
        for step, value in values
    ]
    connection.execute(_ADD_POINTS, points)
    connection.execute(_RECOUNT, [{"the_series": series_id} for series_id in made])


def _point_values(step: int, value: float, at_ms: int) -> dict[str, Any]:
    kind = kind_of(value)
    finite = value if kind is Kind.FINITE else None
    return {"the_step": step, "the_value": finite, "the_kind": int(kind), "the_at_ms": at_ms}


_POINT_COLUMNS = ("series_id", "step", "value", "kind", "at_ms")
_NEW_POINT = dict(zip(_POINT_COLUMNS, (_SERIES_ID, _STEP, _VALUE, _KIND, _AT_MS), strict=True))
_ADD_POINT = sqlite.insert(_POINT).values(_NEW_POINT).on_conflict_do_nothing().returning(_POINT.step)
_ADD_POINTS = insert(_POINT).values(_NEW_POINT)
_REPLACE_POINT = (
    update(_POINT)
    .where(_POINT.series_id == _SERIES_ID, _POINT.step == _STEP)
    .values(value=_VALUE, kind=_KIND, at_ms=_AT_MS)
)


def _summarising() -> Update:
    is_later = func.coalesce(_SERIES.latest_step, -1) < _STEP
    return (
        update(_SERIES)
        .where(_SERIES.id == _SERIES_ID)
        .values(
            n_points=_SERIES.n_points + 1,
            latest_value=case((is_later, _VALUE), else_=_SERIES.latest_value),
            latest_kind=case((is_later, _KIND), else_=_SERIES.latest_kind),
            latest_step=case((is_later, _STEP), else_=_SERIES.latest_step),
            # Without a finite value the comparison is NULL: the bound stays.
            min_value=case((func.coalesce(_SERIES.min_value, _VALUE) >= _VALUE, _VALUE), else_=_SERIES.min_value),
            max_value=case((func.coalesce(_SERIES.max_value, _VALUE) <= _VALUE, _VALUE), else_=_SERIES.max_value),
        )
    )


def _recounting() -> Update:
    mine = _POINT.series_id == _SERIES.id
    newest = select(func.max(_POINT.step)).where(mine).correlate(_SERIES).scalar_subquery()

    def count(what: Any) -> Any:
        return select(what).where(mine).correlate(_SERIES).scalar_subquery()

    def latest(what: Any) -> Any:
        return select(what).where(mine, _POINT.step == newest).correlate(_SERIES).scalar_subquery()

    return (
        update(_SERIES)
        .where(_SERIES.id == _SERIES_ID)
        .values(
            n_points=count(func.count()),
            latest_step=newest,
            latest_value=latest(_POINT.value),
            latest_kind=latest(_POINT.kind),
            min_value=count(func.min(_POINT.value)),
            max_value=count(func.max(_POINT.value)),
        )
    )


_SUMMARISE = _summarising()
_RECOUNT = _recounting()


def _store_in_turn(link: Link, values: Mapping[str, Any]) -> bool:
    with link.transaction() as execute:
        if not execute(_ADVANCE, values):
            return False
        if execute(_ADD_POINT, values):
            execute(_SUMMARISE, values)
        else:
            execute(_REPLACE_POINT, values)
            execute(_RECOUNT, values)
        execute(storing(is_sqlite=True), {**values, "the_kind": "metrics"})
    return True


def _storing_at_once() -> Executable:
    """Return the one statement for PostgreSQL; it answers how many trials were open, and how many points were there."""
    is_open = _ADVANCE.cte("is_open")
    old = select(_POINT.step).where(_POINT.series_id == _SERIES_ID, _POINT.step == _STEP).cte("old")
    # All the rest reads from `is_open`: nothing is stored for a trial that has ended.
    values: list[Any] = list(_NEW_POINT.values())
    new = postgresql.insert(_POINT).from_select(_POINT_COLUMNS, select(*values).select_from(is_open))
    point = new.on_conflict_do_update(
        index_elements=_POINT_COLUMNS[:2], set_={name: new.excluded[name] for name in _POINT_COLUMNS[2:]}
    )
    summary = _summarising().where(exists(select(is_open.c.id)))
    notice = notices("metrics", is_open, is_open.c.id, bindparam("the_payload", type_=Json))
    counts: list[Any] = [select(func.count()).select_from(one).scalar_subquery() for one in (is_open, old)]
    return select(*counts).add_cte(point.cte("point"), summary.cte("summary"), notice)


_STORE_AT_ONCE = _storing_at_once()
