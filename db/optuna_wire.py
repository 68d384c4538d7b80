"""How small statements reach PostgreSQL.

The driver's cursor spends most of its time on what a statement that is run again and again does not need: it looks for
placeholders, for the types of the parameters and for whether to prepare. So here a statement is prepared once by name
on its connection, and its parameters are sent as texts, whose types the server knows from the statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any

from psycopg import Connection, errors, generators
from psycopg.adapt import PyFormat, Transformer
from psycopg.pq import DiagnosticField, ExecStatus
from psycopg.pq.abc import PGresult

from db.optuna_runner import Prepared, Row

_NUMBERS = count()  # a name is not used twice: the server may know an old one still
# The server forgot the statement (a pooler, `DISCARD ALL`), or a migration changed the table that it reads.
_STALE = (errors.InvalidSqlStatementName, errors.FeatureNotSupported)


class Wire:
    """Runs statements that PostgreSQL has prepared.

    Args:
        connection: In autocommit mode.
        names: Of the statements that are prepared on this connection, by their text; it lives as long as that does.
    """

    def __init__(self, connection: Connection[Any], names: dict[str, bytes]) -> None:
        self._connection, self._names = connection, names
        self._texts = Transformer(connection)

    def run(self, prepared: Prepared, values: Mapping[str, Any]) -> list[Row]:
        """Run one statement and return its rows. Raises the driver's errors."""
        bound = prepared.bind(values)
        known = self._texts.dump_sequence(bound, [PyFormat.TEXT] * len(bound))
        try:
            result = self._answer(prepared, known)
        except _STALE:
            del self._names[prepared.sql]
            result = self._answer(prepared, known)
        if not prepared.has_rows:
            return []
        self._texts.set_pgresult(result)
        rows: list[Row] = self._texts.load_rows(0, result.ntuples, tuple)
        return prepared.decode(rows, lambda: [result.ftype(place) for place in range(result.nfields)])

    def command(self, sql: str) -> None:
        """Run a statement without parameters and rows. Raises the driver's errors."""
        self._connection.execute(sql)

    def _answer(self, prepared: Prepared, known: Sequence[Any]) -> PGresult:
        server = self._connection.pgconn
        name = self._names.get(prepared.sql)
        if name is None:
            name = b"tunewell_%d" % next(_NUMBERS)
            server.send_prepare(name, prepared.sql.encode())
            self._wait()
            self._names[prepared.sql] = name
        server.send_query_prepared(name, known)
        return self._wait()

    def _wait(self) -> PGresult:
        # The driver's own way to wait: it hears Ctrl-C, and cancels what the server does then.
        result: PGresult = self._connection.wait(generators.execute(self._connection.pgconn))[0]
        if result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
            return result
        code = (result.error_field(DiagnosticField.SQLSTATE) or b"").decode()
        message = result.get_error_message(self._connection.info.encoding)
        raise _error_of(code)(message)


def _error_of(code: str) -> type[Exception]:
    try:
        return errors.lookup(code)
    except KeyError:
        return errors.DatabaseError
