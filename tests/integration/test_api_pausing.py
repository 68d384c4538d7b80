"""Trials that wait at a rung: who is paused, who goes on, and how it ends, on both kinds of database."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import pytest

from api.asks.asker import Answer, Asker
from api.asks.plans import Plan
from search.types import SuggestRequest
from tests.servers.api import Caller, Json

HALVING = {"name": "asha", "reduction_factor": 2, "min_resource": 1}
N_STEPS = 4


def begin(caller: Caller, n_trials: int, **changes: object) -> int:
    """Submit a study that halves at steps 1, 2 and 4, and return a worker of its queue."""
    budget = {"n_trials": n_trials, "max_parallel": n_trials}
    settings = {"pruner": HALVING, "sampler": {"name": "random", "seed": 1}, "budget": budget, **changes}
    caller.create("paused", **settings)
    return caller.join("paused")


def say(caller: Caller, job: Json, step: int, value: float, *, can_pause: bool = True) -> str:
    """Report a step and return what is decided."""
    point = {"name": "val_accuracy", "step": step, "value": value}
    answer = caller.report(job, step, step=step, n_steps=N_STEPS, metrics=[point], can_pause=can_pause)
    return str(answer["decision"])


def pause(caller: Caller, job: Json, step: int, value: float) -> Json:
    """Report a step that pauses a trial, save it and end its attempt; return the answer."""
    assert say(caller, job, step, value) == "pause"
    caller.upload(job, "checkpoint.safetensors", f"{job['number']}@{step}".encode(), kind="checkpoint", step=step)
    return caller.finish(job, "PAUSED")


def state_of(caller: Caller, job: Json) -> tuple[str, int | None]:
    """Return a trial's state and where it is paused."""
    trial = caller.call("GET", f"/trials/{job['trial_id']}")
    return str(trial["state"]), trial["paused_step"]


def phases(caller: Caller) -> list[str]:
    """Return the phase of each trial as a list of them has it, by number."""
    items = caller.call("GET", "/studies/paused/trials")["items"]
    return [one["phase"] for one in sorted(items, key=itemgetter("number"))]


def numbers_in(caller: Caller, **query: str) -> list[int]:
    """Return the numbers of the trials that a list shows."""
    return [one["number"] for one in caller.call("GET", "/studies/paused/trials", params=query)["items"]]


def study_state(caller: Caller) -> str:
    return str(caller.call("GET", "/studies/paused")["state"])


def test_a_paused_trial_goes_on_once_it_is_among_the_best(caller: Caller) -> None:
    worker_id = begin(caller, 8)
    (first,) = caller.claim(worker_id, "paused")
    assert pause(caller, first, 1, 0.7) == {"trial_state": "WAITING", "attempt_state": "PAUSED"}
    assert state_of(caller, first) == ("WAITING", 1)
    assert phases(caller) == ["PAUSED"]
    found = caller.call("GET", "/studies/paused")
    assert (found["trial_counts"]["WAITING"], found["n_paused"]) == (1, 1)
    assert [numbers_in(caller, state=phase) for phase in ("PAUSED", "WAITING")] == [[0], []]
    assert [numbers_in(caller, where=f"state:{phase}") for phase in ("paused", "waiting", "waiting,paused")] == [
        [0],
        [],
        [0],
    ]
    columns = caller.call("GET", "/studies/paused/columns")
    assert [columns["state_names"][code] for code in columns["states"]] == ["PAUSED"]
    (second,) = caller.claim(worker_id, "paused")
    assert second["number"] == 1, "one of one is not half of them: a new trial comes first"
    pause(caller, second, 1, 0.6)
    (again,) = caller.claim(worker_id, "paused")
    assert (again["number"], again["attempt_no"], again["checkpoint"]["step"]) == (0, 2, 1)
    assert state_of(caller, first) == ("RUNNING", None)
    assert phases(caller) == ["RUNNING", "PAUSED"]
    trial = caller.call("GET", f"/trials/{first['trial_id']}")
    assert [one["state"] for one in trial["attempts"]] == ["PAUSED", "RUNNING"]


def test_a_trial_that_was_let_past_a_rung_keeps_its_place_there(caller: Caller) -> None:
    worker_id = begin(caller, 8)
    jobs = caller.claim(worker_id, "paused", n_max=4)
    for job, value in zip(jobs, (0.5, 0.8, 0.6, 0.7), strict=True):
        if say(caller, job, 1, value) == "pause":
            caller.upload(job, "checkpoint.safetensors", b"x", kind="checkpoint", step=1)
            caller.finish(job, "PAUSED")
    assert [state_of(caller, job)[0] for job in jobs] == ["WAITING", "RUNNING", "WAITING", "RUNNING"]
    caller.finish(jobs[1], "CRASHED", is_retryable=False)
    taken = caller.claim(worker_id, "paused", n_max=3)
    assert [job["number"] for job in taken] == [4, 5, 6], "two of the four have been let past the rung"


