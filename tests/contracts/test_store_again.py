"""Trials that people run again: what they keep of the first, and what becomes of their study."""

from __future__ import annotations

from typing import Any

import pytest

from api.services.seeds import trial_seed
from tests.servers.api import Caller, Json

MEDIAN: Json = {"name": "median", "n_startup_trials": 1, "n_warmup_steps": 0}


def ended(caller: Caller, outcome: str, **finish: Any) -> Json:
    """Run the first trial of a study of one trial to its end and return it."""
    caller.create("again", budget={"n_trials": 1, "max_parallel": 4})
    (job,) = caller.claim(caller.join("again"), "again")
    caller.report(job, 1, step=1, metrics=[{"name": "val_accuracy", "step": 1, "value": 0.25}])
    caller.finish(job, outcome, is_retryable=False, **finish)
    trial: Json = caller.call("GET", "/studies/again/trials/0")
    return trial


@pytest.mark.parametrize("outcome", ["CRASHED", "DIVERGED", "PRUNED", "STOPPED"])
def test_a_retry_is_the_same_training_as_a_new_trial(caller: Caller, outcome: str) -> None:
    first = ended(caller, outcome, reason="the machine fell over")
    added = caller.call("POST", f"/trials/{first['trial_id']}:retry", 201)
    assert (added["number"], added["state"], added["source"], added["origin"]) == (1, "WAITING", "retry", 0)
    assert added["params"] == first["params"]
    assert caller.call("GET", "/studies/again")["state"] == "RUNNING"
    (job,) = caller.claim(caller.join("again"), "again", n_max=5)
    assert (job["trial_id"], job["seed"], job["attempt_no"]) == (added["trial_id"], first["seed"], 1)
    caller.finish(job, "CRASHED", is_retryable=False)
    third = caller.call("POST", f"/trials/{added['trial_id']}:retry", 201)
    assert third["origin"] == 1
    (job,) = caller.claim(caller.join("again"), "again", n_max=5)
    assert job["seed"] == first["seed"] == trial_seed(7, 0)
    caller.finish(job, values={"val_accuracy": 0.5})
    again = caller.call("GET", "/studies/again/trials/0")
    assert {**again, "run_again_as": []} == first
    assert again["run_again_as"] == [1]
    assert caller.call("GET", "/studies/again")["state"] == "COMPLETE"


def test_repeats_have_seeds_of_their_own_and_are_trained_although_the_result_is_known(caller: Caller) -> None:
    space = {"hidden_layers": {"type": "int", "low": 1, "high": 2}}
    caller.create("again", search_space=space, sampler={"name": "grid"}, budget={"max_parallel": 4})
    worker_id = caller.join("again")
    for job in [*caller.claim(worker_id, "again"), *caller.claim(worker_id, "again")]:
        caller.finish(job, values={"val_accuracy": 0.5})
    assert caller.claim(worker_id, "again") == []
    first = caller.call("GET", "/studies/again/trials/1")
    assert caller.call("GET", "/studies/again")["state"] == "COMPLETE"
    added = caller.call("POST", f"/trials/{first['trial_id']}:repeat", 201, json={"n": 2, "note": "luck?"})["items"]
    assert [(one["number"], one["source"], one["origin"], one["note"]) for one in added] == [
        (2, "repeat", 1, "luck?"),
        (3, "repeat", 1, "luck?"),
    ]
    jobs = caller.claim(worker_id, "again", n_max=5)
    assert [job["number"] for job in jobs] == [2, 3]
    seeds = {caller.call("GET", f"/trials/{job['trial_id']}")["seed"] for job in jobs}
    assert seeds == {job["seed"] for job in jobs}
    assert len({first["seed"], *seeds}) == 3
    for job in jobs:
        caller.finish(job, values={"val_accuracy": 0.75})
    assert caller.call("GET", "/studies/again")["best_trial"]["number"] in (2, 3)
    assert caller.call("GET", f"/trials/{first['trial_id']}")["run_again_as"] == [2, 3]


def test_no_pruner_ends_what_somebody_wants_to_see_the_end_of(caller: Caller) -> None:
    caller.create("again", pruner=MEDIAN, budget={"n_trials": 2, "max_parallel": 1})
    worker_id = caller.join("again")
    (good,) = caller.claim(worker_id, "again")
    caller.report(good, 1, step=1, metrics=[{"name": "val_accuracy", "step": 1, "value": 0.9}])
    caller.finish(good, values={"val_accuracy": 0.9})
    (bad,) = caller.claim(worker_id, "again")
    worse = [{"name": "val_accuracy", "step": 1, "value": 0.1}]
    assert caller.report(bad, 1, step=1, metrics=worse)["decision"] == "prune"
    caller.finish(bad, "PRUNED")
    caller.call("POST", f"/trials/{bad['trial_id']}:retry", 201)
    (job,) = caller.claim(worker_id, "again")
    assert caller.report(job, 1, step=1, metrics=worse)["decision"] == "continue"


def test_only_what_ended_without_a_result_is_retried(caller: Caller) -> None:
    caller.create("again", budget={"n_trials": 1, "max_parallel": 4})
    (job,) = caller.claim(caller.join("again"), "again")
    path = f"/trials/{job['trial_id']}"
    error = caller.refused("POST", f"{path}:retry", 409)
    assert (error["code"], error["field"], error["hint"]) == ("wrong_state", "trial_id", "retry it once it has ended")
    caller.finish(job, values={"val_accuracy": 0.5})
    error = caller.refused("POST", f"{path}:retry", 409)
    assert (error["code"], error["hint"]) == ("wrong_state", "repeat it, which takes other seeds")
    assert caller.refused("POST", "/trials/999:retry", 404)["code"] == "trial_not_found"
    assert caller.refused("POST", "/trials/999:repeat", 404, json={})["code"] == "trial_not_found"
    assert caller.refused("POST", f"{path}:repeat", 422, json={"n": 0})["field"] == "n"
    assert caller.refused("POST", f"{path}:repeat", 422, json={"n": 51})["field"] == "n"
    assert len(caller.call("POST", f"{path}:repeat", 201, json={})["items"]) == 3


def test_a_study_that_is_stopping_or_that_a_script_runs_repeats_nothing(caller: Caller) -> None:
    caller.create("again")
    (job,) = caller.claim(caller.join("again"), "again")
    caller.call("PATCH", "/studies/again", json={"action": "stop"})
    error = caller.refused("POST", f"/trials/{job['trial_id']}:repeat", 409, json={})
    assert (error["code"], error["field"]) == ("wrong_state", "study")
    caller.finish(job, "STOPPED")
    assert caller.call("POST", f"/trials/{job['trial_id']}:retry", 201)["origin"] == job["number"]


def test_parameters_that_the_space_has_lost_are_refused(caller: Caller) -> None:
    first = ended(caller, "CRASHED")
    caller.call("PATCH", "/studies/again", json={"budget": {"n_trials": 3, "max_parallel": 4}})
    rate = first["params"]["learning_rate"]
    narrow = {"learning_rate": {"type": "float", "low": rate * 1.5, "high": rate * 2}}
    caller.call("PATCH", "/studies/again", json={"search_space": narrow})
    error = caller.refused("POST", f"/trials/{first['trial_id']}:retry", 422)
    assert (error["code"], error["field"]) == ("out_of_range", "params.learning_rate")
