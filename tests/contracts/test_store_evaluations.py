"""Evaluations: chosen once, done by one worker at a time, given back when it is silent, and never done twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from api.services.reconcile import Reconciler
from api.transaction import Ledger
from db.tables import EvaluationRow
from db.types import utc_now
from tests.servers.api import Caller, Json, Served, settings_for

RESULT = {"networks": [{"trial_id": 1, "test_accuracy": 0.97, "test_loss": "Infinity"}]}
VALUES = [0.5, 0.9, 0.7, 0.8]


def ended(caller: Caller, name: str = "s", values: list[float] = VALUES, **changes: Any) -> list[int]:
    """Run a study whose trials store networks; return the trials' ids, the best first."""
    budget = {"n_trials": len(values), "max_parallel": len(values), "max_retries": 1}
    caller.create(name, budget=budget, **changes)
    worker_id = caller.join(name)
    ids = {}
    for value in values:
        (job,) = caller.claim(worker_id, name)
        caller.upload(job, "model.safetensors", f"{name} {value}".encode(), kind="network")
        caller.upload(job, "notes.txt", b"no network", kind="file")
        caller.finish(job, values={"val_accuracy": value})
        ids[job["trial_id"]] = value
    return sorted(ids, key=lambda trial_id: -ids[trial_id])


def ask(caller: Caller, kind: str, status: int = 201, name: str = "s", **body: Any) -> Json:
    answer: Json = caller.call("POST", f"/studies/{name}/evaluations", status, json={"kind": kind, **body})
    return answer


def take(caller: Caller, worker_id: int, *queues: str) -> Json | None:
    body = {"worker_id": worker_id, "queues": list(queues)}
    order: Json | None = caller.call("POST", "/evaluations:claim", json=body)["order"]
    return order


def claimed(caller: Caller, name: str = "s") -> Json:
    order = take(caller, caller.join(name), name)
    assert order is not None
    return order


def end(caller: Caller, order: Json, outcome: str = "COMPLETE", status: int = 200, **changes: Any) -> Json:
    body = {"lease_token": order["lease_token"], "outcome": outcome, **changes}
    path = f"/evaluations/{order['evaluation_id']}:finish"
    answer: Json = caller.call("POST", path, status, json=body)
    return answer


def renewed(caller: Caller, order: Json, status: int = 200, **changes: Any) -> Json:
    body = {"lease_token": order["lease_token"], **changes}
    answer: Json = caller.call("POST", f"/evaluations/{order['evaluation_id']}:renew", status, json=body)
    return answer


def read(caller: Caller, order: Json) -> Json:
    answer: Json = caller.call("GET", f"/evaluations/{order['evaluation_id']}")
    return answer


def test_the_best_network_is_tested_once(caller: Caller) -> None:
    best, *_ = ended(caller)
    asked = ask(caller, "test")
    assert (asked["state"], asked["trial_ids"], asked["n_members"]) == ("WAITING", [best], None)
    assert ask(caller, "test", 200) == asked
    order = claimed(caller)
    assert (order["kind"], order["dataset"], order["model"], order["study_name"]) == ("test", "digits", "mlp", "s")
    assert order["dataset_sha256"]
    (member,) = order["members"]
    assert (member["trial_id"], member["value"], member["params"]["epochs"]) == (best, 0.9, 3)
    (file,) = member["files"]
    assert file["name"] == "model.safetensors"
    assert caller.http.get(f"/artifacts/{file['artifact_id']}/content").content == b"s 0.9"
    done = end(caller, order, result=RESULT)
    assert (done["state"], done["result"]) == ("COMPLETE", RESULT)
    assert done["finished_at"] is not None
    assert end(caller, order, result=RESULT) == done
    # A better trial later changes nothing: the test part has been seen.
    caller.call("PATCH", "/studies/s", json={"n_trials": 5})
    (job,) = caller.claim(caller.join("s"), "s")
    caller.upload(job, "model.safetensors", b"better", kind="network")
    caller.finish(job, values={"val_accuracy": 0.99})
    assert ask(caller, "test", 200) == done
    assert take(caller, caller.join("s"), "s") is None


