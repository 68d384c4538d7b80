"""What the best trials of past studies had in common."""

from __future__ import annotations

import pytest

from api.services.defaults import middle
from tests.servers.api import Caller, Json

SPACE: Json = {
    "learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
    "activation": {"type": "categorical", "choices": ["relu", "tanh"]},
}


def run(caller: Caller, name: str, n: int, **changes: object) -> list[Json]:
    """Run a study in which tanh and a small learning rate are best."""
    caller.create(name, search_space=SPACE, budget={"n_trials": n, "max_parallel": 64}, **changes)
    worker_id = caller.join(name, n_slots=64)
    while jobs := caller.claim(worker_id, name, n_max=64):
        for job in jobs:
            caller.finish(job, values={"val_accuracy": value_of(job["params"])})
    found: list[Json] = caller.call("GET", f"/studies/{name}/trials", params={"limit": 200})["items"]
    return sorted((one["params"] for one in found), key=value_of, reverse=True)


def value_of(params: Json) -> float:
    return float(params["activation"] == "tanh") - float(params["learning_rate"])


def learned(caller: Caller, **query: str) -> dict[str, Json]:
    items = caller.call("GET", "/models/mlp/defaults", params=query)["items"]
    return {one["name"]: one for one in items}


def test_the_middle_of_the_best_tenth_of_each_study(caller: Caller) -> None:
    assert learned(caller) == {}
    ranked = run(caller, "one", 30)
    rates = sorted(params["learning_rate"] for params in ranked[:3])
    found = learned(caller)
    assert found["learning_rate"]["value"] == rates[1]
    assert found["activation"]["value"] == "tanh"
    assert [(one["n_trials"], one["n_studies"]) for one in found.values()] == [(3, 1)] * 2
    assert {one["catalogue_value"] for one in found.values()} == {0.001, "relu"}
    other = run(caller, "two", 10, sampler={"name": "random", "seed": 8}, dataset="wine")
    run(caller, "few", 9)
    both = learned(caller)["learning_rate"]
    assert (both["n_trials"], both["n_studies"]) == (4, 2)
    assert both["value"] == sorted([*rates, other[0]["learning_rate"]])[1]
    assert learned(caller, dataset="wine")["learning_rate"]["value"] == other[0]["learning_rate"]
    assert learned(caller, dataset="digits") == found
    caller.call("DELETE", "/studies/one", 204)
    assert learned(caller) == learned(caller, dataset="wine")


@pytest.mark.parametrize(
    ("path", "code"), [("nil/defaults", "unknown_model"), ("mlp/defaults?dataset=nil", "unknown_dataset")]
)
def test_unknown_names(caller: Caller, path: str, code: str) -> None:
    assert caller.refused("GET", f"/models/{path}", 422)["code"] == code


def test_the_middle() -> None:
    assert middle([3, 1, 2]) == 2
    assert middle([4, 1, 2, 3]) == 2
    assert middle(["b", "a", "b", "a", "c"]) == "a"
    assert middle([True, False, True]) is True
    assert middle(["64", "64-32", "64-32"]) == "64-32"
