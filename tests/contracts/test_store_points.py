"""Points of a trial are stored once, whatever their order and however often they come; on both kinds of database."""

from __future__ import annotations

import math

from db import metrics, studies, trials
from db.engine import Database
from db.lifecycle import TrialState
from db.metrics import NamedPoints

Told = tuple[str, int, float]


def a_trial(database: Database) -> int:
    values = {"name": "points", "spec": {}, "queue": "cpu", "direction": "maximize", "max_parallel": 1}
    with database.write() as session:
        study_id = studies.insert_study(session, values, timeout_s=None)
        trial = {"study_id": study_id, "number": 0, "state": TrialState.RUNNING, "source": "manual", "params": {}}
        return trials.insert_trial(session, trial).id


def store(database: Database, trial_id: int, *told: Told) -> list[Told]:
    """Store points and return those that were new."""
    names, steps, values = zip(*told, strict=True) if told else ((), (), ())
    with database.write() as session:
        fresh = metrics.store_points(session, trial_id, NamedPoints(names, steps, values, range(len(told))))
    return list(zip(fresh.names, fresh.steps, fresh.values, strict=True))


def curve(database: Database, trial_id: int, name: str) -> dict[int, float]:
    with database.read() as session:
        (series,) = metrics.list_series(session, [trial_id], [name])
        return metrics.list_rows(session, series.id)


def test_the_first_of_a_name_and_step_counts(database: Database) -> None:
    trial_id = a_trial(database)
    told = [("loss", 3, 0.3), ("loss", 1, 0.1), ("acc", 1, 0.9), ("loss", 3, 0.4)]
    assert store(database, trial_id, *told) == told[:3]
    assert store(database, trial_id, *told) == []
    # Some behind all there are, some between, some repeated.
    assert store(database, trial_id, ("loss", 2, 0.2), ("acc", 1, 0.0), ("acc", 2, 0.8), ("loss", 3, 0.0)) == [
        ("loss", 2, 0.2),
        ("acc", 2, 0.8),
    ]
    assert store(database, trial_id) == []
    assert curve(database, trial_id, "loss") == {1: 0.1, 2: 0.2, 3: 0.3}
    assert curve(database, trial_id, "acc") == {1: 0.9, 2: 0.8}


def test_numbers_come_back_to_the_bit(database: Database) -> None:
    trial_id = a_trial(database)
    values = [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -3.0, 1e22, 1e16, 123456789012345.67]
    odd = [math.nan, math.inf, -math.inf]
    for number, order in enumerate((1, -1)):  # behind what is there, and before it
        steps = [place + 100 - 100 * number for place in range(len(values + odd))]
        store(database, trial_id, *zip(["loss"] * len(steps), steps, (values + odd)[::order], strict=True))
        rows = curve(database, trial_id, "loss")
        assert [rows[step].hex() for step in steps] == [value.hex() for value in (values + odd)[::order]]


def test_a_summary_follows_the_points(database: Database) -> None:
    trial_id = a_trial(database)
    store(database, trial_id, ("loss", 7, 0.5), ("loss", 5, math.nan), ("loss", 2**62, -1.5), ("odd", 1, math.inf))
    store(database, trial_id, ("loss", 6, 9.0), ("odd", 2, -math.inf))
    with database.read() as session:
        odd, loss = sorted(metrics.list_series(session, [trial_id]), key=lambda one: one.n_points)
    assert (loss.n_points, loss.latest_step, loss.latest_value) == (4, 2**62, -1.5)
    assert (loss.min_value, loss.max_value) == (-1.5, 9.0)
    assert (odd.n_points, odd.latest_step, odd.latest_value) == (2, 2, -math.inf)
    assert (odd.min_value, odd.max_value) == (None, None)
