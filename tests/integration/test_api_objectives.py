"""Studies of several objectives, on both kinds of database: what completes a trial, and which trials are best."""

from __future__ import annotations

from typing import Any

import pytest

from tests.servers.api import Caller, Json

BOTH = [{"metric": "val_accuracy", "direction": "maximize"}, {"metric": "val_loss", "direction": "minimize"}]
SPACE = {"learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True}}


def imported(caller: Caller, study: str, accuracy: float, loss: float) -> int:
    """Add a finished trial and return its number."""
    params = {"learning_rate": 0.01 + caller.call("GET", f"/studies/{study}")["trial_counts"]["COMPLETE"] / 1000}
    body = {"params": params, "state": "COMPLETE", "values": {"val_accuracy": accuracy, "val_loss": loss}}
    number: int = caller.call("POST", f"/studies/{study}/trials", 201, json=body)["number"]
    return number


def test_a_trial_completes_with_a_value_of_each_objective(caller: Caller) -> None:
    caller.create("both", objectives=BOTH)
    jobs = caller.claim(caller.join("both"), "both", n_max=3)
    assert len(jobs) == 3
    caller.finish(jobs[0], values={"val_accuracy": 0.5, "val_loss": 1.5})
    # One that was reported and not named at the end is what was reported last.
    caller.report(jobs[1], 1, step=1, metrics=[{"name": "val_loss", "step": 1, "value": 0.25}])
    caller.finish(jobs[1], values={"val_accuracy": 0.75})
    caller.finish(jobs[2], values={"val_accuracy": 0.9, "val_loss": "Infinity"})
    shown = [caller.call("GET", f"/trials/{job['trial_id']}") for job in jobs]
    assert [one["state"] for one in shown] == ["COMPLETE", "COMPLETE", "FAIL"]
    assert shown[1]["values"] == {"val_accuracy": 0.75, "val_loss": 0.25}
    assert (shown[2]["reason"], shown[2]["value"]) == ("the objective val_loss is Infinity", None)
    (job,) = caller.claim(caller.join("both"), "both")
    caller.finish(job, values={"val_accuracy": 0.5})
    assert caller.call("GET", f"/trials/{job['trial_id']}")["reason"] == "the objective val_loss was never reported"


def test_the_best_trials_are_those_that_nothing_beats(caller: Caller) -> None:
    caller.create("front", objectives=BOTH)
    before = caller.call("GET", "/studies/front")
    assert (before["best_trial"], before["best_trials"], before["hypervolume"]) == (None, [], None)
    results = [(0.5, 0.5), (0.75, 0.75), (0.5, 1.0), (0.25, 0.25), (0.25, 0.75)]
    for accuracy, loss in results:
        imported(caller, "front", accuracy, loss)
    study = caller.call("GET", "/studies/front")
    assert study["best_trial"] is None
    assert [one["number"] for one in study["best_trials"]] == [1, 0, 3]
    assert study["best_trials"][0]["values"] == {"val_accuracy": 0.75, "val_loss": 0.75}
    # Spreads of 0.5 and 0.75 put the corner at 0.25 - 0.05 and 1.0 + 0.075.
    reference = study["hypervolume"]["reference"]
    assert reference == pytest.approx({"val_accuracy": 0.2, "val_loss": 1.075})
    area = 0.05 * (1.075 - 0.25) + 0.25 * (1.075 - 0.5) + 0.25 * (1.075 - 0.75)
    assert study["hypervolume"]["value"] == pytest.approx(area)
    (listed,) = [one for one in caller.call("GET", "/studies")["items"] if one["name"] == "front"]
    assert (listed["best_trial"], listed["best_trials"], listed["hypervolume"]) == (None, [], None)


def test_with_one_objective_the_best_trials_are_the_best_trial(caller: Caller) -> None:
    caller.create("one")
    imported(caller, "one", 0.5, 1.0)
    imported(caller, "one", 0.75, 2.0)
    study = caller.call("GET", "/studies/one")
    assert study["best_trials"] == [study["best_trial"]]
    assert (study["best_trial"]["number"], study["hypervolume"]) == (1, None)


@pytest.mark.parametrize("sampler", ["bayesian", "tpe", "gp", "nsga2", "nsga3"])
def test_samplers_are_told_of_every_objective(caller: Caller, sampler: str) -> None:
    options = {} if sampler.startswith("nsga") else {"n_startup_trials": 2}
    caller.create(sampler, objectives=BOTH, sampler={"name": sampler, "seed": 1, **options}, budget={"n_trials": 5})
    worker_id = caller.join(sampler)
    for accuracy, loss in ((0.5, 0.5), (0.75, 0.75), (0.25, 0.1), (0.5, 0.4), (0.6, 0.4)):
        (job,) = caller.claim(worker_id, sampler)
        caller.finish(job, values={"val_accuracy": accuracy, "val_loss": loss})
    study = caller.call("GET", f"/studies/{sampler}")
    assert (study["state"], study["trial_counts"]["COMPLETE"]) == ("COMPLETE", 5)
    (again,) = caller.pages(f"/studies/{sampler}/replay")
    assert [one["status"] for one in again] == ["same"] * 5


def test_a_claim_of_several_objectives_has_no_incumbent(caller: Caller) -> None:
    caller.create("told", objectives=BOTH)
    imported(caller, "told", 0.5, 0.5)
    answer = caller.call("POST", "/work:claim", json={"worker_id": caller.join("told"), "queues": ["told"]})
    assert [one["metric"] for one in answer["objectives"]] == ["val_accuracy", "val_loss"]
    assert answer["incumbent"] is None


FOUR = ["val_accuracy", "val_loss", "train_loss", "train_accuracy"]


def directed(*metrics: str) -> list[Json]:
    return [{"metric": name, "direction": "minimize" if "loss" in name else "maximize"} for name in metrics]


# code, field, what is refused, what is accepted
REFUSALS: dict[str, tuple[str, str, Json, Json]] = {
    "five objectives": (
        "too_many_objectives",
        "objectives",
        {"objectives": directed(*FOUR, "val_log_loss")},
        {"objectives": directed(*FOUR)},
    ),
    "the same twice": (
        "objective_twice",
        "objectives.1.metric",
        {"objectives": directed("val_loss", "val_loss")},
        {"objectives": directed("val_loss", "train_loss")},
    ),
    "a second one that does not exist": (
        "unknown_metric",
        "objectives.1.metric",
        {"objectives": directed("val_loss", "val_acuracy")},
        {"objectives": directed("val_loss", "val_accuracy")},
    ),
    "a second one that folds do not measure": (
        "objective_not_measured",
        "objectives.1.metric",
        {"objectives": directed("val_loss", "val_roc_auc"), "evaluation": {"method": "k_fold"}},
        {"objectives": directed("val_roc_auc", "val_loss"), "evaluation": {"method": "k_fold"}},
    ),
    "a pruner": (
        "needs_one_objective",
        "pruner.name",
        {"objectives": BOTH, "pruner": {"name": "median"}},
        {"objectives": BOTH, "pruner": {"name": "none"}},
    ),
    "a target": (
        "needs_one_objective",
        "budget.target",
        {"objectives": BOTH, "budget": {"target": 0.9}},
        {"objectives": BOTH[:1], "budget": {"target": 0.9}},
    ),
    "patience": (
        "needs_one_objective",
        "budget.patience",
        {"objectives": BOTH, "budget": {"patience": 5}},
        {"objectives": BOTH, "budget": {"n_trials": 5}},
    ),
    "a cost as the first": (
        "cost_first",
        "objectives.0.metric",
        {"objectives": directed("n_parameters", "val_loss")},
        {"objectives": directed("val_loss", "n_parameters")},
    ),
    "racing": (
        "needs_one_objective",
        "repeats.racing",
        {"objectives": BOTH, "repeats": {"n": 5, "racing": True}},
        {"objectives": BOTH, "repeats": {"n": 5}},
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_several_objectives_do_not_go_with(caller: Caller, case: str) -> None:
    code, field, refused, accepted = REFUSALS[case]
    body: dict[str, Any] = {"name": "x", "dataset": "digits", "model": "mlp", "search_space": SPACE}
    error = caller.refused("POST", "/studies", 422, json={**body, **refused})
    assert (error["code"], error["field"]) == (code, field)
    assert caller.call("GET", "/studies")["items"] == []
    caller.call("POST", "/studies", 201, json={**body, **accepted})


def test_a_limit_on_single_values_cannot_be_added_later(caller: Caller) -> None:
    caller.create("several", objectives=BOTH)
    caller.create("single", objectives=BOTH[:1])
    error = caller.refused("PATCH", "/studies/several", 422, json={"budget": {"target": 0.9}})
    assert (error["code"], error["field"]) == ("needs_one_objective", "budget.target")
    assert caller.call("PATCH", "/studies/single", json={"budget": {"target": 0.9}})["spec"]["budget"]["target"] == 0.9


def test_an_imported_trial_needs_every_objective(caller: Caller) -> None:
    caller.create("strict", objectives=BOTH)
    body = {"params": {"learning_rate": 0.01}, "state": "COMPLETE", "values": {"val_accuracy": 0.5}}
    error = caller.refused("POST", "/studies/strict/trials", 422, json=body)
    assert (error["code"], error["field"]) == ("value_needed", "values.val_loss")
    assert imported(caller, "strict", 0.5, 0.5) == 0
