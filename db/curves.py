"""Curves of many trials at once: which there are, their points as arrays, and overviews of those that ended."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np
from sqlalchemy import Select, delete, func, insert, literal, or_, select
from sqlalchemy.orm import Session

from db.blocks import ALL, Part, Window, stream_blocks
from db.lifecycle import TrialState
from db.metric_tables import LONG_SERIES, MetricOverviewRow, MetricPointRow, MetricSeriesRow
from db.metrics import Kind
from db.packing import NO_POINTS, Points, join
from db.tables import TrialRow

# More at once would be more for the garbage collector to look through than there is to gain.
_ROWS_AT_ONCE = 2_000
_OVER = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)


@dataclass(frozen=True, slots=True)
class CurveHead:
    """A curve without its points, of which `n_packed` are in blocks.

    `bin_steps` is how many steps a bin of its overview holds, None where it has none.
    """

    series_id: int
    trial_id: int
    number: int
    state: TrialState
    name: str
    n_points: int
    latest_step: int
    started_at: datetime | None
    bin_steps: int | None
    n_packed: int


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


def list_names(session: Session, study_id: int, n_trials: int) -> list[str]:
    """Return the names of all curves of a study's newest trials that began, sorted."""
    newest = select(TrialRow.id).where(TrialRow.study_id == study_id, TrialRow.state != TrialState.WAITING)
    newest = newest.order_by(TrialRow.number.desc()).limit(n_trials)
    statement = select(MetricSeriesRow.name).where(MetricSeriesRow.trial_id.in_(newest)).distinct()
    return sorted(session.execute(statement).scalars())


def is_name(session: Session, study_id: int, name: str) -> bool:
    """Tell whether some trial of a study has a curve of this name."""
    statement = select(MetricSeriesRow.id).join(TrialRow, TrialRow.id == MetricSeriesRow.trial_id)
    statement = statement.where(TrialRow.study_id == study_id, MetricSeriesRow.name == name).limit(1)
    return session.execute(statement).first() is not None


@dataclass(frozen=True, slots=True)
class CurvePoints:
    """Points of one curve within a window; not `is_whole` where extremes stand for some of them."""

    series_id: int
    points: Points
    is_whole: bool


def stream_points(session: Session, series_ids: Collection[int], window: Window = ALL) -> Iterator[CurvePoints]:
    """Yield the points of curves within a window, from rows and blocks, a curve at a time; those without any not."""
    if not series_ids:
        return
    rows = _stream_rows(session, _rows_of(series_ids, window))  # asked for before the blocks: see there
    parts = stream_blocks(session, series_ids, window)
    both = heapq.merge(parts, rows, key=attrgetter("series_id"))  # where equal, blocks come first, as their steps do
    for series_id, found in groupby(both, key=attrgetter("series_id")):
        curve = list(found)
        yield CurvePoints(series_id, join(_without_doubles(curve)), all(part.is_whole for part in curve))


def read_rows(session: Session, series_ids: Collection[int], limit: int) -> dict[int, Points]:
    """Return the first `limit` points of curves that are rows, by curve and in the order of steps."""
    statement = _rows_of(series_ids, ALL).limit(limit)
    return {part.series_id: part.points for part in _stream_rows(session, statement)}


def list_points(session: Session, series_ids: Collection[int]) -> dict[int, Points]:
    """Return all points of curves by series, in the order of steps."""
    found = {one.series_id: one.points for one in stream_points(session, series_ids)}
    return {series_id: found.get(series_id, NO_POINTS) for series_id in series_ids}


def _without_doubles(curve: Sequence[Part]) -> list[Points]:
    """Return a curve's parts without the rows that were packed between two statements: they stand in both."""
    blocks, rows = curve[:-1], curve[-1]
    if not blocks or rows.points.steps[0] > blocks[-1].last_step:
        return [part.points for part in curve]
    rest = rows.points.only(rows.points.steps > blocks[-1].last_step)
    return [*(part.points for part in blocks), rest]


def _rows_of(series_ids: Collection[int], window: Window) -> Select[*tuple[Any, ...]]:
    point = MetricPointRow
    statement: Select[*tuple[Any, ...]] = select(point.series_id, point.step, point.value, point.kind, point.at_ms)
    statement = statement.where(point.series_id.in_(series_ids)).order_by(point.series_id, point.step)
    if window.low is not None:
        statement = statement.where(point.step >= window.low)
    if window.high is not None:
        statement = statement.where(point.step <= window.high)
    return statement


def _stream_rows(session: Session, statement: Select[*tuple[Any, ...]]) -> Iterator[Part]:
    return _grouped(session.execute(statement).partitions(_ROWS_AT_ONCE))


def _grouped(partitions: Iterable[Sequence[Any]]) -> Iterator[Part]:
    pieces = (piece for rows in partitions for piece in _pieces_of(rows))
    for series_id, found in groupby(pieces, key=itemgetter(0)):
        points = join([points for _, points in found])
        yield Part(series_id, int(points.steps[-1]), points, is_whole=True)


def _pieces_of(rows: Sequence[Any]) -> Iterator[tuple[int, Points]]:
    """Yield points of one curve after another, with the curve; `rows` stand in the order of curves."""
    series_ids, steps, values, kinds, at_ms = zip(*rows, strict=True)
    numbers = np.array(values, dtype=np.float64)  # None becomes NaN
    if any(kinds):
        infinite = np.asarray(kinds)
        numbers[infinite == Kind.PLUS_INFINITY] = np.inf
        numbers[infinite == Kind.MINUS_INFINITY] = -np.inf
    all_steps, all_at_ms = np.array(steps, np.int64), np.array(at_ms, np.int64)
    start = 0
    for series_id, n in Counter(series_ids).items():
        own = slice(start, start + n)
        yield series_id, Points(all_steps[own], numbers[own], all_at_ms[own])
        start += n


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
    columns: tuple[Any, ...] = (
        series.id,
        series.trial_id,
        series.name,
        series.n_points,
        series.latest_step,
        series.n_packed,
    )
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
        n_packed=row.n_packed,
    )
