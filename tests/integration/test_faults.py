"""Kill what can be killed in the middle of a study: nothing is lost, doubled or left over.

The search is random and seeded and training is bit-reproducible, so the strongest claim can be tested: a study that
went through faults ends with the very values that the trainer gives in one go, without service and faults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from api.services.claims import trial_seed
from models.data.dataset import load_dataset
from models.data.prepare import prepare_dataset
from models.engine.jobs import Decision, EpochReport, LaneResult, TrainJob
from models.engine.trainer import train
from search.samplers import get_sampler
from search.space import parse_space
from search.types import SuggestRequest
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
    running = Service(processes, tmp_path / "home", database_url, broker.url)
    with running:
        running.start_api()
        running.start_worker()
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
        assert trial["values"] == undisturbed(trial["number"], tmp_path / "calm"), trial["number"]
    service.stop()


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


def undisturbed(number: int, folder: Path) -> dict[str, float]:
    """Return the values of a trial that is trained here and now, in one go."""
    torch.set_num_threads(1)
    request = SuggestRequest(parse_space(SPACE), ("maximize",), seed=SEED, number=number)
    suggestion = get_sampler("random").suggest(request)
    assert suggestion is not None
    job = TrainJob(
        lane_id=str(number),
        model="mlp",
        params={**FIXED, **{name: value for name, value in suggestion.params.items() if value is not None}},
        dataset=load_dataset(prepare_dataset("digits", folder)),
        seed=trial_seed(SEED, number),
        output_dir=folder / str(number),
        objective="val_accuracy",
    )
    (result,) = train([job], _Silent())
    return dict(result.metrics)


class _Silent:
    def on_epoch(self, report: EpochReport) -> Decision:
        return Decision.CONTINUE

    def on_checkpoint(self, lane_id: str, epoch: int, path: Path) -> None:
        return

    def on_end(self, result: LaneResult) -> None:
        return


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
