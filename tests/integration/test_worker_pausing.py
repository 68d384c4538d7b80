"""Halving with pauses through the whole service: trials wait at rungs, go on, and end as if nobody had stopped them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.undisturbed import undisturbed
from tests.servers.processes import ProcessFamily
from tests.servers.service import Json, Service
from tests.servers.valkey import ValkeyServer
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.timeout(300)
N_EPOCHS = 40


@pytest.fixture
def service(tmp_path: Path, processes: ProcessFamily, sqlite_url: str, broker: ValkeyServer) -> Iterator[Service]:
    """Return a service with an API; after the test it must end in order and leave no process."""
    running = Service(processes, tmp_path / "home", sqlite_url, broker.url)
    with running:
        running.start_api()
        yield running
        running.stop()


def study(name: str, n_trials: int) -> Json:
    return {
        "name": name,
        "dataset": "digits",
        "model": "mlp",
        "fixed": {"epochs": N_EPOCHS, "batch_size": 64, "hidden_layers": 1, "hidden_units": 32},
        "search_space": {"learning_rate": {"type": "float", "low": 1e-5, "high": 1e-2, "log": True}},
        "sampler": {"name": "random", "seed": 3},
        "pruner": {"name": "asha", "reduction_factor": 3, "min_resource": 2},
        "objectives": [{"metric": "val_accuracy", "direction": "maximize"}],
        "budget": {"n_trials": n_trials, "max_parallel": 6},
    }


def details(service: Service, name: str) -> list[Json]:
    """Return a study's trials with their attempts, by number."""
    found = [service.call("GET", f"/trials/{trial['trial_id']}") for trial in service.trials(name)]
    return sorted(found, key=lambda one: int(one["number"]))


def ends_of(trial: Json) -> list[str]:
    return [str(attempt["state"]) for attempt in trial["attempts"]]


def paused_ones(service: Service, name: str) -> list[int]:
    """Return the numbers of the trials that wait to be promoted."""
    return [one["number"] for one in service.trials(name) if one["paused_step"] is not None]


def curve_of(service: Service, trial: Json) -> list[int]:
    """Return the steps of a trial's objective."""
    answer = service.call("GET", f"/trials/{trial['trial_id']}/metrics?names=val_accuracy")
    return list(answer["series"][0]["steps"])


def check(service: Service, body: Json, folder: Path) -> list[Json]:
    """Require that every trial ended, and the promoted ones as if in one go; return those."""
    trials = details(service, body["name"])
    assert len(trials) == body["budget"]["n_trials"]
    assert {one["state"] for one in trials} == {"COMPLETE", "PRUNED"}
    resumed = [one for one in trials if one["state"] == "COMPLETE" and "PAUSED" in ends_of(one)]
    for trial in resumed[:2]:
        alone = undisturbed(body, trial["number"], folder)
        assert {name: trial["values"][name] for name in alone} == pytest.approx(alone, rel=1e-4)
        assert curve_of(service, trial) == list(range(1, N_EPOCHS + 1))
    aside = [one for one in trials if one["state"] == "PRUNED"]
    assert aside
    # A trial whose worker was killed after it had been told to pause waits like the others.
    ends = {(one["value"] is not None, ends_of(one)[-1]) for one in aside}
    assert ends <= {(True, end) for end in ("PAUSED", "PRUNED", "CRASHED", "LOST")}
    return resumed


def test_lanes_pause_one_by_one_and_are_promoted(service: Service, tmp_path: Path) -> None:
    service.start_worker(n_slots=1)
    body = study("halving", 12)
    service.call("POST", "/studies", body)
    service.wait_for_state("halving", "COMPLETE", 200)
    assert any("PAUSED" in ends_of(one) for one in details(service, "halving")), "somebody was set aside"
    assert check(service, body, tmp_path / "alone"), "nobody gets past the last rung at once: too few come there"


def test_killed_while_trials_are_paused_nothing_is_lost(service: Service, tmp_path: Path) -> None:
    """Both are killed: the worker whose trials wait, and the API that holds their places."""
    worker = service.start_worker(n_slots=1)
    body = study("killed", 15)
    service.call("POST", "/studies", body)
    aside = wait_until(lambda: paused_ones(service, "killed"), 120.0, what="a trial is paused", interval_s=0.02) or []
    worker.kill()
    assert service.api is not None
    service.api.kill()
    service.start_api()
    service.start_worker(n_slots=1)
    service.wait_for_state("killed", "COMPLETE", 200)
    check(service, body, tmp_path / "alone")
    for trial in (one for one in details(service, "killed") if one["number"] in aside):
        assert "PAUSED" in ends_of(trial)
        assert curve_of(service, trial) == list(range(1, trial["step"] + 1)), "no epoch is missing or doubled"
