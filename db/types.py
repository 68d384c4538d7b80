"""Column types and SQL functions that behave the same on SQLite and PostgreSQL."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import JSON, BigInteger, BindParameter, Boolean, DateTime, Dialect, Float, Integer
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import bindparam
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UtcDateTime(TypeDecorator[datetime]):
    """Store aware UTC times: `timestamptz` on PostgreSQL, whole microseconds since 1970 on SQLite.

    SQLite has no time type; an integer sorts and compares as time does, which lease queries rely on.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: times are aware UTC here")
        value = value.astimezone(UTC)
        return (value - _EPOCH) // _MICROSECOND if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if dialect.name == "sqlite":
            return _EPOCH + timedelta(microseconds=value)
        at: datetime = value
        return at.astimezone(UTC)


# `JSON` columns hold objects whose floats are finite; non-finite numbers travel through `encode_float`.
Json = JSON().with_variant(JSONB(), "postgresql")
# SQLite makes only an INTEGER primary key an alias of its fast row id.
BigIntId = BigInteger().with_variant(Integer(), "sqlite")


class utc_now(FunctionElement[datetime]):  # noqa: N801 - named as the SQL function it stands for
    """The database's own clock, shifted by `offset_s` seconds. Leases never trust any other clock.

    A statement that is built once takes its shift from a parameter of its own, a `bindparam` of type `Float`.
    """

    type = UtcDateTime()
    inherit_cache = True

    def __init__(self, offset_s: float | BindParameter[float] = 0.0) -> None:
        is_named = isinstance(offset_s, BindParameter)
        super().__init__(offset_s if is_named else bindparam(None, offset_s, type_=Float(), unique=True))


@compiles(utc_now, "postgresql")
def _utc_now_postgresql(element: utc_now, compiler: SQLCompiler, **kw: Any) -> str:
    return f"(clock_timestamp() + make_interval(secs => {compiler.process(element.clauses, **kw)}))"


@compiles(utc_now, "sqlite")
def _utc_now_sqlite(element: utc_now, compiler: SQLCompiler, **kw: Any) -> str:
    # julianday() is exact to about 40 microseconds; unixepoch('subsec') needs SQLite 3.42, newer than Debian 12's.
    now_us = "CAST((julianday('now') - 2440587.5) * 86400000000.0 AS INTEGER)"
    return f"({now_us} + CAST({compiler.process(element.clauses, **kw)} * 1000000 AS INTEGER))"


class microseconds_between(FunctionElement[int]):  # noqa: N801 - named as the SQL function it stands for
    """Whole microseconds from one `UtcDateTime` to a later one; NULL where either is."""

    type = BigInteger()
    inherit_cache = True


@compiles(microseconds_between, "postgresql")
def _microseconds_between_postgresql(element: microseconds_between, compiler: SQLCompiler, **kw: Any) -> str:
    start, end = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM ({end} - {start})) * 1000000 AS BIGINT)"


@compiles(microseconds_between, "sqlite")
def _microseconds_between_sqlite(element: microseconds_between, compiler: SQLCompiler, **kw: Any) -> str:
    start, end = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"({end} - {start})"


class microseconds_since_1970(FunctionElement[int]):  # noqa: N801 - named as the SQL function it stands for
    """A `UtcDateTime` as whole microseconds since 1970; NULL where it is."""

    type = BigInteger()
    inherit_cache = True


@compiles(microseconds_since_1970, "postgresql")
def _microseconds_since_1970_postgresql(element: microseconds_since_1970, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST(EXTRACT(EPOCH FROM {compiler.process(element.clauses, **kw)}) * 1000000 AS BIGINT)"


@compiles(microseconds_since_1970, "sqlite")
def _microseconds_since_1970_sqlite(element: microseconds_since_1970, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)  # as it is stored


class has_violation(FunctionElement[bool]):  # noqa: N801 - named as the SQL function it stands for
    """Whether a JSON list of numbers has one above 0, or NaN; false where the column is empty."""

    type = Boolean()
    inherit_cache = True


@compiles(has_violation, "postgresql")
def _has_violation_postgresql(element: has_violation, compiler: SQLCompiler, **kw: Any) -> str:
    path = '$[*] ? (@ > 0 || @ == "Infinity" || @ == "NaN")'
    return f"coalesce(jsonb_path_exists({compiler.process(element.clauses, **kw)}, '{path}'), false)"


@compiles(has_violation, "sqlite")
def _has_violation_sqlite(element: has_violation, compiler: SQLCompiler, **kw: Any) -> str:
    # Any text is above any number.
    limits = f"json_each({compiler.process(element.clauses, **kw)}) AS violation"
    return f"EXISTS (SELECT 1 FROM {limits} WHERE violation.value > 0 AND violation.value <> '-Infinity')"  # noqa: S608 - a column


def encode_float(value: float) -> float | str:
    """Return `value` as JSON can hold it: non-finite numbers become `"NaN"`, `"Infinity"` or `"-Infinity"`."""
    if math.isfinite(value):
        return value
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def decode_float(value: float | str) -> float:
    """Undo `encode_float`."""
    return float(value)
