"""People add several points at once, and leave parameters to the sampler."""

from __future__ import annotations

import pytest

from tests.servers.api import Caller, Json

SPACE: Json = {
    "learning_rate": {"type": "float", "low": 1e-4, "high": 0.2, "log": True},
    "optimizer": {"type": "categorical", "choices": ["adam", "nesterov"]},
    "momentum": {"type": "float", "low": 0.5, "high": 0.9, "when": {"optimizer": ["nesterov"]}},
    "batch_size": {"type": "int", "low": 16, "high": 64, "step": 16},
}
WHOLE: Json = {"learning_rate": 0.02, "optimizer": "adam", "batch_size": 32}
BOUND = ["learning_rate * batch_size <= 2"]


def submit(caller: Caller, sampler: str, **changes: object) -> int:
    if sampler == "grid":
        changes["search_space"] = {name: shape for name, shape in SPACE.items() if shape["type"] != "float"}
    budget = {"n_trials": 12, "max_parallel": 4}
    study = {"search_space": SPACE, "sampler": {"name": sampler}, "budget": budget, **changes}
    caller.create("points", **study)
    return caller.join("points")


def enqueue(caller: Caller, *params: Json) -> list[Json]:
    points = [{"params": one, "note": f"point {place}" if place else ""} for place, one in enumerate(params)]
    found: list[Json] = caller.call("POST", "/studies/points/trials:enqueue", 201, json={"points": points})["items"]
    return found


@pytest.mark.parametrize("sampler", ["random", "bayesian", "cmaes", "manual"])
def test_what_is_left_out_is_chosen_by_the_sampler(caller: Caller, sampler: str) -> None:
    worker_id = submit(caller, sampler, constraints=BOUND)
    caller.finish(caller.claim(worker_id, "points")[0], values={"val_accuracy": 0.5}) if sampler != "manual" else None
    first = 0 if sampler == "manual" else caller.call("GET", "/studies/points")["trial_counts"]["COMPLETE"]
    added = enqueue(caller, {"optimizer": "nesterov", "momentum": 0.75}, WHOLE, {}, {"batch_size": 64})
    numbers = [trial["number"] for trial in added]
    assert numbers == list(range(numbers[0], numbers[0] + 4))
    assert numbers[0] >= first
    one, whole, open_one, large = (trial["params"] for trial in added)
    assert (one["optimizer"], one["momentum"]) == ("nesterov", 0.75)
    assert whole == WHOLE
    assert large["batch_size"] == 64
    assert large["learning_rate"] * 64 <= 2
    assert ("momentum" in open_one) == (open_one["optimizer"] == "nesterov")
    assert {trial["source"] for trial in added} == {"manual"}
    assert [trial["note"] for trial in added][1:] == ["point 1", "point 2", "point 3"]
    assert added[0]["note"].startswith("given: momentum, optimizer; the others: ")
    rates = [trial["params"]["learning_rate"] for trial in added]
    assert len(set(rates)) == 4
    ran = []
    while jobs := caller.claim(worker_id, "points", n_max=4):
        for job in jobs:
            caller.finish(job, values={"val_accuracy": 0.5})
            ran.append(job["number"])
    assert set(numbers) <= set(ran)
    assert {one["status"] for one in caller.call("GET", "/studies/points/replay")["items"]} <= {"same"}


def test_a_grid_takes_points_beside_its_cells(caller: Caller) -> None:
    submit(caller, "grid")
    (trial,) = enqueue(caller, {"batch_size": 48})
    assert trial["params"].keys() >= {"batch_size", "optimizer"}


@pytest.mark.parametrize(
    ("params", "code", "field"),
    [
        ({"learning_rate": 1.0}, "out_of_range", "points.1.params.learning_rate"),
        ({"batch_size": 17}, "off_step", "points.1.params.batch_size"),
        ({"batch_siz": 16}, "unknown_parameter", "points.1.params.batch_siz"),
        ({"momentum": 0.75}, "condition_open", "points.1.params.momentum"),
        ({"momentum": 0.75, "optimizer": "adam"}, "inactive_parameter", "points.1.params.momentum"),
        ({"learning_rate": 0.2}, "constraints_too_tight", "points.1.params"),
        ({"learning_rate": 0.1, "batch_size": 64}, "constraint_broken", "points.1.params.learning_rate"),
        ({**WHOLE, "learning_rate": 0.1}, "constraint_broken", "points.1.params.learning_rate"),
    ],
)
def test_one_wrong_point_and_none_is_added(caller: Caller, params: Json, code: str, field: str) -> None:
    submit(caller, "random", constraints=BOUND)
    body = {"points": [{"params": {}}, {"params": params}]}
    error = caller.refused("POST", "/studies/points/trials:enqueue", 422, json=body)
    assert (error["code"], error["field"]) == (code, field)
    assert caller.call("GET", "/studies/points/trials")["items"] == []
    assert len(enqueue(caller, {}, WHOLE)) == 2


def test_how_many_and_when(caller: Caller) -> None:
    worker_id = submit(caller, "random", budget={"n_trials": 1, "max_parallel": 4})
    wrong: tuple[list[Json], ...] = ([], [{"params": {}}] * 101)
    for points in wrong:
        caller.refused("POST", "/studies/points/trials:enqueue", 422, json={"points": points})
    assert caller.refused("POST", "/studies/nil/trials:enqueue", 404, json={"points": [{"params": {}}]})
    caller.finish(caller.claim(worker_id, "points")[0], values={"val_accuracy": 0.5})
    assert caller.call("GET", "/studies/points")["state"] == "COMPLETE"
    assert len(enqueue(caller, *[{}] * 100)) == 100
    assert caller.call("GET", "/studies/points")["state"] == "RUNNING"
