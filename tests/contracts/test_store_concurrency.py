"""Many workers at once on one study, over HTTP, on both kinds of database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from api.services.reconcile import Reconciler
from db.lifecycle import TrialState
from db.metric_tables import MetricPointRow
from db.tables import AttemptRow, EventRow, LogLineRow, TrialRow
from tests.servers.api import Caller, Json, Served, settings_for

N_THREADS = 8
GRID = {
    "hidden_units": {"type": "int", "low": 16, "high": 25},
    "activation": {"type": "categorical", "choices": ["relu", "tanh", "swish", "gelu"]},
}


def in_threads(work: Callable[[int], Any]) -> list[Any]:
    """Run `work` in `N_THREADS` threads that start together; return what each returned."""
    barrier = threading.Barrier(N_THREADS)

    def run(place: int) -> Any:
        barrier.wait(30.0)
        return work(place)

    with ThreadPoolExecutor(N_THREADS) as pool:
        return list(pool.map(run, range(N_THREADS)))


@pytest.mark.parametrize(("sampler", "n_trials"), [("grid", None), ("random", 40)])
def test_a_budget_is_spent_once_by_many_workers(
    live_api: Served, caller: Caller, sampler: str, n_trials: int | None
) -> None:
    budget = {"n_trials": n_trials, "max_parallel": 4}
    study = caller.create(
        "busy",
        sampler={"name": sampler, "seed": 1},
        search_space=GRID,
        budget=budget,
        repeats={"duplicates": "train"},
    )
    most_running = 0

    def work(place: int) -> list[Json]:
        nonlocal most_running
        done: list[Json] = []
        own = Caller(live_api.address)
        worker_id = own.join("busy", n_slots=2)
        while own.call("GET", "/studies/busy")["state"] == "RUNNING":
            for job in own.claim(worker_id, "busy", n_max=1 + place % 2):
                own.report(job, 1, step=1, metrics=[{"name": "val_accuracy", "step": 1, "value": place / 10}])
                most_running = max(most_running, own.call("GET", "/studies/busy")["trial_counts"]["RUNNING"])
                own.finish(job, values={"val_accuracy": job["number"] / 100})
                done.append(job)
        own.close()
        return done

    done = [job for jobs in in_threads(work) for job in jobs]
    assert sorted(job["number"] for job in done) == list(range(40))
    assert 1 <= most_running <= 4
    ended = caller.call("GET", f"/studies/{study['study_id']}")
    assert ended["state"] == "COMPLETE"
    assert ended["trial_counts"] == {"WAITING": 0, "RUNNING": 0, "COMPLETE": 40, "PRUNED": 0, "FAIL": 0}
    assert ended["best_trial"]["number"] == 39
    if sampler == "grid":
        cells = {(job["params"]["hidden_units"], job["params"]["activation"]) for job in done}
        assert len(cells) == 40


def test_stops_losses_and_finishes_at_once_do_not_deadlock(live_api: Served, caller: Caller) -> None:
    """Everything that locks studies, attempts and trials runs against everything else."""
    budget = {"n_trials": 40, "max_parallel": 8, "max_retries": 100}
    caller.create("storm", budget=budget)
    reconciler = Reconciler(live_api.control.ledger, settings_for(Path(), lease_s=60.0))

    def work(place: int) -> None:
        own = Caller(live_api.address)
        worker_id = own.join("storm", n_slots=2)
        while own.call("GET", "/studies/storm")["state"] == "RUNNING":
            for job in own.claim(worker_id, "storm", n_max=2):
                own.report(job, 1, metrics=[{"name": name, "step": 1, "value": 1.0} for name in ("b", "a", "c")])
                if job["number"] % 5 == place % 5:
                    own.http.post(f"/trials/{job['trial_id']}:stop")
                outcome = "PREEMPTED" if job["attempt_no"] == 1 and job["number"] % 4 == 0 else "COMPLETE"
                own.finish(job, outcome, values={"val_accuracy": 0.5})
            if place == 0:
                reconciler.run_once()
            if place == 1:
                own.call("PATCH", "/studies/storm", json={"notes": "seen"})
        own.close()

    in_threads(work)
    counts = caller.call("GET", "/studies/storm")["trial_counts"]
    assert counts["WAITING"] == counts["RUNNING"] == 0
    assert sum(counts.values()) == 40
    with live_api.control.ledger.read() as session:
        running = select(func.count()).select_from(AttemptRow).where(AttemptRow.state == "RUNNING")
        assert session.execute(running).scalar_one() == 0


def test_only_one_of_many_finishes_counts(live_api: Served, caller: Caller) -> None:
    caller.create("once")
    (job,) = caller.claim(caller.join("once"), "once")
    outcomes = ["COMPLETE", "PRUNED", "CRASHED", "OOM", "DIVERGED", "STOPPED", "TIMED_OUT", "PREEMPTED"]

    def finish(place: int) -> int:
        body = {"lease_token": job["lease_token"], "outcome": outcomes[place], "values": {"val_accuracy": place}}
        own = Caller(live_api.address)
        status = own.http.post(f"/attempts/{job['attempt_id']}:finish", json=body).status_code
        own.close()
        return status

    statuses = in_threads(finish)
    assert sorted(statuses) == [200] + [409] * (N_THREADS - 1)
    winner = outcomes[statuses.index(200)]
    (attempt,) = caller.call("GET", f"/trials/{job['trial_id']}")["attempts"]
    assert attempt["state"] == winner


def test_a_repeated_report_is_stored_once_by_many_senders(live_api: Served, caller: Caller) -> None:
    caller.create("same")
    (job,) = caller.claim(caller.join("same"), "same")
    logs = [{"at": "2026-01-01T00:00:00Z", "text": "once"}]
    metrics = [{"name": "val_accuracy", "step": 1, "value": 0.5}]

    def report(_place: int) -> Json:
        own = Caller(live_api.address)
        answer = own.report(job, 1, step=1, logs=logs, metrics=metrics)
        own.close()
        return answer

    answers = in_threads(report)
    assert all(answer == answers[0] for answer in answers)
    assert [line["text"] for line in caller.call("GET", f"/trials/{job['trial_id']}/logs")["items"]] == ["once"]
    (series,) = caller.call("GET", f"/trials/{job['trial_id']}/metrics")["series"]
    assert (series["n_points"], series["values"]) == (1, [0.5])


def test_a_lost_lease_stores_nothing(live_api: Served, caller: Caller) -> None:
    caller.create("stale")
    worker_id = caller.join("stale")
    (job,) = caller.claim(worker_id, "stale")
    caller.finish(job, "PREEMPTED")
    (again,) = caller.claim(worker_id, "stale")
    assert (again["trial_id"], again["attempt_no"]) == (job["trial_id"], 2)
    before = stored(live_api)
    body = {"step": 5, "metrics": [{"name": "val_accuracy", "step": 5, "value": 0.5}]}
    body["logs"] = [{"at": "2026-01-01T00:00:00Z", "text": "late"}]
    assert caller.report(job, 7, 409, **body)["error"]["code"] == "lease_lost"
    assert caller.report({**again, "lease_token": "guessed"}, 7, 409, **body)["error"]["code"] == "lease_lost"
    assert caller.finish(job, "COMPLETE", 409, values={"val_accuracy": 1.0})["error"]["code"] == "lease_lost"
    assert caller.upload(job, "late.bin", b"late", 409)["error"]["code"] == "lease_lost"
    assert stored(live_api) == before
    caller.report(again, 7, 200, **body)
    assert stored(live_api) != before


def stored(live_api: Served) -> list[Any]:
    """Return the number of rows that writes of an attempt touch, and the states of trials."""
    with live_api.control.ledger.read() as session:
        tables = (MetricPointRow, LogLineRow, EventRow)
        counts: list[Any] = [session.execute(select(func.count()).select_from(one)).scalar_one() for one in tables]
        trials = session.execute(select(TrialRow.id, TrialRow.state, TrialRow.step, TrialRow.value))
        return [*counts, *(tuple(row) for row in trials)]


def test_a_trial_of_a_deleted_study_still_ends(live_api: Served, caller: Caller) -> None:
    study = caller.create("gone")
    (job,) = caller.claim(caller.join("gone"), "gone")
    caller.call("DELETE", "/studies/gone", 204)
    assert caller.report(job, 1, step=1)["decision"] == "stop"
    assert caller.finish(job, "STOPPED", values={"val_accuracy": 0.5})["trial_state"] == TrialState.PRUNED
    restored = caller.call("POST", f"/studies/{study['study_id']}:restore")
    assert (restored["state"], restored["trial_counts"]["PRUNED"]) == ("COMPLETE", 1)