def test_what_is_told_to_pause_is_told_again_whatever_is_repeated(caller: Caller) -> None:
    worker_id = begin(caller, 8)
    (job,) = caller.claim(worker_id, "paused")
    assert [say(caller, job, 1, 0.7), say(caller, job, 1, 0.7), say(caller, job, 2, 0.9)] == ["pause"] * 3
    caller.upload(job, "checkpoint.safetensors", b"x", kind="checkpoint", step=2)
    first = caller.finish(job, "PAUSED")
    assert caller.finish(job, "PAUSED") == first
    assert state_of(caller, job) == ("WAITING", 2)
    late = caller.report(job, 3, 409, step=3)
    assert late["error"]["code"] == "lease_lost"


def test_points_are_completed_with_what_paused_trials_had_reached(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[SuggestRequest] = []
    ask = Asker.ask

    def noting(self: Asker, plan: Plan, study_id: int, request: SuggestRequest, *rest: Any) -> Answer:
        asked.append(request)
        return ask(self, plan, study_id, request, *rest)

    monkeypatch.setattr(Asker, "ask", noting)
    space = {name: {"type": "float", "low": 0.001, "high": 0.1} for name in ("learning_rate", "weight_decay")}
    worker_id = begin(caller, 8, sampler={"name": "bayesian", "seed": 1}, search_space=space)
    (first,) = caller.claim(worker_id, "paused")
    pause(caller, first, 1, 0.7)
    (second,) = caller.claim(worker_id, "paused")
    point = {"params": {"learning_rate": 0.01}}
    caller.call("POST", "/studies/paused/trials:enqueue", 201, json={"points": [point]})
    (request,) = [one for one in asked if one.pinned]
    known = {past.number: (past.state, past.values) for past in request.history}
    assert known[first["number"]] == ("PRUNED", (0.7,))
    assert known[second["number"]] == ("RUNNING", None)


@pytest.mark.parametrize("can_pause", [True, False])
def test_who_cannot_save_is_never_told_to_pause(caller: Caller, can_pause: bool) -> None:
    worker_id = begin(caller, 8)
    decisions = []
    for value in (0.7, 0.6):
        (job,) = caller.claim(worker_id, "paused")
        decisions.append(say(caller, job, 1, value, can_pause=can_pause))
    assert decisions == (["pause", "pause"] if can_pause else ["continue", "prune"])


def test_a_pause_without_a_checkpoint_is_the_end(caller: Caller) -> None:
    worker_id = begin(caller, 8)
    (job,) = caller.claim(worker_id, "paused")
    assert say(caller, job, 1, 0.7) == "pause"
    assert caller.finish(job, "PAUSED") == {"trial_state": "PRUNED", "attempt_state": "PAUSED"}
    assert caller.call("GET", f"/trials/{job['trial_id']}")["value"] == 0.7


def test_who_pauses_unasked_is_over(caller: Caller) -> None:
    worker_id = begin(caller, 8)
    (job,) = caller.claim(worker_id, "paused")
    caller.upload(job, "checkpoint.safetensors", b"x", kind="checkpoint", step=1)
    assert caller.finish(job, "PAUSED")["trial_state"] == "PRUNED"


@pytest.mark.parametrize("outcome", ["PREEMPTED", "CRASHED"])
def test_a_worker_that_dies_between_the_decision_and_its_end_loses_nothing(caller: Caller, outcome: str) -> None:
    worker_id = begin(caller, 8)
    (job,) = caller.claim(worker_id, "paused")
    assert say(caller, job, 1, 0.7) == "pause"
    caller.upload(job, "checkpoint.safetensors", b"x", kind="checkpoint", step=1)
    assert caller.finish(job, outcome)["trial_state"] == "WAITING"
    assert state_of(caller, job) == ("WAITING", 1)
    (other,) = caller.claim(worker_id, "paused")
    assert other["number"] == 1


def test_without_anything_else_the_best_goes_on_and_the_others_end(caller: Caller) -> None:
    worker_id = begin(caller, 3, pruner={**HALVING, "reduction_factor": 4})
    jobs = [caller.claim(worker_id, "paused")[0] for _ in range(3)]
    for job, value in zip(jobs, (0.5, 0.8, 0.6), strict=True):
        pause(caller, job, 1, value)
    assert study_state(caller) == "RUNNING"
    (leader,) = caller.claim(worker_id, "paused", n_max=3)
    assert leader["number"] == 1
    assert caller.claim(worker_id, "paused") == [], "one at a time"
    assert say(caller, leader, 4, 0.9) == "continue"
    caller.finish(leader, values={"val_accuracy": 0.9})
    ended = [caller.call("GET", f"/trials/{job['trial_id']}") for job in jobs]
    assert [(one["state"], one["value"]) for one in ended] == [("PRUNED", 0.5), ("COMPLETE", 0.9), ("PRUNED", 0.6)]
    assert ended[0]["reason"] == "paused at step 1: no other trial is left that could promote it"
    assert study_state(caller) == "COMPLETE"
    assert caller.call("GET", "/studies/paused")["trial_counts"]["PRUNED"] == 2


@pytest.mark.parametrize("how", ["stop", "delete", "trial"])
def test_whatever_stops_a_paused_trial_leaves_what_it_reached(caller: Caller, how: str) -> None:
    worker_id = begin(caller, 8)
    (job,) = caller.claim(worker_id, "paused")
    pause(caller, job, 1, 0.7)
    study_id = caller.call("GET", "/studies/paused")["study_id"]
    if how == "stop":
        caller.call("PATCH", "/studies/paused", json={"action": "stop"})
    elif how == "delete":
        caller.call("DELETE", "/studies/paused", 204)
        caller.call("POST", f"/studies/{study_id}:restore")
    else:
        caller.call("POST", f"/trials/{job['trial_id']}:stop")
    trial = caller.call("GET", f"/trials/{job['trial_id']}")
    assert (trial["state"], trial["value"], trial["paused_step"]) == ("PRUNED", 0.7, None)
    assert study_state(caller) == ("RUNNING" if how == "trial" else "COMPLETE")


def test_what_the_curves_showed_is_kept_from_the_pause_on(caller: Caller) -> None:
    worker_id = begin(caller, 8)
    (job,) = caller.claim(worker_id, "paused")
    assert say(caller, job, 1, 0.7) == "pause"
    caller.upload(job, "checkpoint.safetensors", b"x", kind="checkpoint", step=1)
    finding = {
        "kind": "exploding",
        "severity": "problem",
        "title": "Exploding",
        "evidence": {"sentence": "The gradients grew.", "numbers": {}},
        "remedy": {"sentence": "Try a lower learning rate.", "hints": []},
    }
    caller.finish(job, "PAUSED", diagnosis=[finding])
    assert caller.call("GET", f"/trials/{job['trial_id']}")["diagnosis"] == [finding]
    caller.call("POST", f"/trials/{job['trial_id']}:stop")
    ended = caller.call("GET", f"/trials/{job['trial_id']}")
    assert (ended["state"], ended["findings"]) == ("PRUNED", ["exploding"])


def test_a_stop_that_comes_while_a_trial_is_being_saved_ends_it(caller: Caller) -> None:
    worker_id = begin(caller, 8)
    (job,) = caller.claim(worker_id, "paused")
    assert say(caller, job, 1, 0.7) == "pause"
    caller.upload(job, "checkpoint.safetensors", b"x", kind="checkpoint", step=1)
    caller.call("POST", f"/trials/{job['trial_id']}:stop")
    assert say(caller, job, 2, 0.7) == "stop"
    assert caller.finish(job, "PAUSED")["trial_state"] == "PRUNED"


def test_paused_trials_take_no_room_and_count_once(caller: Caller) -> None:
    worker_id = begin(caller, 3, budget={"n_trials": 3, "max_parallel": 1})
    numbers = []
    for value in (0.5, 0.6, 0.4):
        (job,) = caller.claim(worker_id, "paused", n_max=3)
        numbers.append(job["number"])
        if say(caller, job, job["attempt_no"], value) == "pause":
            caller.upload(job, "checkpoint.safetensors", b"x", kind="checkpoint", step=1)
            caller.finish(job, "PAUSED")
        else:
            caller.finish(job)
    assert numbers == [0, 1, 2], "the second one was let past at once: one of two is half of them"
    assert caller.call("GET", "/studies/paused")["trial_counts"] == {
        "WAITING": 0, "RUNNING": 0, "COMPLETE": 1, "PRUNED": 2, "FAIL": 0,
    }  # fmt: skip
    assert study_state(caller) == "COMPLETE"


def test_hyperband_promotes_within_a_bracket(caller: Caller) -> None:
    worker_id = begin(caller, 12, pruner={"name": "hyperband", "reduction_factor": 2, "max_resource": N_STEPS})
    jobs = caller.claim(worker_id, "paused", n_max=6)
    told = {}
    for place, job in enumerate(jobs):
        told[job["number"]] = say(caller, job, 1, 0.5 - 0.01 * place)
    paused = [job for job in jobs if told[job["number"]] == "pause"]
    assert 0 < len(paused) < len(jobs), "brackets that leave out the first rung judge nobody there"
    for job in paused:
        caller.upload(job, "checkpoint.safetensors", b"x", kind="checkpoint", step=1)
        caller.finish(job, "PAUSED")
    (next_one,) = caller.claim(worker_id, "paused")
    assert next_one["number"] == paused[0]["number"], "the best of its bracket"
