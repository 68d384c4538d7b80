"""Before a study names its winner, it trains its best trials again where it was asked to."""

from __future__ import annotations

import csv
from typing import Any

import pytest

from api.services.reconcile import Reconciler
from api.services.seeds import trial_seed
from tests.servers.api import Caller, Json, Served, a_study

NAME = "sure"
VALUES = (0.90, 0.97, 0.95, 0.60)


def submit(caller: Caller, **budget: Any) -> int:
    """Submit a study of four trials whose best two are trained again twice, unless `budget` says otherwise."""
    whole = {"n_trials": 4, "max_parallel": 4, "confirm": {"top": 2, "repeats": 2}, **budget}
    caller.create(NAME, budget=whole)
    return caller.join(NAME)


def search(caller: Caller, worker_id: int, values: tuple[float, ...] = VALUES) -> list[Json]:
    """Run the trials of the search with these results."""
    jobs: list[Json] = []
    for value in values:
        (job,) = caller.claim(worker_id, NAME)
        caller.finish(job, values={"val_accuracy": value})
        jobs.append(job)
    return jobs


def claim_answer(caller: Caller, worker_id: int, n_max: int) -> Json:
    body = {"worker_id": worker_id, "queues": [NAME], "n_max": n_max}
    answer: Json = caller.call("POST", "/work:claim", json=body)
    return answer


def read(caller: Caller) -> Json:
    found: Json = caller.call("GET", f"/studies/{NAME}")
    return found


def trials(caller: Caller) -> list[Json]:
    found: list[Json] = caller.call("GET", f"/studies/{NAME}/trials")["items"]
    return found


def confirm(caller: Caller, worker_id: int, values: dict[int, list[float]]) -> None:
    """Run all open confirmations; `values` are those of each candidate's fresh runs in turn."""
    left = {number: list(rest) for number, rest in values.items()}
    for job in claim_answer(caller, worker_id, 10)["attempts"]:
        trial = caller.call("GET", f"/trials/{job['trial_id']}")
        caller.finish(job, values={"val_accuracy": left[trial["confirms"]].pop(0)})
    assert not any(left.values())


def test_the_best_are_trained_again_and_the_best_mean_wins(caller: Caller) -> None:
    worker_id = submit(caller)
    jobs = search(caller, worker_id)
    found = read(caller)
    assert (found["state"], found["trial_counts"]["COMPLETE"], found["trial_counts"]["WAITING"]) == ("RUNNING", 4, 0)
    assert found["best_trial"]["number"] == 1
    assert (found["confirmation"]["state"], found["confirmation"]["n_total"]) == ("running", 4)
    runs = trials(caller)[4:]
    assert [(one["source"], one["confirms"], one["number"]) for one in runs] == [
        ("confirm", 1, 4),
        ("confirm", 2, 5),
        ("confirm", 1, 6),
        ("confirm", 2, 7),
    ]
    assert [one["params"] for one in runs[:2]] == [trials(caller)[1]["params"], trials(caller)[2]["params"]]
    confirm(caller, worker_id, {1: [0.91, 0.89], 2: [0.95, 0.96]})
    found = read(caller)
    assert (found["state"], found["state_reason"]) == ("COMPLETE", "budget used")
    assert found["best_trial"]["number"] == 2
    made = found["confirmation"]
    assert (made["state"], made["n_done"], made["winner"]) == ("complete", 4, 2)
    assert made["reason"] == "the mean of its 3 runs is 0.953333, the best of 2"
    first, second = made["candidates"]
    assert (first["number"], first["is_winner"], first["values"], first["n"]) == (2, True, [0.95, 0.95, 0.96], 3)
    assert (first["mean"], first["fresh_mean"]) == (pytest.approx(0.9533333), pytest.approx(0.955))
    assert first["standard_error"] == pytest.approx(0.0033333, rel=1e-4)
    assert (second["number"], second["mean"], second["is_winner"]) == (1, pytest.approx(0.9233333), False)
    assert jobs[1]["trial_id"] == second["trial_id"]
    assert caller.call("GET", "/studies")["items"][0]["best_trial"]["number"] == 2  # lists name the same


def test_a_run_has_a_seed_of_its_own_that_replays_and_is_never_pruned_or_raced(caller: Caller) -> None:
    caller.create(
        NAME,
        budget={"n_trials": 4, "max_parallel": 4, "confirm": {"top": 1, "repeats": 2}},
        pruner={"name": "threshold", "lower": 0.5},
        repeats={"n": 4, "racing": True},
    )
    worker_id = caller.join(NAME)
    before = search(caller, worker_id)
    answer = claim_answer(caller, worker_id, 10)
    first, second = answer["attempts"]
    assert (answer["incumbent"], answer["repeats"]["racing"]) == (None, False)
    assert (first["seed"], second["seed"]) == (trial_seed(7, 4), trial_seed(7, 5))
    assert len({first["seed"], second["seed"], before[1]["seed"]}) == 3
    assert first["params"] == before[1]["params"]
    said = caller.report(first, 1, metrics=[{"name": "val_accuracy", "step": 1, "value": 0.1}])
    assert said["decision"] == "continue"
    caller.finish(first, "PREEMPTED")
    (again,) = claim_answer(caller, worker_id, 10)["attempts"]
    assert (again["trial_id"], again["seed"]) == (first["trial_id"], first["seed"])


