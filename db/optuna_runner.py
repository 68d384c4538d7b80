"""Statements that are compiled once, and what runs them: a connection, used by one thread at a time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Executable
from sqlalchemy.engine import Dialect

Row = tuple[Any, ...]
_PLACEHOLDER = re.compile(r"%(?:\((\w+)\)s|%)")


class Prepared:
    """A statement as the driver takes it. Its parameters are all named, and none expands.

    Args:
        statement: Built by SQLAlchemy.
        dialect: Of a database that was connected to before.
    """

    def __init__(self, statement: Executable, dialect: Dialect) -> None:
        compiled: Any = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
        self.sql, order = _numbered(str(compiled)) if compiled.positiontup is None else _as_is(compiled)
        assert "POSTCOMPILE" not in self.sql, "a list among the parameters would have to be written anew each time"
        known = {name: bind.effective_value for bind, name in compiled.bind_names.items() if not bind.required} | {
            column.key: default_of(column) for column in compiled.insert_prefetch
        }
        encoders: dict[str, Callable[[Any], Any]] = dict(compiled._bind_processors)
        # Most parameters of a statement are its constants: they are encoded once.
        self._bound = [_encoded(known[name], encoders.get(name)) if name in known else None for name in order]
        self._open = [(place, name, encoders.get(name)) for place, name in enumerate(order) if name not in known]
        self._types: Sequence[Any] = [column.type for column in compiled._result_columns]
        self.has_rows = bool(self._types)  # to ask the driver costs it a description of every column
        self._dialect = dialect
        self._decoders: list[tuple[int, Callable[[Any], Any]]] | None = None

    def bind(self, values: Mapping[str, Any]) -> list[Any]:
        """Return parameters as the driver takes them; `values` may have more than the statement needs."""
        bound = self._bound.copy()
        for place, name, encode in self._open:
            bound[place] = values[name] if encode is None else encode(values[name])
        return bound

    def decode(self, rows: list[Row], find_codes: Callable[[], Sequence[Any]]) -> list[Row]:
        """Return rows with their values as the columns' types have them.

        Args:
            rows: As the driver returns them.
            find_codes: Asks the driver, the first time, for its codes of the columns' types.
        """
        if self._decoders is None:
            pairs = zip(self._types, find_codes(), strict=True)
            found = [one._cached_result_processor(self._dialect, code) for one, code in pairs]
            self._decoders = [(place, decode) for place, decode in enumerate(found) if decode is not None]
        if not self._decoders or not rows:
            return rows
        columns: list[Any] = list(zip(*rows, strict=True))
        for place, decode in self._decoders:
            columns[place] = map(decode, columns[place])
        return list(zip(*columns, strict=True))


class Runner(Protocol):
    """Runs statements on one connection; each is committed by itself unless a transaction was begun."""

    def run(self, prepared: Prepared, values: Mapping[str, Any]) -> list[Row]:
        """Run one statement and return its rows. Raises the driver's errors."""

    def command(self, sql: str) -> None:
        """Run a statement without parameters and rows. Raises the driver's errors."""


class Cursor:
    """Runs statements through an ordinary cursor of the driver's."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def run(self, prepared: Prepared, values: Mapping[str, Any]) -> list[Row]:
        """Run one statement and return its rows. Raises the driver's errors."""
        cursor = self._cursor
        cursor.execute(prepared.sql, prepared.bind(values))
        if not prepared.has_rows:
            return []
        return prepared.decode(cursor.fetchall(), lambda: [column[1] for column in cursor.description])

    def command(self, sql: str) -> None:
        """Run a statement without parameters and rows. Raises the driver's errors."""
        self._cursor.execute(sql)


def default_of(column: Any) -> Any:
    """Return what a column holds by default, of the kind that Python knows."""
    default = column.default
    return default.arg(None) if default.is_callable else default.arg


def _encoded(value: Any, encode: Callable[[Any], Any] | None) -> Any:
    return value if encode is None else encode(value)


def _numbered(sql: str) -> tuple[str, list[str]]:
    """Return a statement with the server's own placeholders for the driver's, and the names in their order."""
    order: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        name = found[1]
        return "%" if name is None else f"${order.setdefault(name, len(order) + 1)}"

    return _PLACEHOLDER.sub(number, sql), list(order)


def _as_is(compiled: Any) -> tuple[str, list[str]]:
    return str(compiled), list(compiled.positiontup)