def test_the_test_part_is_not_seen_while_the_study_goes_on(caller: Caller) -> None:
    ended(caller, values=[0.5, 0.6])
    caller.call("PATCH", "/studies/s", json={"n_trials": 3})
    for kind in ("test", "ensemble"):
        refusal = caller.refused("POST", "/studies/s/evaluations", 409, json={"kind": kind, "n_members": None})
        assert refusal["code"] == "study_goes_on"
    assert ask(caller, "baselines")["trial_ids"] == []
    caller.call("PATCH", "/studies/s", json={"action": "stop"})
    ask(caller, "test")


@pytest.mark.parametrize("kind", ["test", "baselines", "ensemble"])
def test_what_makes_examples_has_no_answers_to_be_tested_on(caller: Caller, kind: str) -> None:
    caller.create("g", model="gan", objectives=[{"metric": "frechet_distance", "direction": "minimize"}])
    refusal = caller.refused("POST", "/studies/g/evaluations", 422, json={"kind": kind})
    assert refusal["code"] == "unfit_evaluation"
    ended(caller)
    assert ask(caller, "baselines")["state"] == "WAITING"


def test_an_ensemble_takes_the_best_that_stored_a_network(caller: Caller) -> None:
    ids = ended(caller)
    caller.call("PATCH", "/studies/s", json={"n_trials": 5})
    (job,) = caller.claim(caller.join("s"), "s")
    caller.finish(job, values={"val_accuracy": 1.0})
    assert ask(caller, "ensemble", n_members=3)["trial_ids"] == ids[:3]
    assert ask(caller, "ensemble", n_members=2)["trial_ids"] == ids[:2]
    assert ask(caller, "ensemble", 200, n_members=3)["n_members"] == 3
    refusal = caller.refused("POST", "/studies/s/evaluations", 409, json={"kind": "ensemble"})
    assert (refusal["code"], refusal["field"]) == ("too_few_networks", "n_members")
    assert "4" in refusal["message"]
    order = claimed(caller)
    assert [member["trial_id"] for member in order["members"]] == ids[:3]
    items = caller.call("GET", "/studies/s/evaluations")["items"]
    assert [(one["n_members"], one["state"]) for one in items] == [(2, "WAITING"), (3, "RUNNING")]


def test_a_study_without_a_network_cannot_be_tested(caller: Caller) -> None:
    caller.create("s", budget={"n_trials": 1, "max_parallel": 1})
    (job,) = caller.claim(caller.join("s"), "s")
    caller.finish(job, values={"val_accuracy": 0.5})
    refusal = caller.refused("POST", "/studies/s/evaluations", 409, json={"kind": "test"})
    assert (refusal["code"], refusal["field"]) == ("too_few_networks", "kind")


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"kind": "tset"}, "literal_error", "kind"),
        ({"kind": "test", "n_members": 2}, "members_unused", "n_members"),
        ({"kind": "ensemble", "n_members": 1}, "greater_than_equal", "n_members"),
        ({"kind": "ensemble", "n_members": 51}, "less_than_equal", "n_members"),
        ({}, "missing_field", "kind"),
    ],
)
def test_a_request_that_breaks_a_rule_is_refused(caller: Caller, body: Json, code: str, field: str) -> None:
    ended(caller)
    refusal = caller.refused("POST", "/studies/s/evaluations", 422, json=body)
    assert (refusal["code"], refusal["field"]) == (code, field)
    assert caller.call("GET", "/studies/s/evaluations")["items"] == []
    ask(caller, "ensemble", n_members=4)


