"""Statements that PostgreSQL has prepared: what it forgot is prepared anew, and what it refuses is told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from psycopg.errors import NumericValueOutOfRange
from sqlalchemy import BigInteger, Executable, bindparam, literal_column, select, text

from db.engine import Database
from db.optuna_link import Link, LinkError

_ECHO: Executable = select((bindparam("n", type_=BigInteger) + 1).label("more"), literal_column("'50%'").label("part"))
_ALL = text("SELECT * FROM thing ORDER BY 1").columns(literal_column("a", BigInteger))


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    database = Database(postgres_url)
    yield database
    database.close()


@pytest.fixture
def link(database: Database) -> Iterator[Link]:
    link = Link(database)
    yield link
    link.close()


def test_what_the_server_forgot_is_prepared_anew(link: Link) -> None:
    assert link.run(_ECHO, {"n": 1}) == [(2, "50%")]
    link.run(text("DEALLOCATE ALL"), {})
    assert link.run(_ECHO, {"n": 2}) == [(3, "50%")]


def test_a_table_may_change_under_a_statement(link: Link, database: Database) -> None:
    with database.write() as session:
        session.execute(text("CREATE TABLE thing (a integer)"))
        session.execute(text("INSERT INTO thing VALUES (4)"))
    assert link.run(_ALL, {}) == [(4,)]
    with database.write() as session:
        session.execute(text("ALTER TABLE thing ALTER a TYPE bigint"))
    assert link.run(_ALL, {}) == [(4,)]


def test_a_refusal_has_its_cause_and_the_next_statement_runs(link: Link) -> None:
    with pytest.raises(LinkError, match="out of range") as refused:
        link.run(_ECHO, {"n": 2**63 - 1})
    assert isinstance(refused.value.__cause__, NumericValueOutOfRange)
    assert link.run(_ECHO, {"n": 2**63 - 2}) == [(2**63 - 1, "50%")]


def test_another_link_takes_over_the_connection_and_its_statements(link: Link, database: Database) -> None:
    pid: Executable = select(literal_column("pg_backend_pid()").label("pid"))
    first = link.run(pid, {})
    link.run(_ECHO, {"n": 1})
    link.release()
    other = Link(database)
    assert other.run(pid, {}) == first
    assert other.run(_ECHO, {"n": 5}) == [(6, "50%")]
    other.close()
