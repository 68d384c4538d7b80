"""Studies over HTTP, on both kinds of database: reading, changing, deleting, listing."""

from __future__ import annotations

import pytest

from tests.servers.api import Caller, Json, a_study


def test_a_new_study_shows_what_was_asked_for_with_every_default(caller: Caller) -> None:
    body = a_study("whole", sampler={"name": "bayesian"}, notes="n", tags=["a", "b"])
    study = caller.call("POST", "/studies", 201, json=body)
    assert (study["name"], study["state"], study["best_trial"]) == ("whole", "RUNNING", None)
    assert study["trial_counts"] == dict.fromkeys(["WAITING", "RUNNING", "COMPLETE", "PRUNED", "FAIL"], 0)
    assert (study["notes"], study["tags"], study["n_grid_cells"]) == ("n", ["a", "b"], None)
    assert isinstance(study["spec"]["sampler"]["seed"], int)
    assert study["spec"]["pruner"] == {"name": "none"}
    by_id = caller.call("GET", f"/studies/{study['study_id']}")
    assert by_id == caller.call("GET", "/studies/whole") == study


def test_a_grid_knows_its_size_and_ends_by_itself(caller: Caller) -> None:
    space = {"hidden_layers": {"type": "int", "low": 1, "high": 3}}
    study = caller.create("grid", sampler={"name": "grid"}, search_space=space, budget={"max_parallel": 8})
    assert (study["n_grid_cells"], study["spec"]["budget"]["n_trials"]) == (3, None)
    worker_id = caller.join("grid")
    jobs = [job for _ in range(3) for job in caller.claim(worker_id, "grid", n_max=8)]
    assert [job["params"]["hidden_layers"] for job in jobs] == [1, 2, 3]
    assert caller.claim(worker_id, "grid", n_max=8) == []
    for job in jobs:
        caller.finish(job, values={"val_accuracy": 0.5})
    assert caller.call("GET", "/studies/grid")["state"] == "COMPLETE"


def test_pause_resume_and_stop(caller: Caller) -> None:
    caller.create("acted")
    worker_id = caller.join("acted")
    (running,) = caller.claim(worker_id, "acted")
    caller.refused("PATCH", "/studies/acted", 409, json={"action": "resume"})
    assert caller.call("PATCH", "/studies/acted", json={"action": "pause"})["state"] == "PAUSED"
    refusal = caller.refused("PATCH", "/studies/acted", 409, json={"action": "pause"})
    assert (refusal["code"], refusal["field"]) == ("wrong_state", "action")
    assert "PAUSED" in refusal["message"]
    assert caller.claim(worker_id, "acted") == []
    assert caller.report(running, 1, step=1)["decision"] == "continue"
    assert caller.call("PATCH", "/studies/acted", json={"action": "resume"})["state"] == "RUNNING"
    assert len(caller.claim(worker_id, "acted")) == 1
    assert caller.call("PATCH", "/studies/acted", json={"action": "stop"})["state"] == "STOPPING"
    assert caller.report(running, 2, step=2)["decision"] == "stop"


def test_a_stopping_study_is_complete_once_nothing_runs_and_can_be_extended(caller: Caller) -> None:
    caller.create("ended", budget={"n_trials": 2, "max_parallel": 2})
    worker_id = caller.join("ended")
    (job,) = caller.claim(worker_id, "ended")
    caller.call("PATCH", "/studies/ended", json={"action": "stop"})
    caller.finish(job, "STOPPED", values={"val_accuracy": 0.5})
    ended = caller.call("GET", "/studies/ended")
    assert (ended["state"], ended["state_reason"]) == ("COMPLETE", "stopped by a user")
    assert ended["finished_at"] is not None
    for action in ("pause", "resume", "stop"):
        assert caller.refused("PATCH", "/studies/ended", 409, json={"action": action})["code"] == "wrong_state"
    assert caller.claim(worker_id, "ended") == []
    reopened = caller.call("PATCH", "/studies/ended", json={"n_trials": 3})
    assert (reopened["state"], reopened["finished_at"]) == ("RUNNING", None)
    assert [job["number"] for job in caller.claim(worker_id, "ended", n_max=9)] == [1, 2]


