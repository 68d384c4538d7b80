"""Whose turn it is and for whom work is: priorities, shares and the memory that a study needs of a GPU."""

from __future__ import annotations

import pytest

from tests.servers.api import Caller, Json

GIB = 1 << 30


def submit(caller: Caller, name: str, **resources: object) -> int:
    """Submit a study of many trials into the queue of all of them, and return its id."""
    budget = {"n_trials": 30, "max_parallel": 30}
    return int(caller.create(name, budget=budget, resources={"queue": "turns", **resources})["study_id"])


def ask(caller: Caller, worker_id: int, slot: int = 0, gpu_bytes: int | None = None) -> Json:
    """Claim one trial for a slot."""
    body: Json = {"worker_id": worker_id, "queues": ["turns"], "n_max": 1, "slot": slot}
    if gpu_bytes is not None:
        body["device"] = {"uuid": f"GPU-{gpu_bytes}-{slot}", "memory_bytes": gpu_bytes, "free_bytes": gpu_bytes}
    answer: Json = caller.call("POST", "/work:claim", json=body)
    return answer


def test_slots_go_to_studies_by_their_shares_and_trials_of_one_slot_count_once(caller: Caller) -> None:
    large, small = submit(caller, "large", share=2.0), submit(caller, "small")
    worker_id = caller.join("turns", n_slots=9)
    got = [ask(caller, worker_id, slot)["study_id"] for slot in range(9)]
    assert (got.count(large), got.count(small)) == (6, 3)
    third = submit(caller, "third", share=0.5)
    assert ask(caller, worker_id, 9)["study_id"] == third, "who holds nothing is next"


def test_a_single_slot_serves_studies_in_turns(caller: Caller) -> None:
    large, small = submit(caller, "large", share=2.0), submit(caller, "small")
    worker_id = caller.join("turns", n_slots=1)
    got = []
    for _ in range(9):
        claim = ask(caller, worker_id)
        got.append(claim["study_id"])
        caller.finish(claim["attempts"][0], values={"val_accuracy": 0.5})
    assert (got.count(large), got.count(small)) == (6, 3)


def test_a_priority_comes_first_until_it_is_changed_and_that_is_kept_as_an_edit(caller: Caller) -> None:
    plain, urgent = submit(caller, "plain"), submit(caller, "urgent", priority=5)
    worker_id = caller.join("turns")
    assert [ask(caller, worker_id, slot)["study_id"] for slot in range(3)] == [urgent] * 3
    later = caller.call("PATCH", "/studies/urgent", json={"resources": {"priority": -5}})
    assert later["spec"]["resources"] == {"queue": "turns", "priority": -5, "share": 1.0, "gpu_memory_bytes": None}
    assert [ask(caller, worker_id, slot)["study_id"] for slot in (3, 4)] == [plain] * 2
    (edit,) = caller.call("GET", "/studies/urgent/edits")["items"]
    assert (edit["undo"], edit["replaced"]) == ({"resources": {"priority": 5}}, [])
    caller.call("PATCH", "/studies/urgent", json=edit["undo"])
    assert ask(caller, worker_id, 5)["study_id"] == urgent


def test_a_study_that_needs_memory_of_a_gpu_waits_for_one_that_has_it(caller: Caller) -> None:
    study_id = submit(caller, "large", gpu_memory_bytes=16 * GIB)
    worker_id = caller.join("turns")
    assert ask(caller, worker_id)["attempts"] == [], "a slot on the CPU"
    assert ask(caller, worker_id, gpu_bytes=16 * GIB - 1)["attempts"] == []
    assert ask(caller, worker_id, gpu_bytes=16 * GIB)["study_id"] == study_id


@pytest.mark.parametrize(
    ("resources", "code", "field"),
    [
        ({"share": 0}, "greater_than_equal", "resources.share"),
        ({"priority": 101}, "less_than_equal", "resources.priority"),
        ({"queue": "other"}, "unknown_field", "resources.queue"),
    ],
)
def test_what_nobody_could_serve_by_is_refused(caller: Caller, resources: Json, code: str, field: str) -> None:
    submit(caller, "plain")
    error = caller.refused("PATCH", "/studies/plain", 422, json={"resources": resources})
    assert (error["code"], error["field"]) == (code, field)
    caller.call("PATCH", "/studies/plain", json={"resources": {"share": 0.01, "priority": 100}})
