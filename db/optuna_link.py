"""Small statements without ceremony, for callers that run one after the other.

A script of Optuna's makes some fifty small reads and writes a trial. What SQLAlchemy does around each (taking a
connection, asking whether it lives, looking up the compiled statement, wrapping the result) costs ten times what SQLite
needs to run it. So a statement is compiled once, and run on the driver's own connection; each thread keeps one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.pool import PoolProxiedConnection

from db.engine import Database
from db.optuna_runner import Cursor, Prepared, Row, Runner

_IDLE_S = 10.0  # after so long a server may have closed the connection; to look costs a round trip


class LinkError(Exception):
    """A database refused a statement, or does not answer; the driver's error is the cause."""


class Link:
    """Runs statements on the calling thread's connection, each one committed by itself unless inside `transaction`.

    Args:
        database: What to talk to.
    """

    def __init__(self, database: Database) -> None:
        self.is_sqlite = database.is_sqlite
        self._database = database
        self._mine = threading.local()
        self._all: set[PoolProxiedConnection] = set()
        self._guard = threading.Lock()
        dbapi = database.engine.dialect.loaded_dbapi
        assert dbapi is not None
        self._errors: type[Exception] = dbapi.Error
        self._prepared: dict[int, tuple[Executable, Prepared]] = {}
        # SQLite admits one writer; threads that queue here wake in order instead of polling a busy file.
        self._gate: AbstractContextManager[Any] = threading.Lock() if self.is_sqlite else nullcontext()

    def run(self, statement: Executable, values: Mapping[str, Any]) -> list[Row]:
        """Run one statement and return its rows.

        Raises:
            LinkError: The database refused it, or does not answer.
        """
        runner = self._runner()
        try:
            return runner.run(self._prepare(statement), values)
        except self._errors as error:
            raise self._failed(error) from error

    @contextmanager
    def transaction(self) -> Iterator[Callable[[Executable, Mapping[str, Any]], list[Row]]]:
        """Open a transaction and hand out what runs statements in it.

        It is committed when the block ends, and rolled back when the block raises.

        Raises:
            LinkError: The database refused a statement, or does not answer.
        """
        with self._gate:
            runner = self._runner()
            try:
                runner.command("BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN")
                try:
                    yield lambda statement, values: runner.run(self._prepare(statement), values)
                    runner.command("COMMIT")
                except BaseException:
                    runner.command("ROLLBACK")
                    raise
            except self._errors as error:
                raise self._failed(error) from error

    @contextmanager
    def bulk(self) -> Iterator[Connection]:
        """Open a transaction of SQLAlchemy's own, for statements on many rows."""
        with self._gate, self._database.connect_writer() as connection, connection.begin():
            yield connection

    def release(self) -> None:
        """Give back the calling thread's connection."""
        connection = getattr(self._mine, "connection", None)
        vars(self._mine).clear()
        if connection is not None:
            self._give_back(connection)

    def close(self) -> None:
        """Give back the connections of all threads; the link can be used again."""
        self._mine = threading.local()
        for connection in list(self._all):
            self._give_back(connection)

    def _prepare(self, statement: Executable) -> Prepared:
        found = self._prepared.get(id(statement))
        if found is None:
            found = statement, Prepared(statement, self._database.engine.dialect)
            self._prepared[id(statement)] = found
        return found[1]

    def _runner(self) -> Runner:
        runner: Runner | None = getattr(self._mine, "runner", None)
        if runner is None:
            return self._open()
        now = time.monotonic()
        idle_s, self._mine.used_at = now - self._mine.used_at, now
        if idle_s > _IDLE_S and not self.is_sqlite:
            try:
                runner.command("SELECT 1")
            except self._errors:
                self.release()
                return self._open()
        return runner

    def _open(self) -> Runner:
        connection = self._database.engine.raw_connection()
        runner = Cursor(connection.cursor()) if self.is_sqlite else _on_wire(connection)
        self._mine.connection, self._mine.runner, self._mine.used_at = connection, runner, time.monotonic()
        with self._guard:
            self._all.add(connection)
        return runner

    def _failed(self, error: Exception) -> LinkError:
        if self._database.engine.dialect.is_disconnect(error, self._mine.connection, None):  # type: ignore[arg-type]
            self.release()
        return LinkError(str(error))

    def _give_back(self, connection: PoolProxiedConnection) -> None:
        with self._guard:
            self._all.discard(connection)
        if not self.is_sqlite and not connection.dbapi_connection.closed:  # type: ignore[union-attr]
            connection.dbapi_connection.autocommit = False  # type: ignore[union-attr]
        connection.close()


def _on_wire(connection: PoolProxiedConnection) -> Runner:
    # Here, because who uses SQLite has no need of PostgreSQL's driver.
    from db.optuna_wire import Wire

    driver: Any = connection.dbapi_connection
    driver.autocommit = True
    return Wire(driver, connection.info.setdefault("tunewell_statements", {}))