def test_a_budget_is_only_ever_raised(caller: Caller) -> None:
    caller.create("budget", budget={"n_trials": 4, "max_parallel": 1})
    refusal = caller.refused("PATCH", "/studies/budget", 409, json={"n_trials": 3, "notes": "lost"})
    assert (refusal["code"], refusal["field"]) == ("budget_lowered", "n_trials")
    assert caller.call("GET", "/studies/budget")["notes"] == ""
    raised = caller.call("PATCH", "/studies/budget", json={"n_trials": 6, "max_parallel": 3, "notes": "kept"})
    assert (raised["spec"]["budget"]["n_trials"], raised["spec"]["budget"]["max_parallel"]) == (6, 3)
    assert raised["notes"] == "kept"
    assert len(caller.claim(caller.join("budget"), "budget", n_max=9)) == 3


def test_rename_and_annotate(caller: Caller) -> None:
    study = caller.create("before")
    changed = caller.call("PATCH", "/studies/before", json={"name": "after", "notes": "n", "tags": ["größe"]})
    assert (changed["name"], changed["notes"], changed["tags"]) == ("after", "n", ["größe"])
    assert changed["rev"] > study["rev"]
    assert caller.refused("GET", "/studies/before", 404)["code"] == "study_not_found"
    assert caller.call("PATCH", "/studies/after", json={"notes": ""})["notes"] == ""


def test_delete_and_restore(caller: Caller) -> None:
    study = caller.create("gone")
    (job,) = caller.claim(caller.join("gone"), "gone")
    caller.call("DELETE", "/studies/gone", 204)
    for path in ("/studies/gone", f"/studies/{study['study_id']}", f"/trials/{job['trial_id']}"):
        assert caller.refused("GET", path, 404)["code"].endswith("_not_found")
    assert caller.refused("DELETE", "/studies/gone", 404)["code"] == "study_not_found"
    assert caller.call("GET", "/studies")["items"] == []
    second = caller.create("gone")
    restore = f"/studies/{study['study_id']}:restore"
    assert caller.refused("POST", restore, 409)["code"] == "name_taken"
    caller.call("PATCH", f"/studies/{second['study_id']}", json={"name": "other"})
    restored = caller.call("POST", restore)
    assert (restored["name"], restored["deleted_at"], restored["state"]) == ("gone", None, "STOPPING")
    assert caller.refused("POST", restore, 404)["code"] == "study_not_found"


def names_of(pages: list[list[Json]]) -> list[str]:
    return [study["name"] for page in pages for study in page]


def test_lists_are_filtered_and_paged(caller: Caller) -> None:
    tags = {"s-0": ["größe"], "s-1": ["größe", "a_b"], "s-2": ["axb"], "s-3": [], "s-4": []}
    for name, own in tags.items():
        caller.create(name, tags=own, notes=f"about {name.upper()} 100%")
    caller.call("PATCH", "/studies/s-3", json={"action": "pause"})
    newest_first = list(reversed(tags))
    for limit in (1, 2, 5, 100):
        pages = caller.pages("/studies", limit=limit)
        assert names_of(pages) == newest_first
        assert all(len(page) == limit for page in pages[:-1])
    assert names_of(caller.pages("/studies", tag="größe")) == ["s-1", "s-0"]
    assert names_of(caller.pages("/studies", tag="a_b")) == ["s-1"]
    assert names_of(caller.pages("/studies", tag="gr")) == []
    assert names_of(caller.pages("/studies", search="S-2")) == ["s-2"]
    assert names_of(caller.pages("/studies", search="0%")) == newest_first
    assert names_of(caller.pages("/studies", search="s_2")) == []
    assert names_of(caller.pages("/studies", state="PAUSED")) == ["s-3"]
    assert caller.refused("GET", "/studies?state=SLEEPING", 422)["field"] == "state"


@pytest.mark.parametrize(
    "cursor", ["x", "é", "bnVsbA", "W10", "W251bGxd", "WzFlNDAwXQ", "WyJhIl0", "W05hTl0", "WzEwZTMwXQ"]
)
def test_a_cursor_made_by_hand_is_refused(caller: Caller, cursor: str) -> None:
    trial = caller.create("paged")
    for path, order in (("/studies", "best"), ("/studies/paged/trials", "number"), ("/studies/paged/trials", "value")):
        refusal = caller.refused("GET", path, 422, params={"cursor": cursor, "order_by": order})
        assert (refusal["code"], refusal["field"]) == ("cursor_malformed", "cursor")
    assert trial["name"] in names_of(caller.pages("/studies"))
