"""Kill what can be killed in the middle of a study: nothing is lost, doubled or left over.

The search is random and seeded and training is bit-reproducible, so the strongest claim can be tested: a study that
went through faults ends with the very values that the trainer gives in one go, without service and faults. Trials that
train together do so to rounding, which their company may change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.undisturbed import undisturbed
from tests.servers.processes import ProcessFamily
from tests.servers.service import Json, Service, importers, pool_children, trial_processes
from tests.servers.valkey import ValkeyServer
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]
N_TRIALS, N_EPOCHS, N_LONG, SEED = 4, 400, 1200, 11
FIXED: Json = {"epochs": N_EPOCHS, "batch_size": 256, "hidden_layers": 1, "hidden_units": 24}
SPACE: Json = {"learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}}
Fault = Callable[[Service, ValkeyServer], None]


@pytest.fixture
def service(tmp_path: Path, processes: ProcessFamily, database_url: str, broker: ValkeyServer) -> Iterator[Service]:
    """Return a service whose worker trains one by one, in two slots."""
    running = Service(processes, tmp_path / "home", database_url, broker.url, n_lanes=1)
    with running:
        running.start_api()
        running.start_worker()
        yield running


@pytest.fixture
def fused(tmp_path: Path, processes: ProcessFamily, sqlite_url: str, broker: ValkeyServer) -> Iterator[Service]:
    """Return a service whose worker trains all trials together, in one slot."""
    running = Service(processes, tmp_path / "home", sqlite_url, broker.url)
    with running:
        running.start_api()
        running.start_worker(n_slots=1)
        yield running


def study(name: str = "faulty", **changes: Any) -> Json:
    return {
        "name": name,
        "dataset": "digits",
        "model": "mlp",
        "fixed": FIXED,
        "search_space": SPACE,
        "sampler": {"name": "random", "seed": SEED},
        "objectives": [{"metric": "val_accuracy", "direction": "maximize"}],
        "budget": {"n_trials": N_TRIALS, "max_parallel": 2, "max_retries": 10},
        **changes,
    }


def kill_trial(service: Service, _broker: ValkeyServer) -> None:
    wait_until(lambda: _kill(trial_processes(service.workers[0])), what="a trial process is killed")


def kill_importer(service: Service, _broker: ValkeyServer) -> None:
    wait_until(lambda: _kill(importers(service.workers[0])), what="an importer is killed")


def kill_pool_child(service: Service, _broker: ValkeyServer) -> None:
    wait_until(lambda: _kill(pool_children(service.workers[0])), what="a pool child is killed")


def kill_worker(service: Service, _broker: ValkeyServer) -> None:
    family = psutil.Process(service.workers[0].pid).children(recursive=True)
    service.workers[0].kill()
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not alive, "processes outlived their worker"
    service.start_worker()


def kill_api(service: Service, _broker: ValkeyServer) -> None:
    assert service.api is not None
    service.api.kill()
    service.start_api()


def empty_broker(_service: Service, broker: ValkeyServer) -> None:
    broker.flush()


def restart_broker(_service: Service, broker: ValkeyServer) -> None:
    broker.kill()
    broker.restart()


def terminate_worker(service: Service, _broker: ValkeyServer) -> None:
    service.workers[0].terminate(30)
    service.start_worker()


FAULTS: tuple[tuple[Fault, ...], ...] = (
    (kill_trial, kill_importer, kill_pool_child),
    (kill_worker, empty_broker),
    (kill_api, restart_broker),
)


@pytest.mark.parametrize("faults", FAULTS, ids=lambda faults: "+".join(fault.__name__ for fault in faults))
def test_each_trial_ends_exactly_once_with_the_values_of_an_undisturbed_run(
    service: Service, broker: ValkeyServer, faults: tuple[Fault, ...], tmp_path: Path
) -> None:
    service.call("POST", "/studies", study())
    for fault in faults:
        service.wait_for_running("faulty", min_step=3)
        fault(service, broker)
    ended = service.wait_for_state("faulty", "COMPLETE")

    assert ended["trial_counts"] == {"WAITING": 0, "RUNNING": 0, "COMPLETE": N_TRIALS, "PRUNED": 0, "FAIL": 0}
    trials = service.trials("faulty")
    assert [trial["number"] for trial in trials] == list(range(N_TRIALS))
    for trial in trials:
        check_history(service, trial)
        alone = undisturbed(study(), trial["number"], tmp_path / "calm")
        assert {name: trial["values"][name] for name in alone} == alone, trial["number"]
    service.stop()


def terminate_fused_worker(service: Service, _broker: ValkeyServer) -> None:
    service.workers[0].terminate(30)
    states = {trial["number"]: trial["state"] for trial in service.trials("faulty")}
    assert set(states.values()) == {"WAITING"}, states
    service.workers.clear()
    service.start_worker(n_slots=1)


def kill_fused_worker(service: Service, _broker: ValkeyServer) -> None:
    service.workers[0].kill()
    service.workers.clear()
    service.start_worker(n_slots=1)


@pytest.mark.parametrize(
    ("fault", "first_ends"),
    # A killed worker's successor tells of the crash, unless it starts so slowly that the leases run out before.
    [
        (terminate_fused_worker, {"PREEMPTED"}),
        (kill_fused_worker, {"CRASHED", "LOST"}),
        (kill_trial, {"CRASHED"}),
    ],
    ids=["terminate_worker", "kill_worker", "kill_trial"],
)
def test_trials_that_train_together_go_on_together(
    fused: Service, broker: ValkeyServer, fault: Fault, first_ends: set[str], tmp_path: Path
) -> None:
    body = study(budget={"n_trials": N_TRIALS, "max_parallel": N_TRIALS, "max_retries": 1})
    fused.call("POST", "/studies", body)
    wait_until(lambda: _n_under_way(fused) == N_TRIALS, 120, what="all trials train", interval_s=0.05)
    fault(fused, broker)
    fused.wait_for_state("faulty", "COMPLETE")

    by_number = sorted(fused.trials("faulty"), key=lambda trial: int(trial["number"]))
    details = [check_history(fused, trial) for trial in by_number]
    for detail in details:
        first, last = (attempt["state"] for attempt in detail["attempts"])
        assert first in first_ends
        assert last == "COMPLETE"
    alone = undisturbed(body, 0, tmp_path / "calm")
    assert {name: details[0]["values"][name] for name in alone} == pytest.approx(alone, rel=1e-3)
    fused.stop()


def _n_under_way(service: Service) -> int:
    """Count the trials that have trained for some epochs; several of one slot train together."""
    return sum(trial["state"] == "RUNNING" and (trial["step"] or 0) >= 3 for trial in service.trials("faulty"))


def test_a_worker_that_is_told_to_end_hands_its_trials_back_without_burning_a_retry(service: Service) -> None:
    budget = {"n_trials": 2, "max_parallel": 2, "max_retries": 0}
    service.call("POST", "/studies", study(budget=budget, fixed={**FIXED, "epochs": N_LONG}))
    service.wait_for_running("faulty", min_step=3)
    service.workers[0].terminate(30)
    handed_back = [trial for trial in service.trials("faulty") if trial["state"] == "WAITING"]
    assert handed_back, "no trial was waiting after the worker had ended"
    service.start_worker()
    service.wait_for_state("faulty", "COMPLETE")

    for trial in service.trials("faulty"):
        detail = check_history(service, trial, N_LONG)
        if trial["number"] == handed_back[0]["number"]:
            assert [attempt["state"] for attempt in detail["attempts"]] == ["PREEMPTED", "COMPLETE"]
    service.stop()


def check_history(service: Service, trial: Json, n_epochs: int = N_EPOCHS) -> Json:
    """Require one COMPLETE attempt, the last, and every epoch's metrics exactly once."""
    detail: Json = service.call("GET", f"/trials/{trial['trial_id']}")
    ends = [attempt["state"] for attempt in detail["attempts"]]
    assert ends.count("COMPLETE") == 1, ends
    assert ends[-1] == "COMPLETE", ends
    assert "RUNNING" not in ends, ends
    series = service.call("GET", f"/trials/{trial['trial_id']}/metrics?max_points=10000")["series"]
    for one in series:
        assert one["n_points"] == n_epochs, (one["name"], one["n_points"])
        assert one["steps"] == list(range(1, n_epochs + 1))
    return detail


def _kill(found: list[psutil.Process]) -> bool:
    try:
        if found:
            found[0].kill()
    except psutil.NoSuchProcess:  # it ended by itself meanwhile
        return False
    return bool(found)
