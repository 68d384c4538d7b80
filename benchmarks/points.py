"""`python -m benchmarks.points`: what stored points take and what reading them costs, as rows and as blocks.

Curves of a thousand points and one long one are stored as the API stores them, read as charts read them, packed by what
the reconcile loop runs, and read again. With `--n-blocks`, further curves are stored as blocks at once, until there are
so many points: as rows they would take the disk and the day.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

import numpy as np
import typer
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from api.schemas.studies import CurvesQuery, StudyCreate
from api.services import rollup, studies
from api.services.curves import read_metrics
from api.services.study_curves import read_curves
from api.transaction import Ledger, Tx
from benchmarks.report import as_json, describe_run, summarise
from benchmarks.scale import DATABASES
from benchmarks.servers import Bench, running_servers
from benchmarks.work import METRIC, SPACE
from db import schema, trials
from db.engine import Database
from db.lifecycle import TrialState
from db.metric_tables import MetricBlockRow, MetricPointRow, MetricSeriesRow
from db.packing import Points

N_STEPS = 1000
_STUDY = "points"
_N_REPEATS = 5


@dataclass(frozen=True, slots=True)
class Amounts:
    """How many points are stored: as rows and then packed, of them the long curve's, and as blocks from the start."""

    n_rows: int
    n_long: int
    n_blocks: int


def main(
    rows: Annotated[int, typer.Option(help="Points that are stored as rows and then packed.", min=2000)] = 1_000_000,
    long: Annotated[int, typer.Option(help="Of these, points of one long curve.", min=1000)] = 500_000,
    blocks: Annotated[int, typer.Option(help="Points that are stored as blocks besides.", min=0)] = 0,
    kinds: Annotated[str, typer.Option(help="Databases, comma-separated.")] = ",".join(DATABASES),
    seed: Annotated[int, typer.Option(help="Seeds the curves.", min=0)] = 1,
) -> None:
    """Measure storing and reading points on each kind of database and print one JSON document."""
    document = describe_run(seed=seed, is_quick=False, started_at=datetime.now(UTC))
    amounts = Amounts(rows, long, blocks)
    with running_servers() as bench:
        for kind in kinds.split(","):
            document[kind] = measure(bench, kind, amounts, seed)
            print(f"{kind}: {json.dumps(document[kind])}", file=sys.stderr)
    print(json.dumps(document, indent=2))


def measure(bench: Bench, kind: str, amounts: Amounts, seed: int) -> dict[str, Any]:
    """Return bytes a point, and milliseconds of reads, by how the points are stored."""
    database = Database(bench.new_database(kind))
    try:
        schema.upgrade(database)
        ledger = TimedLedger(database, ring=lambda _queue, _n: None, notify=lambda: None)
        store = Store(ledger, np.random.default_rng(seed))
        store.add_rows(amounts.n_long, amounts.n_long)
        store.add_rows(amounts.n_rows - amounts.n_long, N_STEPS)
        found: dict[str, Any] = {"rows": _measured(store)}
        found["packing"] = _pack(store)
        found["blocks"] = _measured(store)
        if amounts.n_blocks:
            store.add_blocks(amounts.n_blocks)
            found["many_blocks"] = _measured(store)
        return found
    finally:
        database.close()


class TimedLedger(Ledger):
    """Opens transactions and notes how long those that write were open."""

    @contextmanager
    def write(self) -> Iterator[Tx]:
        """Open a transaction that writes."""
        with super().write() as tx:
            started_at = time.perf_counter()
            yield tx
        HELD_MS.append((time.perf_counter() - started_at) * 1e3)


HELD_MS: list[float] = []


