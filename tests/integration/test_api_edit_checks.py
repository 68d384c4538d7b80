"""Changes of studies looked over before they are made: what becomes what, what still fits, all that is wrong."""

from __future__ import annotations

from typing import Any

from tests.servers.api import Caller, Json

RATE: Json = {"type": "float", "low": 1e-4, "high": 0.1, "log": True}
DROPOUT: Json = {"type": "float", "low": 0.0, "high": 0.5}
ACTIVATION: Json = {"type": "categorical", "choices": ["relu", "tanh"]}


def check(caller: Caller, **changes: Any) -> Json:
    """Look a change of the study `seen` over."""
    found: Json = caller.call("POST", "/studies/seen:check", json={"changes": changes})
    return found


def codes(checked: Json) -> dict[str, str]:
    """Return what is wrong, by where."""
    return {problem["pointer"]: problem["code"] for problem in checked["problems"]}


def submit(caller: Caller, *rates: float, **changes: Any) -> None:
    """Make the study `seen`, with trials of these learning rates behind it."""
    settings: Json = {
        "sampler": {"name": "random", "seed": 5},
        "budget": {"n_trials": 20, "max_parallel": 4},
        **changes,
    }
    caller.create("seen", search_space={"learning_rate": RATE, "activation": ACTIVATION}, **settings)
    for rate in rates:
        params = {"learning_rate": rate, "activation": "relu"}
        told = {"params": params, "state": "COMPLETE", "values": {"val_accuracy": 0.5}}
        caller.call("POST", "/studies/seen/trials", 201, json=told)


def test_a_change_is_told_setting_by_setting_with_the_trials_that_still_fit(caller: Caller) -> None:
    submit(caller, 0.001, 0.02, 0.05)
    before = caller.call("GET", "/studies/seen")
    space = {"learning_rate": {"high": 0.03}, "activation": None, "dropout": DROPOUT}
    checked = check(caller, search_space=space, constraints=["dropout <= 1"], budget={"n_trials": 30, "patience": 9})
    assert checked["problems"] == []
    changes = {one["field"]: one for one in checked["changes"]}
    assert set(changes) == {
        *("search_space.learning_rate", "search_space.activation", "search_space.dropout"),
        *("constraints", "budget.n_trials", "budget.patience"),
    }
    rate, added, removed = (changes[f"search_space.{name}"] for name in ("learning_rate", "dropout", "activation"))
    assert (rate["before"], rate["after"]) == (RATE, {**RATE, "high": 0.03})
    assert (rate["n_outside"], added["n_outside"], removed["n_outside"]) == (1, 0, None)
    assert (added["before"], added["after"], added["held"]) == (None, {**DROPOUT, "log": False}, 0.0)
    assert (removed["before"], removed["after"], removed["held"]) == (ACTIVATION, None, "relu")
    assert (changes["constraints"]["before"], changes["constraints"]["after"]) == ([], ["dropout <= 1"])
    assert (changes["budget.n_trials"]["before"], changes["budget.n_trials"]["after"]) == (20, 30)
    assert (checked["n_finished"], checked["n_fitting"], checked["is_reopened"]) == (3, 2, False)
    assert caller.call("GET", "/studies/seen") == before


def test_what_was_foretold_is_what_happens(caller: Caller) -> None:
    submit(caller)
    worker_id = caller.join("seen")
    jobs = caller.claim(worker_id, "seen", n_max=4)
    for job in jobs[:2]:
        caller.finish(job, values={"val_accuracy": 0.5})
    for job in jobs[2:]:  # handed back: they wait, and keep what they were given, because they have begun
        caller.finish(job, outcome="PREEMPTED", values={})
    changes = {"search_space": {"learning_rate": {"low": 1e-3, "high": 0.01}}}
    foretold = check(caller, **changes)
    changed = caller.call("PATCH", "/studies/seen", json=changes)
    (edit,) = caller.call("GET", "/studies/seen/edits")["items"]
    (rate,) = foretold["changes"]
    assert changed["spec"]["search_space"]["learning_rate"] == rate["after"]
    assert len(edit["replaced"]) == foretold["n_replaced"]
    rates = [job["params"]["learning_rate"] for job in jobs[:2]]
    assert foretold["n_finished"] == len(rates) == 2
    assert foretold["n_fitting"] == sum(1e-3 <= value <= 0.01 for value in rates)


