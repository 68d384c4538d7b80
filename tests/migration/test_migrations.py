"""The schema, forward and back, on both kinds of database, and by two processes at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from db import schema, studies, trials
from db.engine import Database
from db.lifecycle import TrialState
from db.tables import Base
from tests.servers.processes import ProcessFamily, ServiceProcess
from tests.servers.waiting import wait_until

OURS = {table.name for table in Base.metadata.sorted_tables}


@pytest.fixture
def fresh(database_url: str) -> Iterator[Database]:
    """Return a database without tables."""
    database = Database(database_url)
    yield database
    database.close()


def tables_of(database: Database) -> set[str]:
    return set(inspect(database.engine).get_table_names()) - {"alembic_version"}


def test_up_down_and_up_again(fresh: Database) -> None:
    assert schema.current_revision(fresh) is None
    assert schema.differences(fresh) != []
    schema.upgrade(fresh)
    assert schema.current_revision(fresh) == schema.newest_revision()
    assert tables_of(fresh) == OURS
    assert schema.differences(fresh) == []
    schema.upgrade(fresh)
    schema.downgrade(fresh, "base")
    assert schema.current_revision(fresh) is None
    assert tables_of(fresh) == set()
    schema.upgrade(fresh)
    assert schema.differences(fresh) == []


def test_indexes_and_constraints_of_the_tables_are_in_the_database(fresh: Database) -> None:
    """Alembic's comparison looks at neither check constraints nor the condition of a partial index."""
    schema.upgrade(fresh)
    found = inspect(fresh.engine)
    for table in Base.metadata.sorted_tables:
        checks = {one["name"] for one in found.get_check_constraints(table.name)}
        assert checks == {one.name for one in table.constraints if type(one).__name__ == "CheckConstraint"}
        indexes = {one["name"] for one in found.get_indexes(table.name) if not one.get("duplicates_constraint")}
        assert indexes == {one.name for one in table.indexes}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE trial SET state = 'LOST'",
        "UPDATE trial SET finished_at = NULL WHERE state = 'FAIL'",
        "UPDATE study SET n_trials = 0",
        "UPDATE study SET max_parallel = 0",
        "INSERT INTO study SELECT * FROM study",
        "UPDATE trial SET number = 0",
        "UPDATE trial SET study_id = 999",
    ],
)
def test_the_database_itself_refuses_what_must_not_be(database: Database, statement: str) -> None:
    with database.write() as session:
        study = {"name": "s", "spec": {}, "queue": "cpu", "direction": "maximize", "max_parallel": 1}
        study_id = studies.insert_study(session, study, timeout_s=None)
        for number in range(2):
            values = {
                "study_id": study_id,
                "number": number,
                "state": TrialState.FAIL,
                "source": "manual",
                "params": {},
            }
            trials.insert_trial(session, values)
    with pytest.raises(IntegrityError), database.write() as session:
        session.execute(text(statement))


def test_two_threads_that_migrate_take_turns(fresh: Database) -> None:
    others = [Database(fresh.url.render_as_string(hide_password=False)) for _ in range(3)]
    with ThreadPoolExecutor(len(others)) as pool:
        list(pool.map(schema.upgrade, others))
    for other in others:
        other.close()
    assert schema.differences(fresh) == []


def test_two_processes_that_migrate_take_turns(fresh: Database, processes: ProcessFamily) -> None:
    """Both are made to wait for the same lock first, so that they do come at once."""
    env = {"TUNEWELL_DATABASE_URL": fresh.url.render_as_string(hide_password=False)}
    with holding_the_lock(fresh):
        started = [processes.start_module("db", "upgrade", env=env) for _ in range(2)]
        wait_until(lambda: all(is_waiting(fresh, process) for process in started), 30.0, what="both wait")
        assert tables_of(fresh) == set()
    for process in started:
        assert process.wait(60.0) == 0, process.log_text()
    assert schema.current_revision(fresh) == schema.newest_revision()
    assert schema.differences(fresh) == []


@contextmanager
def holding_the_lock(database: Database) -> Iterator[None]:
    """Hold what a migration takes first: SQLite's right to write, or PostgreSQL's advisory lock."""
    with database.connect_writer() as connection, connection.begin():
        if not database.is_sqlite:
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": schema.MIGRATION_LOCK})
        yield


def is_waiting(database: Database, process: ServiceProcess) -> bool:
    """Tell whether a process has come as far as the lock (on SQLite: has opened the file, which nobody may write)."""
    assert process.is_running, process.log_text()
    if database.is_sqlite:
        return any(file.path == database.url.database for file in psutil.Process(process.pid).open_files())
    with database.engine.connect() as connection:
        statement = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        return bool(connection.execute(text(statement)).scalar_one() == 2)


def test_a_migration_that_fails_leaves_nothing_and_holds_nobody_up(fresh: Database) -> None:
    with fresh.write() as session:
        session.execute(text("CREATE TABLE event (id INTEGER)"))  # stands in the way of ours
    with pytest.raises(SQLAlchemyError):
        schema.upgrade(fresh)
    assert tables_of(fresh) == {"event"}
    assert schema.current_revision(fresh) is None
    with fresh.write() as session:
        session.execute(text("DROP TABLE event"))
    # From another connection: the lock of the failed migration must not have stayed with the first.
    other = Database(fresh.url.render_as_string(hide_password=False))
    schema.upgrade(other)
    other.close()
    assert schema.differences(fresh) == []
