"""Spaces and budgets change while studies run: trials keep what they are, and suggestions can be computed again."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from db import studies
from search.types import PastTrial
from tests.servers.api import Caller, Json, Served

RATE: Json = {"type": "float", "low": 1e-4, "high": 0.1, "log": True}
DROPOUT: Json = {"type": "float", "low": 0.0, "high": 0.5}
ACTIVATION: Json = {"type": "categorical", "choices": ["relu", "tanh", "swish"]}
WIDTH: Json = {"type": "int", "low": 16, "high": 128, "step": 16}
LIST: Json = {"type": "list", "length": {"low": 1, "high": 3}, "each": WIDTH}


def submit(caller: Caller, sampler: str, space: Json, n_trials: int | None = 24, **changes: Any) -> int:
    budget = {"n_trials": n_trials, "max_parallel": 8}
    study = {"sampler": {"name": sampler, "seed": 5}, "search_space": space, "budget": budget, **changes}
    caller.create("edited", **study)
    return caller.join("edited")


def edit(caller: Caller, **changes: Any) -> Json:
    found: Json = caller.call("PATCH", "/studies/edited", json=changes)
    return found


def trials_of(caller: Caller) -> list[Json]:
    found: list[Json] = caller.call("GET", "/studies/edited/trials", params={"limit": 1000})["items"]
    return found


def edits_of(caller: Caller) -> list[Json]:
    found: list[Json] = caller.call("GET", "/studies/edited/edits")["items"]
    return found


def finish(caller: Caller, jobs: list[Json]) -> None:
    for job in jobs:
        caller.finish(job, values={"val_accuracy": 1 - abs(job["params"]["learning_rate"] - 0.01)})


def work(caller: Caller, worker_id: int, n_max: int = 4) -> list[Json]:
    """Claim and finish until nothing is left; return what the networks were built from."""
    built = []
    while jobs := caller.claim(worker_id, "edited", n_max=n_max):
        finish(caller, jobs)
        built += [job["params"] for job in jobs]
    return built


def assert_replays(caller: Caller) -> list[Json]:
    found = [one for page in caller.pages("/studies/edited/replay", limit=10) for one in page]
    assert found
    assert [one for one in found if one["status"] != "same"] == []
    return found


def history_of(served: Served) -> list[PastTrial]:
    with served.control.ledger.read() as session:
        study = studies.find_study(session, "edited")
        assert study is not None
        return list(served.control.asker.histories.read(session, study).finished)


@pytest.mark.parametrize("sampler", ["random", "bayesian"])
def test_a_study_is_widened_narrowed_and_extended_while_it_runs(live_api: Served, caller: Caller, sampler: str) -> None:
    worker_id = submit(caller, sampler, {"learning_rate": RATE, "activation": ACTIVATION})
    finish(caller, caller.claim(worker_id, "edited", n_max=8))
    first = [trial for trial in trials_of(caller) if trial["state"] == "COMPLETE"]
    changed = edit(
        caller,
        search_space={"learning_rate": {"low": 1e-3}, "activation": None, "dropout": DROPOUT},
        constraints=["dropout <= 100 * learning_rate"],
    )
    assert changed["spec"]["search_space"] == {
        "dropout": {**DROPOUT, "log": False},
        "learning_rate": {**RATE, "low": 1e-3},
    }
    work(caller, worker_id)
    after = trials_of(caller)
    assert len(after) == 24
    assert {trial["state"] for trial in after} == {"COMPLETE"}
    assert [trial for trial in after if trial["number"] in {one["number"] for one in first}] == first
    for trial in after:
        if trial not in first:
            assert set(trial["params"]) == {"dropout", "learning_rate"}
            assert 1e-3 <= trial["params"]["learning_rate"] <= 0.1
            assert trial["params"]["dropout"] <= 100 * trial["params"]["learning_rate"]
    assert_replays(caller)
    (kept,) = edits_of(caller)
    assert kept["before"]["constraints"] == []
    assert set(kept["after"]) == {"search_space", "constraints"}
    assert kept["author"] == "admin"


def test_trials_from_before_count_as_what_they_were_trained_with(live_api: Served, caller: Caller) -> None:
    worker_id = submit(caller, "bayesian", {"learning_rate": RATE}, fixed={"epochs": 3, "dropout": 0.25})
    finish(caller, caller.claim(worker_id, "edited", n_max=3))
    spec = edit(caller, search_space={"dropout": DROPOUT, "activation": ACTIVATION})["spec"]
    assert (spec["fixed"], spec["assumed"]) == ({"epochs": 3}, {"dropout": 0.25})
    for past in history_of(live_api):
        assert (past.params["dropout"], past.params["activation"]) == (0.25, "relu")
    assert all(set(trial["params"]) == {"learning_rate"} for trial in trials_of(caller))
    spec = edit(caller, search_space={"dropout": None})["spec"]
    assert (spec["fixed"], spec["assumed"]) == ({"epochs": 3, "dropout": 0.25}, {})
    assert {params["dropout"] for params in work(caller, worker_id)} == {0.25}
    assert_replays(caller)


def test_a_trial_that_runs_on_after_an_edit_keeps_its_network(live_api: Served, caller: Caller) -> None:
    space = {"learning_rate": RATE, "widths": LIST}
    worker_id = submit(caller, "random", space, fixed={"epochs": 3, "dropout": 0.25})
    (job,) = caller.claim(worker_id, "edited")
    own = {"learning_rate": 0.01, "widths.length": 3, "widths.1": 64, "widths.2": 32, "widths.3": 16}
    mine = caller.call("POST", "/studies/edited/trials", 201, json={"params": own})
    edit(caller, search_space={"widths": {**LIST, "length": {"low": 1, "high": 2}}, "dropout": DROPOUT})
    edit(caller, search_space={"widths": None})
    caller.finish(job, "PREEMPTED")
    jobs = {one["number"]: one for _ in range(8) for one in caller.claim(worker_id, "edited", n_max=8)}
    assert jobs[job["number"]]["params"] == job["params"]
    assert jobs[mine["number"]]["params"]["widths"] == "64-32-16"
    assert jobs[mine["number"]]["params"]["dropout"] == 0.25
    assert mine["number"] not in {number for one in edits_of(caller) for number in one["replaced"]}


@pytest.mark.parametrize("sampler", ["random", "bayesian"])
def test_what_waits_and_fits_no_longer_is_replaced(live_api: Served, caller: Caller, sampler: str) -> None:
    """Widths differ, so that most of what is proposed ahead has to wait for a worker of its own."""
    worker_id = submit(caller, sampler, {"learning_rate": RATE, "hidden_units": WIDTH})
    own = caller.call(
        "POST", "/studies/edited/trials", 201, json={"params": {"learning_rate": 1e-4, "hidden_units": 128}}
    )
    jobs = [job for _ in range(3) for job in caller.claim(worker_id, "edited", n_max=2)]
    before = {trial["number"]: trial for trial in trials_of(caller) if trial["state"] == "WAITING"}
    assert before
    edit(caller, search_space={"hidden_units": {"high": 32}})
    (kept,) = edits_of(caller)
    unfit = [
        number for number, one in before.items() if one["params"]["hidden_units"] > 32 and one["source"] == "sampler"
    ]
    assert kept["replaced"] == unfit
    after = {trial["number"]: trial for trial in trials_of(caller)}
    for number, trial in before.items():
        assert after[number]["state"] == "WAITING"
        assert (after[number]["params"] == trial["params"]) == (number not in unfit)
        assert number not in unfit or after[number]["params"]["hidden_units"] <= 32
    assert after[own["number"]]["params"] == own["params"]
    assert_replays(caller)
    finish(caller, jobs)
    work(caller, worker_id)
    assert_replays(caller)


def test_edits_while_many_work_leave_every_suggestion_repeatable(live_api: Served, caller: Caller) -> None:
    submit(caller, "bayesian", {"learning_rate": RATE, "hidden_units": WIDTH}, 40)
    changes: list[Json] = [
        {"hidden_units": {"high": 64}},
        {"dropout": DROPOUT},
        {"hidden_units": None, "activation": ACTIVATION},
        {"learning_rate": {"low": 1e-3}, "hidden_units": WIDTH},
    ]

    def run(place: int) -> None:
        own, chance = Caller(live_api.address), random.Random(place)
        worker_id = own.join("edited")
        while own.call("GET", "/studies/edited")["state"] == "RUNNING":
            jobs = own.claim(worker_id, "edited", n_max=1 + place)
            if place == 0 and changes:
                own.call("PATCH", "/studies/edited", json={"search_space": changes.pop(0)})
            for job in jobs:
                value = {"val_accuracy": 1 - abs(job["params"]["learning_rate"] - 0.01)}
                own.finish(job, chance.choice(["COMPLETE", "COMPLETE", "PREEMPTED"]), values=value)
        own.close()

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(run, range(3)))
    assert len(assert_replays(caller)) == 40
    assert len(edits_of(caller)) == 4


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"search_space": {"dropout": {**DROPOUT, "high": 2.0}}}, 422, "out_of_range", "search_space.dropout.high"),
        ({"search_space": {"dropot": DROPOUT}}, 422, "unknown_parameter", "search_space.dropot"),
        ({"search_space": {"dropout": None}}, 422, "unknown_parameter", "search_space.dropout"),
        ({"search_space": {"learning_rate": {"hihg": 1}}}, 422, "unknown_key", "search_space.learning_rate.hihg"),
        ({"search_space": {"learning_rate": {"high": 1e-9}}}, 422, "low_above_high", "search_space.learning_rate.low"),
        ({"search_space": {"learning_rate": 3}}, 422, "invalid_type", "search_space.learning_rate"),
        ({"constraints": ["learning_rate > 1"]}, 422, "constraints_too_tight", "constraints"),
        ({"constraints": ["dropout > 1"]}, 422, "unknown_parameter", "constraints.0"),
        ({"n_trials": 30, "budget": {"n_trials": 30}}, 422, "given_twice", "budget.n_trials"),
        ({"budget": {"max_parallel": 0}}, 422, "greater_than_equal", "budget.max_parallel"),
        ({"budget": {"max_parallel": None}}, 422, "int_type", "budget.max_parallel"),
        ({"budget": {"n_trials": 23}}, 409, "budget_lowered", "budget.n_trials"),
    ],
)
def test_an_edit_that_cannot_be_meant_changes_nothing(
    caller: Caller, changes: Json, status: int, code: str, field: str
) -> None:
    submit(caller, "random", {"learning_rate": RATE})
    before = caller.call("GET", "/studies/edited")
    error = caller.refused("PATCH", "/studies/edited", status, json={"notes": "lost", **changes})
    assert (error["code"], error["field"]) == (code, field)
    assert caller.call("GET", "/studies/edited") == before
    assert edits_of(caller) == []
    edit(caller, search_space={"dropout": DROPOUT}, constraints=["learning_rate < 1"], budget={"n_trials": 24})
    assert len(edits_of(caller)) == 1


def test_only_a_study_that_goes_on_can_be_given_another_space(caller: Caller) -> None:
    worker_id = submit(caller, "random", {"learning_rate": RATE}, 2)
    work(caller, worker_id)
    error = caller.refused("PATCH", "/studies/edited", 409, json={"search_space": {"dropout": DROPOUT}})
    assert error["code"] == "wrong_state"
    assert edit(caller, search_space={"dropout": DROPOUT}, n_trials=4)["state"] == "RUNNING"
    assert len(work(caller, worker_id)) == 2
    assert_replays(caller)


def test_a_grid_that_has_begun_keeps_its_cells(caller: Caller) -> None:
    worker_id = submit(caller, "grid", {"activation": ACTIVATION}, None)
    assert edit(caller, search_space={"hidden_units": {**WIDTH, "high": 32}})["n_grid_cells"] == 6
    caller.claim(worker_id, "edited")
    error = caller.refused("PATCH", "/studies/edited", 409, json={"search_space": {"hidden_units": None}})
    assert (error["code"], error["field"]) == ("grid_fixed", "search_space")


@pytest.mark.parametrize(
    ("limits", "raised"),
    [({"target": 0.5}, {"target": 0.9}), ({"patience": 1}, {"patience": None}), ({"n_trials": 24}, {"n_trials": None})],
)
def test_a_study_goes_on_when_what_ended_it_is_raised(caller: Caller, limits: Json, raised: Json) -> None:
    worker_id = submit(caller, "random", {"learning_rate": RATE}, None)
    assert edit(caller, budget={"max_parallel": 1, **limits})["spec"]["budget"]["max_parallel"] == 1
    for place in range(24):
        for job in caller.claim(worker_id, "edited", n_max=4):
            caller.finish(job, values={"val_accuracy": 0.6 - 0.01 * place})
    assert caller.call("GET", "/studies/edited")["state"] == "COMPLETE"
    assert edit(caller, budget={"max_parallel": 2})["state"] == "COMPLETE"
    assert edit(caller, budget=raised)["state"] == "RUNNING"
    assert len(caller.claim(worker_id, "edited", n_max=4)) == 2
    assert [sorted(one["after"]["budget"].items() - one["before"]["budget"].items()) for one in edits_of(caller)] == [
        sorted({"max_parallel": 1, **limits}.items()),
        [("max_parallel", 2)],
        sorted(raised.items()),
    ]


def test_a_limit_of_trials_that_was_taken_away_can_come_back(caller: Caller) -> None:
    worker_id = submit(caller, "random", {"learning_rate": RATE}, 8)
    edit(caller, budget={"n_trials": None})
    for _ in range(3):
        finish(caller, caller.claim(worker_id, "edited", n_max=8))
    error = caller.refused("PATCH", "/studies/edited", 409, json={"budget": {"n_trials": 8}})
    assert (error["code"], error["field"]) == ("budget_lowered", "budget.n_trials")
    edit(caller, budget={"n_trials": 26})
    work(caller, worker_id)
    assert len(trials_of(caller)) == 26


def test_the_wall_time_counts_from_the_submission(live_api: Served, caller: Caller) -> None:
    worker_id = submit(caller, "random", {"learning_rate": RATE})
    edit(caller, budget={"timeout_s": 1e-3})
    assert caller.claim(worker_id, "edited") == []
    edit(caller, budget={"timeout_s": 3600})
    assert len(caller.claim(worker_id, "edited")) == 1
    with live_api.control.ledger.read() as session:
        study = studies.find_study(session, "edited")
        assert study is not None
        assert study.deadline_at is not None
        assert (study.deadline_at - study.created_at).total_seconds() == 3600
    assert edit(caller, budget={"timeout_s": None})["spec"]["budget"]["timeout_s"] is None