def test_an_edit_names_the_change_that_undoes_it(caller: Caller) -> None:
    submit(caller)
    spec = caller.call("GET", "/studies/seen")["spec"]
    space = {"learning_rate": {"high": 0.5}, "activation": None, "dropout": DROPOUT}
    budget = {"n_trials": 30, "max_parallel": 2, "patience": 5}
    caller.call(
        "PATCH", "/studies/seen", json={"search_space": space, "constraints": ["dropout < 1"], "budget": budget}
    )
    (edit,) = caller.call("GET", "/studies/seen/edits")["items"]
    assert edit["undo"]["search_space"] == {"learning_rate": RATE, "activation": ACTIVATION, "dropout": None}
    assert edit["undo"]["budget"] == {"max_parallel": 4, "patience": None}
    assert check(caller, **edit["undo"])["problems"] == []
    caller.call("PATCH", "/studies/seen", json=edit["undo"])
    undone = caller.call("GET", "/studies/seen")["spec"]
    assert {key for key in spec if spec[key] != undone[key]} == {"budget"}
    assert undone["budget"] == {**spec["budget"], "n_trials": 30}


def test_everything_that_is_wrong_is_told_where_it_is(caller: Caller) -> None:
    submit(caller)
    space = {"learning_rate": {"low": 7.0}, "activation": {"choices": ["relu", "nonsense"]}, "nothing": None}
    checked = check(caller, search_space=space, budget={"n_trials": 3})
    assert set(codes(checked)) == {
        *("/search_space/learning_rate/low", "/search_space/activation/choices", "/search_space/nothing"),
        "/budget/n_trials",
    }
    assert (checked["changes"], checked["n_fitting"]) == ([], None)
    first = checked["problems"][0]
    refused = caller.refused("PATCH", "/studies/seen", 422, json={"search_space": space, "budget": {"n_trials": 3}})
    assert (refused["code"], refused["field"]) == (first["code"], first["field"])
    shapes = check(caller, n_trials="many", archived=3, unheard_of=1)
    assert set(codes(shapes)) == {"/n_trials", "/archived", "/unheard_of"}
    fine = check(caller, search_space={"learning_rate": {"low": 0.001}}, budget={"n_trials": 21})
    assert codes(fine) == {}


def test_a_study_that_has_ended_goes_on_where_its_limits_leave_room(caller: Caller) -> None:
    submit(caller, 0.01)
    caller.call("PATCH", "/studies/seen", json={"action": "stop"})
    assert codes(check(caller, search_space={"learning_rate": {"high": 0.5}})) == {"/study": "wrong_state"}
    raised = check(caller, search_space={"learning_rate": {"high": 0.5}}, budget={"n_trials": 40})
    assert (raised["problems"], raised["is_reopened"]) == ([], True)
    assert check(caller, budget={"n_trials": 40, "target": 0.4})["is_reopened"] is False
    assert check(caller, budget={"n_trials": 40, "timeout_s": 1e-6})["is_reopened"] is False
    assert check(caller, budget={"max_parallel": 9})["is_reopened"] is False


def test_studies_that_others_run_and_studies_that_are_not_there(caller: Caller) -> None:
    missing = caller.refused("POST", "/studies/nobody:check", 404, json={"changes": {}})
    assert missing["code"] == "study_not_found"
    submit(caller)
    assert caller.refused("POST", "/studies/seen:check", 422, json={})["field"] == "changes"
    assert check(caller)["changes"] == []
