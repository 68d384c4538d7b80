"""What a worker finds in a trial's curves, from the end of the attempt to lists, pages and files."""

from __future__ import annotations

import csv
import io
import json
import math
from typing import Any

import pytest
from pydantic import TypeAdapter

from api.schemas.trials import Finding
from models.diagnosis.curves import Curves, Divergence
from models.diagnosis.diagnose import diagnose
from tests.servers.api import Caller, Json

OVERFITTING: Json = {
    "kind": "overfitting",
    "severity": "problem",
    "title": "Overfitting",
    "evidence": {"sentence": "val_loss rose since epoch 4.", "numbers": {"epoch": 4.0, "val_loss": 0.25}},
    "remedy": {
        "sentence": "Try more dropout.",
        "hints": [
            {"parameter": "dropout", "direction": "up"},
            {"parameter": "norm", "direction": "set", "value": "layer"},
        ],
    },
}
PLATEAU: Json = {**OVERFITTING, "kind": "plateau", "severity": "hint", "title": "A plateau"}


def changed(**changes: Any) -> Json:
    return {**OVERFITTING, **changes}


def claimed(caller: Caller, name: str, **changes: Any) -> Json:
    caller.create(name, **changes)
    (job,) = caller.claim(caller.join(name), name)
    return job


def test_a_diagnosis_is_kept_as_it_was_sent(caller: Caller) -> None:
    job = claimed(caller, "seen")
    other = caller.call("GET", f"/trials/{job['trial_id']}")
    assert (other["diagnosis"], other["findings"]) == (None, [])
    caller.finish(job, values={"val_accuracy": 0.5}, diagnosis=[OVERFITTING, PLATEAU, PLATEAU])
    trial = caller.call("GET", f"/trials/{job['trial_id']}")
    assert trial["diagnosis"][0]["evidence"] == OVERFITTING["evidence"]
    assert [hint["value"] for hint in trial["diagnosis"][0]["remedy"]["hints"]] == [None, "layer"]
    assert trial["findings"] == ["overfitting", "plateau"]
    ((listed,),) = caller.pages("/studies/seen/trials")
    assert listed["findings"] == ["overfitting", "plateau"]
    assert "diagnosis" not in listed


def test_a_trial_that_failed_is_diagnosed_too(caller: Caller) -> None:
    job = claimed(caller, "failed")
    diverged = changed(kind="diverged", title="It diverged")
    assert caller.finish(job, "DIVERGED", diagnosis=[diverged])["trial_state"] == "FAIL"
    assert caller.call("GET", f"/trials/{job['trial_id']}")["findings"] == ["diverged"]


def test_nothing_is_kept_of_a_trial_that_goes_on(caller: Caller) -> None:
    job = claimed(caller, "back")
    assert caller.finish(job, "PREEMPTED", diagnosis=[PLATEAU])["trial_state"] == "WAITING"
    assert caller.call("GET", f"/trials/{job['trial_id']}")["diagnosis"] is None


def test_nothing_found_is_told_from_nobody_looked(caller: Caller) -> None:
    job = claimed(caller, "nothing")
    caller.finish(job, values={"val_accuracy": 0.5}, diagnosis=[])
    assert caller.call("GET", f"/trials/{job['trial_id']}")["diagnosis"] == []


def test_exports_carry_it(caller: Caller) -> None:
    job = claimed(caller, "written")
    caller.finish(job, values={"val_accuracy": 0.5}, diagnosis=[OVERFITTING, PLATEAU])
    (row,) = csv.DictReader(io.StringIO(caller.http.get("/studies/written/export").text))
    assert row["findings"] == "overfitting plateau"
    (trial,) = caller.http.get("/studies/written/export?format=json").json()["trials"]
    assert trial["diagnosis"] == [OVERFITTING, PLATEAU]


@pytest.mark.parametrize(
    ("diagnosis", "field"),
    [
        ([changed(kind="Over fitting")], "diagnosis.0.kind"),
        ([changed(severity="bad")], "diagnosis.0.severity"),
        ([changed(title="")], "diagnosis.0.title"),
        ([changed(title="x" * 201)], "diagnosis.0.title"),
        ([changed(title="a\x00b")], "diagnosis.0.title"),
        ([changed(more=1)], "diagnosis.0.more"),
        ([changed(evidence={"sentence": "s", "numbers": {"a": "NaN"}})], "diagnosis.0.evidence.numbers.a"),
        ([changed(evidence={"sentence": "s", "numbers": {f"a{n}": 1 for n in range(51)}})], None),
        ([changed(remedy={"sentence": "s" * 2001})], "diagnosis.0.remedy.sentence"),
        ([OVERFITTING] * 21, "diagnosis"),
        ("overfitting", "diagnosis"),
    ],
)
def test_what_has_another_shape_or_size_is_refused(caller: Caller, diagnosis: Any, field: str | None) -> None:
    job = claimed(caller, "refused")
    body = {"values": {"val_accuracy": 0.5}, "diagnosis": diagnosis}
    error = caller.finish(job, "COMPLETE", 422, **body)["error"]
    assert error["code"]
    assert field is None or error["field"] == field
    assert caller.call("GET", f"/trials/{job['trial_id']}")["state"] == "RUNNING"
    assert caller.finish(job, **{**body, "diagnosis": [OVERFITTING] * 20})["trial_state"] == "COMPLETE"


def test_not_a_number_in_the_body_is_refused(caller: Caller) -> None:
    job = claimed(caller, "nan")
    finding = changed(evidence={"sentence": "s", "numbers": {"a": math.nan}})
    body = {"lease_token": job["lease_token"], "outcome": "COMPLETE", "diagnosis": [finding]}
    headers = {"Content-Type": "application/json"}
    path = f"/attempts/{job['attempt_id']}:finish"
    error = caller.refused("POST", path, 422, content=json.dumps(body), headers=headers)
    assert (error["code"], error["field"]) == ("finite_number", "diagnosis.0.evidence.numbers.a")


@pytest.mark.parametrize(
    "curves",
    [
        Curves({"train_loss": [1, 0.1, 0.01, 1e-3] * 5, "val_loss": [1.0, 0.5, 0.9, 2.0] * 5}, 20, "classification"),
        Curves({"train_loss": [1.0, math.nan]}, 20, divergence=Divergence(2, 7, "train_loss became nan.")),
        Curves({"train_loss": [2.3] * 20, "val_loss": [2.3] * 20}, 20, "classification", 100, 2.3),
        Curves({"train_loss": [1.0] * 9, "grad_norm": [1e9] * 9, "grad_ratio": [1e-9] * 9, "dead_units": [1.0] * 9}, 9),
        Curves({"frechet_distance": [100.0] * 20, "diversity": [0.01] * 20}, 20),
    ],
)
def test_what_our_own_diagnosis_finds_has_the_shape(curves: Curves) -> None:
    found = [finding.to_json() for finding in diagnose(curves)]
    assert found
    adapter = TypeAdapter(list[Finding])
    assert adapter.dump_python(adapter.validate_python(found), exclude_unset=True) == found
