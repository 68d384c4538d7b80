"""Fixtures that every test folder shares: real servers, one of each kind for each pytest-xdist worker."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.api import caller, live_api, shared_api
from tests.servers.migrated import (
    database,
    make_database,
    make_postgres,
    make_sqlite,
    postgres_template,
    sqlite_template,
)
from tests.servers.postgres import PostgresServer, start_postgres
from tests.servers.processes import ProcessFamily
from tests.servers.valkey import ValkeyServer, start_valkey

__all__ = [
    "caller",
    "database",
    "live_api",
    "make_database",
    "make_postgres",
    "make_sqlite",
    "postgres_template",
    "shared_api",
    "sqlite_template",
]

os.environ["TUNEWELL_LOGIN"] = os.path.join(os.devnull, "login")  # nowhere: nobody's own login is used, or replaced

DATABASES = ("sqlite", "postgresql")

if "CI" not in os.environ:  # where Hypothesis does the same by itself: a busy machine is no failure
    settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("patient")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Run one PostgreSQL for the session; it starts when the first test asks for it."""
    with start_postgres() as server:
        yield server


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """Return the address of a SQLite file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'tunewell.db'}"


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """Return the address of a new, empty PostgreSQL database."""
    return postgres_server.create_database()


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest) -> str:
    """Return the address of an empty database without tables; each test runs once for each kind."""
    url: str = request.getfixturevalue({"sqlite": "sqlite_url", "postgresql": "postgres_url"}[request.param])
    return url


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    """Run one Valkey or Redis for the session; tests take it through `broker`."""
    with start_valkey() as server:
        yield server


@pytest.fixture
def broker(valkey_server: ValkeyServer) -> Iterator[ValkeyServer]:
    """Return a running, empty broker that the test may kill, freeze or empty; the next one gets it whole again."""
    if not valkey_server.is_running:
        valkey_server.start()
    valkey_server.flush()
    yield valkey_server
    if valkey_server.is_running:
        valkey_server.thaw()


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[ProcessFamily]:
    """Start processes through this; whatever a test leaves of them is killed after it."""
    folder = tmp_path / "process-logs"
    folder.mkdir()
    family = ProcessFamily(folder)
    yield family
    family.kill_all()
