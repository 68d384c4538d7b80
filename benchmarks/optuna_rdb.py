"""The peer: Optuna's RDBStorage doing the same no-op trials in the same database kind."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial
from sqlalchemy import event

from benchmarks.work import SPACE


class OptunaPeer:
    """A storage that stays open, as Tunewell's API does; each run is a study of its own.

    Args:
        url: SQLAlchemy address of an empty database.
        has_wal: SQLite only: whether to switch Optuna's file to the journal that Tunewell uses (`WAL`, synchronous
            `NORMAL`). Optuna does not do so by itself.
    """

    def __init__(self, url: str, *, has_wal: bool = False) -> None:
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._storage = RDBStorage(url)
        if has_wal:
            event.listen(self._storage.engine, "connect", use_wal)
            self._storage.engine.dispose()

    def run(self, n_trials: int, n_reports: int, seed: int) -> float:
        """Ask, report `n_reports` times and tell, `n_trials` times; return the seconds it took."""
        sampler = optuna.samplers.RandomSampler(seed=seed)
        study = optuna.create_study(storage=self._storage, sampler=sampler, direction="maximize")
        space = {name: distribution_of(entry) for name, entry in SPACE.items()}
        started_at = time.perf_counter()
        for _ in range(n_trials):
            trial = study.ask(space)
            for step in range(1, n_reports + 1):
                trial.report(1.0 - 1.0 / step, step)
            study.tell(trial, 1.0 - 1.0 / n_reports)
        return time.perf_counter() - started_at

    def list_trials(self) -> list[FrozenTrial]:
        """Return every trial that was run."""
        return [
            trial
            for study in self._storage.get_all_studies()
            for trial in self._storage.get_all_trials(study._study_id)
        ]

    def journal_mode(self) -> str:
        """Return the journal of a SQLite file."""
        with self._storage.engine.connect() as connection:
            return str(connection.exec_driver_sql("PRAGMA journal_mode").scalar_one())

    def close(self) -> None:
        """Close the connections."""
        self._storage.remove_session()
        self._storage.engine.dispose()


def use_wal(connection: Any, _record: object) -> None:
    """Switch a connection to SQLite to the journal that Tunewell uses."""
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def distribution_of(entry: Mapping[str, Any]) -> BaseDistribution:
    """Return a parameter of `benchmarks.work.SPACE` as Optuna's."""
    if entry["type"] == "categorical":
        return CategoricalDistribution(entry["choices"])
    if entry["type"] == "int":
        return IntDistribution(entry["low"], entry["high"], log=entry.get("log", False), step=entry.get("step", 1))
    return FloatDistribution(entry["low"], entry["high"], log=entry.get("log", False))
