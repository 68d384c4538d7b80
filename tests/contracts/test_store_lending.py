"""Studies take over what earlier ones have learned: forks and warm starts, on every kind of database."""

from __future__ import annotations

import pytest

from tests.servers.api import Caller, Json

RATE: Json = {"type": "float", "low": 1e-4, "high": 0.1, "log": True}
UNITS: Json = {"type": "int", "low": 16, "high": 128, "step": 16}
SPACE: Json = {"learning_rate": RATE, "hidden_units": UNITS}
N_OLD = 14


def value_of(params: Json) -> float:
    return 1 - abs(float(params["learning_rate"]) - 0.01) - abs(int(params.get("hidden_units", 64)) - 96) / 1000


def work(caller: Caller, name: str, queue: str, n: int) -> list[Json]:
    """Run at most `n` trials of a study; every fifth is pruned, every seventh diverges."""
    worker_id = caller.join(queue)
    done: list[Json] = []
    while len(done) < n and (jobs := caller.claim(worker_id, queue)):
        for job in jobs:
            number, value = job["number"], value_of(job["params"])
            caller.report(job, 1, step=1, metrics=[{"name": "val_accuracy", "step": 1, "value": value}])
            outcome = "PRUNED" if number % 5 == 4 else "DIVERGED" if number % 7 == 6 else "COMPLETE"
            caller.finish(job, outcome, values={"val_accuracy": value} if outcome == "COMPLETE" else {})
            done.append(job)
    return done


def old_study(caller: Caller, name: str = "old", n: int = N_OLD, **changes: object) -> Json:
    given = {"search_space": SPACE, "sampler": {"name": "bayesian", "seed": 5}, "budget": {"n_trials": n}, **changes}
    study = caller.create(name, **given)
    work(caller, name, name, n)
    return study


def fork(caller: Caller, name: str, **body: object) -> Json:
    changes = {"resources": {"queue": name}, **body.pop("changes", {})}  # type: ignore[dict-item]
    made: Json = caller.call("POST", "/studies/old:fork", 201, json={"name": name, "changes": changes, **body})
    return made


def lenders(caller: Caller, name: str) -> dict[str, int]:
    return {one["name"]: one["n_trials"] for one in caller.call("GET", f"/studies/{name}/lenders")["items"]}


def trials(caller: Caller, name: str) -> list[Json]:
    found: list[Json] = caller.call("GET", f"/studies/{name}/trials", params={"limit": 200})["items"]
    return sorted(found, key=lambda one: int(one["number"]))


def assert_replays(caller: Caller, name: str, n: int) -> None:
    items = caller.call("GET", f"/studies/{name}/replay", params={"limit": 100})["items"]
    assert [one["status"] for one in items] == ["same"] * n, [one["reason"] for one in items]


def telling(caller: Caller, name: str) -> list[Json]:
    return [one for one in trials(caller, name) if one["state"] in {"COMPLETE", "PRUNED"}]


def test_a_fork_learns_from_what_the_old_study_has_shown(caller: Caller) -> None:
    old = old_study(caller)
    n_telling = len(telling(caller, "old"))
    made = fork(caller, "new", changes={"budget": {"n_trials": 6}, "notes": "on", "tags": ["b"]})
    assert made["spec"]["budget"] == {**old["spec"]["budget"], "n_trials": 6}
    assert made["spec"]["search_space"] == old["spec"]["search_space"]
    assert made["spec"]["sampler"]["seed"] != 5
    assert (made["notes"], made["tags"], made["trial_counts"]["COMPLETE"]) == ("on", ["b"], 0)
    assert lenders(caller, "new") == {"old": n_telling}
    assert len(work(caller, "new", "new", 99)) == 6
    notes = [one["note"] for one in trials(caller, "new")]
    assert not any("start-up" in note for note in notes), notes
    assert caller.call("GET", "/studies/new")["state"] == "COMPLETE"
    # What it saw is frozen: the old study goes on, and goes away.
    caller.call("PATCH", "/studies/old", json={"n_trials": N_OLD + 4})
    work(caller, "old", "old", 4)
    assert_replays(caller, "new", 6)
    caller.call("DELETE", "/studies/old", 204)
    assert_replays(caller, "new", 6)
    assert caller.call("GET", "/studies/new/lenders")["items"][0]["name"] is None


def test_a_fork_without_history_begins_anew(caller: Caller) -> None:
    old_study(caller)
    fork(
        caller, "new", history="none", changes={"dataset": "diabetes", "objectives": [LOSS], "budget": {"n_trials": 3}}
    )
    assert lenders(caller, "new") == {}
    work(caller, "new", "new", 3)
    assert "0 of" in trials(caller, "new")[0]["note"]


