"""Studies looked over before they are submitted: all that is wrong, how many trials, how long; nothing is stored."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.servers.api import Caller, Json, a_study

YAML = """
# As somebody pastes it.
name: pasted
dataset: digits
model: mlp
search_space:
  learning_rate: {type: float, low: 1e-4, high: 0.1, log: true}
  activation: {type: categorical, choices: [relu, tanh]}
objectives:
  - {metric: val_accuracy, direction: maximize}
budget: {n_trials: 8}
"""


def check(caller: Caller, study: Json | None = None, **body: Any) -> Json:
    """Look a study over."""
    answer: Json = caller.call("POST", "/studies:check", json=body if study is None else {"study": study})
    return answer


def pointers(checked: Json) -> list[str]:
    """Return where problems are, in the order in which they are told."""
    return [problem["pointer"] for problem in checked["problems"]]


def test_a_good_study_is_complete_and_stays_unstored(caller: Caller) -> None:
    study = a_study("looked-at", budget={"n_trials": 12}, repeats={"n": 3}, evaluation={"method": "k_fold"})
    checked = check(caller, study)
    assert (checked["problems"], checked["study"]) == ([], study)
    assert (checked["n_trials"], checked["n_networks"], checked["n_grid_cells"]) == (12, 15, None)
    assert checked["spec"]["evaluation"] == {"method": "k_fold", "folds": 5}
    assert checked["estimate"] is None
    assert caller.call("GET", "/studies", params={"archived": "all"})["items"] == []
    created = caller.call("POST", "/studies", 201, json=study)
    assert {**created["spec"], "sampler": None} == {**checked["spec"], "sampler": None}


def test_the_size_of_a_grid_limits_its_trials(caller: Caller) -> None:
    activation = {"type": "categorical", "choices": ["relu", "tanh"]}
    space = {"hidden_layers": {"type": "int", "low": 1, "high": 3}, "activation": activation}
    checked = check(caller, a_study("grid", sampler={"name": "grid"}, search_space=space, budget={}))
    assert (checked["n_grid_cells"], checked["n_trials"]) == (6, 6)
    fewer = check(caller, a_study("grid", sampler={"name": "grid"}, search_space=space, budget={"n_trials": 4}))
    assert (fewer["n_grid_cells"], fewer["n_trials"]) == (6, 4)
    endless = check(caller, a_study("endless", budget={"n_trials": None}))
    assert (endless["problems"], endless["n_trials"], endless["estimate"]) == ([], None, None)


def test_every_problem_is_told_and_the_first_is_what_submitting_is_refused_with(caller: Caller) -> None:
    study = a_study(
        "wrong",
        fixed={"epochs": -1, "batch_sise": 3},
        search_space={
            "learning_rate": {"type": "float", "low": 1.0, "high": 0.1},
            "dropout": {"type": "float", "low": 0.0, "high": 7.0},
            "hidden_layers": {"type": "int", "low": 1, "high": 3},
        },
        sampler={"name": "bayesan"},
        repeats={"n": 2, "racing": True},
    )
    checked = check(caller, study)
    assert set(pointers(checked)) == {
        "/fixed/epochs",
        "/fixed/batch_sise",
        "/search_space/learning_rate/low",
        "/search_space/dropout/high",
        "/sampler/name",
        "/repeats/n",
    }
    assert (checked["spec"], checked["n_trials"], checked["estimate"]) == (None, None, None)
    refusal = caller.refused("POST", "/studies", 422, json=study)
    assert {key: checked["problems"][0][key] for key in ("code", "message", "field", "hint")} == refusal


def test_a_wrong_shape_hides_no_broken_rule(caller: Caller) -> None:
    space = {"learning_rate": {"type": "float", "low": 1.0, "high": 0.1}}
    wrong = {"budget": {"n_trials": 0}, "colour": "red", "resources": {}}
    checked = check(caller, a_study("no spaces", search_space=space, **wrong))
    assert set(pointers(checked)) == {"/name", "/budget/n_trials", "/colour", "/search_space/learning_rate/low"}
    assert [problem["code"] for problem in checked["problems"] if problem["field"] == "colour"] == ["unknown_field"]


def test_what_is_wrong_only_for_lack_of_another_part_is_not_told(caller: Caller) -> None:
    space = {
        "optimizer": {"type": "categorical", "choices": ["adam", "nesterov"]},
        "momentum": {"type": "float", "low": 0.5, "high": 0.9, "when": {"optimizer": ["nesterov"]}},
        "batch_size": {"type": "int", "low": 16, "high": 8},
    }
    constraints = ["batch_size <= 12"]
    checked = check(caller, a_study("dependent", search_space=space, constraints=constraints))
    assert pointers(checked) == ["/search_space/batch_size/low"]


def test_a_name_in_use_and_missing_fields_are_problems(caller: Caller) -> None:
    caller.create("taken")
    checked = check(caller, a_study("taken"))
    assert [(one["code"], one["pointer"]) for one in checked["problems"]] == [("name_taken", "/name")]
    empty = check(caller, {})
    assert set(pointers(empty)) == {"/name", "/dataset", "/model", "/objectives"}
    assert {one["code"] for one in empty["problems"]} == {"missing_field"}


def test_yaml_and_json_text_are_read(caller: Caller) -> None:
    checked = check(caller, text=YAML)
    assert (checked["problems"], checked["study"]["name"], checked["n_trials"]) == ([], "pasted", 8)
    assert checked["study"]["search_space"]["learning_rate"]["low"] == 1e-4
    study = a_study("as-json")
    assert check(caller, text=json.dumps(study))["study"] == study


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [1", "line 1, column 9"),
        ("name: a\nname: b", "'name' is there twice"),
        ('{"name": 1, "name": 2}', "'name' twice"),
        ("- a\n- b", "a list"),
        ("", "nothing"),
        ("a: &x [1]\nb: *x", "aliases are not read"),
        ("a: .nan", "JSON"),
        ("1: a", "must be text"),
        ('{"a": NaN}', "no number in JSON"),
        ("{" * 3000, "text"),
    ],
)
def test_text_that_is_no_study_is_one_problem(caller: Caller, text: str, said: str) -> None:
    checked = check(caller, text=text)
    assert [one["code"] for one in checked["problems"]] == ["unreadable_study"]
    assert said in checked["problems"][0]["message"]
    assert checked["study"] is None


def test_the_template_of_each_network_is_accepted(caller: Caller) -> None:
    found = caller.call("GET", "/models")["items"]
    refused = {}
    for model in found:
        template, task = model["template"], dataset_task(caller, model["template"]["dataset"])
        metric = next(one for one in model["metrics"][task] if one["name"].startswith("val_") or model["is_generative"])
        study = {
            "name": model["name"],
            "model": model["name"],
            "dataset": template["dataset"],
            "search_space": model["default_space"],
            "sampler": {"name": template["sampler"]},
            "objectives": [{"metric": metric["name"], "direction": metric["direction"]}],
            "budget": {"n_trials": template["n_trials"]},
        }
        refused[model["name"]] = check(caller, study)["problems"]
    assert {name: problems for name, problems in refused.items() if problems} == {}
    assert len(refused) >= 8


def dataset_task(caller: Caller, name: str) -> str:
    """Return what is predicted on a data set."""
    tasks = {one["name"]: one["task"] for one in caller.call("GET", "/datasets")["items"]}
    return str(tasks[name])


def test_study_and_text_exclude_each_other(caller: Caller) -> None:
    both = caller.refused("POST", "/studies:check", 422, json={"study": a_study("a"), "text": YAML})
    neither = caller.refused("POST", "/studies:check", 422, json={})
    assert (both["code"], neither["code"]) == ("one_of_two", "one_of_two")
    long = caller.refused("POST", "/studies:check", 422, json={"text": "#" * 100_001})
    assert (long["code"], long["field"]) == ("string_too_long", "text")


def test_the_time_is_estimated_from_similar_trials(caller: Caller) -> None:
    old = a_study("old", fixed={"epochs": 10}, budget={"n_trials": 2, "max_parallel": 2})
    caller.call("POST", "/studies", 201, json=old)
    worker_id = caller.join("old", n_slots=2)
    for job in caller.claim(worker_id, "old", n_max=2):
        caller.finish(job, values={"val_accuracy": 0.5})
    queue = {"resources": {"queue": "old"}}
    once = check(caller, a_study("one", fixed={"epochs": 10}, budget={"n_trials": 8, "max_parallel": 1}, **queue))
    estimate = once["estimate"]
    assert (estimate["n_trials_known"], estimate["n_parallel"]) == (2, 1)
    assert estimate["duration_s"] == pytest.approx(8 * estimate["trial_s"])
    assert estimate["trial_s"] > 0
    assert "2 finished trials of mlp on digits in 1 study on queue old" in estimate["basis"]
    longer = a_study("two", fixed={"epochs": 30}, repeats={"n": 2}, budget={"n_trials": 8, "max_parallel": 9}, **queue)
    more = check(caller, longer)["estimate"]
    assert more["trial_s"] == pytest.approx(6 * estimate["trial_s"])
    assert (more["n_parallel"], more["duration_s"]) == (2, pytest.approx(4 * more["trial_s"]))
    elsewhere = check(caller, a_study("three", resources={"queue": "nobody"}))
    assert (elsewhere["problems"], elsewhere["estimate"]) == ([], None)
