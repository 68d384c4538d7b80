"""Workers with GPUs of stated memory, none of them real: pinned slots, and memory that runs out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.processes import ProcessFamily
from tests.servers.service import Json, Service
from tests.servers.valkey import ValkeyServer
from tests.servers.waiting import wait_until

pytestmark = pytest.mark.timeout(300)
RATES: Json = {"learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}}


@pytest.fixture
def service(tmp_path: Path, processes: ProcessFamily, sqlite_url: str, broker: ValkeyServer) -> Iterator[Service]:
    """Return a service with an API; after the test it must end in order and leave no process."""
    running = Service(processes, tmp_path / "home", sqlite_url, broker.url)
    with running:
        running.start_api()
        yield running
        running.stop()


def start_worker(service: Service, *options: str) -> None:
    """Start a worker with GPUs that are none."""
    worker = service.family.start_module(
        "worker", "--server", service.address, *options, env={"TUNEWELL_HOME": str(service.home)}
    )
    service.workers.append(worker)


def study(name: str, **changes: Any) -> Json:
    return {
        "name": name,
        "dataset": "digits",
        "model": "mlp",
        "fixed": {"epochs": 3, "batch_size": 64, "hidden_layers": 1, "hidden_units": 32},
        "search_space": RATES,
        "sampler": {"name": "random", "seed": 3},
        "objectives": [{"metric": "val_accuracy", "direction": "maximize"}],
        "budget": {"n_trials": 4, "max_parallel": 4},
        "resources": {"queue": "gpu"},
        **changes,
    }


def test_trials_train_within_the_memory_of_the_gpu_that_their_slot_is_pinned_to(service: Service) -> None:
    start_worker(service, "--simulate-gpu", "4MiB,2MiB")
    (worker,) = wait_until(lambda: service.call("GET", "/workers")["items"], 60, what="the worker has joined")
    assert worker["queues"] == ["gpu"]
    assert [(one["memory_bytes"], one["slots"], one["is_simulated"]) for one in worker["devices"]] == [
        (4 << 20, [0], True),
        (2 << 20, [1], True),
    ]
    service.call("POST", "/studies", study("fits"))
    assert service.wait_for_state("fits", "COMPLETE")["trial_counts"]["COMPLETE"] == 4
    trials = [service.call("GET", f"/trials/{trial['trial_id']}") for trial in service.trials("fits")]
    totals = {one["uuid"]: one["memory_bytes"] for one in worker["devices"]}
    for attempt in (trial["attempts"][-1] for trial in trials):
        assert 0 < attempt["peak_bytes"] <= totals[attempt["device"]]


def test_what_fits_on_no_gpu_is_tried_once_alone_and_its_neighbours_complete(service: Service) -> None:
    start_worker(service, "--simulate-gpu", "2MiB", "--slots-per-gpu", "2")
    widths = {"hidden_units": {"type": "categorical", "choices": [16, 2048]}}
    fixed = {"epochs": 1, "batch_size": 64, "hidden_layers": 1, "learning_rate": 0.01}
    service.call("POST", "/studies", study("mixed", sampler={"name": "grid"}, search_space=widths, fixed=fixed))
    service.wait_for_state("mixed", "COMPLETE")
    found = {
        trial["params"]["hidden_units"]: service.call("GET", f"/trials/{trial['trial_id']}")
        for trial in service.trials("mixed")
    }
    assert [attempt["state"] for attempt in found[16]["attempts"]] == ["COMPLETE"]
    assert [attempt["state"] for attempt in found[2048]["attempts"]] == ["OOM", "OOM"]
    assert found[2048]["state"] == "FAIL"
    assert "alone does not fit into memory: Simulated GPU out of memory" in found[2048]["reason"]
