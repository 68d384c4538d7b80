"""Constraints on outcomes, on both kinds of database: what they refuse, what breaks them, and that it is never best."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from api.asks.history import Histories
from api.services.lookup import get_study
from db.tables import TrialRow
from tests.servers.api import Caller, Json, Served

SMALL: Json = {"metric": "n_parameters", "at_most": 1000}
GOOD: Json = {"metric": "val_accuracy", "at_least": 0.5}
BOTH = [{"metric": "val_accuracy", "direction": "maximize"}, {"metric": "val_loss", "direction": "minimize"}]
SPACE = {"learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True}}


def run(caller: Caller, name: str, *outcomes: Json) -> list[Json]:
    """Finish a trial with each outcome, and return the trials as the list shows them."""
    worker_id = caller.join(name)
    for values in outcomes:
        (job,) = caller.claim(worker_id, name)
        caller.finish(job, values=values)
    trials: list[Json] = caller.call("GET", f"/studies/{name}/trials")["items"]
    return trials


def test_a_trial_that_breaks_a_constraint_is_never_best(caller: Caller, live_api: Served) -> None:
    caller.create("small", outcome_constraints=[SMALL, GOOD], budget={"n_trials": 5})
    trials = run(
        caller,
        "small",
        {"val_accuracy": 0.75, "n_parameters": 1000},
        {"val_accuracy": 0.99, "n_parameters": 1500},
        {"val_accuracy": 0.98},
        {"val_accuracy": 0.25, "n_parameters": 500},
        {"val_accuracy": 0.625, "n_parameters": 750},
    )
    assert [one["state"] for one in trials] == ["COMPLETE"] * 5
    assert [one["is_feasible"] for one in trials] == [True, False, False, False, True]
    study = caller.call("GET", "/studies/small")
    assert (study["best_trial"]["number"], study["best_trials"]) == (0, [study["best_trial"]])
    with live_api.control.ledger.read() as session:
        rows = session.execute(select(TrialRow.outcome_constraints).order_by(TrialRow.number)).scalars().all()
    # Relative to the limits; infinite where the metric is missing.
    assert rows == [[0.0, -0.5], [0.5, -0.98], ["Infinity", -0.96], [-0.5, 0.5], [-0.25, -0.25]]


def test_samplers_are_told_how_far_a_constraint_was_broken(caller: Caller, live_api: Served) -> None:
    sampler = {"name": "bayesian", "seed": 1, "n_startup_trials": 2}
    caller.create("learnt", outcome_constraints=[SMALL], sampler=sampler, budget={"n_trials": 6})
    outcomes = [{"val_accuracy": 0.5 + n / 10, "n_parameters": 400 * n} for n in range(4)]
    run(caller, "learnt", *outcomes, {"val_accuracy": 0.5})
    with live_api.control.ledger.read() as session:
        snapshot = Histories().read(session, get_study(session, "learnt"))
    assert [one.constraints for one in snapshot.finished] == [(-1.0,), (-0.6,), (-0.2,), (0.2,), (float("inf"),)]
    run(caller, "learnt", {"val_accuracy": 0.5, "n_parameters": 1})
    (again,) = caller.pages("/studies/learnt/replay")
    assert [one["status"] for one in again] == ["same"] * 6


def test_what_breaks_a_constraint_reaches_no_target_and_is_no_news(caller: Caller) -> None:
    caller.create("aimed", outcome_constraints=[SMALL], budget={"n_trials": 9, "target": 0.9, "patience": 3})
    run(caller, "aimed", {"val_accuracy": 0.5, "n_parameters": 10}, {"val_accuracy": 0.95, "n_parameters": 9999})
    assert caller.call("GET", "/studies/aimed")["state"] == "RUNNING"
    run(caller, "aimed", *[{"val_accuracy": 0.95, "n_parameters": 9999}] * 2)
    ended = caller.call("GET", "/studies/aimed")
    assert (ended["state"], ended["best_trial"]["number"]) == ("COMPLETE", 0)
    assert ended["state_reason"] == "none of the last 3 trials was better than the best one before them"


def test_the_front_holds_only_what_keeps_the_constraints(caller: Caller) -> None:
    caller.create("front", objectives=BOTH, outcome_constraints=[SMALL], budget={"n_trials": 3})
    run(
        caller,
        "front",
        {"val_accuracy": 0.5, "val_loss": 0.5, "n_parameters": 10},
        {"val_accuracy": 0.9, "val_loss": 0.1, "n_parameters": 2000},
        {"val_accuracy": 0.75, "val_loss": 0.75, "n_parameters": 10},
    )
    assert [one["number"] for one in caller.call("GET", "/studies/front")["best_trials"]] == [2, 0]


def test_a_constrained_metric_that_was_reported_need_not_be_named_at_the_end(caller: Caller) -> None:
    caller.create("reported", outcome_constraints=[{"metric": "val_loss", "at_most": 0.5}], budget={"n_trials": 1})
    (job,) = caller.claim(caller.join("reported"), "reported")
    caller.report(job, 1, step=1, metrics=[{"name": "val_loss", "step": 1, "value": 0.25}])
    caller.finish(job, values={"val_accuracy": 0.5})
    (trial,) = caller.call("GET", "/studies/reported/trials")["items"]
    assert (trial["is_feasible"], trial["values"]) == (True, {"val_accuracy": 0.5, "val_loss": 0.25})


def test_trials_of_a_study_without_constraints_are_neither(caller: Caller) -> None:
    caller.create("free", budget={"n_trials": 1})
    (trial,) = run(caller, "free", {"val_accuracy": 0.5})
    assert trial["is_feasible"] is None


def test_an_imported_trial_needs_what_is_constrained(caller: Caller) -> None:
    caller.create("strict", outcome_constraints=[SMALL])
    body = {"params": {"learning_rate": 0.01}, "state": "COMPLETE", "values": {"val_accuracy": 0.5}}
    error = caller.refused("POST", "/studies/strict/trials", 422, json=body)
    assert (error["code"], error["field"]) == ("value_needed", "values.n_parameters")
    body["values"] = {"val_accuracy": 0.5, "n_parameters": 1001}
    assert caller.call("POST", "/studies/strict/trials", 201, json=body)["is_feasible"] is False


FOLDS = {"evaluation": {"method": "k_fold"}}
# code, field, what is refused, what is accepted
REFUSALS: dict[str, tuple[str, str, Json, Json]] = {
    "no limit": (
        "one_limit",
        "outcome_constraints.0",
        {"outcome_constraints": [{"metric": "val_loss"}]},
        {"outcome_constraints": [{"metric": "val_loss", "at_most": 1}]},
    ),
    "two limits": (
        "one_limit",
        "outcome_constraints.1",
        {"outcome_constraints": [SMALL, {"metric": "val_loss", "at_most": 1, "at_least": 0}]},
        {"outcome_constraints": [SMALL, {"metric": "val_loss", "at_least": 0}]},
    ),
    "a metric that is none": (
        "unknown_metric",
        "outcome_constraints.0.metric",
        {"outcome_constraints": [{"metric": "n_parameter", "at_most": 1}]},
        {"outcome_constraints": [{"metric": "n_parameters", "at_most": 1}]},
    ),
    "what folds do not measure": (
        "constraint_not_measured",
        "outcome_constraints.0.metric",
        {"outcome_constraints": [{"metric": "val_roc_auc", "at_least": 0.5}], **FOLDS},
        {"outcome_constraints": [{"metric": "val_accuracy", "at_least": 0.5}, SMALL], **FOLDS},
    ),
    "not a number": (
        "float_type",
        "outcome_constraints.0.at_most",
        {"outcome_constraints": [{"metric": "val_loss", "at_most": "1"}]},
        {"outcome_constraints": [{"metric": "val_loss", "at_most": 1.5}]},
    ),
    "too many": (
        "too_long",
        "outcome_constraints",
        {"outcome_constraints": [SMALL] * 9},
        {"outcome_constraints": [SMALL] * 8},
    ),
    "the answer of what answers nothing": (
        "unknown_metric",
        "outcome_constraints.0.metric",
        {
            "model": "gan",
            "objectives": [{"metric": "frechet_distance", "direction": "minimize"}],
            "outcome_constraints": [{"metric": "predict_ms", "at_most": 1}],
        },
        {
            "model": "gan",
            "objectives": [{"metric": "frechet_distance", "direction": "minimize"}],
            "outcome_constraints": [{"metric": "train_s", "at_most": 1}],
        },
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_is_no_constraint(caller: Caller, case: str) -> None:
    code, field, refused, accepted = REFUSALS[case]
    body: dict[str, Any] = {
        "name": "x",
        "dataset": "digits",
        "model": "mlp",
        "search_space": SPACE,
        "objectives": [{"metric": "val_accuracy", "direction": "maximize"}],
    }
    error = caller.refused("POST", "/studies", 422, json={**body, **refused})
    assert (error["code"], error["field"]) == (code, field)
    assert caller.call("GET", "/studies")["items"] == []
    caller.call("POST", "/studies", 201, json={**body, **accepted})
