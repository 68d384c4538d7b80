"""Studies as large as the dashboard must bear, written straight into a database that the API has migrated.

The API itself makes the study, so that its description is checked; trials, curves and points follow as rows, because
ten million reports would take days. Overviews are made by the function that the reconcile loop calls.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.random import Generator, default_rng
from sqlalchemy import insert, text
from sqlalchemy.orm import Session
from tunewell import Client

from api.services import overviews
from api.services.rollup import Retention, roll_up
from api.transaction import Ledger
from benchmarks.work import METRIC, SPACE
from db import blocks
from db.engine import Database
from db.tables import TrialRow

STARTED_AT = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
_CHUNK = 2_000
_SERIES = (
    "INSERT INTO metric_series (id, trial_id, name, n_points, latest_step, latest_value, latest_kind, min_value, "
    "max_value) VALUES (?, ?, ?, ?, ?, ?, 0, ?, ?)"
)
_POINTS = "INSERT INTO metric_point (series_id, step, value, kind, at_ms) VALUES (?, ?, ?, ?, ?)"


@dataclass(frozen=True, slots=True)
class StudySize:
    """How many trials a study has, and how many points of the objective each of them reported."""

    n_trials: int
    n_points: int


def seed_study(address: str, database: Database, name: str, size: StudySize, seed: int) -> int:
    """Make a study whose trials have all ended, and return its id.

    Args:
        address: Of the API that serves `database`, which is SQLite.
        database: Where the rows go.
        name: Of the study.
        size: How large it is.
        seed: Of parameters, values and curves.

    Effects: writes one study with `size.n_trials` trials and as many curves, and overviews of those that are long.
    """
    with Client(address) as client:
        study_id = client.create_study(_spec(name, size.n_trials)).study_id
    rng = default_rng(seed)
    with database.write() as session:
        first_id = session.execute(text("SELECT coalesce(max(id), 0) + 1 FROM trial")).scalar_one()
        first_series = session.execute(text("SELECT coalesce(max(id), 0) + 1 FROM metric_series")).scalar_one()
        for chunk in _chunks(size.n_trials, _CHUNK):
            _insert_trials(session, [_trial(study_id, first_id, number, rng) for number in chunk])
        _insert_curves(session, first_id, first_series, size, rng)
        session.execute(
            text("UPDATE study SET next_number = :n, next_cell = :n, rev = :n, state = 'PAUSED' WHERE id = :id"),
            {"n": size.n_trials, "id": study_id},
        )
    while True:
        with database.read() as session:
            made = overviews.find_missing(session)
        if not made:
            return study_id
        with database.write() as session:
            overviews.store(session, made)


def settle(database: Database) -> None:
    """Pack what the service packs in time, so that none of that goes on while something else is measured.

    Effects: moves the points of long curves from rows into blocks, of all trials that are over.
    """
    ledger = Ledger(database, ring=lambda _queue, _n: None, notify=lambda: None)
    at_once = Retention(pack_after_s=1e-9)
    while True:
        roll_up(ledger, at_once)
        with database.read() as session:
            if not blocks.list_unpacked(session, at_once.pack_after_s, 1):
                return


def _spec(name: str, n_trials: int) -> dict[str, Any]:
    return {
        "name": name,
        "dataset": "digits",
        "model": "mlp",
        "search_space": SPACE,
        "sampler": {"name": "random", "seed": 1},
        "objectives": [{"metric": METRIC, "direction": "maximize"}],
        "budget": {"n_trials": n_trials + 1_000, "max_parallel": 64},
        "resources": {"queue": f"nobody-{secrets.token_hex(4)}"},
    }


def _trial(study_id: int, first_id: int, number: int, rng: Generator) -> dict[str, Any]:
    rate, dropout = 10 ** rng.uniform(-4, -1), rng.uniform(0.0, 0.5)
    params = {
        "learning_rate": rate,
        "weight_decay": rng.uniform(0.0, 0.1),
        "dropout": dropout,
        "momentum": rng.uniform(0.5, 0.99),
        "epochs": int(2 ** rng.uniform(3, 8)),
        "patience": int(rng.integers(0, 5)) * 4,
        "schedule": str(rng.choice(["constant", "step", "cosine"])),
        "initialiser": str(rng.choice(["kaiming", "xavier", "orthogonal"])),
    }
    fit = 0.95 - 0.08 * (math.log10(rate) + 2.5) ** 2 - 0.3 * dropout**2
    value = float(np.clip(fit + rng.normal(0, 0.03), 0.02, 0.999))
    state = str(rng.choice(["COMPLETE", "PRUNED", "FAIL"], p=[0.7, 0.27, 0.03]))
    started_at = STARTED_AT + timedelta(seconds=30 * number)
    return {
        "id": first_id + number,
        "study_id": study_id,
        "number": number,
        "cell": number,
        "state": state,
        "reason": "made for a benchmark" if state == "FAIL" else "",
        "source": "sampler",
        "params": params,
        "value": None if state == "FAIL" else value,
        "values": {} if state == "FAIL" else {METRIC: value},
        "finished_rev": number + 1,
        "n_attempts": 1,
        "created_at": started_at,
        "started_at": started_at,
        "finished_at": started_at + timedelta(seconds=float(rng.uniform(20, 200))),
    }


def _insert_trials(session: Session, rows: Sequence[dict[str, Any]]) -> None:
    session.execute(insert(TrialRow), list(rows))


def _insert_curves(session: Session, first_id: int, first_series: int, size: StudySize, rng: Generator) -> None:
    """Write a curve of the objective for each trial through the driver: millions of rows."""
    driver = session.connection().connection.driver_connection
    assert driver is not None
    for numbers in _chunks(size.n_trials, 100):
        curves = [_curve(size.n_points, rng) for _ in numbers]
        driver.executemany(
            _SERIES,
            (
                (first_series + n, first_id + n, METRIC, *(2 * [size.n_points]), values[-1], min(values), max(values))
                for n, values in zip(numbers, curves, strict=True)
            ),
        )
        driver.executemany(_POINTS, _rows(first_series, numbers, curves))


def _rows(first_series: int, numbers: Sequence[int], curves: Sequence[list[float]]) -> Iterator[tuple[Any, ...]]:
    for number, values in zip(numbers, curves, strict=True):
        at_ms = int((STARTED_AT + timedelta(seconds=30 * number)).timestamp() * 1000)
        for step, value in enumerate(values, start=1):
            if step % 997 == 0:  # now and then one that is no number: charts must mark it
                yield first_series + number, step, None, 1, at_ms + 100 * step
            else:
                yield first_series + number, step, value, 0, at_ms + 100 * step


def _chunks(n: int, size: int) -> Iterator[range]:
    return (range(first, min(first + size, n)) for first in range(0, n, size))


def _curve(n_points: int, rng: Generator) -> list[float]:
    """Return a noisy curve that rises to its level, length `n_points`."""
    steps = np.arange(1, n_points + 1) / n_points
    level, speed = rng.uniform(0.6, 0.98), rng.uniform(3, 12)
    found: list[float] = (level * (1 - np.exp(-speed * steps)) + rng.normal(0, 0.02, n_points)).tolist()
    return found
