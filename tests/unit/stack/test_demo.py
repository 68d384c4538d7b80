"""The parts of the demo that need no stack."""

import hashlib
import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
import tunewell
from tunewell.records import Trial
from tunewell.studyfile import parse_study

from stack.demo import STUDY_FILE, study_names, submit
from stack.errors import StackError
from stack.evaluation import fetch_network

TRIAL = Trial(trial_id=4, study_id=1, number=3, state="COMPLETE", params={})
WEIGHTS = b"weights"


def client(answer: Callable[[httpx.Request], httpx.Response]) -> tunewell.Client:
    return tunewell.Client("http://127.0.0.1:1", transport=httpx.MockTransport(answer))


def refusal(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": "no", "field": None, "hint": None}})


def server_with_names(taken: set[str], code: str = "name_taken") -> Callable[[httpx.Request], httpx.Response]:
    def answer(request: httpx.Request) -> httpx.Response:
        study = json.loads(request.content)
        if study["name"] in taken:
            return refusal(409, code)
        spec = {"dataset": "digits", "model": "mlp", "objectives": []}
        found: dict[str, Any] = {"study_id": 1, "name": study["name"], "state": "RUNNING", "trial_counts": {}}
        return httpx.Response(201, json={**found, "spec": spec})

    return answer


def artifact(artifact_id: int, name: str, kind: str) -> dict[str, Any]:
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    return {"artifact_id": artifact_id, "name": name, "kind": kind, "sha256": digest, "n_bytes": len(WEIGHTS)}


def test_the_study_is_the_one_of_the_documentation() -> None:
    study = parse_study(STUDY_FILE.read_text(), STUDY_FILE.name)
    assert study["sampler"] == {"name": "bayesian", "seed": 7}
    assert study["budget"] == {"n_trials": 20, "max_parallel": 2, "timeout_s": None}
    assert study["search_space"]["learning_rate"] == {"type": "float", "low": 1e-4, "high": 0.1, "log": True}


def test_a_free_name_is_kept_and_a_taken_one_numbered() -> None:
    study = {"name": "digits-mlp"}
    with client(server_with_names(set())) as free:
        assert submit(free, study).name == "digits-mlp"
    with client(server_with_names({"digits-mlp", "digits-mlp-2"})) as crowded:
        assert submit(crowded, study).name == "digits-mlp-3"
    assert list(islice(study_names("a"), 3)) == ["a", "a-2", "a-3"]


def test_another_conflict_is_not_answered_with_another_name() -> None:
    with client(server_with_names({"digits-mlp"}, "study_deleted")) as other, pytest.raises(tunewell.Conflict) as told:
        submit(other, {"name": "digits-mlp"})
    assert told.value.code == "study_deleted"


def test_the_networks_files_are_fetched_and_nothing_else(tmp_path: Path) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/content"):
            return httpx.Response(200, content=WEIGHTS)
        items = [artifact(1, "network/model.safetensors", "network"), artifact(2, "last.pt", "checkpoint")]
        return httpx.Response(200, json={"items": [*items, artifact(3, "../../model.json", "network")]})

    with client(answer) as connected:
        fetch_network(connected, TRIAL, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"model.safetensors", "model.json"}


def test_a_trial_without_network_is_a_clear_failure(tmp_path: Path) -> None:
    items = {"items": [artifact(2, "last.pt", "checkpoint")]}
    with (
        client(lambda request: httpx.Response(200, json=items)) as connected,
        pytest.raises(StackError, match="trial 3 stored no network") as told,
    ):
        fetch_network(connected, TRIAL, tmp_path)
    assert told.value.code == "demo_failed"