def test_the_same_pruner_stops_a_trial_of_the_search(caller: Caller) -> None:
    caller.create(NAME, pruner={"name": "threshold", "lower": 0.5})
    (job,) = caller.claim(caller.join(NAME), NAME)
    said = caller.report(job, 1, metrics=[{"name": "val_accuracy", "step": 1, "value": 0.1}])
    assert said["decision"] == "prune"


def test_runs_are_no_part_of_the_budget_nor_of_what_the_sampler_sees(caller: Caller) -> None:
    worker_id = submit(caller, confirm={"top": 1, "repeats": 3})
    caller.call("PATCH", f"/studies/{NAME}", json={"notes": "first"})
    search(caller, worker_id)
    confirm(caller, worker_id, {1: [0.5, 0.5, 0.5]})
    assert read(caller)["state"] == "COMPLETE"
    caller.call("PATCH", f"/studies/{NAME}", json={"n_trials": 6})
    assert read(caller)["state"] == "RUNNING"
    search(caller, worker_id, (0.2, 0.3))
    # Trial 1 has its three runs already, and the new ones are not better: nothing is left to do.
    found = read(caller)
    assert (found["state"], found["trial_counts"]["COMPLETE"]) == ("COMPLETE", 6)
    assert [one["number"] for one in trials(caller) if one["source"] == "sampler"] == [0, 1, 2, 3, 7, 8]


def test_suggestions_replay_across_confirmations(caller: Caller) -> None:
    caller.create(
        NAME,
        sampler={"name": "tpe", "seed": 3},
        budget={"n_trials": 4, "max_parallel": 4, "confirm": {"top": 2, "repeats": 1}},
    )
    worker_id = caller.join(NAME)
    search(caller, worker_id)
    caller.call("PATCH", f"/studies/{NAME}", json={"n_trials": 12})
    confirm(caller, worker_id, {1: [0.1], 2: [0.2]})
    search(caller, worker_id, tuple(0.5 + place / 100 for place in range(8)))
    assert len([one for one in trials(caller) if one["source"] == "sampler"]) == 12
    again = [one for page in caller.pages(f"/studies/{NAME}/replay") for one in page]
    assert [one["status"] for one in again] == ["same"] * 12


@pytest.mark.parametrize("state", ["RUNNING", "PAUSED"])
def test_a_stop_names_the_best_of_what_is_there(caller: Caller, state: str) -> None:
    worker_id = submit(caller)
    search(caller, worker_id)
    (first,) = caller.claim(worker_id, NAME)
    if state == "PAUSED":
        caller.call("PATCH", f"/studies/{NAME}", json={"action": "pause"})
        assert caller.claim(worker_id, NAME) == []
    caller.call("PATCH", f"/studies/{NAME}", json={"action": "stop"})
    assert caller.report(first, 1)["decision"] == "stop"
    caller.finish(first, "STOPPED", values={"val_accuracy": 0.1})
    found = read(caller)
    assert (found["state"], found["best_trial"]["number"]) == ("COMPLETE", 1)
    assert (found["confirmation"]["state"], found["confirmation"]["candidates"][0]["n_failed"]) == ("cut_short", 0)
    # Asked again, it makes up for the runs that never began.
    caller.call("PATCH", f"/studies/{NAME}", json={"budget": {"confirm": {"top": 2, "repeats": 2}}})
    confirm(caller, worker_id, {1: [0.9], 2: [0.95, 0.95]})
    assert read(caller)["state"] == "COMPLETE"


def test_a_pause_holds_the_runs_back(caller: Caller) -> None:
    worker_id = submit(caller)
    jobs = caller.claim(worker_id, NAME, n_max=4)
    caller.call("PATCH", f"/studies/{NAME}", json={"action": "pause"})
    for job, value in zip(jobs, VALUES, strict=True):
        caller.finish(job, values={"val_accuracy": value})
    assert (read(caller)["state"], caller.claim(worker_id, NAME)) == ("PAUSED", [])
    caller.call("PATCH", f"/studies/{NAME}", json={"action": "resume"})
    confirm(caller, worker_id, {1: [0.9, 0.9], 2: [0.95, 0.95]})
    assert (read(caller)["state"], read(caller)["best_trial"]["number"]) == ("COMPLETE", 2)


