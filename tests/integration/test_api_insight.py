"""Insights over HTTP: from stored trials to what they say, at once or by a job."""

from __future__ import annotations

import math
import sys
from multiprocessing import active_children
from pathlib import Path
from subprocess import run

import pytest

from api.errors import Unavailable
from tests.servers.api import Caller, Json, serving, settings_for
from tests.servers.waiting import wait_until

PATH = "/studies/looked-at"
SPACE = {
    "learning_rate": {"type": "float", "low": 1e-4, "high": 1e-1, "log": True},
    "dropout": {"type": "float", "low": 0, "high": 0.5},
}


@pytest.fixture
def study(caller: Caller) -> Caller:
    """Return a caller whose study waits for trials by hand."""
    caller.create("looked-at", sampler={"name": "manual"}, search_space=SPACE, budget={})
    return caller


def add(caller: Caller, n: int, start: int = 0) -> None:
    """Add complete trials whose accuracy hangs on the learning rate alone, best in the middle."""
    for place in range(start, start + n):
        at, other = (place * 0.618034) % 1, (place * 0.414214) % 1  # spread evenly, one independent of the other
        body = {
            "params": {"learning_rate": 10 ** (3 * at - 4), "dropout": other / 2},
            "state": "COMPLETE",
            "values": {"val_accuracy": 1 - (at - 0.5) ** 2},
        }
        caller.call("POST", f"{PATH}/trials", 201, json=body)


def decomposed(caller: Caller) -> Json:
    """Wait for the job and return what it found."""
    found: list[Json] = []

    def is_ended() -> bool:
        found[:] = [caller.call("GET", f"{PATH}/interactions")]
        return found[0]["state"] not in ("WAITING", "RUNNING")

    wait_until(is_ended, 120, what="the job ends")
    return found[0]


def test_with_few_trials_each_says_what_it_waits_for(study: Caller) -> None:
    add(study, 5)
    for name, n_needed in (("importance", 20), ("regret", 10)):
        found = study.call("GET", f"{PATH}/{name}")
        assert (found["state"], found["n_trials"], found["n_needed"]) == ("TOO_FEW", 5, n_needed), name
        assert f"at least {n_needed}" in found["reason"]
    found = study.call("POST", f"{PATH}/interactions", 202)
    assert (found["state"], found["n_trials"], found["n_needed"]) == ("TOO_FEW", 5, 30)
    assert study.call("GET", f"{PATH}/interactions")["state"] == "NONE"


def test_importance_names_what_matters_and_follows_the_study(study: Caller) -> None:
    add(study, 30)
    found = study.call("GET", f"{PATH}/importance")
    assert (found["state"], found["objective"], found["n_trials"]) == ("COMPLETE", "val_accuracy", 30)
    assert found["shares"][0]["name"] == "learning_rate"
    assert found["shares"][0]["share"] > 0.8
    assert sum(one["share"] for one in found["shares"]) == pytest.approx(1)
    assert found == study.call("GET", f"{PATH}/importance")
    add(study, 1, start=30)
    assert study.call("GET", f"{PATH}/importance")["n_trials"] == 31


def test_regret_lies_beside_random_search(study: Caller) -> None:
    add(study, 30)
    found = study.call("GET", f"{PATH}/regret")
    assert (found["state"], found["measure"], found["objective"]) == ("COMPLETE", "best", "val_accuracy")
    assert found["n_finished"] == list(range(1, 31))
    assert found["study"] == sorted(found["study"])
    for name in ("random", "shuffled"):
        band = found[name]
        assert len(band["mean"]) == 30
        assert all(low <= high for low, high in zip(band["low"], band["high"], strict=True))
    assert found["shuffled"]["mean"][-1] == pytest.approx(found["study"][-1])
    assert found["n_random"] >= 1


