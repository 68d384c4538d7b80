"""Claims of several trials: all of one structure, none lost or proposed twice, and a sampler that can still learn."""

from __future__ import annotations

from typing import Any

import pytest

from api.services.batches import LOOK_AHEAD, UNLIMITED_BATCH, learning_limit
from db import studies, trials
from tests.servers.api import Caller, Json, Served

RATE = {"type": "float", "low": 1e-4, "high": 0.1, "log": True}
WIDTHS = {"type": "categorical", "choices": [16, 32, 64]}
MIXED = {"learning_rate": RATE, "hidden_units": WIDTHS}


def submit(caller: Caller, sampler: str, n_trials: int | None, **changes: Any) -> int:
    """Submit a study of both kinds of parameters and return a worker for it."""
    budget = {"n_trials": n_trials, "max_parallel": 64}
    spec: Json = {"sampler": {"name": sampler, "seed": 11}, "search_space": MIXED, "budget": budget}
    caller.create("lanes", **{**spec, **changes})
    return caller.join("lanes")


def counts(caller: Caller) -> dict[str, int]:
    found: dict[str, int] = caller.call("GET", "/studies/lanes")["trial_counts"]
    return found


def claim_all(caller: Caller, worker_id: int, n_max: int) -> list[list[Json]]:
    """Claim and finish until nothing is left; return the batches."""
    batches = []
    while jobs := caller.claim(worker_id, "lanes", n_max=n_max):
        batches.append(jobs)
        for job in jobs:
            caller.finish(job, values={"val_accuracy": 1 - abs(job["params"]["learning_rate"] - 0.01)})
    return batches


def test_trials_that_differ_in_numbers_alone_share_a_claim(caller: Caller) -> None:
    worker_id = submit(caller, "random", 20, search_space={"learning_rate": RATE})
    assert [job["number"] for job in caller.claim(worker_id, "lanes", n_max=8)] == list(range(8))


def test_a_claim_holds_one_structure_and_every_trial_runs_once(caller: Caller) -> None:
    worker_id = submit(caller, "random", 40)
    batches = claim_all(caller, worker_id, 4)
    assert all(len({job["params"]["hidden_units"] for job in jobs}) == 1 for jobs in batches)
    assert sorted(job["number"] for jobs in batches for job in jobs) == list(range(40))
    # Looking ahead fills all but the last claim of each of the three structures.
    assert sum(len(jobs) < 4 for jobs in batches) <= 3
    assert counts(caller)["COMPLETE"] == 40


def test_looking_ahead_is_bounded_and_what_waits_comes_next(caller: Caller) -> None:
    space = {"learning_rate": RATE, "hidden_units": {"type": "int", "low": 1, "high": 4096}}
    worker_id = submit(caller, "random", 1000, search_space=space)
    for number in range(3):
        (job,) = caller.claim(worker_id, "lanes", n_max=4)
        assert job["number"] == number
        assert counts(caller)["WAITING"] <= LOOK_AHEAD * 4
    assert caller.claim(worker_id, "lanes")[0]["number"] == 3


def test_one_at_a_time_nothing_is_proposed_ahead(caller: Caller) -> None:
    worker_id = submit(caller, "bayesian", 20)
    for number in range(3):
        assert [job["number"] for job in caller.claim(worker_id, "lanes")] == [number]
        assert counts(caller)["WAITING"] == 0


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every sampler be asked at the claim, and none ahead."""
    monkeypatch.setattr("api.asks.asker.is_slow", lambda *_: False)
    monkeypatch.setattr("api.services.prepare.is_slow", lambda *_: False)


@pytest.mark.usefixtures("instant")
def test_a_sampler_that_learns_gets_small_batches_and_parks_one(caller: Caller) -> None:
    worker_id = submit(caller, "bayesian", 24)
    seen: list[int] = []
    while jobs := caller.claim(worker_id, "lanes", n_max=16):
        assert len(jobs) <= learning_limit(24) == 3
        assert len({job["params"]["hidden_units"] for job in jobs}) == 1
        assert counts(caller)["WAITING"] <= 1
        assert jobs[0]["number"] == min(set(range(24)).difference(seen))  # whoever waits comes first
        seen += [job["number"] for job in jobs]
        for job in jobs:
            caller.finish(job, values={"val_accuracy": 0.5})
    assert sorted(seen) == list(range(24))


@pytest.mark.parametrize(("n_trials", "limit"), [(None, UNLIMITED_BATCH), (1, 1), (7, 1), (16, 2), (1000, 125)])
def test_the_limit_follows_the_budget(n_trials: int | None, limit: int) -> None:
    assert learning_limit(n_trials) == limit


@pytest.mark.usefixtures("instant")
def test_a_trial_that_waits_is_known_to_the_sampler(live_api: Served, caller: Caller) -> None:
    worker_id = submit(caller, "bayesian", 24)
    while counts(caller)["WAITING"] == 0:
        assert caller.claim(worker_id, "lanes", n_max=3)
    caller.call("POST", "/studies/lanes/trials", 201, json={"params": {"learning_rate": 0.1, "hidden_units": 16}})
    with live_api.control.ledger.read() as session:
        study = studies.find_study(session, "lanes")
        assert study is not None
        waiting = {trial.number for trial in trials.list_waiting(session, study.id, 100)}
    while not (jobs := [job for job in caller.claim(worker_id, "lanes") if job["number"] > max(waiting)]):
        pass
    with live_api.control.ledger.read() as session:
        seen = trials.get_trial(session, jobs[0]["trial_id"]).seen
    assert seen is not None
    assert waiting <= set(seen["running"])


def test_parameters_that_make_no_network_fail_before_they_train(caller: Caller) -> None:
    fixed = {"residual": True, "hidden_units": 32}
    space = {"learning_rate": RATE, "hidden_layers": {"type": "int", "low": 1, "high": 2}}
    worker_id = submit(caller, "random", 12, fixed=fixed, search_space=space)
    jobs = [job for batch in claim_all(caller, worker_id, 4) for job in batch]
    assert {job["params"]["hidden_layers"] for job in jobs} == {2}
    failed = caller.call("GET", "/studies/lanes/trials", params={"state": "FAIL"})["items"]
    assert len(failed) + len(jobs) == 12
    assert {trial["params"]["hidden_layers"] for trial in failed} == {1}
    assert all("not trained" in trial["reason"] and trial["n_attempts"] == 0 for trial in failed)
    params = {"learning_rate": 0.01, "hidden_layers": 1}
    refusal = caller.refused("POST", "/studies/lanes/trials", 422, json={"params": params})
    assert refusal["code"] == "impossible_combination"
    caller.call("POST", "/studies/lanes/trials", 201, json={"params": {**params, "hidden_layers": 2}})


def test_what_trains_in_one_slot_leaves_the_others_free(caller: Caller) -> None:
    worker_id = submit(caller, "random", 20, search_space={"learning_rate": RATE})

    def n_busy() -> int:
        (worker,) = caller.call("GET", "/workers")["items"]
        busy: int = worker["n_busy"]
        return busy

    for slot, want in ((0, 1), (0, 1), (3, 2), (None, 5)):
        body = {"worker_id": worker_id, "queues": ["lanes"], "n_max": 3, "slot": slot}
        assert len(caller.call("POST", "/work:claim", json=body)["attempts"]) == 3
        assert n_busy() == want