LOSS: Json = {"metric": "val_loss", "direction": "minimize"}


def test_a_fork_may_begin_with_several_studies(caller: Caller) -> None:
    old_study(caller)
    old_study(caller, "second", 4)
    changes = {"warm_start": {"studies": ["second", "old"]}, "budget": {"n_trials": 2}}
    fork(caller, "new", history="none", changes=changes)
    assert lenders(caller, "new") == {"old": len(telling(caller, "old")), "second": len(telling(caller, "second"))}
    work(caller, "new", "new", 2)
    assert_replays(caller, "new", 2)


def test_only_what_fits_the_new_space_is_lent(caller: Caller) -> None:
    old_study(caller)
    narrow = {"hidden_units": {"low": 64}, "learning_rate": None, "dropout": {"type": "float", "low": 0, "high": 0.5}}
    rates = [one for one in telling(caller, "old") if one["params"]["hidden_units"] >= 64]
    default = caller.call("GET", "/models")["items"]
    (rate,) = [
        one["default"]
        for model in default
        if model["name"] == "mlp"
        for one in model["hyperparameters"]
        if one["name"] == "learning_rate"
    ]
    assert all(one["params"]["learning_rate"] != rate for one in rates)
    fork(caller, "other-rate", changes={"search_space": narrow})
    assert lenders(caller, "other-rate") == {}, "they were trained with other learning rates than the default"
    fork(caller, "fits", changes={"search_space": {**narrow, "learning_rate": RATE}})
    assert lenders(caller, "fits") == {"old": len(rates)}
    assert 0 < len(rates) < len(telling(caller, "old"))
    fork(caller, "longer", changes={"fixed": {"epochs": 9}})
    assert lenders(caller, "longer") == {}, "they were trained for fewer epochs"


def test_a_fork_of_a_fork_inherits(caller: Caller) -> None:
    old_study(caller)
    fork(caller, "new", changes={"budget": {"n_trials": 3}})
    work(caller, "new", "new", 3)
    n_own, n_old = len(telling(caller, "new")), len(telling(caller, "old"))
    body = {"name": "third", "changes": {"resources": {"queue": "third"}}}
    caller.call("POST", "/studies/new:fork", 201, json=body)
    assert lenders(caller, "third") == {"old": n_old, "new": n_own}
    work(caller, "third", "third", 3)
    assert_replays(caller, "third", 3)


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"dataset": "nil"}, "unknown_dataset", "changes.dataset"),
        ({"dataset": "wine"}, "other_dataset", "history"),
        ({"dataset": "diabetes", "objectives": [LOSS]}, "other_objective", "history"),
        ({"evaluation": {"method": "k_fold", "folds": 3}}, "other_evaluation", "history"),
        ({"search_space": {"hidden_unit": {"low": 64}}}, "unknown_parameter", "changes.search_space.hidden_unit"),
        ({"search_space": {"hidden_units": {"low": 640}}}, "low_above_high", "changes.search_space.hidden_units.low"),
        ({"budget": {"n_trials": 0}}, "greater_than_equal", "changes.budget.n_trials"),
        ({"colour": 1}, "unknown_field", "changes.colour"),
        ({"warm_start": {"studies": ["old"]}}, "given_twice", "changes.warm_start"),
        ({"constraints": ["learning_rate > 1"]}, "constraints_too_tight", "changes.constraints"),
    ],
)
def test_a_fork_that_cannot_be_stores_nothing(caller: Caller, changes: Json, code: str, field: str) -> None:
    old_study(caller, n=2)
    error = caller.refused("POST", "/studies/old:fork", 422, json={"name": "new", "changes": changes})
    assert (error["code"], error["field"]) == (code, field)
    assert len(caller.call("GET", "/studies")["items"]) == 1
    assert caller.refused("POST", "/studies/old:fork", 409, json={"name": "old"})["code"] == "name_taken"
    assert caller.refused("POST", "/studies/nil:fork", 404, json={"name": "new"})["code"] == "study_not_found"
    fork(caller, "new")
    assert len(caller.call("GET", "/studies")["items"]) == 2


def warm(caller: Caller, name: str, *studies: str, status: int = 201, **changes: object) -> Json:
    start = {"studies": list(studies), **changes.pop("warm_start", {})}  # type: ignore[dict-item]
    given = {"search_space": SPACE, "sampler": {"name": "bayesian", "seed": 9}, "warm_start": start, **changes}
    if status != 201:
        return caller.refused("POST", "/studies", status, json=a_body(name, **given))
    return caller.create(name, **given)