def test_distribution_ends_at_one(study: Caller) -> None:
    assert study.call("GET", f"{PATH}/distribution")["state"] == "TOO_FEW"
    add(study, 8)
    found = study.call("GET", f"{PATH}/distribution")
    assert (found["state"], found["n_trials"]) == ("COMPLETE", 8)
    assert found["values"] == sorted(found["values"])
    assert found["shares"][-1] == 1


def test_a_job_finds_interactions_once_for_the_trials_there_are(study: Caller) -> None:
    add(study, 40)
    assert study.call("GET", f"{PATH}/interactions")["state"] == "NONE"
    asked = study.call("POST", f"{PATH}/interactions", 202)
    assert asked["state"] in ("WAITING", "RUNNING")
    assert not asked["has_result"]
    found = decomposed(study)
    assert (found["state"], found["is_current"], found["n_trials"]) == ("COMPLETE", True, 40)
    assert found["shares"][0]["name"] == "learning_rate"
    assert found["fit"] > 0.8
    (pair,) = found["pairs"]
    assert (pair["first"], pair["second"]) == ("dropout", "learning_rate")
    total = sum(one["share"] for one in [*found["shares"], pair]) + found["beyond"]
    assert total == pytest.approx(1)
    assert study.call("POST", f"{PATH}/interactions", 202) == found

    add(study, 1, start=40)
    old = study.call("GET", f"{PATH}/interactions")
    assert (old["has_result"], old["is_current"], old["n_trials"]) == (True, False, 40)
    assert study.call("POST", f"{PATH}/interactions", 202)["has_result"]
    assert decomposed(study)["n_trials"] == 41


def test_refusals_name_what_is_there(study: Caller) -> None:
    for name in ("importance", "interactions", "distribution"):
        error = study.refused("GET", f"{PATH}/{name}", 422, params={"objective": "val_acuracy"})
        assert (error["code"], error["field"]) == ("unknown_objective", "objective")
        assert "val_accuracy" in error["hint"]
        study.call("GET", f"{PATH}/{name}", params={"objective": "val_accuracy"})
        assert study.refused("GET", f"/studies/nowhere/{name}", 404)["code"] == "study_not_found"


def test_pruned_and_failed_trials_do_no_harm(caller: Caller) -> None:
    caller.create("looked-at", search_space=SPACE, budget={"n_trials": 40, "max_parallel": 40})
    worker_id = caller.join("looked-at")
    while jobs := caller.claim(worker_id, "looked-at", n_max=40):
        for job in jobs:
            outcome = {0: "PRUNED", 1: "DIVERGED"}.get(job["number"] % 4, "COMPLETE")
            values = {"val_accuracy": math.sin(job["number"])} if outcome == "COMPLETE" else {}
            caller.finish(job, outcome, values=values, is_retryable=False)
    assert caller.call("GET", f"{PATH}/importance")["n_pruned"] == 10
    regret = caller.call("GET", f"{PATH}/regret")
    assert (regret["n_trials"], regret["n_pruned"]) == (30, 10)
    assert caller.call("POST", f"{PATH}/interactions", 202)["n_trials"] == 20


def test_the_control_plane_does_without_scikit_learn() -> None:
    script = "import sys, api.app; sys.exit('sklearn' in sys.modules or 'torch' in sys.modules)"
    assert run([sys.executable, "-c", script], cwd=Path(__file__).resolve().parents[2], check=False).returncode == 0


def test_a_server_that_ends_leaves_no_job_behind(tmp_path: Path) -> None:
    with serving(settings_for(tmp_path)) as served:
        caller = Caller(served.address)
        caller.create("looked-at", sampler={"name": "manual"}, search_space=SPACE, budget={})
        add(caller, 40)
        caller.call("POST", f"{PATH}/interactions", 202)
        caller.close()
        jobs = served.control.insight.jobs
        wait_until(lambda: any(job.name == "job" for job in active_children()), 60, what="the job runs")
    assert not any(job.name == "job" for job in active_children())
    with pytest.raises(Unavailable) as caught:
        jobs.submit("another", 1, "search.insight.fanova:decompose", None)
    assert caught.value.code == "jobs_closed"