def test_progress_is_kept_and_told(caller: Caller) -> None:
    ended(caller)
    ask(caller, "baselines")
    order = claimed(caller)
    with caller.http.stream("GET", "/events", params={"last_event_id": "0-0"}) as stream:
        assert renewed(caller, order, n_done=1, n_total=7, note="ridge")["decision"] == "continue"
        assert any('"n_done":1' in line and '"evaluation_id"' in line for line in stream.iter_lines())
    renewed(caller, order, n_done=2)
    shown = read(caller, order)
    assert (shown["n_done"], shown["n_total"], shown["note"]) == (2, 7, "ridge")


def test_a_stale_lease_writes_nothing(caller: Caller) -> None:
    ended(caller)
    ask(caller, "test")
    order = claimed(caller)
    assert end(caller, order, "PREEMPTED")["state"] == "WAITING"
    assert end(caller, order, "PREEMPTED")["state"] == "WAITING"
    again = claimed(caller)
    assert (again["evaluation_id"], again["attempt_no"]) == (order["evaluation_id"], 2)
    for stale in (order, {**again, "lease_token": "guessed"}):
        assert end(caller, stale, "COMPLETE", 409, result=RESULT)["error"]["code"] == "lease_lost"
        assert end(caller, stale, "PREEMPTED", 409)["error"]["code"] == "lease_lost"
        assert renewed(caller, stale, 409, n_done=9)["error"]["code"] == "lease_lost"
    shown = read(caller, again)
    assert (shown["state"], shown["n_done"], shown["result"]) == ("RUNNING", None, None)
    end(caller, again, result=RESULT)
    assert end(caller, again, "CRASHED", 409)["error"]["code"] == "lease_lost"
    assert read(caller, again)["state"] == "COMPLETE"


@pytest.mark.parametrize(
    ("outcome", "is_retryable", "states"),
    [
        ("CRASHED", True, ["WAITING", "FAIL"]),
        ("CRASHED", False, ["FAIL"]),
        ("OOM", True, ["FAIL"]),
        ("TIMED_OUT", True, ["FAIL"]),
        ("PREEMPTED", True, ["WAITING"] * 4),
    ],
)
def test_attempts_are_bounded(caller: Caller, outcome: str, is_retryable: bool, states: list[str]) -> None:
    ended(caller)
    ask(caller, "test")
    found = []
    for _ in states:
        order = claimed(caller)
        shown = end(caller, order, outcome, reason="why", is_retryable=is_retryable)
        found.append(shown["state"])
        assert shown["reason"] == "why"
    assert found == states
    assert (take(caller, caller.join("s"), "s") is None) == (states[-1] == "FAIL")
    if states[-1] == "FAIL":  # what failed has told nothing of the test part, and can be asked for again
        assert ask(caller, "test")["state"] == "WAITING"


@pytest.mark.parametrize(
    ("result", "code", "field"),
    [
        (None, "result_missing", "result"),
        ({"a": [1.0, {"b": "x\x00"}]}, "json_bad_text", "result.a.1.b"),
        ({"a\x00": 1}, "json_bad_text", "result"),
        ({"a": "x" * 300_000}, "json_too_large", "result"),
        ([1], "dict_type", "result"),
    ],
)
def test_a_result_that_no_database_keeps_is_refused(caller: Caller, result: Any, code: str, field: str) -> None:
    ended(caller)
    ask(caller, "test")
    order = claimed(caller)
    error = end(caller, order, "COMPLETE", 422, result=result)["error"]
    assert (error["code"], error["field"]) == (code, field)
    deep: Any = 1
    for _ in range(14):
        deep = {"a": deep}
    assert end(caller, order, "COMPLETE", 422, result=deep)["error"]["code"] == "json_too_deep"
    path = f"/evaluations/{order['evaluation_id']}:finish"
    body = f'{{"lease_token": "{order["lease_token"]}", "outcome": "COMPLETE", "result": {{"a": NaN}}}}'
    headers = {"Content-Type": "application/json"}
    assert caller.refused("POST", path, 422, content=body, headers=headers)["field"] == "result.a"
    assert end(caller, order, result=RESULT)["state"] == "COMPLETE"


