"""Trials of several studies beside each other."""

from __future__ import annotations

from typing import Any

import pytest
from tunewell import Client, NotFound

from tests.servers.api import Caller


@pytest.fixture
def two_studies(caller: Caller) -> Caller:
    """Store two studies of one trial each, trained on one worker; the curve of the second is long, and ends in NaN."""
    for name, n_points in (("first", 3), ("second", 2000)):
        caller.create(name, fixed={"epochs": 3, "batch_size": 64 if name == "first" else 32})
        worker = {"name": "w", "host": "h", "pid": 1, "queues": [name], "n_slots": 1, "environment": {"commit": name}}
        (job,) = caller.claim(caller.call("POST", "/workers", 201, json=worker)["worker_id"], name)
        points = [
            {"name": "val_accuracy", "step": step, "value": "NaN" if step == 2000 else 1 - 1 / step}
            for step in range(1, n_points + 1)
        ]
        caller.report(job, 1, metrics=points)
        caller.finish(job, values={"val_accuracy": 0.8, "val_loss": 0.3})
    return caller


def compare(caller: Caller, *refs: str, **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = caller.call("GET", "/compare", params={"trials": ",".join(refs), **more})
    return answer


def test_trials_of_two_studies_come_with_curves_of_bounded_length(two_studies: Caller) -> None:
    read = compare(two_studies, "second:0", "first:0", max_points=50)
    assert (read["metric"], read["missing"]) == ("val_accuracy", [])
    assert read["metrics"] == ["val_accuracy", "val_loss"]
    long, short = read["trials"]
    assert (long["ref"], long["trial"]["study_name"], long["curve"]["n_points"]) == ("second:0", "second", 2000)
    assert len(long["curve"]["steps"]) <= 60
    assert long["curve"]["values"][-1] == "NaN"
    assert short["curve"]["steps"] == [1, 2, 3]
    place = next(place for place in read["places"] if place["worker_id"] == short["worker_id"])
    assert (place["worker_name"], place["host"], place["environment"]["commit"]) == ("w", "h", "first")
    assert len(read["places"]) == 2
    assert [(study["name"], study["fixed"]["batch_size"]) for study in read["studies"]] == [
        ("second", 32),
        ("first", 64),
    ]


def test_one_that_is_not_there_is_named_and_the_others_are_shown(two_studies: Caller) -> None:
    study_id = two_studies.call("GET", "/studies/first")["study_id"]
    read = compare(two_studies, "first:0", f"{study_id}:0", "first:7", "nobody:0")
    assert [one["ref"] for one in read["trials"]] == ["first:0"]
    assert read["missing"] == ["first:7", "nobody:0"]


def test_a_metric_that_a_trial_lacks_has_no_curve(two_studies: Caller) -> None:
    (one,) = compare(two_studies, "first:0", metric="val_loss")["trials"]
    assert one["curve"] is None
    assert one["trial"]["values"] == {"val_accuracy": 0.8, "val_loss": 0.3}


def test_fifty_trials_are_compared_and_fifty_one_refused(two_studies: Caller) -> None:
    refs = [f"first:{number}" for number in range(51)]
    assert len(compare(two_studies, *refs[:50])["missing"]) == 49
    error = two_studies.refused("GET", "/compare", 422, params={"trials": ",".join(refs)})
    assert (error["code"], error["field"]) == ("too_long", "trials")


def test_a_trial_is_named_by_study_and_number(two_studies: Caller) -> None:
    assert compare(two_studies, "first:0")["missing"] == []
    error = two_studies.refused("GET", "/compare", 422, params={"trials": "first"})
    assert (error["code"], error["field"]) == ("string_pattern_mismatch", "trials.0")


def test_the_sdk_tells_in_what_they_differ(two_studies: Caller) -> None:
    trial_id = two_studies.call("GET", "/studies/first/trials/0")["trial_id"]
    with Client(two_studies.address) as client:
        found = client.compare_trials([trial_id, "second/0"])
        with pytest.raises(NotFound) as caught:
            client.compare_trials([trial_id + 1000, "second/0"])
    assert caught.value.code == "trial_not_found"
    assert [one.name for one in found.trials] == ["first/0", "second/0"]
    assert {row.name: row.values for row in found.parameters()}["batch_size"] == (64, 32)
    assert [(row.name, row.values, row.best) for row in found.values()] == [
        ("val_accuracy", (0.8, 0.8), frozenset()),
        ("val_loss", (0.3, 0.3), frozenset()),
    ]
    assert [(row.name, row.values) for row in found.environments()] == [("commit", ("first", "second"))]
