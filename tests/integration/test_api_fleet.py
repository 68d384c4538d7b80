"""Workers and queues as people see them: what runs where, what waits, what a machine uses, draining and back."""

from __future__ import annotations

from typing import Any

from tests.servers.api import Caller

READING = {
    "n_cpus": 8,
    "cpu_percent": 42.5,
    "memory_used_bytes": 3 * 2**30,
    "memory_total_bytes": 16 * 2**30,
    "gpus": [
        {
            "index": 0,
            "name": "NVIDIA H200",
            "utilisation_percent": 93,
            "memory_used_bytes": 2**36,
            "memory_total_bytes": 2**37,
        },
        {
            "index": 1,
            "name": "NVIDIA H200 MIG 1g",
            "utilisation_percent": None,
            "memory_used_bytes": None,
            "memory_total_bytes": None,
        },
    ],
}


def the_worker(caller: Caller, worker_id: int) -> dict[str, Any]:
    """Return one worker of the list."""
    items = caller.call("GET", "/workers")["items"]
    found: dict[str, Any] = next(item for item in items if item["worker_id"] == worker_id)
    return found


def the_queue(caller: Caller, name: str) -> dict[str, Any]:
    """Return one queue of the list."""
    items = caller.call("GET", "/queues")["items"]
    found: dict[str, Any] = next(item for item in items if item["name"] == name)
    return found


def test_a_heartbeat_tells_what_the_machine_uses_and_one_without_keeps_it(caller: Caller) -> None:
    worker_id = caller.join("q")
    assert the_worker(caller, worker_id)["machine"] is None
    caller.call("POST", f"/workers/{worker_id}:heartbeat", json={"machine": READING})
    caller.call("POST", f"/workers/{worker_id}:heartbeat", json={})
    assert the_worker(caller, worker_id)["machine"] == READING


def test_a_worker_shows_the_gpus_that_its_slots_are_pinned_to(caller: Caller) -> None:
    device = {"uuid": "GPU-1", "name": "One", "memory_bytes": 2**36, "slots": [0, 2], "is_simulated": False}
    body = {"name": "w", "host": "h", "pid": 1, "queues": ["gpu"], "n_slots": 3, "devices": [device]}
    assert the_worker(caller, caller.call("POST", "/workers", 201, json=body)["worker_id"])["devices"] == [device]
    assert the_worker(caller, caller.join("gpu"))["devices"] == []
    error = caller.refused("POST", "/workers", 422, json={**body, "n_slots": 2})
    assert (error["code"], error["field"]) == ("unknown_slot", "devices.0.slots")


def test_a_heartbeat_with_an_impossible_reading_is_refused(caller: Caller) -> None:
    worker_id = caller.join("q")
    wrong = {"machine": {**READING, "cpu_percent": 101}}
    error = caller.refused("POST", f"/workers/{worker_id}:heartbeat", 422, json=wrong)
    assert (error["code"], error["field"]) == ("less_than_equal", "machine.cpu_percent")


def test_a_worker_shows_what_runs_in_its_slots(caller: Caller) -> None:
    caller.create("fleet")
    worker_id = caller.join("fleet")
    body = {"worker_id": worker_id, "queues": ["fleet"], "n_max": 2, "slot": 1}
    jobs = caller.call("POST", "/work:claim", json=body)["attempts"]
    caller.report(jobs[0], 1, step=2, n_steps=3)
    worker = the_worker(caller, worker_id)
    assert worker["n_busy"] == 1
    assert [(run["study_name"], run["number"], run["slot"], run["trial_state"]) for run in worker["runs"]] == [
        ("fleet", 0, 1, "RUNNING"),
        ("fleet", 1, 1, "RUNNING"),
    ]
    assert (worker["runs"][0]["step"], worker["runs"][0]["n_steps"]) == (2, 3)
    caller.finish(jobs[0], values={"val_accuracy": 0.9})
    assert [run["number"] for run in the_worker(caller, worker_id)["runs"]] == [1]


def test_a_lost_worker_shows_what_became_of_its_trials(caller: Caller) -> None:
    caller.create("fleet")
    worker_id = caller.join("fleet")
    kept, over = caller.claim(worker_id, "fleet", n_max=2)
    caller.finish(over, values={"val_accuracy": 0.9})  # before the last sign of life: no loss
    caller.call("POST", f"/workers/{worker_id}:heartbeat", json={})
    caller.call("POST", f"/workers/{worker_id}:leave", 204)
    caller.finish(kept, "PREEMPTED", reason="the worker ends")
    worker = the_worker(caller, worker_id)
    assert worker["state"] == "LOST"
    assert worker["left_at"] is not None
    assert [(run["number"], run["attempt_state"], run["trial_state"]) for run in worker["runs"]] == [
        (kept["number"], "PREEMPTED", "WAITING")
    ]


def test_queues_tell_what_waits_and_who_serves_them(caller: Caller) -> None:
    caller.create("fleet", budget={"n_trials": 5, "max_parallel": 4})
    caller.create("endless", budget={"n_trials": None, "timeout_s": 3600, "max_parallel": 1})
    worker_id = caller.join("fleet", "other", n_slots=3)
    first, _second = caller.claim(worker_id, "fleet", n_max=2)
    assert the_queue(caller, "fleet")["oldest_waiting_at"] is None
    caller.finish(first, "PREEMPTED")
    queue = the_queue(caller, "fleet")
    assert queue.pop("oldest_waiting_at") is not None
    assert queue == {
        "name": "fleet",
        "n_studies": 1,
        "n_waiting": 1,
        "n_to_come": 3,
        "n_running": 1,
        "n_slots": 3,
        "n_idle": 2,
    }
    assert the_queue(caller, "endless")["n_to_come"] is None
    assert (the_queue(caller, "other")["n_studies"], the_queue(caller, "other")["n_slots"]) == (0, 3)


def test_a_paused_study_has_nothing_waiting(caller: Caller) -> None:
    study = caller.create("fleet")
    caller.call("POST", f"/studies/{study['study_id']}/trials", 201, json={"params": {"learning_rate": 0.01}})
    assert the_queue(caller, "fleet")["n_waiting"] == 1
    caller.call("PATCH", f"/studies/{study['study_id']}", json={"action": "pause"})
    assert (the_queue(caller, "fleet")["n_waiting"], the_queue(caller, "fleet")["n_to_come"]) == (0, 0)


def test_a_drained_worker_claims_nothing_until_it_is_let_go_on(caller: Caller) -> None:
    caller.create("fleet")
    worker_id = caller.join("fleet")
    assert caller.call("POST", f"/workers/{worker_id}:drain")["state"] == "DRAINING"
    assert caller.claim(worker_id, "fleet") == []
    assert caller.call("POST", f"/workers/{worker_id}:undrain")["state"] == "ALIVE"
    assert len(caller.claim(worker_id, "fleet")) == 1


def test_a_lost_worker_cannot_go_on(caller: Caller) -> None:
    worker_id = caller.join("fleet")
    assert caller.call("POST", f"/workers/{worker_id}:undrain")["state"] == "ALIVE"
    caller.call("POST", f"/workers/{worker_id}:leave", 204)
    error = caller.refused("POST", f"/workers/{worker_id}:undrain", 409)
    assert (error["code"], error["field"]) == ("wrong_state", "worker_id")