def test_what_fails_when_trained_again_does_not_win(caller: Caller) -> None:
    worker_id = submit(caller)
    search(caller, worker_id)
    for job in claim_answer(caller, worker_id, 10)["attempts"]:
        is_leader = caller.call("GET", f"/trials/{job['trial_id']}")["confirms"] == 1
        caller.finish(job, "DIVERGED" if is_leader else "COMPLETE", values={"val_accuracy": 0.7})
    found = read(caller)
    assert (found["state"], found["best_trial"]["number"]) == ("COMPLETE", 2)
    assert [one["n_failed"] for one in found["confirmation"]["candidates"]] == [0, 2]


def test_a_run_that_a_user_stops_is_not_made_up_for(caller: Caller) -> None:
    worker_id = submit(caller, confirm={"top": 1, "repeats": 2})
    search(caller, worker_id)
    waiting = [one for one in trials(caller) if one["state"] == "WAITING"]
    caller.call("POST", f"/trials/{waiting[0]['trial_id']}:stop")
    confirm(caller, worker_id, {1: [0.9]})
    assert read(caller)["state"] == "COMPLETE"
    assert len(trials(caller)) == 6


def test_a_target_ends_the_search_and_what_reached_it_is_confirmed(caller: Caller) -> None:
    worker_id = submit(caller, n_trials=50, target=0.96)
    running = caller.claim(worker_id, NAME, n_max=3)
    caller.finish(running[0], values={"val_accuracy": 0.97})
    assert [caller.report(job, 1)["decision"] for job in running[1:]] == ["stop", "stop"]
    for job in running[1:]:
        caller.finish(job, "STOPPED")
    found = read(caller)
    assert (found["state"], found["state_reason"]) == ("RUNNING", "trial 0 reached the target of 0.96 with 0.97")
    confirm(caller, worker_id, {0: [0.5, 0.6]})
    found = read(caller)
    assert (found["state"], found["confirmation"]["candidates"][0]["n"]) == ("COMPLETE", 3)


def test_a_study_out_of_time_confirms_nothing_more(live_api: Served, caller: Caller) -> None:
    worker_id = submit(caller, timeout_s=0.001, n_trials=4)
    assert caller.claim(worker_id, NAME) == []
    Reconciler(live_api.control.ledger, live_api.control.settings).run_once(with_leases=False)
    found = read(caller)
    assert (found["state"], found["confirmation"]) == ("COMPLETE", None)


def test_the_winner_is_tested_and_exported_and_advice_goes_by_means(caller: Caller) -> None:
    worker_id = submit(caller)
    jobs: list[Json] = []
    for value in VALUES:
        (job,) = caller.claim(worker_id, NAME)
        caller.upload(job, "network.safetensors", b"x%d" % len(jobs), kind="network")
        caller.finish(job, values={"val_accuracy": value})
        jobs.append(job)
    confirm(caller, worker_id, {1: [0.8, 0.8], 2: [0.95, 0.96]})
    caller.call("POST", f"/studies/{NAME}/evaluations", 201, json={"kind": "test"})
    body = {"worker_id": worker_id, "queues": [NAME]}
    order = caller.call("POST", "/evaluations:claim", json=body)["order"]
    assert [member["number"] for member in order["members"]] == [2]
    exported = caller.call("GET", f"/studies/{NAME}/export", params={"format": "json"})
    assert exported["confirmation"]["winner"] == 2
    text = caller.http.get(f"/studies/{NAME}/export", params={"format": "csv"}).text
    assert [row["confirms"] for row in csv.DictReader(text.splitlines())] == ["", "", "", "", "1", "2", "1", "2"]


@pytest.mark.parametrize(
    ("confirm_by", "field"), [({"top": 0, "repeats": 1}, "budget.confirm.top"), ({"top": 1}, "budget.confirm.repeats")]
)
def test_what_makes_no_sense_is_refused(caller: Caller, confirm_by: Json, field: str) -> None:
    study = {**_study(), "budget": {"n_trials": 4, "confirm": confirm_by}}
    assert caller.refused("POST", "/studies", 422, json=study)["field"] == field


def test_several_objectives_have_no_one_winner(caller: Caller) -> None:
    both = [*_study()["objectives"], {"metric": "val_loss", "direction": "minimize"}]
    study = {**_study(), "budget": {"n_trials": 4, "confirm": {"top": 2, "repeats": 2}}}
    error = caller.refused("POST", "/studies", 422, json={**study, "objectives": both})
    assert (error["code"], error["field"]) == ("needs_one_objective", "budget.confirm")
    caller.call("POST", "/studies", 201, json=study)


def _study() -> Json:
    return a_study(NAME)
