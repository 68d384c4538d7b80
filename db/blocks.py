"""Named queries on blocks: many points of a curve whose trial is over, in one row.

Of a curve, blocks hold the points up to some step and rows those behind it. Points move from rows to blocks in one
transaction, and a reader whose statements each see another state (PostgreSQL's usual one) must read rows first, then
blocks: a point that moved meanwhile is then seen twice, at the same step, and never missed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, case, delete, func, insert, select, update
from sqlalchemy.orm import Session

from db.lifecycle import FINISHED_TRIALS
from db.metric_tables import LONG_SERIES, PACKED_SERIES, MetricBlockRow, MetricPointRow, MetricSeriesRow
from db.metrics import Kind, kind_of
from db.packing import Points, unpack
from db.tables import TrialRow
from db.types import utc_now


@dataclass(frozen=True, slots=True)
class Window:
    """Which points of curves are wanted: from step `low` to `high`, both included; None: no bound.

    With `bin_steps`, a block may give the extremes of so many steps, or of fewer, in place of its points.
    """

    low: int | None = None
    high: int | None = None
    bin_steps: int | None = None


ALL = Window()


@dataclass(frozen=True, slots=True)
class Block:
    """Points of a curve as they are stored; `overview` holds the extremes of each `bin_steps` steps, None for few."""

    series_id: int
    first_step: int
    last_step: int
    n_points: int
    bin_steps: int | None
    overview: bytes | None
    content: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """What a block says of its curve: all its points, or the extremes of them; `last_step` is where it ends."""

    series_id: int
    last_step: int
    points: Points
    is_whole: bool


def list_unpacked(session: Session, older_than_s: float, limit: int) -> list[tuple[int, int]]:
    """Return curves with points that may be packed, the oldest first: curve and how many such points it has.

    Args:
        session: Open transaction.
        older_than_s: So many seconds ago their trials ended, or more.
        limit: At most so many curves.
    """
    series = MetricSeriesRow
    statement = (
        select(series.id, series.n_points - series.n_packed)
        .join(TrialRow, TrialRow.id == series.trial_id)
        # As the index has it, word for word: SQLite uses it for nothing else.
        .where(series.n_packed < series.n_points, series.n_points >= _literal(PACKED_SERIES))
        .where(TrialRow.state.in_(FINISHED_TRIALS), TrialRow.finished_at < utc_now(-older_than_s))
        .order_by(series.id)
        .limit(limit)
    )
    return [(series_id, n) for series_id, n in session.execute(statement)]


def store_blocks(session: Session, blocks: Sequence[Block]) -> bool:
    """Put blocks into the place of the rows with their points, each block behind those its curve has.

    Returns:
        Whether the rows were there. Where not, somebody else packed them, and the caller rolls back.

    Effects:
        Deletes points, stores blocks, counts them in their curves' summaries.
    """
    ends = {block.series_id: block.last_step for block in blocks}
    n = sum(block.n_points for block in blocks)
    rows: list[Any] = [{"the_series": series_id, "the_step": step} for series_id, step in ends.items()]
    dropped: Any = session.execute(_DROP_ROWS, rows)
    if dropped.rowcount != n:
        return False
    session.execute(insert(MetricBlockRow), [_row_of(block) for block in blocks])
    session.execute(_COUNT_IN, [{"the_series": block.series_id, "the_n": block.n_points} for block in blocks])
    return True


def replace_all(session: Session, series_id: int, n_before: int, blocks: Sequence[Block]) -> bool:
    """Put blocks into the place of all points of a curve that is packed as a whole.

    Returns:
        Whether the curve still had `n_before` points, all in blocks. Where not, nothing was changed.

    Effects:
        The points that are not in `blocks` are gone for good.
    """
    n = sum(block.n_points for block in blocks)
    series = MetricSeriesRow
    changing = update(series).where(series.id == series_id, series.n_points == n_before, series.n_packed == n_before)
    changed: Any = session.execute(changing.values(n_points=n, n_packed=n))
    if changed.rowcount != 1:
        return False
    session.execute(delete(MetricBlockRow).where(MetricBlockRow.series_id == series_id))
    session.execute(insert(MetricBlockRow), [_row_of(block) for block in blocks])
    return True


def list_packed(session: Session, longer_than: int, older_than_s: float, limit: int) -> list[tuple[int, int]]:
    """Return packed curves of more than `longer_than` points whose trials ended so long ago: curve and its points."""
    series = MetricSeriesRow
    statement = (
        select(series.id, series.n_points)
        .join(TrialRow, TrialRow.id == series.trial_id)
        # The first condition is that of the index.
        .where(series.n_points > _literal(LONG_SERIES), series.n_points > longer_than)
        .where(series.n_packed == series.n_points)
        .where(TrialRow.state.in_(FINISHED_TRIALS), TrialRow.finished_at < utc_now(-older_than_s))
        .order_by(series.n_points)
        .limit(limit)
    )
    return [(series_id, n) for series_id, n in session.execute(statement)]


def stream_blocks(session: Session, series_ids: Collection[int], window: Window = ALL) -> Iterator[Part]:
    """Yield what the blocks of some curves say of a window, in the order of curves and steps."""
    found = session.execute(_blocks_in(window).where(MetricBlockRow.series_id.in_(series_ids)))
    for series_id, last_step, is_whole, content in found:
        points = unpack(content)
        if window.low is not None or window.high is not None:
            points = points.only(_inside(points, window))
        if len(points):
            yield Part(series_id, last_step, points, bool(is_whole))


def unpack_some(connection: Connection, limit: int = 32) -> int:
    """Turn up to `limit` blocks into rows again, of each curve the last one, and return how many they were.

    Effects:
        Stores a row a point and deletes the blocks, within the caller's transaction.
    """
    last = select(MetricBlockRow.series_id, func.max(MetricBlockRow.first_step)).group_by(MetricBlockRow.series_id)
    found = connection.execute(last.order_by(MetricBlockRow.series_id).limit(limit)).all()
    for series_id, first_step in found:
        _unpack_block(connection, series_id, first_step)
    return len(found)


def _unpack_block(connection: Connection, series_id: int, first_step: int) -> None:
    is_it = and_(MetricBlockRow.series_id == series_id, MetricBlockRow.first_step == first_step)
    points = unpack(connection.execute(select(MetricBlockRow.content).where(is_it)).scalar_one())
    columns = points.steps.tolist(), points.values.tolist(), points.at_ms.tolist()
    rows = [_point_row(series_id, *point) for point in zip(*columns, strict=True)]
    connection.execute(insert(MetricPointRow), rows)
    connection.execute(delete(MetricBlockRow).where(is_it))
    connection.execute(_COUNT_IN, {"the_series": series_id, "the_n": -len(rows)})


def _literal(number: int) -> ColumnElement[int]:
    return bindparam(None, number, literal_execute=True, unique=True)


def _inside(points: Points, window: Window) -> slice:
    low = 0 if window.low is None else int(points.steps.searchsorted(window.low))
    high = len(points) if window.high is None else int(points.steps.searchsorted(window.high, side="right"))
    return slice(low, high)


def _blocks_in(window: Window) -> Select[*tuple[Any, ...]]:
    block = MetricBlockRow
    is_whole: Any = _literal(1)
    content: Any = block.content
    if window.bin_steps is not None:
        is_short = func.coalesce(block.bin_steps <= window.bin_steps, False)
        is_whole, content = case((is_short, 0), else_=1), case((is_short, block.overview), else_=block.content)
    statement = select(block.series_id, block.last_step, is_whole, content).order_by(block.series_id, block.first_step)
    if window.low is not None:
        statement = statement.where(block.last_step >= window.low)
    if window.high is not None:
        statement = statement.where(block.first_step <= window.high)
    return statement


def _row_of(block: Block) -> dict[str, Any]:
    return {name: getattr(block, name) for name in Block.__slots__}


def _point_row(series_id: int, step: int, value: float, at_ms: int) -> dict[str, Any]:
    kind = kind_of(value)
    finite = value if kind is Kind.FINITE else None
    return {"series_id": series_id, "step": step, "value": finite, "kind": int(kind), "at_ms": at_ms}


_DROP_ROWS = delete(MetricPointRow).where(
    MetricPointRow.series_id == bindparam("the_series"), MetricPointRow.step <= bindparam("the_step")
)
_COUNT_IN = (
    update(MetricSeriesRow)
    .where(MetricSeriesRow.id == bindparam("the_series"))
    .values(n_packed=MetricSeriesRow.n_packed + bindparam("the_n"))
)
