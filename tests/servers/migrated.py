"""Databases that are migrated already: one migration for each kind and session, copied for each test."""

import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import delete, text

from db import schema
from db.engine import Database
from db.tables import Base
from tests.servers.postgres import PostgresServer

KINDS = {"sqlite": "make_sqlite", "postgresql": "make_postgres"}
MakeUrl = Callable[[], str]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a migrated SQLite file that nobody has open."""
    path = tmp_path_factory.mktemp("template") / "tunewell.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> str:
    """Return the name of a migrated PostgreSQL database that nobody is connected to."""
    name = f"template_{secrets.token_hex(6)}"
    _migrate(postgres_server.create_database(name))
    return name


@pytest.fixture(scope="session")
def make_sqlite(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> MakeUrl:
    """Return a function that makes a new migrated SQLite file and returns its address."""

    def make() -> str:
        path = tmp_path_factory.mktemp("copy") / "tunewell.db"
        shutil.copyfile(sqlite_template, path)
        return f"sqlite:///{path}"

    return make


@pytest.fixture(scope="session")
def make_postgres(postgres_server: PostgresServer, postgres_template: str) -> MakeUrl:
    """Return a function that makes a new migrated PostgreSQL database and returns its address."""

    def make() -> str:
        name = f"copy_{secrets.token_hex(6)}"
        statement = psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        with postgres_server.connect() as connection:
            connection.execute(
                statement.format(psycopg.sql.Identifier(name), psycopg.sql.Identifier(postgres_template))
            )
        return postgres_server.url_of(name)

    return make


@pytest.fixture(params=tuple(KINDS), scope="session")
def make_database(request: pytest.FixtureRequest) -> MakeUrl:
    """Return a function that makes migrated databases; each test runs once for each kind."""
    make: MakeUrl = request.getfixturevalue(KINDS[request.param])
    return make


@pytest.fixture
def database(make_database: MakeUrl) -> Iterator[Database]:
    """Return a migrated database of each kind, empty and open."""
    opened = Database(make_database())
    yield opened
    opened.close()


def empty(database: Database) -> None:
    """Delete every row and begin to number anew."""
    tables = ", ".join(table.name for table in Base.metadata.sorted_tables)
    with database.write() as session:
        if database.is_sqlite:
            for table in reversed(Base.metadata.sorted_tables):
                session.execute(delete(table))
        else:
            session.execute(text(f"TRUNCATE {tables} RESTART IDENTITY CASCADE"))


def _migrate(url: str) -> None:
    database = Database(url)
    try:
        schema.upgrade(database)
    finally:
        database.close()
