"""The schema, forward and back, on both kinds of database, and by two processes at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest
from sqlalchemy import inspect, text
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from api.services.rollup import Retention, roll_up
from api.services.views import show_study
from db import evaluations, schema, studies, trials
from db.engine import Database
from db.lifecycle import TrialState
from db.tables import Base
from tests.contracts.packed_curves import LENGTHS, fill, ledger_of
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


def store_of_0001(database: Database) -> None:
    """Fill the first tables as the first release did: a study, a trial that ended, its attempt and its curve."""
    at = 1_700_000_000_000_000 if database.is_sqlite else "2023-11-14T22:13:20Z"
    spec = (
        '{"dataset": "digits", "model": "mlp", "objectives": [{"metric": "val_loss", "direction": "minimize"}], '
        '"sampler": {"name": "random", "seed": 1}}'
    )
    rows: list[tuple[str, dict[str, object]]] = [
        ("study", {"name": "old", "state": "COMPLETE", "state_reason": "", "spec": spec, "queue": "cpu", "priority": 0,
                   "direction": "minimize", "max_parallel": 1, "next_number": 1, "next_cell": 1, "is_exhausted": False,
                   "rev": 3, "notes": "", "tags": "[]", "created_at": at, "finished_at": at}),
        ("worker", {"name": "w", "host": "h", "pid": 1, "version": "", "queues": "[]", "n_slots": 1, "state": "ALIVE",
                    "created_at": at, "heartbeat_at": at}),
        ("trial", {"study_id": 1, "number": 0, "cell": 0, "state": "COMPLETE", "reason": "", "source": "sampler",
                   "params": '{"learning_rate": 0.01}', "note": "", "value": 0.5, "values": '{"val_loss": 0.5}',
                   "n_attempts": 1, "n_burned": 0, "is_stop_requested": False, "created_at": at, "finished_at": at}),
        ("attempt", {"trial_id": 1, "worker_id": 1, "attempt_no": 1, "state": "COMPLETE", "reason": "",
                     "lease_token": "t", "lease_expires_at": at, "last_seq": 1, "created_at": at, "ended_at": at}),
        ("metric_series", {"trial_id": 1, "name": "val_loss", "n_points": 1, "latest_step": 1, "latest_value": 0.5,
                           "latest_kind": 0, "min_value": 0.5, "max_value": 0.5}),
        ("metric_point", {"series_id": 1, "step": 1, "value": 0.5, "kind": 0, "at_ms": 0}),
    ]  # fmt: skip
    with database.write() as session:
        for table, row in rows:
            names = ", ".join(f'"{name}"' for name in row)
            marks = ", ".join(f":{name}" for name in row)
            session.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), row)  # noqa: S608 - names of ours


def counts_of(database: Database) -> dict[str, int]:
    """Return the number of rows of each of the first tables."""
    names = ("study", "worker", "trial", "attempt", "metric_series", "metric_point")
    with database.read() as session:
        return {name: session.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in names}  # noqa: S608


def test_data_of_the_first_tables_survives_the_way_up_and_down(fresh: Database) -> None:
    schema.upgrade(fresh, "0001")
    store_of_0001(fresh)
    before = counts_of(fresh)
    assert set(before.values()) == {1}
    schema.upgrade(fresh)
    assert schema.differences(fresh) == []
    with fresh.read() as session:
        study = studies.find_study(session, "old")
        assert study is not None
        (trial,) = trials.list_history(session, study.id)
        assert (trial.values, list(trial.findings)) == ({"val_loss": 0.5}, [])
        assert trials.find_diagnosis(session, trial.id) is None
        assert trials.find_study_diagnoses(session, study.id) == {}
        assert show_study(session, study).spec.repeats.n == 1
        assert (study.kind, list(study.directions)) == ("native", ["minimize"])
    values = {"study_id": study.id, "kind": "baselines", "request_key": "baselines"}
    with fresh.write() as session:
        evaluations.insert_evaluation(session, values)
    schema.downgrade(fresh, "0001")
    assert counts_of(fresh) == before
    assert "evaluation" not in tables_of(fresh)
    schema.upgrade(fresh)
    assert counts_of(fresh) == before
    assert schema.differences(fresh) == []


def test_the_way_down_takes_studies_of_optuna_along(fresh: Database) -> None:
    """The code of the release before would hand their trials to workers."""
    schema.upgrade(fresh)
    with fresh.write() as session:
        for kind in ("native", "optuna"):
            values: dict[str, object] = {
                "name": kind,
                "kind": kind,
                "spec": {},
                "queue": "cpu",
                "direction": "maximize",
                "max_parallel": 1,
            }
            studies.insert_study(session, values, timeout_s=None)
    schema.downgrade(fresh, "0002")
    with fresh.read() as session:
        assert session.execute(text("SELECT name FROM study")).scalars().all() == ["native"]
    schema.upgrade(fresh)
    with fresh.read() as session:
        kept = studies.find_study(session, "native")
    assert kept is not None
    assert list(kept.directions) == ["maximize"]


def test_the_way_down_turns_blocks_into_the_rows_they_were_made_of(fresh: Database) -> None:
    schema.upgrade(fresh)
    fill(fresh)
    assert roll_up(ledger_of(fresh), Retention(pack_after_s=1e-9), round_s=60.0) > 0
    assert counts_of(fresh)["metric_point"] < sum(LENGTHS)
    schema.downgrade(fresh, "0014")
    assert "metric_block" not in tables_of(fresh)
    assert counts_of(fresh)["metric_point"] == sum(LENGTHS)
    schema.upgrade(fresh)
    assert schema.differences(fresh) == []


def test_the_database_knows_two_kinds_of_studies(database: Database) -> None:
    values = {"name": "s", "spec": {}, "queue": "cpu", "direction": "maximize", "max_parallel": 1}
    with database.write() as session:
        studies.insert_study(session, {**values, "kind": "optuna"}, timeout_s=None)
    with pytest.raises(IntegrityError), database.write() as session:
        studies.insert_study(session, {**values, "name": "t", "kind": "vizier"}, timeout_s=None)
