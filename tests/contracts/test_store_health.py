"""Figures of the database for those who look after it, on both kinds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import event
from sqlalchemy.orm import Session

from api.storage_telemetry import StorageGauges
from db import blocks, events, health
from db.engine import Database
from tests.contracts.packed_curves import LENGTHS, fill, ledger_of


def test_it_says_what_is_stored_and_what_waits(database: Database) -> None:
    fill(database)
    with database.write() as session:
        events.store_events(session, [events.NewEvent("study", {}), events.NewEvent("study", {})])
    with database.read() as session:
        storage, backlog = health.measure_storage(session), health.measure_backlog(session)
    assert storage.n_bytes > 100_000
    assert (storage.wal_bytes or 0) > 0 or not database.is_sqlite
    assert backlog.n_events == 2
    assert 0.0 <= backlog.oldest_event_s < 600.0
    assert backlog.n_unpacked == sum(n >= 32 for n in LENGTHS)


def test_an_empty_database_has_nothing_waiting(database: Database) -> None:
    with database.read() as session:
        assert health.measure_backlog(session) == health.Backlog(0, 0.0, 0)


def test_tables_and_indexes_have_their_sizes(database: Database) -> None:
    fill(database)
    with database.read() as session:
        tables, indexes = health.list_tables(session)
    sizes = {table.name: table.n_bytes for table in tables}
    assert {"study", "trial", "metric_point", "metric_block", "event"} <= set(sizes)
    assert sizes["metric_point"] > sizes["study"]
    by_name = {index.name: index for index in indexes}
    assert by_name["ix_metric_series_unpacked"].table == "metric_series"
    assert by_name["ix_metric_series_unpacked"].n_bytes > 0


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (health.measure_backlog, "ix_metric_series_unpacked"),
        (lambda session: blocks.list_unpacked(session, 0.0, 5), "ix_metric_series_unpacked"),
        (lambda session: blocks.list_packed(session, 4096, 0.0, 1), "ix_metric_series_long"),
    ],
)
def test_what_is_asked_each_round_uses_an_index_of_sqlite(
    make_sqlite: Callable[[], str], ask: Callable[[Session], object], index: str
) -> None:
    """PostgreSQL chooses by what it counted, and rightly reads all of a small table."""
    database = Database(make_sqlite())
    asked: list[tuple[str, Any]] = []

    def note(_connection: object, _cursor: object, statement: str, parameters: Any, *_args: object) -> None:
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    with database.read() as session:
        ask(session)
    event.remove(database.engine, "before_cursor_execute", note)
    statement, parameters = next(one for one in asked if "n_packed" in one[0])
    with database.read() as session:
        plan = session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    database.close()
    assert index in str(plan)


def test_figures_are_read_anew_after_a_while_and_not_before(database: Database) -> None:
    registry = CollectorRegistry()
    gauges, ledger = StorageGauges(registry), ledger_of(database)
    gauges.refresh(ledger, now_s=0.0)
    assert registry.get_sample_value("tunewell_unpacked_curves") == 0.0
    fill(database)
    gauges.refresh(ledger, now_s=29.0)
    assert registry.get_sample_value("tunewell_unpacked_curves") == 0.0
    gauges.refresh(ledger, now_s=31.0)
    assert registry.get_sample_value("tunewell_unpacked_curves") == 3.0
    before = registry.get_sample_value("tunewell_table_bytes", {"table": "metric_point"})
    gauges.refresh(ledger, now_s=301.0)
    after = registry.get_sample_value("tunewell_table_bytes", {"table": "metric_point"})
    assert before is not None
    assert after is not None
    assert before < after
    assert b"tunewell_index_bytes" in generate_latest(registry)
