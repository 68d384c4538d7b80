"""All trials of a study as columns, whole and as what may have changed since."""

from __future__ import annotations

import math
from typing import Any

import pytest

from tests.servers.api import Caller, Json

PATH = "/studies/wide/columns"
SPACE: Json = {
    "learning_rate": {"type": "float", "low": 1e-4, "high": 0.2, "log": True},
    "optimizer": {"type": "categorical", "choices": ["adam", "nesterov"]},
    "momentum": {"type": "float", "low": 0.5, "high": 0.9, "when": {"optimizer": ["nesterov"]}},
    "batch_size": {"type": "categorical", "choices": [16, 64]},
}
ADAM: Json = {"learning_rate": 0.0123456789, "optimizer": "adam", "batch_size": 64}
NESTEROV: Json = {"learning_rate": 0.02, "optimizer": "nesterov", "momentum": 0.75, "batch_size": 16}


@pytest.fixture
def wide(caller: Caller) -> Caller:
    """Return a caller whose study has two objectives, a limit on one of them, and waits for trials by hand."""
    objectives = [
        {"metric": "val_accuracy", "direction": "maximize"},
        {"metric": "n_parameters", "direction": "minimize"},
    ]
    limits = [{"metric": "n_parameters", "at_most": 1000}]
    changes: Json = {"objectives": objectives, "outcome_constraints": limits}
    caller.create("wide", sampler={"name": "manual"}, search_space=SPACE, budget={}, **changes)
    return caller


def add(caller: Caller, params: Json, **values: float) -> Json:
    body: Json = {"params": params, "state": "COMPLETE", "values": values} if values else {"params": params}
    trial: Json = caller.call("POST", "/studies/wide/trials", 201, json=body)
    return trial


def param(found: Json, name: str) -> Json:
    return next(one for one in found["params"] if one["name"] == name)


def states(found: Json) -> list[str]:
    return [found["state_names"][code] for code in found["states"]]


def test_every_trial_is_a_place_in_every_column(wide: Caller) -> None:
    first = add(wide, ADAM, val_accuracy=0.9123456789, n_parameters=1_234_567)
    second = add(wide, NESTEROV, val_accuracy=0.5, n_parameters=10)
    add(wide, ADAM)
    found = wide.call("GET", PATH)
    assert found["is_whole"]
    assert found["numbers"] == [0, 1, 2]
    assert found["trial_ids"][:2] == [first["trial_id"], second["trial_id"]]
    assert states(found) == ["COMPLETE", "COMPLETE", "WAITING"]
    accuracy, size = found["objectives"]
    assert (accuracy["metric"], accuracy["direction"]) == ("val_accuracy", "maximize")
    assert accuracy["values"] == [0.912346, 0.5, None]
    assert size["values"] == [1_234_570, 10, None]
    assert found["infeasible"] == [0]
    rate, momentum = param(found, "learning_rate"), param(found, "momentum")
    assert (rate["kind"], rate["is_log"], momentum["is_log"]) == ("number", True, False)
    assert rate["values"] == [0.0123457, 0.02, 0.0123457]
    assert momentum["values"] == [None, 0.75, None]
    optimizer, size = param(found, "optimizer"), param(found, "batch_size")
    assert (optimizer["kind"], optimizer["choices"], optimizer["codes"]) == (
        "category",
        ["adam", "nesterov"],
        [0, 1, 0],
    )
    assert (size["choices"], size["codes"]) == (["16", "64"], [1, 0, 1])


def test_an_empty_study_has_its_columns(wide: Caller) -> None:
    found = wide.call("GET", PATH)
    assert (found["numbers"], found["states"], found["durations_s"]) == ([], [], [])
    assert [one["name"] for one in found["params"]] == sorted(SPACE)
    assert [one["values"] for one in found["objectives"]] == [[], []]


def test_what_may_have_changed_is_open_or_ended_since(wide: Caller) -> None:
    add(wide, ADAM, val_accuracy=0.9, n_parameters=10)
    waiting = add(wide, ADAM)
    rev = wide.call("GET", PATH)["rev"]
    assert wide.call("GET", PATH, params={"after": rev})["numbers"] == [1]
    add(wide, NESTEROV, val_accuracy=0.5, n_parameters=10)
    wide.call("POST", f"/trials/{waiting['trial_id']}:stop")
    found = wide.call("GET", PATH, params={"after": rev})
    assert (found["is_whole"], found["numbers"], states(found)) == (False, [1, 2], ["FAIL", "COMPLETE"])
    assert wide.call("GET", PATH, params={"after": found["rev"]})["numbers"] == []


def test_a_mark_of_another_database_gets_everything(wide: Caller) -> None:
    add(wide, ADAM, val_accuracy=0.9, n_parameters=10)
    found = wide.call("GET", PATH, params={"after": 10**6})
    assert (found["is_whole"], found["numbers"]) == (True, [0])


def test_a_value_that_is_no_finite_number_stays_what_it_is(caller: Caller) -> None:
    caller.create("wide")
    worker_id = caller.join("wide")
    for value in ("Infinity", "-Infinity", "NaN", 0.5):
        caller.finish(caller.claim(worker_id, "wide")[0], values={"val_accuracy": value})
    found = caller.call("GET", PATH)
    assert found["objectives"][0]["values"] == ["Infinity", "-Infinity", "NaN", 0.5]
    assert all(at > 1.7e9 for at in found["started_at_s"])
    assert all(0 <= span < 60 for span in found["durations_s"])


def test_trials_that_confirm_others_repeat_a_point_and_are_left_out(caller: Caller) -> None:
    budget = {"n_trials": 2, "max_parallel": 1, "confirm": {"top": 1, "repeats": 2}}
    caller.create("wide", budget=budget)
    worker_id = caller.join("wide")
    while jobs := caller.claim(worker_id, "wide"):
        caller.finish(jobs[0], values={"val_accuracy": 0.5})
    assert len(caller.call("GET", "/studies/wide/trials")["items"]) > 2
    assert caller.call("GET", PATH)["numbers"] == [0, 1]


def test_they_are_compressed_for_whoever_reads_that(wide: Caller) -> None:
    add(wide, ADAM, val_accuracy=0.9, n_parameters=10)
    packed = wide.http.get(PATH, headers={"Accept-Encoding": "gzip"})
    plain = wide.http.get(PATH, headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()


@pytest.mark.parametrize(("query", "code"), [({"after": -1}, "greater_than_equal"), ({"afer": 1}, "unknown_field")])
def test_a_mark_that_is_none_is_refused(wide: Caller, query: dict[str, Any], code: str) -> None:
    assert wide.refused("GET", PATH, 422, params=query)["code"] == code
    assert wide.call("GET", PATH, params={"after": 0})["numbers"] == []


def test_a_study_that_is_not_there_has_none(wide: Caller) -> None:
    assert wide.refused("GET", "/studies/narrow/columns", 404)["code"] == "study_not_found"
    assert math.isfinite(wide.call("GET", PATH)["rev"])
