"""Claims for a device: as many trials as its memory has room for, by what such trials took before."""

from __future__ import annotations

from typing import Any

from tests.servers.api import Caller, Json

RATE = {"type": "float", "low": 1e-4, "high": 0.1, "log": True}
WIDTHS = {"type": "categorical", "choices": [16, 32]}
TOTAL = 1000


def submit(caller: Caller, n_trials: int = 20, **changes: Any) -> int:
    """Submit a study whose trials differ in numbers alone, and return a worker for it."""
    spec: Json = {"sampler": {"name": "random", "seed": 11}, "search_space": {"learning_rate": RATE}, **changes}
    caller.create("memory", **spec, budget={"n_trials": n_trials, "max_parallel": 64})
    return caller.join("memory")


def ask(caller: Caller, worker_id: int, slot: int = 0, *, n_max: int = 8, free: int | None = TOTAL) -> Json:
    """Claim for a slot on a device; slots of one number share it."""
    device = {"uuid": "GPU-1", "memory_bytes": TOTAL, "free_bytes": free}
    body = {"worker_id": worker_id, "queues": ["memory"], "n_max": n_max, "slot": slot, "device": device}
    answer: Json = caller.call("POST", "/work:claim", json=body)
    return answer


def took(caller: Caller, job: Json, seq: int = 1, **peaks: int) -> None:
    """Report what a process took, by number of lanes."""
    memory = [{"n_lanes": int(name.removeprefix("n")), "peak_bytes": peak} for name, peak in peaks.items()]
    caller.report(job, seq, memory=memory)


def test_the_first_of_a_structure_is_alone_and_what_it_took_makes_room_for_the_next(caller: Caller) -> None:
    worker_id = submit(caller)
    first = ask(caller, worker_id, n_max=4)
    assert (len(first["attempts"]), first["memory_bytes"]) == (4, None)
    assert ask(caller, worker_id, 1)["attempts"] == [], "nobody knows yet what is left"
    took(caller, first["attempts"][0], n1=100, n4=250)
    second = ask(caller, worker_id, 1)
    # 275 of 1000 are the first process's, with its margin: 725 are left, for at most 13 lanes, and 8 are asked for.
    assert (len(second["attempts"]), second["memory_bytes"]) == (8, 495)
    third = ask(caller, worker_id, 2)
    assert (len(third["attempts"]), third["memory_bytes"]) == (3, 220)
    assert ask(caller, worker_id, 3)["attempts"] == []
    for job in second["attempts"]:
        caller.finish(job, values={"val_accuracy": 0.5})
    assert len(ask(caller, worker_id, 1, n_max=3)["attempts"]) == 3
    shown = caller.call("GET", f"/trials/{first['attempts'][0]['trial_id']}")["attempts"][0]
    assert (shown["device"], shown["peak_bytes"]) == ("GPU-1", 250)


def test_what_others_take_of_the_device_is_not_handed_out(caller: Caller) -> None:
    worker_id = submit(caller)
    took(caller, ask(caller, worker_id, n_max=1)["attempts"][0], n1=100)
    assert ask(caller, worker_id, 1, free=100)["attempts"] == []
    assert len(ask(caller, worker_id, 1, free=240)["attempts"]) == 2
    unknown = ask(caller, worker_id, 2, free=None)
    assert len(unknown["attempts"]) == 6, "by what is promised alone"


def test_a_new_structure_beside_others_gets_twice_of_the_largest_lane(caller: Caller) -> None:
    space = {"learning_rate": RATE, "hidden_units": WIDTHS}
    worker_id = submit(caller, search_space=space)
    (first,) = ask(caller, worker_id, n_max=1)["attempts"]
    took(caller, first, n1=100)
    found: list[Json] = []
    while not found or found[-1]["attempts"][0]["params"]["hidden_units"] == first["params"]["hidden_units"]:
        found.append(ask(caller, worker_id, len(found) + 1, n_max=1))
    assert (len(found[-1]["attempts"]), found[-1]["memory_bytes"]) == (1, 200)


def test_memory_that_ran_out_is_tried_once_more_alone_and_then_the_trial_fails(caller: Caller) -> None:
    worker_id = submit(caller, n_trials=2)
    one, other = ask(caller, worker_id, n_max=2)["attempts"]
    assert caller.finish(one, "OOM", is_retryable=False, reason="too much") == {
        "trial_state": "WAITING",
        "attempt_state": "OOM",
    }
    assert ask(caller, worker_id, 1)["attempts"] == [], "another one is there"
    caller.finish(other, values={"val_accuracy": 0.5})
    (again,) = ask(caller, worker_id, 1)["attempts"]
    assert (again["trial_id"], again["attempt_no"]) == (one["trial_id"], 2)
    took(caller, again, n1=10)
    assert ask(caller, worker_id, 2)["attempts"] == [], "it stays alone, however little it takes"
    assert caller.finish(again, "OOM")["trial_state"] == "FAIL"
    trial = caller.call("GET", f"/trials/{one['trial_id']}")
    assert [attempt["state"] for attempt in trial["attempts"]] == ["OOM", "OOM"]
    assert caller.call("GET", "/studies/memory")["state"] == "COMPLETE"


def test_without_a_device_what_ran_out_of_memory_is_tried_again_in_a_claim_of_its_own(caller: Caller) -> None:
    worker_id = submit(caller, n_trials=5)
    one, *others = caller.claim(worker_id, "memory", n_max=3)
    caller.finish(one, "OOM")
    assert [job["number"] for job in caller.claim(worker_id, "memory", n_max=3)] == [one["number"]]
    assert len(caller.claim(worker_id, "memory", n_max=3)) == 2
    assert len(others) == 2


def test_a_sampler_that_learns_is_not_asked_where_there_is_no_room(caller: Caller) -> None:
    space = {"learning_rate": RATE, "hidden_units": {"type": "int", "low": 8, "high": 512}}
    worker_id = submit(caller, sampler={"name": "bayesian", "seed": 3}, search_space=space)
    assert len(ask(caller, worker_id, n_max=1)["attempts"]) == 1
    for slot in range(1, 5):
        assert ask(caller, worker_id, slot, n_max=1)["attempts"] == []
    counts = caller.call("GET", "/studies/memory")["trial_counts"]
    assert counts["WAITING"] == 1, "one proposal shows that nothing fits"


def test_a_device_without_memory_is_refused(caller: Caller) -> None:
    worker_id = submit(caller)
    body: Json = {"worker_id": worker_id, "queues": ["memory"], "device": {"uuid": "GPU-1", "memory_bytes": 0}}
    error = caller.refused("POST", "/work:claim", 422, json=body)
    assert (error["code"], error["field"]) == ("greater_than_equal", "device.memory_bytes")
    body["device"]["memory_bytes"] = 1
    assert len(caller.call("POST", "/work:claim", json=body)["attempts"]) == 1