def a_body(name: str, **changes: object) -> Json:
    return {
        "name": name,
        "dataset": "digits",
        "model": "mlp",
        "fixed": {"epochs": 3},
        "objectives": [{"metric": "val_accuracy", "direction": "maximize"}],
        "budget": {"n_trials": 4},
        "resources": {"queue": name},
        **changes,
    }


def test_the_same_space_learns_from_values(caller: Caller) -> None:
    old_study(caller)
    made = warm(caller, "new", "old")
    assert made["spec"]["warm_start"] == {
        "studies": [str(caller.call("GET", "/studies/old")["study_id"])],
        "mode": "auto",
        "n_points": 5,
    }
    assert lenders(caller, "new") == {"old": len(telling(caller, "old"))}
    assert trials(caller, "new") == []
    work(caller, "new", "new", 4)
    assert_replays(caller, "new", 4)
    edited = caller.call("PATCH", "/studies/new", json={"search_space": {"hidden_units": None}, "n_trials": 6})
    assert edited["state"] == "RUNNING"
    work(caller, "new", "new", 2)
    assert_replays(caller, "new", 6)


def test_another_space_begins_with_the_best_points(caller: Caller) -> None:
    old_study(caller)
    space = {**SPACE, "hidden_units": {"type": "int", "low": 32, "high": 80, "step": 16}}
    warm(caller, "new", "old", search_space=space, warm_start={"n_points": 3})
    assert lenders(caller, "new") == {}
    first = trials(caller, "new")
    assert [one["state"] for one in first] == ["WAITING"] * 3
    ranked = sorted(
        (one for one in trials(caller, "old") if one["state"] == "COMPLETE"), key=lambda one: -value_of(one["params"])
    )
    assert first[0]["note"] == f"warm start: trial {ranked[0]['number']} of study old"
    assert first[0]["params"]["learning_rate"] == ranked[0]["params"]["learning_rate"]
    assert first[0]["params"]["hidden_units"] == min(80, max(32, ranked[0]["params"]["hidden_units"]))
    assert len(work(caller, "new", "new", 99)) == 4, "first points count as trials"
    assert_replays(caller, "new", 1)


def test_first_points_of_other_data_come_by_turns_within_the_budget(caller: Caller) -> None:
    old_study(caller)
    old_study(caller, "wide", 4, search_space={"learning_rate": RATE})
    warm(caller, "new", "old", "wide", sampler={"name": "random", "seed": 1}, budget={"n_trials": 3})
    notes = [one["note"].rpartition(" ")[2] for one in trials(caller, "new")]
    assert notes == ["old", "wide", "old"]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"model": "logistic", "search_space": {"learning_rate": RATE}}, "other_model", "warm_start.studies.0"),
        ({"objectives": [LOSS]}, "other_objective", "warm_start.studies.0"),
        ({"warm_start": {"studies": ["old", "old"]}}, "study_twice", "warm_start.studies.1"),
        ({"warm_start": {"studies": ["empty"]}}, "nothing_to_lend", "warm_start.studies"),
        ({"warm_start": {"mode": "prior"}, "sampler": {"name": "random"}}, "prior_unused", "warm_start.mode"),
        ({"warm_start": {"mode": "prior"}, "fixed": {"epochs": 9}}, "nothing_to_lend", "warm_start.studies"),
        (
            {"warm_start": {"mode": "prior"}, "evaluation": {"method": "k_fold"}},
            "other_evaluation",
            "warm_start.studies.0",
        ),
        ({"warm_start": {"n_points": 0}}, "greater_than_equal", "warm_start.n_points"),
        ({"warm_start": {"studies": []}}, "too_short", "warm_start.studies"),
    ],
)
def test_a_warm_start_that_cannot_be_stores_nothing(caller: Caller, changes: Json, code: str, field: str) -> None:
    old_study(caller, n=5)
    caller.create("empty", search_space=SPACE)
    error = warm(caller, "new", "old", status=422, **changes)
    assert (error["code"], error["field"]) == (code, field)
    assert len(caller.call("GET", "/studies")["items"]) == 2
    caller.call("DELETE", "/studies/empty", 204)
    gone = warm(caller, "new", "empty", status=404)
    assert (gone["code"], gone["field"]) == ("study_not_found", "warm_start.studies.0")
    warm(caller, "new", "old")
