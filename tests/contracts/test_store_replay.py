"""A suggestion can be computed again from what is stored, however many asked at once and whatever became of trials."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from db.tables import TrialRow
from tests.servers.api import Caller, Json, Served

N_TRIALS = 36
SPACE: Json = {
    "learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True},
    "dropout": {"type": "float", "low": 0.0, "high": 0.5},
    "activation": {"type": "categorical", "choices": ["relu", "tanh", "swish"]},
}


def run_study(served: Served, sampler: str, name: str = "replayed", n_workers: int = 4) -> None:
    """Run a study with several workers at once; trials complete, are pruned, fail, or go back and run again."""
    caller = Caller(served.address)
    budget = {"n_trials": N_TRIALS, "max_parallel": max(6, n_workers)}
    caller.create(name, sampler={"name": sampler, "seed": 5}, search_space=SPACE, budget=budget)

    def work(place: int) -> None:
        own, chance = Caller(served.address), random.Random(place)
        worker_id = own.join(name)
        while own.call("GET", f"/studies/{name}")["state"] == "RUNNING":
            jobs = own.claim(worker_id, name, n_max=1 + place % 4)
            chance.shuffle(jobs)
            for job in jobs:
                value = 1 - abs(job["params"]["learning_rate"] - 0.01)
                own.report(job, 1, step=1, metrics=[{"name": "val_accuracy", "step": 1, "value": value}])
                outcome = chance.choice(["COMPLETE", "COMPLETE", "COMPLETE", "PRUNED", "DIVERGED", "PREEMPTED"])
                own.finish(job, outcome)
        own.close()

    with ThreadPoolExecutor(n_workers) as pool:
        list(pool.map(work, range(n_workers)))
    caller.close()


def replay(caller: Caller, name: str = "replayed") -> list[Json]:
    """Return every suggestion of a study, computed again, page by page."""
    return [one for page in caller.pages(f"/studies/{name}/replay", limit=10) for one in page]


@pytest.mark.parametrize("sampler", ["bayesian", "random"])
def test_each_suggestion_is_computed_again_from_the_stored_trials(
    live_api: Served, caller: Caller, sampler: str
) -> None:
    run_study(live_api, sampler)
    found = replay(caller)
    assert [one["number"] for one in found] == list(range(N_TRIALS))
    assert {one["status"] for one in found} == {"same"}, [one for one in found if one["status"] != "same"]
    assert all(one["params"] == one["params_again"] for one in found)
    learned = sum(not one["note"].startswith(("random", "sobol")) for one in found)
    assert (learned > 10) == (sampler == "bayesian")


def test_random_search_is_the_same_with_one_worker_or_sixteen(live_api: Served, caller: Caller) -> None:
    run_study(live_api, "random", "many", 16)
    run_study(live_api, "random", "one", 1)
    many, one = replay(caller, "many"), replay(caller, "one")
    assert [trial["params"] for trial in many] == [trial["params"] for trial in one]


def test_what_was_tampered_with_is_found_and_what_was_changed_is_unknown(live_api: Served, caller: Caller) -> None:
    run_study(live_api, "bayesian", n_workers=2)
    with live_api.control.database.write() as session:
        rows = session.execute(select(TrialRow.id, TrialRow.params, TrialRow.seen).order_by(TrialRow.number)).all()
        first, last = rows[0], rows[-1]
        changed = update(TrialRow).where(TrialRow.id == first.id)
        session.execute(changed.values(params={**first.params, "dropout": 0.25}))
        other = update(TrialRow).where(TrialRow.id == last.id)
        session.execute(other.values(seen={**last.seen, "asked": "another study"}))
    found = replay(caller)
    assert found[0]["status"] == "different"
    assert found[0]["reason"] == "other values of dropout"
    assert found[-1]["status"] == "unknown"
    assert "changed since" in found[-1]["reason"]


def test_trials_that_people_added_are_left_out(caller: Caller) -> None:
    caller.create("mixed", sampler={"name": "random", "seed": 5})
    caller.call("POST", "/studies/mixed/trials", 201, json={"params": {"learning_rate": 0.01}})
    assert [job["number"] for job in caller.claim(caller.join("mixed"), "mixed", n_max=3)] == [0, 1, 2]
    page = caller.call("GET", "/studies/mixed/replay")
    assert (page["n_trials"], [one["number"] for one in page["items"]]) == (2, [1, 2])
    assert caller.refused("GET", "/studies/none/replay", 404)["code"] == "study_not_found"


def obey(caller: Caller, job: Json) -> None:
    """Train a trial to step 4, or to where it is told to pause."""
    reached = (job["checkpoint"] or {"step": 0})["step"]
    for step in range(reached + 1, 5):
        value = 0.2 * step - abs(job["params"]["learning_rate"] - 0.01)
        point = {"name": "val_accuracy", "step": step, "value": value}
        answer = caller.report(job, step, step=step, n_steps=4, metrics=[point], can_pause=True)
        if answer["decision"] == "pause":
            caller.upload(job, "checkpoint.safetensors", str(step).encode(), kind="checkpoint", step=step)
            caller.finish(job, "PAUSED")
            return
    caller.finish(job)


def test_what_trials_had_reached_when_they_were_paused_is_learned_from(live_api: Served, caller: Caller) -> None:
    halving = {"name": "asha", "reduction_factor": 2, "min_resource": 1}
    budget = {"n_trials": 30, "max_parallel": 3}
    sampler = {"name": "bayesian", "seed": 5}
    caller.create("replayed", sampler=sampler, search_space=SPACE, budget=budget, pruner=halving)
    worker_id = caller.join("replayed")
    while caller.call("GET", "/studies/replayed")["state"] == "RUNNING":
        for job in caller.claim(worker_id, "replayed", n_max=3):
            obey(caller, job)
    found = replay(caller)
    assert {one["status"] for one in found} == {"same"}, [one for one in found if one["status"] != "same"]
    with live_api.control.database.read() as session:
        rows = session.execute(select(TrialRow.seen, TrialRow.n_attempts)).all()
    assert max(len(seen.get("paused", ())) for seen, _ in rows) > 3
    assert all(not set(seen["running"]) & {number for number, _ in seen.get("paused", ())} for seen, _ in rows)
    assert max(n_attempts for _, n_attempts in rows) > 1
    assert sum(not one["note"].startswith(("random", "sobol")) for one in found) > 10
