"""Figures of the database itself: how large tables and indexes are, how they are read, what waits to be cleared away.

Everything here is read from the database's own books or from an index, and answered within milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from db.metric_tables import PACKED_SERIES, MetricSeriesRow
from db.tables import EventRow
from db.types import microseconds_since_1970, utc_now

_SMALL_FILE = 256 * 2**20
"""Up to this size a SQLite file is counted page by page; it keeps no books."""
MAX_UNPACKED = 10_000


@dataclass(frozen=True, slots=True)
class Storage:
    """The database as a whole, in bytes; None where this kind of database does not tell."""

    n_bytes: int
    free_bytes: int | None
    wal_bytes: int | None


@dataclass(frozen=True, slots=True)
class Table:
    """One table; None where this kind of database does not count.

    Attributes:
        name: Its name.
        n_bytes: What its rows take.
        index_bytes: What its indexes take.
        n_rows: About so many rows.
        n_dead: Rows that were changed or deleted, and whose place is not free yet.
        n_scans: How often it was read from one end to the other, since the statistics began.
        n_scanned: Rows that were read so.
        n_lookups: How often it was read by an index.
    """

    name: str
    n_bytes: int
    index_bytes: int
    n_rows: int | None = None
    n_dead: int | None = None
    n_scans: int | None = None
    n_scanned: int | None = None
    n_lookups: int | None = None


@dataclass(frozen=True, slots=True)
class Index:
    """One index: what it takes, and how often it was used since the statistics began (None: not counted)."""

    name: str
    table: str
    n_bytes: int
    n_uses: int | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits to be cleared away: events by age, and curves of ended trials that are not packed (at most 10,000)."""

    n_events: int
    oldest_event_s: float
    n_unpacked: int


def measure_storage(session: Session) -> Storage:
    """Return what the database takes."""
    if not _is_sqlite(session):
        return Storage(int(session.execute(_PG_SIZE).scalar_one()), None, None)
    page, total, free = (int(session.execute(_PRAGMAS[name]).scalar_one()) for name in _PRAGMAS)
    wal = Path(f"{_bind(session).engine.url.database}-wal")
    wal_bytes = 0
    with suppress(OSError):  # it is not there once the last connection was closed
        wal_bytes = wal.stat().st_size
    return Storage(page * total, page * free, wal_bytes)


def list_tables(session: Session) -> tuple[list[Table], list[Index]]:
    """Return tables and indexes by name; of a large SQLite file none, since counting would read all of it."""
    if not _is_sqlite(session):
        tables = [Table(*row) for row in session.execute(_PG_TABLES)]
        return tables, [Index(*row) for row in session.execute(_PG_INDEXES)]
    if measure_storage(session).n_bytes > _SMALL_FILE:
        return [], []
    try:
        rows: Sequence[Any] = session.execute(_SQLITE_PAGES).all()
    except OperationalError:  # this SQLite was built without the table that counts pages
        return [], []
    indexes = [Index(name, table, n_bytes) for name, table, n_bytes in rows if name != table]
    of_table: dict[str, int] = {}
    for index in indexes:
        of_table[index.table] = of_table.get(index.table, 0) + index.n_bytes
    tables = [Table(name, n_bytes, of_table.get(name, 0)) for name, table, n_bytes in rows if name == table]
    return tables, indexes


def measure_backlog(session: Session) -> Backlog:
    """Return what waits to be cleared away."""
    oldest, newest, age_us = session.execute(_EVENTS).one()
    unpacked = session.execute(_UNPACKED).scalar_one()
    n_events = 0 if oldest is None else newest - oldest + 1  # ids of transactions that were rolled back are missing
    return Backlog(n_events, max(0.0, (age_us or 0) / 1e6), unpacked)


def _is_sqlite(session: Session) -> bool:
    return bool(_bind(session).dialect.name == "sqlite")


def _bind(session: Session) -> Any:
    return session.get_bind()


_PRAGMAS = {name: text(f"PRAGMA {name}") for name in ("page_size", "page_count", "freelist_count")}
_SQLITE_PAGES = text(
    "SELECT m.name, m.tbl_name, s.n FROM sqlite_master m "
    "JOIN (SELECT name, sum(pgsize) AS n FROM dbstat GROUP BY name) s ON s.name = m.name "
    "WHERE m.tbl_name NOT LIKE 'sqlite_%' ORDER BY m.name"
)
_PG_SIZE = text("SELECT pg_database_size(current_database())")
_PG_TABLES = text(
    "SELECT relname, pg_table_size(relid), pg_indexes_size(relid), n_live_tup, n_dead_tup, seq_scan, seq_tup_read, "
    "coalesce(idx_scan, 0) FROM pg_stat_user_tables ORDER BY relname"
)
_PG_INDEXES = text(
    "SELECT indexrelname, relname, pg_relation_size(indexrelid), idx_scan FROM pg_stat_user_indexes "
    "ORDER BY indexrelname"
)
_FIRST_EVENT = select(func.min(EventRow.id)).scalar_subquery()
_EVENTS = select(
    _FIRST_EVENT,
    select(func.max(EventRow.id)).scalar_subquery(),
    select(microseconds_since_1970(utc_now()) - microseconds_since_1970(EventRow.at))
    .where(EventRow.id == _FIRST_EVENT)
    .scalar_subquery(),
)
# As its index has it, word for word: without it, counting would read all curves.
_UNPACKED = select(func.count()).select_from(
    select(MetricSeriesRow.id)
    .where(
        MetricSeriesRow.n_packed < MetricSeriesRow.n_points,
        MetricSeriesRow.n_points >= bindparam(None, PACKED_SERIES, literal_execute=True, unique=True),
    )
    .limit(bindparam(None, MAX_UNPACKED, literal_execute=True, unique=True))
    .subquery()
)
