"""Connections that stay open, for callers that run one small statement after the other.

A script of Optuna's makes some thirty small reads and writes a trial. Taking a connection from the pool, asking whether
it is alive and giving it back costs more than most of them, so each thread keeps its own.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import DBAPIError

from db.engine import Database

_IDLE_S = 10.0  # after so long a server may have closed the connection; to look costs a round trip


class Link:
    """Runs statements on connections of the calling thread.

    On PostgreSQL a single statement commits by itself, in one round trip. On SQLite each runs between BEGIN and COMMIT,
    which cost microseconds there, and what only reads never waits for writers.

    Args:
        database: What to talk to.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._mine = threading.local()
        self._all: set[Connection] = set()
        self._guard = threading.Lock()
        # SQLite admits one writer; threads that queue here wake in order instead of polling a busy file.
        self._gate: AbstractContextManager[Any] = threading.Lock() if database.is_sqlite else nullcontext()

    def fetch(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        """Run one statement that reads, and return its rows."""
        with self._connection("reader") as connection:
            if not self.database.is_sqlite:
                return connection.execute(statement, values).all()
            with connection.begin():
                return connection.execute(statement, values).all()

    def run(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Any]:
        """Run one statement that writes, commit it, and return its rows."""
        if self.database.is_sqlite:
            with self.write() as connection:
                return connection.execute(statement, values).all()
        return self.fetch(statement, values)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction of several statements; commit it when the block ends, roll back when the block raises."""
        with self._gate, self._connection("writer") as connection, connection.begin():
            yield connection

    def release(self) -> None:
        """Give back the connections of the calling thread."""
        for name in list(vars(self._mine)):
            self._drop(name)

    def close(self) -> None:
        """Give back the connections of all threads; the link can be used again."""
        self._mine = threading.local()
        with self._guard:
            connections, self._all = self._all, set()
        for connection in connections:
            connection.close()

    @contextmanager
    def _connection(self, name: str) -> Iterator[Connection]:
        connection: Connection = getattr(self._mine, name, None) or self._open(name)
        try:
            yield connection if self.database.is_sqlite else self._awake(connection, name)
        except DBAPIError as error:
            if error.connection_invalidated:
                self._drop(name)
            raise

    def _open(self, name: str) -> Connection:
        if name == "writer":
            connection = self.database.connect_writer()
        else:
            connection = self.database.engine.connect()
            if not self.database.is_sqlite:
                connection = connection.execution_options(isolation_level="AUTOCOMMIT")
        setattr(self._mine, name, connection)
        with self._guard:
            self._all.add(connection)
        return connection

    def _awake(self, connection: Connection, name: str) -> Connection:
        now = time.monotonic()
        used_at, connection.info["used_at"] = connection.info.get("used_at", now), now
        if now - used_at > _IDLE_S:
            try:
                connection.exec_driver_sql("SELECT 1")
                if name == "writer":
                    connection.rollback()
            except DBAPIError:
                self._drop(name)
                return self._open(name)
        return connection

    def _drop(self, name: str) -> None:
        connection: Connection | None = vars(self._mine).pop(name, None)
        if connection is None:
            return
        with self._guard:
            self._all.discard(connection)
        connection.close()
