"""A study ends when it has reached or spent enough, counted once across all workers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from api.services.budgets import count_hours, is_gpu_queue
from api.services.reconcile import Reconciler
from db.budgets import Holding
from db.tables import AttemptRow
from db.types import utc_now
from tests.servers.api import Caller, Json, Served

START = datetime(2026, 1, 1, tzinfo=UTC)


def submit(caller: Caller, direction: str = "maximize", **budget: Any) -> int:
    metric = "val_accuracy" if direction == "maximize" else "val_loss"
    objectives = [{"metric": metric, "direction": direction}]
    caller.create("enough", objectives=objectives, budget={"n_trials": 100, "max_parallel": 8, **budget})
    return caller.join("enough")


def study_state(caller: Caller) -> tuple[str, str]:
    study = caller.call("GET", "/studies/enough")
    return study["state"], study["state_reason"]


@pytest.mark.parametrize(
    ("direction", "metric", "values"),
    [("maximize", "val_accuracy", (0.5, 0.89, 0.9)), ("minimize", "val_loss", (2.0, 0.91, 0.9))],
)
def test_a_study_ends_when_its_target_is_reached_and_what_runs_is_stopped(
    caller: Caller, direction: str, metric: str, values: tuple[float, ...]
) -> None:
    worker_id = submit(caller, direction, target=0.9)
    jobs = caller.claim(worker_id, "enough", n_max=4)
    for job, value in zip(jobs[:2], values[:2], strict=True):
        caller.report(job, 1, metrics=[{"name": metric, "step": 1, "value": values[2]}])
        caller.finish(job, values={metric: value})
    assert study_state(caller) == ("RUNNING", "")  # a value on the way is not a result
    caller.finish(jobs[2], values={metric: values[2]})
    reason = "trial 2 reached the target of 0.9 with 0.9"
    assert study_state(caller) == ("STOPPING", reason)
    assert caller.claim(worker_id, "enough", n_max=4) == []
    assert caller.report(jobs[3], 1)["decision"] == "stop"
    caller.finish(jobs[3], "STOPPED", values={metric: 0.7})
    assert study_state(caller) == ("COMPLETE", reason)
    assert caller.call("GET", "/studies/enough")["trial_counts"]["PRUNED"] == 1


def test_a_study_ends_when_nothing_gets_better(caller: Caller) -> None:
    worker_id = submit(caller, patience=3)
    values = [0.5, 0.6, 0.6, 0.4, 0.7, 0.7, 0.2, 0.1]
    for place, value in enumerate(values):
        assert study_state(caller)[0] == "RUNNING", place
        (job,) = caller.claim(worker_id, "enough")
        outcome = "PRUNED" if place == 6 else "COMPLETE"
        caller.finish(job, outcome, values={"val_accuracy": value})
    reason = "none of the last 3 trials was better than the best one before them"
    assert study_state(caller) == ("COMPLETE", reason)
    assert caller.claim(worker_id, "enough") == []


def test_failures_are_no_lack_of_progress(caller: Caller) -> None:
    worker_id = submit(caller, patience=2)
    (job,) = caller.claim(worker_id, "enough")
    caller.finish(job, values={"val_accuracy": 0.5})
    for _ in range(4):
        (job,) = caller.claim(worker_id, "enough")
        caller.finish(job, "DIVERGED")
    assert study_state(caller)[0] == "RUNNING"


def held_for(served: Served, job: Json, hours: float) -> None:
    """Let an attempt have begun so many hours ago."""
    with served.control.database.write() as session:
        begun = update(AttemptRow).where(AttemptRow.id == job["attempt_id"])
        session.execute(begun.values(created_at=utc_now(-3600 * hours)))


def reconcile(served: Served) -> None:
    Reconciler(served.control.ledger, served.control.settings).run_once(with_leases=False)


def test_hours_of_slots_are_counted_once_however_many_trials_share_one(live_api: Served, caller: Caller) -> None:
    worker_id = submit(caller, worker_hours=3.0)
    body = {"worker_id": worker_id, "queues": ["enough"], "n_max": 3, "slot": 0}
    fused = caller.call("POST", "/work:claim", json=body)["attempts"]
    (alone,) = caller.claim(worker_id, "enough")
    for job in fused:
        held_for(live_api, job, 1.5)
    held_for(live_api, alone, 1.4)
    reconcile(live_api)
    assert study_state(caller) == ("RUNNING", "")
    held_for(live_api, alone, 1.6)
    reconcile(live_api)
    reason = "the budget of 3 worker_hours is used up"
    assert study_state(caller) == ("STOPPING", reason)
    for job in (*fused, alone):
        assert caller.report(job, 1)["decision"] == "stop"
        caller.finish(job, "STOPPED")
    assert study_state(caller) == ("COMPLETE", reason)


def test_gpu_hours_count_workers_of_gpu_queues_alone(live_api: Served, caller: Caller) -> None:
    submit(caller, gpu_hours=1.0)
    plain, gpu = caller.join("enough"), caller.join("enough", "gpu")
    (first,) = caller.claim(plain, "enough")
    held_for(live_api, first, 9.0)
    reconcile(live_api)
    assert study_state(caller) == ("RUNNING", "")
    (second,) = caller.claim(gpu, "enough")
    held_for(live_api, second, 1.1)
    reconcile(live_api)
    assert study_state(caller)[1] == "the budget of 1 gpu_hours is used up"


def holding(place: int, start_h: float, end_h: float) -> Holding:
    return Holding((1, place), ("cpu",), START + timedelta(hours=start_h), START + timedelta(hours=end_h))


@pytest.mark.parametrize(
    ("holdings", "hours"),
    [
        ([], 0.0),
        ([holding(0, 0, 2)], 2.0),
        ([holding(0, 0, 2), holding(1, 0, 2)], 4.0),
        ([holding(0, 0, 2), holding(0, 0, 2)], 2.0),
        ([holding(0, 0, 2), holding(0, 1, 3), holding(0, 5, 6)], 4.0),
        ([holding(0, 0, 9), holding(0, 1, 2), holding(0, 3, 4)], 9.0),
    ],
)
def test_hours_are_the_union_of_the_times_of_each_slot(holdings: list[Holding], hours: float) -> None:
    assert count_hours(holdings) == pytest.approx(hours)
    assert count_hours(reversed(holdings)) == pytest.approx(hours)


def test_queues_for_gpus_are_known_by_a_word_of_their_name() -> None:
    assert all(is_gpu_queue(queue) for queue in ("gpu", "gpu-h200", "big_gpu"))
    assert not any(is_gpu_queue(queue) for queue in ("cpu", "gpus", "enough"))
