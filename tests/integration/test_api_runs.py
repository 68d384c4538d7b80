"""Runs that scripts begin: their own parameters or the sampler's, one key one run, and what a lost lease leaves."""

from __future__ import annotations

import math
from typing import Any

import pytest
from sqlalchemy import update

from api.services.reconcile import Reconciler
from db.tables import AttemptRow
from db.types import utc_now
from tests.servers.api import Caller, Json, Served, a_study

KEY = "a-key-of-one-run-0"


def a_script_study(name: str, **changes: Any) -> Json:
    """Return a study that keeps what scripts report."""
    study: Json = {
        "name": name,
        "code": "script",
        "sampler": {"name": "manual"},
        "objectives": [{"metric": "val_loss", "direction": "minimize"}],
    }
    return {**study, **changes}


def a_search(name: str, **changes: Any) -> Json:
    """Return a study whose sampler proposes what scripts run."""
    space = {
        "rate": {"type": "float", "low": 0.0, "high": 1.0},
        "shape": {"type": "categorical", "choices": ["a", "b"]},
    }
    given = {"sampler": {"name": "random", "seed": 3}, "search_space": space, "budget": {"n_trials": 3}}
    return a_script_study(name, **{**given, **changes})


@pytest.fixture
def tracking(caller: Caller) -> Json:
    study: Json = caller.call("POST", "/studies", 201, json=a_script_study("notes", fixed={"data": "mine"}))
    return study


def begin(caller: Caller, study: str = "notes", key: str = KEY, status: int = 201, **changes: Any) -> Json:
    body = {"key": key, "params": {"rate": 0.1}, **changes}
    run: Json = caller.call("POST", f"/studies/{study}/runs", status, json=body)
    return run


def trial_of(caller: Caller, run: Json) -> Json:
    trial: Json = caller.call("GET", f"/trials/{run['trial_id']}")
    return trial


def lose_leases(served: Served) -> None:
    """Let every lease run out, and a round of the reconcile loop see it."""
    with served.control.database.write() as session:
        session.execute(update(AttemptRow).values(lease_expires_at=utc_now(-1.0)))
    Reconciler(served.control.ledger, served.control.settings).run_once()


def test_a_run_is_a_trial_with_what_the_script_tells(caller: Caller, tracking: Json) -> None:
    script = {"name": "train.py", "host": "laptop", "pid": 7, "environment": {"python": "3.12.1"}}
    run = begin(caller, note="first", tags=["gpu"], script=script, began_at="2026-01-02T03:04:05Z")
    assert (run["attempt"]["params"], run["last_seq"], run["pruner"]) == ({"rate": 0.1, "data": "mine"}, 0, "none")
    caller.report(run["attempt"], 1, metrics=[{"name": "val_loss", "step": 3, "value": 0.5}], step=3)
    caller.finish(run["attempt"], values={"n": 4.0})
    trial = trial_of(caller, run)
    assert (trial["state"], trial["source"], trial["note"], trial["tags"]) == ("COMPLETE", "script", "first", ["gpu"])
    assert (trial["params"], trial["value"], trial["started_at"]) == ({"rate": 0.1}, 0.5, "2026-01-02T03:04:05Z")
    (place,) = caller.call("GET", f"/trials/{run['trial_id']}/environment")["items"]
    assert (place["worker_name"], place["host"], place["environment"]["python"]) == ("train.py", "laptop", "3.12.1")
    again = begin(caller, key="another-key-of-a-run", worker_id=run["worker_id"])
    assert again["worker_id"] == run["worker_id"]
    assert caller.call("GET", "/workers")["items"] == [], "a script is no worker that could be given work"


