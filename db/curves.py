"""Curves of many trials at once: which there are, their points as columns, and overviews of those that ended."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Select, delete, func, insert, literal, or_, select
from sqlalchemy.orm import Session

from db.lifecycle import TrialState
from db.tables import LONG_SERIES, MetricOverviewRow, MetricPointRow, MetricSeriesRow, TrialRow

_OVER = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True, slots=True)
class CurveHead:
    """A curve without its points; `bin_steps` is how many steps a bin of its overview holds, None where it has none."""

    series_id: int
    trial_id: int
    number: int
    state: TrialState
    name: str
    n_points: int
    latest_step: int
    started_at: datetime | None
    bin_steps: int | None


@dataclass(frozen=True, slots=True)
class CurveFilter:
    """Which curves of a study are wanted.

    Attributes:
        name: The metric.
        limit: At most so many trials, the newest.
        numbers: These trials alone; empty: all.
        name_pattern: Curves of the same trials besides, as an SQL pattern with `\\` as its escape.
    """

    name: str
    limit: int
    numbers: Collection[int] = ()
    name_pattern: str | None = None


@dataclass(frozen=True, slots=True)
class PointColumns:
    """Points of one curve, in the order of steps; a value is None where `kinds` says which number it is instead."""

    series_id: int
    steps: Sequence[int]
    values: Sequence[float | None]
    kinds: Sequence[int]
    at_ms: Sequence[int]


def list_heads(session: Session, study_id: int, wanted: CurveFilter) -> tuple[int, list[CurveHead]]:
    """Return how many trials of a study have a metric, and the curves that are wanted, the newest trials first."""
    own = _joined().where(TrialRow.study_id == study_id, MetricSeriesRow.name == wanted.name)
    newest = own.where(TrialRow.number.in_(wanted.numbers)) if wanted.numbers else own
    newest = newest.order_by(TrialRow.number.desc()).limit(wanted.limit)
    statement = newest
    if wanted.name_pattern is not None:
        is_wanted = or_(
            MetricSeriesRow.name == wanted.name, MetricSeriesRow.name.like(wanted.name_pattern, escape="\\")
        )
        chosen = newest.with_only_columns(TrialRow.id, maintain_column_froms=True)
        statement = _joined().where(TrialRow.id.in_(chosen), is_wanted)
        statement = statement.order_by(TrialRow.number.desc(), MetricSeriesRow.name)
    heads = [_head(row) for row in session.execute(statement)]
    counted = select(func.count()).select_from(MetricSeriesRow).join(TrialRow, TrialRow.id == MetricSeriesRow.trial_id)
    counted = counted.where(TrialRow.study_id == study_id, MetricSeriesRow.name == wanted.name)
    return session.execute(counted).scalar_one(), heads


def stream_points(
    session: Session, series_ids: Collection[int], low: int | None = None, high: int | None = None
) -> Iterator[PointColumns]:
    """Yield the points of curves within steps `low` to `high` (both included; None: no bound), a curve at a time."""
    point = MetricPointRow
    statement = select(point.series_id, point.step, point.value, point.kind, point.at_ms)
    statement = statement.where(point.series_id.in_(series_ids)).order_by(point.series_id, point.step)
    if low is not None:
        statement = statement.where(point.step >= low)
    if high is not None:
        statement = statement.where(point.step <= high)
    for series_id, rows in groupby(session.execute(statement), key=itemgetter(0)):
        _, steps, values, kinds, at_ms = zip(*rows, strict=True)
        yield PointColumns(series_id, steps, values, kinds, at_ms)


def stream_overviews(session: Session, series_ids: Collection[int]) -> Iterator[tuple[int, bytes]]:
    """Yield the overviews there are of some curves: curve and content."""
    statement = select(MetricOverviewRow.series_id, MetricOverviewRow.content)
    found = session.execute(statement.where(MetricOverviewRow.series_id.in_(series_ids)))
    yield from ((series_id, content) for series_id, content in found)


def list_without_overview(session: Session, limit: int) -> list[tuple[int, int]]:
    """Return long curves of trials that are over and have no overview: curve and latest step, the oldest first."""
    statement = (
        select(MetricSeriesRow.id, MetricSeriesRow.latest_step)
        .join(TrialRow, TrialRow.id == MetricSeriesRow.trial_id)
        .outerjoin(MetricOverviewRow, MetricOverviewRow.series_id == MetricSeriesRow.id)
        .where(
            MetricSeriesRow.n_points > literal(LONG_SERIES, literal_execute=True), MetricOverviewRow.series_id.is_(None)
        )
        .where(TrialRow.state.in_(_OVER))
        .order_by(MetricSeriesRow.id)
        .limit(limit)
    )
    return [(series_id, step or 0) for series_id, step in session.execute(statement)]


def store_overview(session: Session, series_id: int, bin_steps: int, content: bytes) -> None:
    """Store a curve's overview in the place of the one there is."""
    session.execute(delete(MetricOverviewRow).where(MetricOverviewRow.series_id == series_id))
    row = {"series_id": series_id, "bin_steps": bin_steps, "content": content}
    session.execute(insert(MetricOverviewRow), row)


def _joined() -> Select[Any]:
    series = MetricSeriesRow
    columns: tuple[Any, ...] = (series.id, series.trial_id, series.name, series.n_points, series.latest_step)
    of_trial: tuple[Any, ...] = (TrialRow.number, TrialRow.state, TrialRow.started_at)
    return (
        select(*columns, *of_trial, MetricOverviewRow.bin_steps)
        .join(TrialRow, TrialRow.id == series.trial_id)
        .outerjoin(MetricOverviewRow, MetricOverviewRow.series_id == series.id)
    )


def _head(row: Any) -> CurveHead:
    return CurveHead(
        series_id=row.id,
        trial_id=row.trial_id,
        number=row.number,
        state=TrialState(row.state),
        name=row.name,
        n_points=row.n_points,
        latest_step=row.latest_step or 0,
        started_at=row.started_at,
        bin_steps=row.bin_steps,
    )