def test_many_workers_and_askers_share_one_evaluation(live_api: Served, caller: Caller) -> None:
    ended(caller)

    def work(place: int) -> tuple[int, Json | None]:
        own = Caller(live_api.address)
        asked: Json = own.http.post("/studies/s/evaluations", json={"kind": "test"}).json()
        order = take(own, own.join("s"), "s")
        own.close()
        return asked["evaluation_id"], order

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(work, range(6)))
    assert len({asked for asked, _ in answers}) == 1
    orders = [order for _, order in answers if order is not None]
    assert len(orders) == 1
    end(caller, orders[0], result=RESULT)


def test_workers_of_other_queues_and_draining_ones_get_none(caller: Caller) -> None:
    ended(caller)
    ask(caller, "test")
    assert take(caller, caller.join("other"), "other") is None
    worker_id = caller.join("s")
    caller.call("POST", f"/workers/{worker_id}:drain")
    assert take(caller, worker_id, "s") is None
    body = {"worker_id": 999, "queues": ["s"]}
    assert caller.refused("POST", "/evaluations:claim", 404, json=body)["code"] == "worker_not_found"
    busy = caller.join("s")
    assert take(caller, busy, "s") is not None
    workers = {worker["worker_id"]: worker for worker in caller.call("GET", "/workers")["items"]}
    assert (workers[busy]["n_busy"], workers[worker_id]["n_busy"]) == (1, 0)


def test_the_evaluation_of_a_deleted_study_stops_and_comes_back_with_it(caller: Caller) -> None:
    ended(caller)
    ask(caller, "test")
    order = claimed(caller)
    study_id = order["study_id"]
    caller.call("DELETE", "/studies/s", 204)
    assert renewed(caller, order)["decision"] == "stop"
    assert end(caller, order, "PREEMPTED")["state"] == "WAITING"
    assert take(caller, caller.join("s"), "s") is None
    assert caller.refused("GET", f"/evaluations/{order['evaluation_id']}", 404)["code"] == "evaluation_not_found"
    caller.call("POST", f"/studies/{study_id}:restore")
    assert claimed(caller)["evaluation_id"] == order["evaluation_id"]


def test_what_a_silent_worker_held_waits_again_and_is_rung_for(live_api: Served, caller: Caller) -> None:
    ended(caller)
    ask(caller, "test")
    rung: dict[str, int] = {}
    ledger = Ledger(live_api.control.database, ring=lambda queue, n: rung.update({queue: n}), notify=lambda: None)
    reconciler = Reconciler(ledger, settings_for(Path(), lease_s=60.0))
    order = claimed(caller)
    reconciler.run_once()
    assert (read(caller, order)["state"], rung) == ("RUNNING", {})
    for state in ("WAITING", "FAIL"):
        with ledger.write() as tx:
            tx.session.execute(update(EvaluationRow).values(lease_expires_at=utc_now(-0.01)))
        reconciler.run_once()
        assert read(caller, order)["state"] == state
        assert rung == ({"s": 1} if state == "WAITING" else {})
        assert end(caller, order, "COMPLETE", 409, result=RESULT)["error"]["code"] == "lease_lost"
        if state == "WAITING":
            rung.clear()
            order = claimed(caller)
    assert "no sign of life" in read(caller, order)["reason"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE evaluation SET state = 'LOST'",
        "UPDATE evaluation SET kind = 'train'",
        "UPDATE evaluation SET state = 'COMPLETE'",
        "UPDATE evaluation SET finished_at = NULL, state = 'FAIL'",
        "UPDATE evaluation SET lease_expires_at = NULL",
        "INSERT INTO evaluation SELECT * FROM evaluation",
    ],
)
def test_the_database_itself_refuses_what_must_not_be(live_api: Served, caller: Caller, statement: str) -> None:
    ended(caller)
    ask(caller, "test")
    claimed(caller)
    with pytest.raises(IntegrityError), live_api.control.database.write() as session:
        session.execute(text(statement))