def test_curves_are_read_of_whatever_runs_reported(caller: Caller, tracking: Json) -> None:
    for key, name in ((KEY, "perplexity"), ("another-key-of-a-run", "bleu")):
        names = (name, "val_loss", "system/process_cpu_percent")
        points = [{"name": one, "step": 3, "value": 0.5} for one in names]
        caller.report(begin(caller, key=key)["attempt"], 1, metrics=points)
    whole = caller.call("GET", "/studies/notes/curves")
    assert (whole["metric"], whole["metrics"]) == ("val_loss", ["bleu", "perplexity", "val_loss"])
    shown = caller.call("GET", "/studies/notes/curves?metric=bleu")
    assert (shown["n_trials"], [curve["number"] for curve in shown["curves"]]) == (1, [1])
    error = caller.refused("GET", "/studies/notes/curves?metric=blue", 422)
    assert (error["code"], error["field"]) == ("unknown_metric", "metric")
    assert "'bleu'" in error["hint"]


def test_the_same_key_is_the_same_run(caller: Caller, tracking: Json) -> None:
    first, again, other = begin(caller), begin(caller, params={"rate": 9.0}), begin(caller, key="other-key-of-a-run")
    assert again["attempt"] == first["attempt"]
    assert (first["number"], other["number"]) == (0, 1)
    caller.finish(first["attempt"])
    over = begin(caller)
    assert (over["attempt"], over["trial_state"], over["number"]) == (None, "COMPLETE", 0)


def test_a_run_without_the_objective_is_still_a_result_worth_keeping(caller: Caller, tracking: Json) -> None:
    run = begin(caller)
    assert caller.finish(run["attempt"])["trial_state"] == "COMPLETE"
    nan = begin(caller, key="key-of-a-second-run")
    caller.report(nan["attempt"], 1, metrics=[{"name": "val_loss", "step": 1, "value": "NaN"}])
    assert caller.finish(nan["attempt"])["trial_state"] == "COMPLETE"
    assert trial_of(caller, nan)["value"] is None
    (series,) = caller.call("GET", f"/trials/{nan['trial_id']}/metrics")["series"]
    assert math.isnan(float(series["values"][0]))


def test_what_was_lost_is_gone_on_with_behind_what_is_stored(live_api: Served, caller: Caller, tracking: Json) -> None:
    run = begin(caller)
    line = {"at": "2026-01-02T03:04:05Z", "text": "one"}
    caller.report(run["attempt"], 1, metrics=[{"name": "val_loss", "step": 1, "value": 1.0}], logs=[line])
    for n_losses in range(1, 6):  # more often than a trial of a worker would be forgiven
        lose_leases(live_api)
        assert (trial_of(caller, run)["state"], trial_of(caller, run)["n_attempts"]) == ("WAITING", n_losses)
        assert caller.report(run["attempt"], 9, 409)["error"]["code"] == "lease_lost"
        run = begin(caller)
    assert (run["number"], run["last_seq"]) == (0, 1)
    caller.report(run["attempt"], 1, logs=[line])
    caller.report(run["attempt"], 2, logs=[{**line, "text": "two"}])
    assert caller.finish(run["attempt"])["trial_state"] == "COMPLETE"
    assert [one["text"] for one in caller.call("GET", f"/trials/{run['trial_id']}/logs")["items"]] == ["one", "two"]


def test_nobody_else_goes_on_with_a_lost_run(live_api: Served, caller: Caller) -> None:
    caller.call("POST", "/studies", 201, json=a_search("search"))
    own = begin(caller, "search", params={"rate": 0.5, "shape": "a"})
    lose_leases(live_api)
    given = begin(caller, "search", key="key-of-an-agents-run", params=None)
    assert given["trial_id"] not in (None, own["trial_id"])


FIRST, SECOND = ({"name": "train.py", "host": "laptop", "pid": pid} for pid in (7, 8))


