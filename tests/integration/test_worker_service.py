"""Workers as people run them: joining, draining, leaving, queues, early ends, and moving to another machine."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.processes import ProcessFamily
from tests.servers.service import Json, Service
from tests.servers.valkey import ValkeyServer
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.timeout(120)
SMALL: Json = {"batch_size": 1024, "hidden_layers": 0}
LONG = 10_000


@pytest.fixture
def service(tmp_path: Path, processes: ProcessFamily, sqlite_url: str, broker: ValkeyServer) -> Iterator[Service]:
    """Return a service without workers; after the test it must end in order and leave no process."""
    running = Service(processes, tmp_path / "home", sqlite_url, broker.url)
    yield running
    running.stop()


def study(name: str, *, epochs: int = 3, n_trials: int = 2, queue: str = "cpu", **changes: Any) -> Json:
    return {
        "name": name,
        "dataset": "digits",
        "model": "mlp",
        "fixed": {**SMALL, "epochs": epochs},
        "search_space": {"learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}},
        "sampler": {"name": "random", "seed": 5},
        "objectives": [{"metric": "val_accuracy", "direction": "maximize"}],
        "budget": {"n_trials": n_trials, "max_parallel": 2},
        "resources": {"queue": queue},
        **changes,
    }


def worker_ids(service: Service, name: str) -> set[int]:
    """Return which workers trained a study's trials."""
    details = [service.call("GET", f"/trials/{trial['trial_id']}") for trial in service.trials(name)]
    return {attempt["worker_id"] for detail in details for attempt in detail["attempts"]}


def wait_for_worker(service: Service, state: str, n: int = 1) -> list[Json]:
    """Wait until as many workers are in a state, and return them, oldest first."""

    def find() -> list[Json]:
        items: list[Json] = service.call("GET", "/workers")["items"]
        found = sorted((one for one in items if one["state"] == state), key=lambda one: int(one["worker_id"]))
        return found if len(found) >= n else []

    return wait_until(find, 30, what=f"{n} workers are {state}", interval_s=0.05)


def test_each_queue_is_served_by_its_workers_and_a_draining_one_claims_no_more(service: Service) -> None:
    service.start_api()
    service.start_worker(n_slots=1, queues="cpu")
    service.call("POST", "/studies", study("for-gpu", queue="gpu"))
    service.call("POST", "/studies", study("for-cpu"))
    service.wait_for_state("for-cpu", "COMPLETE")
    assert service.trials("for-gpu") == [], "a cpu worker took a trial of the queue gpu"
    assert service.call("GET", "/studies/for-gpu")["state"] == "RUNNING"

    service.start_worker(n_slots=1, queues="gpu,cpu")
    service.wait_for_state("for-gpu", "COMPLETE")
    cpu, gpu = (one["worker_id"] for one in wait_for_worker(service, "ALIVE", 2))
    assert worker_ids(service, "for-cpu") == {cpu}
    assert worker_ids(service, "for-gpu") == {gpu}

    service.call("POST", f"/workers/{cpu}:drain")
    assert wait_for_worker(service, "DRAINING")[0]["worker_id"] == cpu
    service.call("POST", "/studies", study("drained", n_trials=4))
    service.wait_for_state("drained", "COMPLETE")
    assert worker_ids(service, "drained") == {gpu}
    assert service.workers[0].is_running
    assert service.workers[0].terminate(30) == 0
    assert [one["worker_id"] for one in wait_for_worker(service, "LOST")] == [cpu]


def test_training_ends_early_when_somebody_or_the_pruner_says_so(service: Service) -> None:
    service.start_api()
    service.start_worker(n_slots=2)
    service.call("POST", "/studies", study("long", epochs=LONG))
    trial = service.wait_for_running("long", min_step=2)
    begun_s = time.monotonic()
    service.call("POST", f"/trials/{trial['trial_id']}:stop")
    wait_until(
        lambda: service.call("GET", f"/trials/{trial['trial_id']}")["state"] == "PRUNED", 15, what="it was stopped"
    )
    service.call("PATCH", "/studies/long", {"action": "stop"})
    service.wait_for_state("long", "COMPLETE", 15)
    assert time.monotonic() - begun_s < 20
    for one in service.trials("long"):
        assert one["state"] == "PRUNED"
        assert one["step"] < LONG
        (attempt,) = service.call("GET", f"/trials/{one['trial_id']}")["attempts"]
        assert attempt["state"] == "STOPPED"

    rates = [0.01, 0.011, 0.012, 1e-8]  # the last one learns nothing
    pruned = study(
        "pruned",
        epochs=400,
        n_trials=4,
        search_space={"learning_rate": {"type": "categorical", "choices": rates}},
        sampler={"name": "grid"},
        pruner={"name": "median", "n_startup_trials": 2, "n_warmup_steps": 5},
        budget={"n_trials": 4, "max_parallel": 1},
    )
    service.call("POST", "/studies", pruned)
    service.wait_for_state("pruned", "COMPLETE", 60)
    (hopeless,) = [one for one in service.trials("pruned") if one["params"]["learning_rate"] == 1e-8]
    assert hopeless["state"] == "PRUNED"
    assert hopeless["step"] < 400


def test_a_trial_moves_to_another_machine_and_ends_as_if_it_had_not(
    service: Service, tmp_path: Path, processes: ProcessFamily
) -> None:
    service.start_api()
    first = service.start_worker(n_slots=1)
    service.call("POST", "/studies", study("moves", epochs=1000, n_trials=1))
    trial = service.wait_for_running("moves", min_step=2)
    wait_until(
        lambda: _checkpoints(service, trial["trial_id"]), 30, what="a checkpoint is with the server", interval_s=0.05
    )
    first.kill()
    service.workers.clear()

    service.home = tmp_path / "another-home"
    service.start_worker(n_slots=1)
    service.wait_for_state("moves", "COMPLETE", 60)
    detail = service.call("GET", f"/trials/{trial['trial_id']}")
    assert [attempt["state"] for attempt in detail["attempts"]] == ["LOST", "COMPLETE"]
    assert len({attempt["worker_id"] for attempt in detail["attempts"]}) == 2
    assert _first_logged_epoch(service, trial["trial_id"], attempt_no=2) > 1

    service.call("POST", "/studies", study("stays", epochs=1000, n_trials=1))
    service.wait_for_state("stays", "COMPLETE", 60)
    (calm,) = service.trials("stays")
    assert calm["params"] == detail["params"]
    assert _figures(calm) == _figures(detail)


def _figures(trial: Json) -> Json:
    """Return the outcome without what was timed."""
    return {name: value for name, value in trial["values"].items() if name not in {"train_s", "predict_ms"}}


def _checkpoints(service: Service, trial_id: int) -> list[Json]:
    items: list[Json] = service.call("GET", f"/trials/{trial_id}/artifacts")["items"]
    return [one for one in items if one["kind"] == "checkpoint" and one["step"] > 1]


def _first_logged_epoch(service: Service, trial_id: int, attempt_no: int) -> int:
    lines = service.call("GET", f"/trials/{trial_id}/logs?limit=500")["items"]
    texts = [line["text"] for line in lines if line["attempt_no"] == attempt_no]
    epochs = [int(found.group(1)) for text in texts if (found := re.search(r"epoch (\d+)", text))]
    assert epochs, texts
    return epochs[0]
