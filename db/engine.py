"""Connections and transactions, the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from db.session import CoreSession

_WRITE = "tunewell_write"
_BUSY_TIMEOUT_MS = 10_000


# Made once, which for small values is half of the work. Letters as they are: a search for part of a JSON column then
# finds "é", and not only its escape.
_dump_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


class Database:
    """One database, opened once a process.

    Args:
        url: SQLAlchemy URL, `sqlite:///path` or `postgresql+psycopg://...`.
    """

    def __init__(self, url: str) -> None:
        self.url: URL = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        self.engine = _make_sqlite(self.url) if self.is_sqlite else _make_postgresql(self.url)
        self._writer = self.engine.execution_options(**{_WRITE: True})
        # SQLite admits one writer; threads that queue here wake in order instead of polling a busy file.
        self._gate: AbstractContextManager[Any] = threading.Lock() if self.is_sqlite else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Open a transaction that only reads, on one consistent state."""
        with CoreSession(self.engine, expire_on_commit=False) as session:
            yield session

    def connect_writer(self) -> Connection:
        """Return a connection whose transactions write; the caller closes it."""
        return self._writer.connect()

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Open a transaction; commit it when the block ends, roll it back when the block raises."""
        with self._gate, CoreSession(self._writer, expire_on_commit=False) as session, session.begin():
            yield session

    def ping(self) -> None:
        """Raise what the driver raises if the database does not answer."""
        with self.engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _make_postgresql(url: URL) -> Engine:
    return create_engine(
        url,
        hide_parameters=True,  # errors are logged, and values may be secret
        pool_size=20,
        max_overflow=40,
        pool_pre_ping=True,
        json_serializer=_dump_json,
        connect_args={"connect_timeout": 5},
    )


def _make_sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ValueError(f"{url}: SQLite needs a file here, because every connection must see the same data")
    Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, hide_parameters=True, pool_size=20, max_overflow=40, json_serializer=_dump_json)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # the driver must not open transactions of its own: see _begin_sqlite
    for pragma in (
        f"busy_timeout = {_BUSY_TIMEOUT_MS}",  # first: the change to WAL waits for others, too
        "journal_mode = WAL",
        # In WAL mode a killed process loses nothing; only a power cut can take the last commits, never the file.
        "synchronous = NORMAL",
        "foreign_keys = ON",
        "cache_size = -65536",
        "temp_store = MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that will write takes the lock at once: upgrading later fails under concurrency.
    immediate = connection.get_execution_options().get(_WRITE, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
