"""`python -m benchmarks.dashboard`: the dashboard at scale in headless Chromium, on the real API. Prints JSON.

A study of 50,000 trials and one of 1,000 curves of 10,000 points each are written into a new SQLite file first, which
takes minutes. What happens meanwhile goes to standard error.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from playwright.sync_api import Browser
from tunewell import Client

from benchmarks.dashboard import measures
from benchmarks.dashboard.seed import StudySize, seed_study, settle
from benchmarks.report import describe_run
from benchmarks.servers import running_servers
from db.engine import Database
from tests.servers.browser import run_chromium

MANY, LONG = "many-trials", "long-curves"
FULL = {MANY: StudySize(50_000, 5), LONG: StudySize(1_000, 10_000)}
QUICK = {MANY: StudySize(500, 5), LONG: StudySize(20, 2_000)}


def main(
    quick: Annotated[
        bool, typer.Option("--quick", help="Small and short: shows that it works, proves nothing.")
    ] = False,
    database: Annotated[
        Path | None, typer.Option(help="SQLite file to keep the studies in, and to find them again in.")
    ] = None,
    only: Annotated[str, typer.Option(help="Parts to run, comma-separated; empty: all.")] = "",
    seed: Annotated[int, typer.Option(help="Of parameters, values and curves.", min=0)] = 1,
) -> None:
    """Measure, and print one JSON document."""
    document = describe_run(seed=seed, is_quick=quick, started_at=datetime.now(UTC))
    # At once, too: figures of a run that is stopped are worth something only with what they were taken on.
    print(f"run: {json.dumps(document)}", file=sys.stderr, flush=True)
    sizes = QUICK if quick else FULL
    with running_servers() as bench:
        url = bench.new_database("sqlite") if database is None else f"sqlite:///{database.resolve()}"
        with bench.api(url) as api, run_chromium() as browser:
            ids = _seeded(api.address, url, sizes, seed)
            document["studies"] = {name: {"n_trials": s.n_trials, "n_points": s.n_points} for name, s in sizes.items()}
            for name, measure in _parts(browser, api.address, url, ids, quick=quick).items():
                if only and name not in only.split(","):
                    continue
                document[name] = _told(name, measure)
    print(json.dumps(document, indent=2))


def _parts(
    browser: Browser, address: str, url: str, ids: dict[str, int], *, quick: bool
) -> dict[str, Callable[[], dict[str, Any] | None]]:
    many, long = (f"{address}/studies/{name}" for name in (MANY, LONG))
    n_rounds, n_moves = (1, 20) if quick else (3, 120)
    n_probes, n_updates = (3, 40) if quick else (20, 1_800)
    return {
        "page_of_many_trials": lambda: measures.measure_page(browser, many, n_rounds),
        "page_of_long_curves": lambda: measures.measure_page(browser, long, n_rounds),
        "curves": lambda: measures.measure_curves(browser, long, n_moves),
        "parallel_coordinates": lambda: measures.measure_parallel(browser, many, n_moves),
        "table": lambda: measures.measure_table(browser, many, n_moves),
        "live": lambda: measures.measure_live(browser, address, 1, n_probes, n_updates),
        "optuna_dashboard_many_trials": lambda: measures.measure_peer(browser, url, ids[MANY], 120.0),
        "optuna_dashboard_long_curves": lambda: measures.measure_peer(browser, url, ids[LONG], 120.0),
    }


def _told(name: str, measure: Callable[[], dict[str, Any] | None]) -> dict[str, Any] | None:
    started_at = time.perf_counter()
    found = measure()
    # Each figure as soon as it is known: a run takes long, and one that is stopped has not been for nothing.
    print(f"{name} ({time.perf_counter() - started_at:.0f} s): {json.dumps(found)}", file=sys.stderr, flush=True)
    return found


def _seeded(address: str, url: str, sizes: Mapping[str, StudySize], seed: int) -> dict[str, int]:
    """Return the ids of studies by name: those that are there from an earlier run, the others made now."""
    with Client(address) as client:
        ids = {one.name: one.study_id for one in client.list_studies()}
    database = Database(url)
    try:
        for name, size in sizes.items():
            if name not in ids:
                ids[name] = seed_study(address, database, name, size, seed)
        settle(database)
    finally:
        database.close()
    return ids


if __name__ == "__main__":
    typer.run(main)
