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
    Boolean,
    Connection,
    Executable,
    Float,
    SmallInteger,
    String,
    Update,
    bindparam,
    case,
    func,
    insert,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from db.metric_tables import MetricPointRow, MetricSeriesRow
from db.metrics import Kind, kind_of
from db.optuna_events import METRICS_PAYLOAD, notices, storing
from db.optuna_link import Link
from db.optuna_trials import is_open
from db.tables import TrialRow

Points = Sequence[tuple[int, float]]
_SERIES, _POINT = MetricSeriesRow, MetricPointRow
_TRIAL = bindparam("the_trial", type_=BigInteger)
_NAME = bindparam("the_name", type_=String)
_STEP = bindparam("the_step", type_=BigInteger)
_VALUE = bindparam("the_value", type_=Float(53))
_KIND = bindparam("the_kind", type_=SmallInteger)
_AT_MS = bindparam("the_at_ms", type_=BigInteger)
_SERIES_ID = bindparam("the_series", type_=BigInteger)

# Whether the trial takes values. The lock makes those who end it meanwhile wait (SQLite's transaction is the lock).
_CHECK = select(TrialRow.id).where(*is_open("the_trial")).with_for_update(key_share=True)
_ADVANCE = (
    update(TrialRow)
    .where(*is_open("the_trial"))
    .values(step=case((func.coalesce(TrialRow.step, -1) < _STEP, _STEP), else_=TrialRow.step))
    .returning(TrialRow.id)
)
_NEW_SERIES: dict[str, Any] = {
    "trial_id": _TRIAL,
    "name": _NAME,
    "n_points": 1,
    "latest_step": _STEP,
    "latest_value": _VALUE,
    "latest_kind": _KIND,
    "min_value": _VALUE,
    "max_value": _VALUE,
}
_NEW_POINT: dict[str, Any] = {"step": _STEP, "value": _VALUE, "kind": _KIND, "at_ms": _AT_MS}


@dataclass(frozen=True, slots=True)
class Curve:
    """Where a trial's intermediate values go: ids of study and trial, and the curve's name."""

    study_id: int
    trial_id: int
    name: str


def store_value(link: Link, curve: Curve, point: tuple[int, float, int], notice: Mapping[str, Any] | None) -> bool:
    """Store an intermediate value of an open trial of Optuna's, or replace it. Returns whether it is open.

    Args:
        link: Where to.
        curve: The trial and its curve.
        point: Step, value, and when it came in milliseconds since 1970.
        notice: What the live stream is told; None: nothing yet.

    Effects:
        The point and its curve's summary; with a notice, one event and how far the trial is.
    """
    step, value, at_ms = point
    values = {
        "the_trial": curve.trial_id,
        "the_name": curve.name,
        "the_study": curve.study_id,
        "the_payload": notice,
        **_point_values(step, value, at_ms),
    }
    if link.is_sqlite:
        return _store_in_turn(link, values)
    rows = link.run(_STORE_QUIETLY if notice is None else _STORE_AND_TELL, values)
    for series_id, was_there in rows:
        if was_there:
            link.run(_RECOUNT, {"the_series": series_id})
    return bool(rows)


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
    connection.execute(insert(_POINT).values(series_id=_SERIES_ID, **_NEW_POINT), points)
    connection.execute(_RECOUNT, [{"the_series": series_id} for series_id in made])


def _point_values(step: int, value: float, at_ms: int) -> dict[str, Any]:
    kind = kind_of(value)
    finite = value if kind is Kind.FINITE else None
    return {"the_step": step, "the_value": finite, "the_kind": int(kind), "the_at_ms": at_ms}


def _store_in_turn(link: Link, values: Mapping[str, Any]) -> bool:
    with link.transaction() as execute:
        if not execute(_CHECK if values["the_payload"] is None else _ADVANCE, values):
            return False
        ((series_id,),) = execute(_KEEP_SERIES, values)
        if not execute(_ADD_POINT, {**values, "the_series": series_id}):
            execute(_REPLACE_POINT, {**values, "the_series": series_id})
            execute(_RECOUNT, {"the_series": series_id})
        if values["the_payload"] is not None:
            execute(storing(is_sqlite=True), {**values, "the_kind": "metrics"})
    return True