class Store:
    """A study of ended trials, each with one curve.

    Args:
        ledger: Of a migrated, empty database.
        random: Noise of the curves.
    """

    def __init__(self, ledger: TimedLedger, random: np.random.Generator) -> None:
        self.ledger, self._random = ledger, random
        self.n_points = 0
        self.long_id, self._n_trials = 0, 0
        spec: dict[str, Any] = {"name": _STUDY, "dataset": "digits", "model": "mlp", "search_space": SPACE}
        spec["objectives"] = [{"metric": METRIC, "direction": "maximize"}]
        with ledger.write() as tx:
            body = StudyCreate.model_validate({**spec, "budget": {"n_trials": 1}})
            self._study_id = studies.create_study(tx, studies.draft_study(tx.session, body)).study_id

    def add_rows(self, n_points: int, n_steps: int) -> None:
        """Store so many points as rows, `n_steps` a curve."""
        for _ in range(n_points // n_steps):
            curve = self._curve(n_steps)
            trial_id, series_id = self._add_curve(curve, n_packed=0)
            self.long_id = self.long_id or trial_id
            for first in range(0, n_steps, 100_000):
                self._insert_rows(series_id, curve.only(slice(first, first + 100_000)))

    def add_blocks(self, n_points: int) -> None:
        """Store so many points as blocks."""
        for _ in range(n_points // N_STEPS):
            curve = self._curve(N_STEPS)
            _, series_id = self._add_curve(curve, n_packed=N_STEPS)
            made = [
                {name: getattr(one, name) for name in one.__slots__} for one in rollup.make_blocks(series_id, curve)
            ]
            with self.ledger.write() as tx:
                tx.session.execute(insert(MetricBlockRow), made)

    def _curve(self, n_steps: int) -> Points:
        steps = np.arange(n_steps)
        values = np.exp(-steps / (0.3 * n_steps)) + 0.02 * self._random.standard_normal(n_steps)
        # A report of a hundred points each ten seconds.
        return Points(steps, values, 1_700_000_000_000 + steps // 100 * 10_000)

    def _add_curve(self, curve: Points, n_packed: int) -> tuple[int, int]:
        trial = {"study_id": self._study_id, "number": self._n_trials, "state": TrialState.COMPLETE}
        summary = {"name": METRIC, "n_points": len(curve), "latest_step": len(curve) - 1, "latest_value": 0.0}
        summary |= {"min_value": float(curve.values.min()), "max_value": float(curve.values.max())}
        with self.ledger.write() as tx:
            trial_id = trials.insert_trial(tx.session, {**trial, "source": "manual", "params": {}}).id
            adding = insert(MetricSeriesRow).values(trial_id=trial_id, n_packed=n_packed, **summary)
            series_id = tx.session.execute(adding.returning(MetricSeriesRow.id)).scalar_one()
        self._n_trials += 1
        self.n_points += len(curve)
        return trial_id, series_id

    def _insert_rows(self, series_id: int, points: Points) -> None:
        columns = points.steps.tolist(), points.values.tolist(), points.at_ms.tolist()
        rows = ((series_id, step, value, 0, at_ms) for step, value, at_ms in zip(*columns, strict=True))
        with self.ledger.write() as tx:
            driver: Any = tx.session.connection().connection.driver_connection
            if self.ledger.database.is_sqlite:
                driver.executemany("INSERT INTO metric_point VALUES (?, ?, ?, ?, ?)", rows)
                return
            names = ", ".join(column.name for column in MetricPointRow.__table__.columns)
            with driver.cursor() as cursor, cursor.copy(f"COPY metric_point ({names}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)


def _size(database: Database) -> dict[str, int]:
    """Return what each table of points takes, with its keys, in bytes; on PostgreSQL after a VACUUM."""
    tables = ("metric_point", "metric_block")
    if database.is_sqlite:
        with database.read() as session:
            pages = text("SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name = :name OR name LIKE :keys")
            names = [{"name": table, "keys": f"sqlite_autoindex_{table}_%"} for table in tables]
            return {one["name"]: int(session.execute(pages, one).scalar_one()) for one in names}
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
        taken = text("SELECT pg_total_relation_size(CAST(:name AS regclass))")
        return {table: int(connection.execute(taken, {"name": table}).scalar_one()) for table in tables}


def _measured(store: Store) -> dict[str, Any]:
    with store.ledger.read() as session:
        n_long = session.execute(text("SELECT max(n_points) FROM metric_series")).scalar_one()
    return {"n_points": store.n_points, "bytes": _size(store.ledger.database), "read_ms": _reads(store, n_long)}


def _reads(store: Store, n_long: int) -> dict[str, Any]:
    hundred = list(range(1, 101))
    charts = {
        "100_curves": CurvesQuery(metric=METRIC, max_trials=100, numbers=hundred),
        "newest_200_curves": CurvesQuery(metric=METRIC, max_trials=200, max_points=200),
        "long_curve": CurvesQuery(metric=METRIC, numbers=[0], max_points=1000),
        "fifth_of_it": CurvesQuery(metric=METRIC, numbers=[0], max_points=1000, low=0.4 * n_long, high=0.6 * n_long),
    }
    found = {name: _time(store, partial(read_curves, ref=_STUDY, query=query)) for name, query in charts.items()}
    page = partial(read_metrics, trial_id=store.long_id, names=[], max_points=1000)
    return {**found, "page_of_its_trial": _time(store, page)}


def _time(store: Store, read: Callable[[Session], object]) -> float:
    """Return the best of a few calls, in milliseconds: what the program takes when nobody else does."""
    found = []
    for _ in range(_N_REPEATS):
        started_at = time.perf_counter()
        with store.ledger.read() as session:
            read(session)
        found.append((time.perf_counter() - started_at) * 1e3)
    return summarise(found).min


def _pack(store: Store) -> dict[str, Any]:
    """Pack everything; return points a second, and how long writers were held up, in milliseconds."""
    HELD_MS.clear()
    cpu_s, started_at = time.process_time(), time.perf_counter()
    n = rollup.roll_up(store.ledger, rollup.Retention(pack_after_s=1e-9), round_s=3600.0)
    cpu_s, duration_s = time.process_time() - cpu_s, time.perf_counter() - started_at
    if n != store.n_points:
        raise RuntimeError(f"{n} points were packed, and there are {store.n_points}")
    return {
        "n_points": n,
        "points_per_cpu_s": round(n / cpu_s),
        "points_per_s": round(n / duration_s),
        "n_transactions": len(HELD_MS),
        "transaction_ms": as_json(summarise(HELD_MS)),
    }


if __name__ == "__main__":
    typer.run(main)
