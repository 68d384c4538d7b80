"""A parameter set that has a result is not trained again, and a sampler that knows nothing else ends its study."""

from __future__ import annotations

from typing import Any

import pytest

from api.services.batches import SAME_AGAIN
from tests.servers.api import Caller, Json

FOUR: Json = {
    "hidden_units": {"type": "int", "low": 16, "high": 17},
    "activation": {"type": "categorical", "choices": ["relu", "tanh"]},
}


def submit(caller: Caller, sampler: str, n_trials: int | None, **changes: Any) -> int:
    budget = {"n_trials": n_trials, "max_parallel": 4}
    caller.create("small", sampler={"name": sampler, "seed": 3}, search_space=FOUR, budget=budget, **changes)
    return caller.join("small")


def train_all(caller: Caller, worker_id: int) -> list[Json]:
    """Train until nothing is left; return the trials that were trained."""
    trained: list[Json] = []
    while jobs := caller.claim(worker_id, "small"):
        for job in jobs:
            value = job["params"]["hidden_units"] / 100
            caller.report(job, 1, step=3, n_steps=3, metrics=[{"name": "val_accuracy", "step": 3, "value": value}])
            caller.finish(job, values={"val_accuracy": value, "val_loss": 0.25})
            trained.append(job)
    return trained


def all_trials(caller: Caller) -> list[Json]:
    return [one for page in caller.pages("/studies/small/trials") for one in page]


@pytest.mark.parametrize("sampler", ["random", "bayesian"])
def test_each_parameter_set_is_trained_once_and_its_result_is_used_again(caller: Caller, sampler: str) -> None:
    trained = train_all(caller, submit(caller, sampler, 16))
    trials = all_trials(caller)
    assert len(trained) <= 4
    assert len(trials) == 16
    assert {one["state"] for one in trials} == {"COMPLETE"}
    by_params = {str(sorted(one["params"].items())): one for one in reversed(trials)}
    assert len(by_params) == len(trained)
    for one in trials:
        first = by_params[str(sorted(one["params"].items()))]
        assert (one["value"], one["values"], one["step"]) == (first["value"], first["values"], first["step"])
        if one is not first:
            expected = f"not trained: trial {first['number']} had the same parameters, and this is its result"
            assert (one["reason"], one["n_attempts"], one["reused_from"]) == (expected, 0, first["number"])
        else:
            assert one["reused_from"] is None
    study = caller.call("GET", "/studies/small")
    assert (study["state"], study["state_reason"]) == ("COMPLETE", "budget used")
    found = [one for page in caller.pages("/studies/small/replay") for one in page]
    assert {one["status"] for one in found} == {"same"}


def test_a_study_may_ask_for_training_again(caller: Caller) -> None:
    trained = train_all(caller, submit(caller, "random", 16, repeats={"duplicates": "train"}))
    assert [job["number"] for job in trained] == list(range(16))


@pytest.mark.parametrize("sampler", ["random", "bayesian"])
def test_without_a_budget_a_sampler_that_repeats_itself_ends_the_study(caller: Caller, sampler: str) -> None:
    worker_id = submit(caller, sampler, None)
    trained: list[Json] = []
    while caller.call("GET", "/studies/small")["state"] == "RUNNING":
        trained += train_all(caller, worker_id)
    assert len(trained) <= 4
    study = caller.call("GET", "/studies/small")
    reason = f"the last {SAME_AGAIN} suggestions all had parameters with a result"
    assert (study["state"], study["state_reason"]) == ("COMPLETE", reason)
    assert SAME_AGAIN <= study["trial_counts"]["COMPLETE"] <= 2 * SAME_AGAIN + 16


def test_a_trial_that_people_add_takes_the_result_when_its_turn_comes(caller: Caller) -> None:
    worker_id = submit(caller, "manual", None)
    params = {"activation": "relu", "hidden_units": 16}
    for _ in range(2):
        caller.call("POST", "/studies/small/trials", 201, json={"params": params})
    (job,) = caller.claim(worker_id, "small")
    caller.finish(job, values={"val_accuracy": 0.75})
    assert caller.claim(worker_id, "small") == []
    first, second = all_trials(caller)
    assert (second["state"], second["value"], second["source"]) == ("COMPLETE", first["value"], "manual")
    assert caller.call("GET", "/studies/small")["state"] == "RUNNING"


def test_a_pruned_or_failed_trial_has_no_result_to_take(caller: Caller) -> None:
    worker_id = submit(caller, "manual", None)
    params = {"activation": "relu", "hidden_units": 16}
    for outcome in ("PRUNED", "DIVERGED", "COMPLETE"):
        caller.call("POST", "/studies/small/trials", 201, json={"params": params})
        (job,) = caller.claim(worker_id, "small")
        caller.finish(job, outcome, values={"val_accuracy": 0.5})
    assert [one["n_attempts"] for one in all_trials(caller)] == [1, 1, 1]


def test_a_trial_that_ran_already_goes_on_by_itself(caller: Caller) -> None:
    worker_id = submit(caller, "manual", None)
    params = {"activation": "relu", "hidden_units": 16}
    for _ in range(2):
        caller.call("POST", "/studies/small/trials", 201, json={"params": params})
    first, second = caller.claim(worker_id, "small", n_max=2)
    caller.finish(second, "PREEMPTED")
    caller.finish(first, values={"val_accuracy": 0.5})
    (again,) = caller.claim(worker_id, "small")
    assert (again["trial_id"], again["attempt_no"]) == (second["trial_id"], 2)


def test_a_grid_visits_its_cells_and_takes_what_people_have_tried(caller: Caller) -> None:
    worker_id = submit(caller, "grid", None)
    body = {"params": {"activation": "tanh", "hidden_units": 17}, "state": "COMPLETE", "values": {"val_accuracy": 0.9}}
    caller.call("POST", "/studies/small/trials", 201, json=body)
    trained = train_all(caller, worker_id)
    assert len(trained) == 3
    assert len(all_trials(caller)) == 5
    assert caller.call("GET", "/studies/small")["state"] == "COMPLETE"
