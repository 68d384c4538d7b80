"""Work on request: the results that `docs/worker-protocol.md` promises, and every way not to get there."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest
from tunewell.errors import Invalid, NotFound, Problem, ServerFailure
from tunewell.protocol import EvaluationFinish, EvaluationOrder, NetworkFile, NetworkMember, Objective

from tests.unit.models.helpers import Recorder
from tests.unit.worker.fakes import AWAY, LOST, TOKEN, FakeServer, children_with
from worker.datasets import DatasetCache
from worker.evaluations import EvaluationRun
from worker.programs import ProgramFailed

pytestmark = pytest.mark.timeout(120)
Evaluate = Callable[..., EvaluationFinish | None]
GONE = NotFound(Problem("artifact_not_found", "there is no artifact 11", status=404))
TORN = ServerFailure(Problem("checksum_mismatch", "the bytes are not those of the hash", status=None))


@pytest.fixture(scope="session")
def networks(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, bytes]]:
    """Return the files of two small networks."""
    from models.data.dataset import load_dataset
    from models.engine.jobs import TrainJob
    from models.engine.trainer import train

    folder, dataset = tmp_path_factory.mktemp("networks"), load_dataset(digits)
    params = {"epochs": 3, "hidden_layers": 0, "batch_size": 256, "learning_rate": 0.01}
    jobs = [TrainJob(str(seed), "mlp", params, dataset, seed, folder / str(seed)) for seed in (1, 2)]
    return [{file.name: file.read_bytes() for file in one.network_files} for one in train(jobs, Recorder())]


def member(place: int, names: Sequence[str]) -> NetworkMember:
    files = tuple(NetworkFile(10 * place + i + 1, name, "0" * 64, 1) for i, name in enumerate(names))
    return NetworkMember(trial_id=70 + place, number=7 + place, value=0.9, params={}, files=files)


@pytest.fixture
def order(server: FakeServer, digits: Path, networks: list[dict[str, bytes]]) -> EvaluationOrder:
    """Return an order for a test of a network that the server has."""
    for place, files in enumerate(networks):
        for file, content in zip(member(place, list(files)).files, files.values(), strict=True):
            server.stored[file.artifact_id] = content
    objectives = (Objective("val_accuracy", "maximize"),)
    members = tuple(member(place, list(files)) for place, files in enumerate(networks))
    return EvaluationOrder(3, 1, TOKEN, "test", 1, "study", "digits", digits.stem, "mlp", objectives, 7, members[:1])


@pytest.fixture
def both(order: EvaluationOrder, networks: list[dict[str, bytes]]) -> EvaluationOrder:
    """Return an order for an ensemble of two."""
    members = tuple(member(place, list(files)) for place, files in enumerate(networks))
    return replace(order, kind="ensemble", members=members)


@pytest.fixture
def evaluate(server: FakeServer, digits: Path, tmp_path: Path) -> Evaluate:
    def run(
        order: EvaluationOrder, is_stopping: Callable[[], bool] = lambda: False, heartbeat_s: float = 0.0
    ) -> EvaluationFinish | None:
        folder = tmp_path / "work" / "evaluation"
        cache = DatasetCache(digits.parent, server, 2**30, lambda _: is_stopping())
        EvaluationRun(order, server, folder, heartbeat_s, is_stopping).run(cache)
        assert not folder.exists(), "networks stay on the disk"
        return server.evaluated[-1] if server.evaluated else None

    return run


def answer_with(monkeypatch: pytest.MonkeyPatch, answer: Mapping[str, Any] | str) -> list[Sequence[str]]:
    """Let `python -m models` answer at once; return the list of what it is asked."""
    asked: list[Sequence[str]] = []

    def run_models(arguments: Sequence[str], tick: Callable[[], None]) -> str:
        asked.append(arguments)
        tick()
        return answer if isinstance(answer, str) else json.dumps(answer)

    monkeypatch.setattr("worker.evaluations.run_models", run_models)
    return asked


def result_of(finish: EvaluationFinish | None) -> Mapping[str, Any]:
    assert finish is not None
    assert (finish.outcome, finish.reason) == ("COMPLETE", "")
    assert finish.result is not None
    return finish.result


def failure_of(finish: EvaluationFinish | None) -> tuple[str, bool]:
    assert finish is not None
    assert finish.outcome == "CRASHED"
    assert finish.result is None
    return finish.reason, finish.is_retryable


def test_the_test_of_a_network(evaluate: Evaluate, order: EvaluationOrder, server: FakeServer) -> None:
    result = result_of(evaluate(order))
    (network,) = result["networks"]
    assert (network["trial_id"], network["number"]) == (70, 7)
    assert 0.3 < network["test_accuracy"] <= 1
    assert result["n_test"] == sum(map(sum, result["confusion_matrix"]))
    assert server.n_renewals > 0


def test_an_ensemble_beside_its_members(evaluate: Evaluate, both: EvaluationOrder) -> None:
    result = result_of(evaluate(both))
    assert [(one["trial_id"], one["number"]) for one in result["networks"]] == [(70, 7), (71, 8)]
    alone = [one["test_log_loss"] for one in result["networks"]]
    assert result["ensemble"]["test_log_loss"] <= sum(alone) / 2, "the mean of probabilities loses less than they do"
    assert not {"folder", "model"} & result["networks"][0].keys(), "a path of this machine is nobody's business"


def test_baselines_take_no_network(evaluate: Evaluate, order: EvaluationOrder, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"name": "random_forest", "fit_s": 0.4, "test_accuracy": 0.96}]
    asked = answer_with(monkeypatch, {"baselines": rows, "n_test": 360, "seed": 7})
    assert result_of(evaluate(replace(order, kind="baselines", members=()))) == {"baselines": rows, "n_test": 360}
    assert asked[0][0] == "baselines"
    assert asked[0][-2:] == ["--seed", "7"]


def test_numbers_that_are_none_travel_as_words(
    evaluate: Evaluate, order: EvaluationOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch, '{"network": {"test_loss": NaN, "test_rmse": Infinity}, "n_test": 1}')
    (network,) = result_of(evaluate(order))["networks"]
    assert (network["test_loss"], network["test_rmse"]) == ("NaN", "Infinity")


def test_a_program_that_fails_is_the_reason(
    evaluate: Evaluate, order: EvaluationOrder, server: FakeServer, networks: list[dict[str, bytes]]
) -> None:
    names = list(networks[0])
    server.stored[names.index("model.json") + 1] = b"{"
    reason, is_retryable = failure_of(evaluate(order))
    assert reason.startswith("corrupt_network: ")
    assert "does not hold a network" in reason
    assert not is_retryable


def test_a_program_that_was_killed_may_be_tried_again(
    evaluate: Evaluate, order: EvaluationOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(_arguments: Sequence[str], _tick: Callable[[], None]) -> str:
        raise ProgramFailed("python -m models evaluate ended with code -9", is_killed=True)

    monkeypatch.setattr("worker.evaluations.run_models", killed)
    assert failure_of(evaluate(order)) == ("python -m models evaluate ended with code -9", True)


def test_a_data_set_that_cannot_be_had(evaluate: Evaluate, order: EvaluationOrder) -> None:
    reason, is_retryable = failure_of(evaluate(replace(order, dataset="mine@1", dataset_sha256="0" * 64)))
    assert "the data set mine@1 was deleted from the server" in reason
    assert is_retryable, "another worker may have it"


@pytest.mark.parametrize(("refusal", "is_retryable"), [(GONE, False), (TORN, True)])
def test_a_network_that_cannot_be_fetched(
    evaluate: Evaluate, order: EvaluationOrder, server: FakeServer, refusal: NotFound, is_retryable: bool
) -> None:
    server.failures.append(refusal)
    assert failure_of(evaluate(order, heartbeat_s=60)) == (f"a network cannot be fetched: {refusal}", is_retryable)


def test_told_to_end_it_is_handed_back_and_its_program_gone(evaluate: Evaluate, order: EvaluationOrder) -> None:
    seen: list[psutil.Process] = []

    def is_stopping() -> bool:
        seen.extend(children_with("evaluate"))
        return bool(seen)

    finish = evaluate(order, is_stopping)
    assert finish is not None
    assert finish.outcome == "PREEMPTED"
    assert seen
    assert not any(one.is_running() for one in seen)


def test_where_nobody_waits_it_is_handed_back(evaluate: Evaluate, order: EvaluationOrder, server: FakeServer) -> None:
    server.evaluation_decision = "stop"
    finish = evaluate(order)
    assert finish is not None
    assert finish.outcome == "PREEMPTED"


@pytest.mark.parametrize("refusal", [LOST, NotFound(Problem("evaluation_not_found", "no such", status=404))])
def test_a_lost_lease_ends_it_without_a_word(
    evaluate: Evaluate, order: EvaluationOrder, server: FakeServer, refusal: NotFound
) -> None:
    server.failures.append(refusal)
    assert evaluate(order) is None


def test_a_server_that_is_away_for_a_while_costs_nothing(
    evaluate: Evaluate, order: EvaluationOrder, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch, {"network": {"test_accuracy": 0.9}, "n_test": 360})
    monkeypatch.setattr("tunewell.retry.FIRST_DELAY_S", 0.01)
    server.failures.extend([AWAY, AWAY])  # a sign of life, then a download
    result_of(evaluate(order))


def test_a_server_that_is_away_at_the_end_is_waited_for(
    evaluate: Evaluate, order: EvaluationOrder, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch, {"baselines": [], "n_test": 360})
    monkeypatch.setattr("tunewell.retry.FIRST_DELAY_S", 0.01)
    server.failures.append(AWAY)
    result_of(evaluate(replace(order, kind="baselines", members=()), heartbeat_s=60))


def test_a_result_that_the_server_refuses_is_told(
    evaluate: Evaluate, order: EvaluationOrder, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with(monkeypatch, {"baselines": [], "n_test": 360})
    server.failures.append(Invalid(Problem("result_too_large", "at most 256 KiB", status=422)))
    reason, is_retryable = failure_of(evaluate(replace(order, kind="baselines", members=()), heartbeat_s=60))
    assert "the server refused the result" in reason
    assert "at most 256 KiB" in reason
    assert not is_retryable
