"""Studies with conditional parameters, lists, constraints and the space that a model suggests, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.servers.api import Caller, Json

INT = {"type": "int", "low": 16, "high": 64, "step": 16}
TREE: Json = {
    "optimizer": {"type": "categorical", "choices": ["adam", "nesterov"]},
    "momentum": {"type": "float", "low": 0.5, "high": 0.9, "step": 0.2, "when": {"optimizer": ["nesterov"]}},
    "widths": {"type": "list", "length": {"low": 1, "high": 2}, "each": INT},
    "activation": {"type": "fixed", "value": "tanh"},
}
SHRINKING = ["widths.1 >= widths.2"]
N_CELLS = (1 + 3) * (4 + 10)  # one length of four widths, and ten pairs that do not grow


def tree(caller: Caller, name: str, **changes: Any) -> Json:
    return caller.create(name, **{"search_space": TREE, "constraints": SHRINKING, **changes})


def work(caller: Caller, name: str, n_max: int = 8) -> list[Json]:
    """Claim and finish until nothing is left; return what the networks were built from."""
    worker_id = caller.join(name)
    built = []
    while jobs := caller.claim(worker_id, name, n_max=n_max):
        for job in jobs:
            caller.finish(job, values={"val_accuracy": 0.5})
            built.append(job["params"])
    return built


def test_the_default_space_is_stored_as_what_it_is(caller: Caller) -> None:
    study = caller.create("default", search_space="default", fixed={"dropout": 0.1})
    models = caller.call("GET", "/models")["items"]
    default = next(model["default_space"] for model in models if model["name"] == "mlp")
    assert study["spec"]["search_space"].keys() == default.keys() - {"dropout"}
    assert study["spec"]["constraints"] == []
    assert len(work(caller, "default")) == 4
    assert caller.call("GET", "/studies/default")["trial_counts"]["COMPLETE"] == 4


def test_a_space_is_stored_as_it_was_written(caller: Caller) -> None:
    spec = tree(caller, "written")["spec"]
    assert spec["search_space"]["widths"] == {**TREE["widths"], "each": {**INT, "log": False}}
    assert spec["search_space"]["momentum"]["when"] == {"optimizer": ["nesterov"]}
    assert spec["constraints"] == SHRINKING
    again = caller.create("again", **{key: spec[key] for key in ("search_space", "constraints")})
    assert again["spec"]["search_space"] == spec["search_space"]


def test_trials_hold_the_active_parameters_and_networks_get_texts(caller: Caller) -> None:
    tree(caller, "grown", budget={"n_trials": 24, "max_parallel": 8})
    built = work(caller, "grown")
    trials = caller.call("GET", "/studies/grown/trials", params={"limit": 100})["items"]
    assert {trial["state"] for trial in trials} == {"COMPLETE"}
    assert len(built) == len(trials) == 24
    for trial in trials:
        params = trial["params"]
        assert ("momentum" in params) == (params["optimizer"] == "nesterov")
        assert ("widths.2" in params) == (params["widths.length"] == 2)
        assert params["widths.1"] >= params.get("widths.2", 0)
    texts = {"-".join(str(t["params"][f"widths.{k}"]) for k in (1, 2)[: t["params"]["widths.length"]]) for t in trials}
    assert {params["widths"] for params in built} == texts
    assert {params["activation"] for params in built} == {"tanh"}
    assert {params["momentum"] for params in built if params["optimizer"] == "adam"} == {0.9}  # the model's default


def test_a_grid_visits_what_is_active_and_satisfies_the_constraints(caller: Caller) -> None:
    study = tree(caller, "cells", sampler={"name": "grid"}, budget={"max_parallel": 64})
    assert study["n_grid_cells"] == N_CELLS
    built = work(caller, "cells", 64)
    assert len({repr(sorted(params.items())) for params in built}) == len(built) == N_CELLS
    assert caller.call("GET", "/studies/cells")["state"] == "COMPLETE"


def test_points_of_ones_own_are_exactly_the_active_parameters(caller: Caller) -> None:
    tree(caller, "own", sampler={"name": "manual"}, budget={})
    good = {"optimizer": "adam", "widths.length": 1, "widths.1": 32, "activation": "tanh"}
    for change, code, field in (
        ({"momentum": 0.5}, "inactive_parameter", "params.momentum"),
        ({"optimizer": "nesterov"}, "missing_parameter", "params.momentum"),
        ({"widths.length": 2, "widths.2": 48}, "constraint_broken", "params.widths.1"),
        ({"widths": "32"}, "unknown_parameter", "params.widths"),
    ):
        error = caller.refused("POST", "/studies/own/trials", 422, json={"params": {**good, **change}})
        assert (error["code"], error["field"]) == (code, field)
    trial = caller.call("POST", "/studies/own/trials", 201, json={"params": good})
    assert trial["params"] == good
    assert work(caller, "own")[0]["widths"] == "32"


@pytest.mark.parametrize(
    ("wrong", "code", "field"),
    [
        ({"constraints": ["widths.1 >= width.2"]}, "unknown_parameter", "constraints.0"),
        ({"constraints": [*SHRINKING, "momentum == 'high'"]}, "wrong_kind", "constraints.1"),
        ({"constraints": ["widths.1 > 64"]}, "constraints_too_tight", "constraints"),
        ({"constraints": ["widths.1 > 64"], "sampler": {"name": "grid"}}, "grid_empty", "constraints"),
        (
            {"search_space": {**TREE, "momentum": {**TREE["momentum"], "when": {"optimizer": ["sgd"]}}}},
            "not_a_choice",
            "search_space.momentum.when.optimizer",
        ),
        (
            {"search_space": {**TREE, "optimizer": {**TREE["optimizer"], "when": {"momentum": [0.5]}}}},
            "condition_cycle",
            "search_space.momentum.when.optimizer",
        ),
        ({"search_space": {**TREE, "epochs": TREE["widths"]}, "fixed": {}}, "wrong_type", "search_space.epochs.type"),
        ({"search_space": {**TREE, "dropout": 0.5}}, "invalid_type", "search_space.dropout"),
        ({"search_space": "defaults"}, "dict_type", "search_space"),
        ({"fixed": {"widths": "64"}}, "parameter_twice", "fixed.widths"),
    ],
)
def test_a_space_that_cannot_be_meant_is_refused(caller: Caller, wrong: Json, code: str, field: str) -> None:
    right = {"name": "meant", "search_space": TREE, "constraints": SHRINKING}
    study = tree(caller, "meant")
    body = {key: value for key, value in {**study["spec"], **right, **wrong}.items() if key != "pruner"}
    error = caller.refused("POST", "/studies", 422, json={**body, "name": "unmeant"})
    assert (error["code"], error["field"]) == (code, field)
    assert error["hint"]


def test_advice_on_a_conditional_study_is_given(caller: Caller) -> None:
    tree(caller, "advised", budget={"n_trials": 40, "max_parallel": 8})
    work(caller, "advised")
    assert isinstance(caller.call("GET", "/studies/advised/advice")["items"], list)