def _keeping(adding: Any) -> Any:
    """Return the insertion of a curve with one point; where it is there already, its summary counts the point in."""
    is_later = func.coalesce(_SERIES.latest_step, -1) < _STEP
    # Without a finite value the comparison is NULL: the bound stays.
    summary = {
        "n_points": _SERIES.n_points + 1,
        "latest_value": case((is_later, _VALUE), else_=_SERIES.latest_value),
        "latest_kind": case((is_later, _KIND), else_=_SERIES.latest_kind),
        "latest_step": case((is_later, _STEP), else_=_SERIES.latest_step),
        "min_value": case((func.coalesce(_SERIES.min_value, _VALUE) >= _VALUE, _VALUE), else_=_SERIES.min_value),
        "max_value": case((func.coalesce(_SERIES.max_value, _VALUE) <= _VALUE, _VALUE), else_=_SERIES.max_value),
    }
    return adding.on_conflict_do_update(index_elements=["trial_id", "name"], set_=summary).returning(_SERIES.id)


def _recounting() -> Update:
    mine = _POINT.series_id == _SERIES.id
    newest = select(func.max(_POINT.step)).where(mine).correlate(_SERIES).scalar_subquery()

    def of_all(what: Any) -> Any:
        return select(what).where(mine).correlate(_SERIES).scalar_subquery()

    def of_latest(what: Any) -> Any:
        return select(what).where(mine, _POINT.step == newest).correlate(_SERIES).scalar_subquery()

    return (
        update(_SERIES)
        .where(_SERIES.id == _SERIES_ID)
        .values(
            n_points=of_all(func.count()),
            latest_step=newest,
            latest_value=of_latest(_POINT.value),
            latest_kind=of_latest(_POINT.kind),
            min_value=of_all(func.min(_POINT.value)),
            max_value=of_all(func.max(_POINT.value)),
        )
    )


def _storing_at_once(checking: Any, *, tells: bool) -> Executable:
    """Return one statement for PostgreSQL.

    It answers the curve's id and whether there was a point at that step before; no row where the trial is not open.
    """
    is_open_ = checking.cte("is_open")
    # All the rest reads from `is_open`: nothing is stored for a trial that has ended.
    of_series = select(*_NEW_SERIES.values()).select_from(is_open_)
    series = _keeping(postgresql.insert(_SERIES).from_select(list(_NEW_SERIES), of_series)).cte("series")
    new = postgresql.insert(_POINT).from_select(["series_id", *_NEW_POINT], select(series.c.id, *_NEW_POINT.values()))
    replacing = {name: new.excluded[name] for name in ("value", "kind", "at_ms")}
    # A row that was there is locked by this transaction before it is replaced, which `xmax` says; a new one is not.
    was_there = literal_column("metric_point.xmax <> 0", Boolean)
    storing_point = new.on_conflict_do_update(index_elements=["series_id", "step"], set_=replacing).returning(
        _POINT.series_id, was_there
    )
    return (
        storing_point.add_cte(notices("metrics", is_open_, is_open_.c.id, METRICS_PAYLOAD)) if tells else storing_point
    )


_KEEP_SERIES = _keeping(sqlite.insert(_SERIES).values(_NEW_SERIES))
_ADD_POINT = (
    sqlite.insert(_POINT).values(series_id=_SERIES_ID, **_NEW_POINT).on_conflict_do_nothing().returning(_POINT.step)
)
_REPLACE_POINT = update(_POINT).where(_POINT.series_id == _SERIES_ID, _POINT.step == _STEP).values(_NEW_POINT)
_RECOUNT = _recounting()
_STORE_QUIETLY = _storing_at_once(_CHECK, tells=False)
_STORE_AND_TELL = _storing_at_once(_ADVANCE, tells=True)