@pytest.mark.parametrize("is_by_key", [True, False])
def test_another_script_goes_on_with_a_lost_run(
    live_api: Served, caller: Caller, tracking: Json, is_by_key: bool
) -> None:
    run = begin(caller, script=FIRST)
    name = KEY if is_by_key else str(run["trial_id"])
    point = {"name": "val_loss", "step": 4, "value": 0.5}
    caller.report(run["attempt"], 3, metrics=[point], step=4)
    asked: Json = {"key": "key-of-who-goes-on", "params": None, "resume": name, "script": SECOND}
    error = caller.refused("POST", "/studies/notes/runs", 409, json=asked)
    assert error["code"] == "run_live"
    lose_leases(live_api)
    taken = begin(caller, **asked)
    assert (taken["trial_id"], taken["attempt"]["params"]) == (run["trial_id"], {"rate": 0.1, "data": "mine"})
    assert (taken["step"], taken["last_seq"], taken["attempt"]["attempt_no"]) == (4, 3, 2)
    assert begin(caller, **asked)["attempt"] == taken["attempt"], "the answer to a call that was cut off"
    error = caller.refused("POST", "/studies/notes/runs", 409, json={"key": KEY, "params": {}, "script": FIRST})
    assert error["code"] == "run_live", "who lost it does not write beside who has it"
    caller.report(taken["attempt"], 4, metrics=[{**point, "value": 9.0}, {**point, "step": 5}], step=5)
    assert caller.finish(taken["attempt"])["trial_state"] == "COMPLETE"
    (series,) = caller.call("GET", f"/trials/{run['trial_id']}/metrics")["series"]
    assert (series["steps"], [float(one) for one in series["values"]]) == ([4, 5], [0.5, 0.5])
    error = caller.refused("POST", "/studies/notes/runs", 409, json=asked)
    assert error["code"] == "run_over"
    assert len(caller.call("GET", "/studies/notes/trials")["items"]) == 1


def test_only_runs_of_scripts_in_that_study_can_be_gone_on_with(
    live_api: Served, caller: Caller, tracking: Json
) -> None:
    caller.call("POST", "/studies", 201, json=a_search("search"))
    proposed = begin(caller, "search", params=None)
    own = begin(caller, "search", key="key-of-an-own-run", params={"rate": 0.5, "shape": "a"})
    lose_leases(live_api)
    for study, name in (("search", proposed["trial_id"]), ("notes", own["trial_id"]), ("notes", KEY), ("notes", 99999)):
        body = {"key": "key-of-who-goes-on", "resume": str(name)}
        assert caller.refused("POST", f"/studies/{study}/runs", 404, json=body)["code"] == "run_not_found"
    body = {"key": "key-of-who-goes-on", "resume": str(own["trial_id"])}
    assert caller.call("POST", "/studies/search/runs", 201, json=body)["trial_id"] == own["trial_id"]


def test_failures_do_not_end_a_study_that_only_keeps_notes(caller: Caller, tracking: Json) -> None:
    for place in range(12):
        run = begin(caller, key=f"key-of-a-failing-run-{place}")
        assert caller.finish(run["attempt"], "CRASHED", is_retryable=False)["trial_state"] == "FAIL"
    assert caller.call("GET", "/studies/notes")["state"] == "RUNNING"


def test_a_study_that_was_stopped_goes_on_for_a_new_run(caller: Caller, tracking: Json) -> None:
    caller.call("PATCH", "/studies/notes", json={"action": "stop"})
    assert caller.call("GET", "/studies/notes")["state"] == "COMPLETE"
    begin(caller)
    assert caller.call("GET", "/studies/notes")["state"] == "RUNNING"


def test_a_script_is_told_to_stop(caller: Caller, tracking: Json) -> None:
    run = begin(caller)
    caller.call("POST", f"/trials/{run['trial_id']}:stop")
    assert caller.report(run["attempt"], 0)["decision"] == "stop"
    assert caller.finish(run["attempt"], "STOPPED")["trial_state"] == "PRUNED"


@pytest.mark.parametrize("sampler", ["random", "bayesian", "grid"])
def test_an_agent_is_given_what_the_sampler_proposes_until_the_budget_is_used(caller: Caller, sampler: str) -> None:
    space = {"rate": {"type": "float", "low": 0.0, "high": 1.0, "step": 0.5}}
    changes = {"sampler": {"name": sampler, "seed": 3}, "search_space": space}
    caller.call("POST", "/studies", 201, json=a_search("search", **changes))
    seen: list[Json] = []
    while (run := begin(caller, "search", key=f"key-of-agent-run-{len(seen)}", params=None))["attempt"] is not None:
        caller.report(run["attempt"], 1, metrics=[{"name": "val_loss", "step": 1, "value": len(seen)}])
        caller.finish(run["attempt"])
        seen.append(run["attempt"]["params"])
    study = caller.call("GET", "/studies/search")
    counted = sum(study["trial_counts"].values())
    assert (run["study_state"], run["trial_state"], study["state"], counted) == ("COMPLETE", None, "COMPLETE", 3)
    assert all(set(params) == {"rate"} for params in seen)
    assert study["best_trial"]["number"] == 0


