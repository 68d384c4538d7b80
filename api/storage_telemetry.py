"""Figures of the database for Prometheus: sizes, dead rows, scans, unused indexes, what waits to be cleared away.

They are read anew after some seconds at the earliest, however often `/metrics` is asked for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Gauge

from api.transaction import Ledger
from db import health

_EVERY_S = 30.0
_TABLES_EVERY_S = 300.0  # SQLite counts pages for them


class StorageGauges:
    """The gauges of one registry. May be used by many threads.

    Args:
        registry: Where they are shown.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, says: str, *labels: str) -> Gauge:
            return Gauge(f"tunewell_{name}", says, labels, registry=registry)

        self._bytes = gauge("database_bytes", "What the database takes")
        self._free = gauge("database_free_bytes", "Pages of the SQLite file that are free to be used again")
        self._wal = gauge("database_wal_bytes", "The SQLite file's write-ahead log")
        self._table_bytes = gauge("table_bytes", "What a table's rows take", "table")
        self._index_bytes = gauge("index_bytes", "What an index takes", "index", "table")
        self._rows = gauge("table_rows", "Rows of a table, about", "table")
        self._dead = gauge("table_dead_rows", "Changed or deleted rows whose place is not free yet", "table")
        self._scans = gauge("table_scans", "How often a table was read as a whole", "table")
        self._scanned = gauge("table_scanned_rows", "Rows read by scans of the whole table", "table")
        self._lookups = gauge("table_index_lookups", "How often a table was read by an index", "table")
        self._uses = gauge("index_uses", "How often an index was used", "index", "table")
        self._events = gauge("events", "Events that are kept for the live stream, about")
        self._event_age = gauge("event_age_seconds", "Age of the oldest of them")
        self._unpacked = gauge("unpacked_curves", "Curves with points that may be packed, at most 10000 are counted")
        self._lock = threading.Lock()
        self._of = ""
        self._read_at = self._tables_read_at = 0.0

    def refresh(self, ledger: Ledger, now_s: float | None = None) -> None:
        """Bring the gauges up to date, unless that was done a moment ago.

        Args:
            ledger: Of the database.
            now_s: A clock that only goes forward; None: this process's.
        """
        now_s = time.monotonic() if now_s is None else now_s
        database = str(ledger.database.url)
        with self._lock:
            if self._of != database:
                self._of, self._read_at, self._tables_read_at = database, -_TABLES_EVERY_S, -_TABLES_EVERY_S
            if now_s - self._read_at >= _EVERY_S:
                self._read_at = now_s
                self._read(ledger)
            if now_s - self._tables_read_at >= _TABLES_EVERY_S:
                self._tables_read_at = now_s
                self._read_tables(ledger)

    def _read(self, ledger: Ledger) -> None:
        with ledger.read() as session:
            storage, backlog = health.measure_storage(session), health.measure_backlog(session)
        self._bytes.set(storage.n_bytes)
        for gauge, n in ((self._free, storage.free_bytes), (self._wal, storage.wal_bytes)):
            if n is not None:
                gauge.set(n)
        self._events.set(backlog.n_events)
        self._event_age.set(backlog.oldest_event_s)
        self._unpacked.set(backlog.n_unpacked)

    def _read_tables(self, ledger: Ledger) -> None:
        with ledger.read() as session:
            tables, indexes = health.list_tables(session)
        of_tables = (
            (self._table_bytes, "n_bytes"),
            (self._rows, "n_rows"),
            (self._dead, "n_dead"),
            (self._scans, "n_scans"),
            (self._scanned, "n_scanned"),
            (self._lookups, "n_lookups"),
        )
        for gauge, name in of_tables:
            _show(gauge, (((table.name,), getattr(table, name)) for table in tables))
        _show(self._index_bytes, (((one.name, one.table), one.n_bytes) for one in indexes))
        _show(self._uses, (((one.name, one.table), one.n_uses) for one in indexes))


def _show(gauge: Gauge, figures: Iterable[tuple[tuple[str, ...], int | None]]) -> None:
    """Show these figures alone; None is not shown."""
    gauge.clear()
    for labels, figure in figures:
        if figure is not None:
            gauge.labels(*labels).set(figure)
