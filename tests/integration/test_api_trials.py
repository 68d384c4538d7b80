"""Trials over HTTP, on both kinds of database: adding, stopping, ordering, paging, exporting."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from db.tables import TrialRow
from tests.servers.api import Caller, Json, Served

PARAMS = {"learning_rate": 0.01}
NOT_FINITE = ("NaN", "Infinity", "-Infinity")


def imported(caller: Caller, study: str, state: str = "COMPLETE", **changes: Any) -> Json:
    body = {"params": PARAMS, "state": state, **changes}
    trial: Json = caller.call("POST", f"/studies/{study}/trials", 201, json=body)
    return trial


def test_a_trial_added_by_hand_runs_before_the_sampler_proposes(caller: Caller) -> None:
    caller.create("by-hand", budget={"n_trials": 2, "max_parallel": 2})
    added = caller.call("POST", "/studies/by-hand/trials", 201, json={"params": PARAMS, "note": "a hunch"})
    assert (added["number"], added["state"], added["source"], added["note"]) == (0, "WAITING", "manual", "a hunch")
    first, second = caller.claim(caller.join("by-hand"), "by-hand", n_max=2)
    assert (first["number"], first["params"]["learning_rate"], first["params"]["epochs"]) == (0, 0.01, 3)
    assert second["number"] == 1
    assert caller.call("GET", f"/trials/{second['trial_id']}")["source"] == "sampler"


def test_a_manual_study_runs_what_people_add_and_nothing_else(caller: Caller) -> None:
    caller.create("manual", sampler={"name": "manual"}, budget={"n_trials": None})
    worker_id = caller.join("manual")
    assert caller.claim(worker_id, "manual") == []
    caller.call("POST", "/studies/manual/trials", 201, json={"params": PARAMS})
    (job,) = caller.claim(worker_id, "manual", n_max=5)
    caller.finish(job, values={"val_accuracy": 0.5})
    assert caller.call("GET", "/studies/manual")["state"] == "RUNNING"


def test_a_finished_trial_from_elsewhere_counts_as_best(caller: Caller) -> None:
    caller.create("import")
    trial = imported(caller, "import", values={"val_accuracy": 0.75, "val_loss": "Infinity"})
    assert (trial["state"], trial["source"], trial["value"]) == ("COMPLETE", "imported", 0.75)
    assert trial["values"] == {"val_accuracy": 0.75, "val_loss": "Infinity"}
    assert trial["finished_at"] is not None
    best = caller.call("GET", "/studies/import")["best_trial"]
    assert (best["number"], best["values"]["val_accuracy"]) == (0, 0.75)
    imported(caller, "import", "FAIL")
    assert caller.call("GET", "/studies/import")["trial_counts"]["FAIL"] == 1


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"params": {}}, "missing_parameter", "params.learning_rate"),
        ({"params": {"learning_rate": 5.0}}, "out_of_range", "params.learning_rate"),
        ({"params": {**PARAMS, "momentun": 1}}, "unknown_parameter", "params.momentun"),
        ({"params": PARAMS, "state": "COMPLETE"}, "value_needed", "values.val_accuracy"),
        (
            {"params": PARAMS, "state": "COMPLETE", "values": {"val_accuracy": "NaN"}},
            "value_needed",
            "values.val_accuracy",
        ),
        ({"params": PARAMS, "state": "RUNNING"}, "literal_error", "state"),
        ({"params": PARAMS, "values": {"val_accuracy": "0.5"}}, "float_type", "values.val_accuracy"),
        ({"params": PARAMS, "note": "\x00"}, "string_pattern_mismatch", "note"),
    ],
)
def test_a_trial_that_does_not_fit_is_refused(caller: Caller, body: Json, code: str, field: str) -> None:
    caller.create("strict")
    error = caller.refused("POST", "/studies/strict/trials", 422, json=body)
    assert (error["code"], error["field"]) == (code, field)
    assert caller.pages("/studies/strict/trials") == [[]]
    imported(caller, "strict", values={"val_accuracy": 0.5})


def test_a_stopping_study_takes_no_trial(caller: Caller) -> None:
    caller.create("closing")
    (job,) = caller.claim(caller.join("closing"), "closing")
    caller.call("PATCH", "/studies/closing", json={"action": "stop"})
    error = caller.refused("POST", "/studies/closing/trials", 409, json={"params": PARAMS})
    assert error["code"] == "wrong_state"
    caller.finish(job, "STOPPED")
    added = caller.call("POST", "/studies/closing/trials", 201, json={"params": PARAMS})
    # Only what was added runs: the search was stopped.
    (again,) = caller.claim(caller.join("closing"), "closing", n_max=5)
    assert again["trial_id"] == added["trial_id"]
    caller.finish(again, values={"val_accuracy": 0.5})
    assert caller.call("GET", "/studies/closing")["state"] == "COMPLETE"


def test_stopping_trials(caller: Caller) -> None:
    caller.create("stops")
    (job,) = caller.claim(caller.join("stops"), "stops")
    waiting = caller.call("POST", "/studies/stops/trials", 201, json={"params": PARAMS})
    assert caller.call("POST", f"/trials/{waiting['trial_id']}:stop")["state"] == "FAIL"
    assert caller.call("POST", f"/trials/{job['trial_id']}:stop")["is_stop_requested"]
    answer = caller.report(job, 1, step=1, metrics=[{"name": "val_accuracy", "step": 1, "value": 0.25}])
    assert (answer["decision"], answer["reason"]) == ("stop", "a user stopped the trial")
    assert caller.finish(job, "STOPPED")["trial_state"] == "PRUNED"
    stopped = caller.call("GET", f"/trials/{job['trial_id']}")
    assert (stopped["value"], stopped["attempts"][0]["state"]) == (0.25, "STOPPED")
    assert caller.refused("POST", f"/trials/{job['trial_id']}:stop", 409)["code"] == "wrong_state"


def test_a_trial_is_found_by_id_and_by_number(caller: Caller) -> None:
    study = caller.create("numbered")
    trial = imported(caller, "numbered", "FAIL")
    detail = caller.call("GET", f"/trials/{trial['trial_id']}")
    assert detail == caller.call("GET", "/studies/numbered/trials/0")
    assert detail == caller.call("GET", f"/studies/{study['study_id']}/trials/0")
    assert (detail["study_name"], detail["attempts"], detail["metric_names"]) == ("numbered", [], [])
    error = caller.refused("GET", "/studies/numbered/trials/1", 404)
    assert (error["code"], error["field"], error["hint"]) == (
        "trial_not_found",
        "number",
        "its trials are numbered 0 to 0",
    )
    assert caller.refused("GET", f"/studies/numbered/trials/{2**40}", 404)["code"] == "trial_not_found"


# By trial number: values with ties, and trials without any.
VALUES: list[float | None] = [0.5, None, 0.1, 0.5, 0.9, None, 0.5, 0.1 + 0.2, 1e-300, None, 0.3, -1.0]


@pytest.fixture
def paged(caller: Caller) -> Caller:
    """Return a caller who finds trials of every kind in the study `paged`, three of which have started."""
    budget = {"n_trials": 100, "max_parallel": 3}
    caller.create("paged", budget=budget)
    for value in VALUES:
        if value is None:
            imported(caller, "paged", "FAIL")
        else:
            imported(caller, "paged", "PRUNED" if value < 0 else "COMPLETE", values={"val_accuracy": value})
    worker_id = caller.join("paged")
    for _ in range(3):  # one claim each: within one, trials can start in the same microsecond
        caller.claim(worker_id, "paged")
    return caller


def expected(order_by: str, *, descending: bool) -> list[int]:
    everything = list(range(len(VALUES) + 3))
    if order_by == "number":
        return sorted(everything, reverse=descending)
    if order_by == "started_at":
        started = everything[len(VALUES) :]
        return (started[::-1] if descending else started) + everything[: len(VALUES)]
    found = {number: value for number, value in enumerate(VALUES) if value is not None}
    sign = 1 if descending else -1  # best first means largest first: the objective is maximised
    return sorted(found, key=lambda number: (sign * found[number], number)) + [n for n in everything if n not in found]


@pytest.mark.parametrize("order_by", ["number", "value", "started_at"])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_hold_every_trial_once_in_order(paged: Caller, order_by: str, descending: bool) -> None:
    want = expected(order_by, descending=descending)
    for limit in (1, 2, 4, 15, 1000):
        pages = paged.pages("/studies/paged/trials", order_by=order_by, descending=descending, limit=limit)
        assert [trial["number"] for page in pages for trial in page] == want
        assert all(len(page) == limit for page in pages[:-1])


@pytest.mark.parametrize("descending", [False, True])
def test_trials_are_ordered_by_how_long_they_took(live_api: Served, caller: Caller, descending: bool) -> None:
    caller.create("timed", budget={"n_trials": 6, "max_parallel": 6})
    jobs = caller.claim(caller.join("timed"), "timed", n_max=6)
    for job in jobs[:5]:
        caller.finish(job, values={"val_accuracy": 0.5})
    took_s = [2.000001, 2.0, 0.5, 2.000001, 1e6]
    with live_api.control.database.write() as session:
        for job, seconds in zip(jobs, took_s, strict=False):
            at = datetime(2026, 1, 1, tzinfo=UTC)
            times = {"started_at": at, "finished_at": at + timedelta(seconds=seconds)}
            session.execute(update(TrialRow).where(TrialRow.id == job["trial_id"]).values(times))
    want = [4, 0, 3, 1, 2, 5] if descending else [2, 1, 0, 3, 4, 5]
    for limit in (1, 2, 4, 100):
        pages = caller.pages("/studies/timed/trials", order_by="duration", descending=descending, limit=limit)
        assert [trial["number"] for page in pages for trial in page] == want


def test_a_list_is_filtered_by_state(paged: Caller) -> None:
    (running,) = paged.pages("/studies/paged/trials", state=["RUNNING"])
    assert [trial["number"] for trial in running] == [12, 13, 14]
    pages = paged.pages("/studies/paged/trials", state=["FAIL", "PRUNED"], limit=3, descending=True)
    assert [trial["number"] for page in pages for trial in page] == [11, 9, 5, 1]
    assert paged.refused("GET", "/studies/paged/trials?state=DONE", 422)["field"] == "state.0"
    assert paged.refused("GET", "/studies/paged/trials?limit=0", 422)["field"] == "limit"
    assert paged.refused("GET", "/studies/paged/trials?order=value", 422)["code"] == "unknown_field"


def test_a_minimised_study_lists_the_smallest_first(caller: Caller) -> None:
    caller.create("small", objectives=[{"metric": "val_loss", "direction": "minimize"}])
    for value in (0.5, 0.25, 0.75):
        imported(caller, "small", values={"val_loss": value})
    (page,) = caller.pages("/studies/small/trials", order_by="value")
    assert [trial["value"] for trial in page] == [0.25, 0.5, 0.75]
    assert caller.call("GET", "/studies/small")["best_trial"]["number"] == 1


@pytest.mark.parametrize("value", NOT_FINITE)
def test_a_trial_whose_objective_is_no_number_fails_and_keeps_it(caller: Caller, value: str) -> None:
    caller.create("diverged")
    (job,) = caller.claim(caller.join("diverged"), "diverged")
    caller.report(job, 1, step=1, metrics=[{"name": "val_loss", "step": 1, "value": value}])
    assert caller.finish(job, values={"val_accuracy": value, "val_loss": 0.5})["trial_state"] == "FAIL"
    trial = caller.call("GET", f"/trials/{job['trial_id']}")
    assert (trial["value"], trial["values"]) == (None, {"val_accuracy": value, "val_loss": 0.5})
    assert value in trial["reason"]
    (series,) = caller.call("GET", f"/trials/{job['trial_id']}/metrics")["series"]
    assert (series["values"], series["latest_value"], series["min_value"]) == ([value], value, None)
    text = caller.http.get("/studies/diverged/export?format=json").text
    exported = json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    assert exported["trials"][0]["values"]["val_accuracy"] == value


def test_exports_hold_every_trial(caller: Caller) -> None:
    caller.create("exported")
    for value in (0.25, 0.75):
        imported(caller, "exported", values={"val_accuracy": value})
    imported(caller, "exported", "FAIL")
    answer = caller.http.get("/studies/exported/export")
    assert answer.headers["content-disposition"] == 'attachment; filename="exported.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["number"] for row in rows] == ["0", "1", "2"]
    assert [row["state"] for row in rows] == ["COMPLETE", "COMPLETE", "FAIL"]
    assert [row["param.learning_rate"] for row in rows] == ["0.01"] * 3
    assert [row["metric.val_accuracy"] for row in rows] == ["0.25", "0.75", ""]
    answer = caller.http.get("/studies/exported/export?format=json")
    assert answer.headers["content-type"] == "application/json"
    (listed,) = caller.pages("/studies/exported/trials")
    assert answer.json()["trials"] == [{**trial, "diagnosis": None} for trial in listed]
    assert caller.refused("GET", "/studies/exported/export?format=xml", 422)["field"] == "format"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_spreadsheet_finds_no_formula_in_an_export(caller: Caller, start: str) -> None:
    caller.create("formula")
    (job,) = caller.claim(caller.join("formula"), "formula")
    reason = f"{start}HYPERLINK(1)"
    caller.finish(job, "OOM", reason=reason)
    text = caller.http.get("/studies/formula/export").content.decode()
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert row["reason"] == f"'{reason}"
    assert caller.call("GET", f"/trials/{job['trial_id']}")["reason"] == reason


def test_people_tag_trials_at_any_time(caller: Caller) -> None:
    caller.create("tagged")
    trial_id = imported(caller, "tagged", values={"val_accuracy": 0.5})["trial_id"]
    assert caller.call("GET", f"/trials/{trial_id}")["tags"] == []
    for tags in (["paper", "v1.0:größe", "paper"], []):
        changed = caller.call("PATCH", f"/trials/{trial_id}", json={"tags": tags})
        assert changed["tags"] == caller.call("GET", f"/trials/{trial_id}")["tags"] == list(dict.fromkeys(tags))


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"tags": ["two words"]}, 422, "string_pattern_mismatch"),
        ({"tags": ["x" * 51]}, 422, "string_too_long"),
        ({"tags": [str(n) for n in range(51)]}, 422, "too_long"),
        ({}, 422, "missing_field"),
        ({"tags": [], "value": 1.0}, 422, "unknown_field"),
    ],
)
def test_what_is_no_tag_is_refused_and_what_people_may_not_change(
    caller: Caller, body: Json, status: int, code: str
) -> None:
    caller.create("tagged")
    trial_id = imported(caller, "tagged", "FAIL")["trial_id"]
    assert caller.refused("PATCH", f"/trials/{trial_id}", status, json=body)["code"] == code
    assert caller.refused("PATCH", f"/trials/{trial_id + 1000}", 404, json={"tags": []})["code"] == "trial_not_found"
    assert caller.call("PATCH", f"/trials/{trial_id}", json={"tags": ["kept"]})["tags"] == ["kept"]