def test_workers_are_not_given_what_scripts_run(caller: Caller) -> None:
    caller.call("POST", "/studies", 201, json=a_search("search", resources={"queue": "cpu"}))
    caller.create("networks", resources={"queue": "cpu"})
    worker_id = caller.join("cpu")
    (job,) = caller.claim(worker_id, "cpu")
    assert "learning_rate" in job["params"]


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/studies/networks/runs", {"key": KEY, "params": {}}, 409, "not_for_scripts"),
        ("/studies/nothing/runs", {"key": KEY, "params": {}}, 404, "study_not_found"),
        ("/studies/notes/runs", {"key": "short", "params": {}}, 422, "string_too_short"),
        ("/studies/notes/runs", {"params": {}}, 422, "missing_field"),
        ("/studies/notes/runs", {"key": KEY, "params": {"a": [1]}}, 422, None),
        ("/studies/search/runs", {"key": KEY, "params": {"rate": 7.0, "shape": "a"}}, 422, None),
        ("/studies/notes/evaluations", {"kind": "baselines"}, 409, "script_study"),
    ],
)
def test_what_a_script_cannot_have_is_refused(
    caller: Caller, tracking: Json, path: str, body: Json, status: int, code: str | None
) -> None:
    caller.create("networks")
    caller.call("POST", "/studies", 201, json=a_search("search"))
    error = caller.refused("POST", path, status, json=body)
    assert code is None or error["code"] == code
    assert caller.call("GET", "/studies/notes/trials")["items"] == []
    begin(caller)
    begin(caller, "search", params={"rate": 0.7, "shape": "a"})


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"dataset": "digits"}, "dataset"),
        ({"model": "mlp"}, "model"),
        ({"search_space": "default"}, "search_space"),
        ({"assumed": {"a": 1}}, "assumed"),
        ({"repeats": {"n": 2}}, "repeats"),
        ({"evaluation": {"method": "k_fold"}}, "evaluation"),
        ({"budget": {"confirm": {"top": 2, "repeats": 3}}}, "budget.confirm"),
    ],
)
def test_a_study_of_a_script_has_nothing_of_networks(caller: Caller, changes: Json, field: str) -> None:
    error = caller.refused("POST", "/studies", 422, json=a_script_study("notes", **changes))
    assert (error["code"], error["field"]) == ("network_only", field)
    stored = caller.call("POST", "/studies", 201, json=a_script_study("notes"))
    spec = stored["spec"]
    assert (spec["code"], spec["model"], spec["resources"]["queue"]) == ("script", "", "scripts")


def test_a_study_of_networks_says_so(caller: Caller) -> None:
    assert caller.create("networks")["spec"]["code"] == "network"
    error = caller.refused("POST", "/studies", 422, json={**a_study("x"), "code": "sript"})
    assert error["field"] == "code"


def test_charts_of_what_scripts_report(caller: Caller, tracking: Json) -> None:
    for place, params in enumerate(({"rate": 0.1, "kind": "x"}, {"rate": 0.2, "layers": 3})):
        run = begin(caller, key=f"key-of-a-drawn-run-{place}", params=params)
        caller.report(run["attempt"], 1, metrics=[{"name": "val_loss", "step": 1, "value": 1.0 - place}])
        caller.finish(run["attempt"])
    columns = caller.call("GET", "/studies/notes/columns")
    assert {one["name"]: one["kind"] for one in columns["params"]} == {
        "kind": "category",
        "layers": "number",
        "rate": "number",
    }
    assert len(caller.call("GET", "/studies/notes/curves")["curves"]) == 2
    for part in ("importance", "distribution", "advice", "attempts", "edits"):
        caller.call("GET", f"/studies/notes/{part}")
    assert caller.call("GET", "/studies/notes")["best_trial"]["number"] == 1
