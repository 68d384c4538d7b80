"""Repeats and folds: what a study says of them, what a claim hands on, and members' curves beside the trial's own."""

from __future__ import annotations

from typing import Any

from tests.servers.api import Caller, Json

MEMBERS = ["val_loss@r1f1", "val_loss@r2f1", "val_loss@r1f2"]


def claim(caller: Caller, name: str, **changes: Any) -> Json:
    """Submit a study and return the whole answer to a claim."""
    caller.create(name, **changes)
    answer: Json = caller.call("POST", "/work:claim", json={"worker_id": caller.join(name), "queues": [name]})
    return answer


def test_a_study_says_nothing_of_them_and_gets_one_training_on_the_holdout(caller: Caller) -> None:
    answer = claim(caller, "plain")
    assert answer["repeats"] == {"n": 1, "choose": "mean", "racing": False, "duplicates": "reuse"}
    assert answer["evaluation"] == {"method": "holdout", "folds": None}
    assert answer["incumbent"] is None
    nothing = caller.call("POST", "/work:claim", json={"worker_id": caller.join("q"), "queues": ["q"]})
    assert (nothing["repeats"], nothing["evaluation"], nothing["incumbent"]) == (None, None, None)


def test_what_a_study_asks_for_reaches_the_worker(caller: Caller) -> None:
    repeats = {"n": 4, "choose": "worst", "racing": True, "duplicates": "train"}
    answer = claim(caller, "raced", repeats=repeats, evaluation={"method": "k_fold"})
    assert answer["repeats"] == repeats
    assert answer["evaluation"] == {"method": "k_fold", "folds": 5}
    assert caller.call("GET", "/studies/raced")["spec"]["repeats"] == repeats


def test_the_incumbent_is_the_best_that_finished(caller: Caller) -> None:
    caller.create("led", objectives=[{"metric": "val_loss", "direction": "minimize"}])
    worker_id = caller.join("led")
    told = []
    for value in (0.5, 0.9, 0.3, 0.4):
        answer = caller.call("POST", "/work:claim", json={"worker_id": worker_id, "queues": ["led"]})
        told.append(answer["incumbent"])
        caller.finish(answer["attempts"][0], values={"val_loss": value})
    assert told == [None, 0.5, 0.5, 0.3]


def members_reported(caller: Caller) -> Json:
    answer = claim(caller, "members", repeats={"n": 2}, evaluation={"method": "k_fold", "folds": 2})
    job: Json = answer["attempts"][0]
    names = ["val_loss", *MEMBERS, "val_accuracy", "val_accuracy@r1f1", "val_loss@rough/f"]
    points = [{"name": name, "step": 1, "value": place / 10} for place, name in enumerate(names)]
    caller.report(job, 1, step=1, metrics=points)
    return job


def test_members_curves_are_left_out_unless_asked_for(caller: Caller) -> None:
    trial_id = members_reported(caller)["trial_id"]

    def names(**params: Any) -> list[str]:
        answer = caller.call("GET", f"/trials/{trial_id}/metrics", params=params)
        return [series["name"] for series in answer["series"]]

    assert names() == ["val_accuracy", "val_loss", "val_loss@rough/f"]
    assert caller.call("GET", f"/trials/{trial_id}")["metric_names"] == names()
    assert names(names="val_loss") == ["val_loss"]
    assert names(names="val_loss", members=True) == sorted(["val_loss", *MEMBERS])
    assert names(names="val_loss@r2f1") == ["val_loss@r2f1"]
    assert len(names(members=True)) == 7


def test_a_chart_of_a_study_shows_members_where_asked(caller: Caller) -> None:
    job = members_reported(caller)

    def curves(**params: Any) -> list[tuple[int | None, int | None, list[float]]]:
        answer = caller.call("GET", "/studies/members/curves", params=params)
        assert answer["n_trials"] == 1
        assert all(curve["trial_id"] == job["trial_id"] for curve in answer["curves"])
        return [(curve["repeat"], curve["fold"], curve["values"]) for curve in answer["curves"]]

    assert curves(metric="val_loss") == [(None, None, [0.0])]
    assert curves(metric="val_loss", members=True) == [
        (None, None, [0.0]),
        (1, 1, [0.1]),
        (1, 2, [0.3]),
        (2, 1, [0.2]),
    ]
    assert curves(metric="val_loss@r1f2") == [(1, 2, [0.3])]
    caller.report(job, 2, metrics=[{"name": "grad_norm", "step": 1, "value": 2.5}])
    assert curves(metric="grad_norm") == [(None, None, [2.5])]  # what the engine measures of every network
    refusal = caller.refused("GET", "/studies/members/curves", 422, params={"metric": "loss@r1f1"})
    assert refusal["code"] == "unknown_metric"


def test_the_live_stream_carries_the_trials_own_points(caller: Caller) -> None:
    with caller.http.stream("GET", "/events", params={"last_event_id": "0-0"}) as stream:
        members_reported(caller)
        data = ""
        for line in stream.iter_lines():
            data = line if line.startswith("data: ") and '"points"' in line else data
            if data:
                break
    assert '"val_loss"' in data
    assert "@r1f1" not in data


def test_a_members_value_is_no_value_of_the_trial(caller: Caller) -> None:
    job = members_reported(caller)
    answer = caller.finish(job, "COMPLETE", 422, values={"val_accuracy": 0.5, "val_accuracy@r1f1": 0.4})
    assert (answer["error"]["code"], answer["error"]["field"]) == ("member_value", "values.val_accuracy@r1f1")
    assert caller.finish(job, values={"val_accuracy": 0.5})["trial_state"] == "COMPLETE"
