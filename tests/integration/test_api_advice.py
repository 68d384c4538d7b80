"""Advice over HTTP: from stored trials and their findings to what the study should change."""

from __future__ import annotations

import pytest

from tests.servers.api import Caller, Json

RATE = {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}


def add(caller: Caller, rate: float, value: float) -> None:
    body = {"params": {"learning_rate": rate}, "state": "COMPLETE", "values": {"val_accuracy": value}}
    caller.call("POST", "/studies/advised/trials", 201, json=body)


def advised(caller: Caller) -> dict[str, Json]:
    items = caller.call("GET", "/studies/advised/advice")["items"]
    return {item["kind"]: item for item in items}


def test_with_few_trials_it_says_so(caller: Caller) -> None:
    caller.create("advised", sampler={"name": "manual"}, search_space={"learning_rate": RATE}, budget={})
    add(caller, 1e-3, 0.5)
    (found,) = advised(caller).values()
    assert found["kind"] == "too_few_trials"
    assert found["evidence"]["numbers"]["n_trials"] == 1
    assert found["action"]["sentence"]
    assert caller.refused("GET", "/studies/nowhere/advice", 404)["code"] == "study_not_found"


@pytest.mark.parametrize("is_at_bound", [True, False])
def test_the_best_at_a_bound_ask_for_a_wider_range(caller: Caller, is_at_bound: bool) -> None:
    caller.create("advised", sampler={"name": "manual"}, search_space={"learning_rate": RATE}, budget={})
    rates = [1e-4 * 100 ** (place / 39) for place in range(40)]
    for place, rate in enumerate(rates):
        add(caller, rate, place / 100 if is_at_bound else -abs(place - 20) / 100)
    found = advised(caller)
    assert ("parameter_at_bound" in found) == is_at_bound
    if is_at_bound:
        (change,) = found["parameter_at_bound"]["action"]["changes"]
        assert change["field"] == "search_space.learning_rate"
        assert change["value"]["high"] > RATE["high"]


def test_findings_of_the_best_ask_for_more_epochs(caller: Caller) -> None:
    caller.create("advised", budget={"n_trials": 24, "max_parallel": 24}, resources={"queue": "advised"})
    finding = {
        "kind": "still_improving",
        "severity": "hint",
        "title": "Still improving",
        "evidence": {"sentence": "s"},
        "remedy": {"sentence": "s"},
    }
    worker_id = caller.join("advised")
    while jobs := caller.claim(worker_id, "advised", n_max=24):
        for job in jobs:
            caller.finish(job, values={"val_accuracy": job["number"] % 7 / 10}, diagnosis=[finding])
    change = advised(caller)["more_epochs"]["action"]["changes"][0]
    assert change["field"] == "fixed.epochs"
    assert change["value"] > 3
