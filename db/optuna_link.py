"""Small statements without ceremony, for callers that run one after the other.

A script of Optuna's makes some fifty small reads and writes a trial. What SQLAlchemy does around each (taking a
connection, asking whether it lives, looking up the compiled statement, wrapping the result) costs ten times what SQLite
needs to run it. So a statement is compiled once, and run on the driver's own connection; each thread keeps one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import Connection, Executable
from sqlalchemy.engine import Dialect
from sqlalchemy.pool import PoolProxiedConnection

from db.engine import Database

_IDLE_S = 10.0  # after so long a server may have closed the connection; to look costs a round trip
Row = tuple[Any, ...]


class LinkError(Exception):
    """A database refused a statement, or does not answer; the driver's error is the cause."""


class Prepared:
    """A statement as the driver takes it. Its parameters are all named, and none expands.

    Args:
        statement: Built by SQLAlchemy.
        dialect: Of a database that was connected to before.
    """

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        self.sql = str(compiled)
        assert "POSTCOMPILE" not in self.sql, "a list among the parameters would have to be written anew each time"
        self._order: Sequence[str] | None = compiled.positiontup
        self._known = {
            name: bind.effective_value for bind, name in compiled.bind_names.items() if not bind.required
        } | {column.key: default_of(column) for column in compiled.insert_prefetch}
        self._encoders: dict[str, Callable[[Any], Any]] = dict(compiled._bind_processors)
        self._types: Sequence[Any] = [column.type for column in compiled._result_columns]
        self.has_rows = bool(self._types)  # to ask the driver costs it a description of every column
        self._dialect = dialect
        self._decoders: list[tuple[int, Callable[[Any], Any]]] | None = None

    def bind(self, values: Mapping[str, Any]) -> Any:
        """Return parameters as the driver takes them; `values` may have more than the statement needs."""
        known = {**self._known, **values}
        encoders = self._encoders
        if self._order is None:
            return {name: encoders[name](value) if name in encoders else value for name, value in known.items()}
        return [encoders[name](known[name]) if name in encoders else known[name] for name in self._order]

    def read(self, cursor: Any) -> list[Row]:
        """Return the rows of a cursor that ran the statement, with their values as the columns' types have them."""
        if self._decoders is None:
            codes = [column[1] for column in cursor.description]
            found = [
                one._cached_result_processor(self._dialect, code) for one, code in zip(self._types, codes, strict=True)
            ]
            self._decoders = [(place, decode) for place, decode in enumerate(found) if decode is not None]
        rows: list[Any] = cursor.fetchall()
        if not self._decoders:
            return rows
        columns: list[Any] = list(zip(*rows, strict=True))
        for place, decode in self._decoders if rows else ():
            columns[place] = map(decode, columns[place])
        return list(zip(*columns, strict=True))


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
        cursor = self._cursor()
        try:
            return self._execute(cursor, statement, values)
        except self._errors as error:
            raise self._failed(error, cursor) from error

    @contextmanager
    def transaction(self) -> Iterator[Callable[[Executable, Mapping[str, Any]], list[Row]]]:
        """Open a transaction and hand out what runs statements in it.

        It is committed when the block ends, and rolled back when the block raises.

        Raises:
            LinkError: The database refused a statement, or does not answer.
        """
        with self._gate:
            cursor = self._cursor()
            try:
                cursor.execute("BEGIN IMMEDIATE" if self.is_sqlite else "BEGIN")
                try:
                    yield lambda statement, values: self._execute(cursor, statement, values)
                    cursor.execute("COMMIT")
                except BaseException:
                    cursor.execute("ROLLBACK")
                    raise
            except self._errors as error:
                raise self._failed(error, cursor) from error

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

    def _execute(self, cursor: Any, statement: Executable, values: Mapping[str, Any]) -> list[Row]:
        found = self._prepared.get(id(statement))
        if found is None:
            found = statement, Prepared(statement, self._database.engine.dialect)
            self._prepared[id(statement)] = found
        prepared = found[1]
        cursor.execute(prepared.sql, prepared.bind(values))
        return prepared.read(cursor) if prepared.has_rows else []

    def _cursor(self) -> Any:
        cursor = getattr(self._mine, "cursor", None)
        if cursor is None:
            return self._open()
        now = time.monotonic()
        idle_s, self._mine.used_at = now - self._mine.used_at, now
        if idle_s > _IDLE_S and not self.is_sqlite:
            try:
                cursor.execute("SELECT 1")
            except self._errors:
                self.release()
                return self._open()
        return cursor

    def _open(self) -> Any:
        connection = self._database.engine.raw_connection()
        if not self.is_sqlite:
            connection.dbapi_connection.autocommit = True  # type: ignore[union-attr]
        cursor = connection.cursor()
        self._mine.connection, self._mine.cursor, self._mine.used_at = connection, cursor, time.monotonic()
        with self._guard:
            self._all.add(connection)
        return cursor

    def _failed(self, error: Exception, cursor: Any) -> LinkError:
        if self._database.engine.dialect.is_disconnect(error, self._mine.connection, cursor):  # type: ignore[arg-type]
            self.release()
        return LinkError(str(error))

    def _give_back(self, connection: PoolProxiedConnection) -> None:
        with self._guard:
            self._all.discard(connection)
        if not self.is_sqlite and not connection.dbapi_connection.closed:  # type: ignore[union-attr]
            connection.dbapi_connection.autocommit = False  # type: ignore[union-attr]
        connection.close()


def default_of(column: Any) -> Any:
    """Return what a column holds by default, of the kind that Python knows."""
    default = column.default
    return default.arg(None) if default.is_callable else default.arg
