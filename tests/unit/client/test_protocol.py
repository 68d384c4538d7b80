"""The worker's calls send what the server's contract names and read its answers."""

from __future__ import annotations

import hashlib
import math
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from tunewell import LeaseLost, ServerFailure
from tunewell.protocol import (
    Assignment,
    CheckpointRef,
    Decision,
    Finish,
    Finished,
    LogEntry,
    MetricPoint,
    Orders,
    Protocol,
    Registration,
    Report,
    Transport,
    Upload,
    Welcome,
)

from tests.unit.client.fakes import SERVER, FakeServer, ok, refusal

CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ARTIFACT = {"artifact_id": 5, "name": "a b/c", "kind": "network", "step": 3, "sha256": SHA256, "n_bytes": 7000}
CLAIM = {
    "study_id": 3,
    "study_name": "digits",
    "dataset": "digits",
    "dataset_sha256": "00",
    "model": "mlp",
    "objectives": [{"metric": "val_accuracy", "direction": "maximize"}],
    "lease_s": 60.0,
    "attempts": [
        {
            "attempt_id": 8,
            "attempt_no": 2,
            "lease_token": "key",
            "trial_id": 10,
            "number": 0,
            "params": {"learning_rate": 0.1, "activation": None},
            "seed": 4,
            "checkpoint": {"artifact_id": 5, "sha256": SHA256, "step": 3},
        }
    ],
}


@pytest.fixture
def server() -> FakeServer:
    return FakeServer()


@pytest.fixture
def protocol(server: FakeServer) -> Protocol:
    return Protocol(Transport(SERVER, "secret", transport=server))


def test_register_heartbeat_and_leave(server: FakeServer, protocol: Protocol) -> None:
    welcome = {
        "worker_id": 4,
        "broker_url": "redis://b",
        "key_prefix": "tw:",
        "lease_s": 60,
        "heartbeat_s": 10,
        "checkpoint_every_s": 5,
    }
    server.on("POST", "/workers", ok(welcome, 201))
    server.on("POST", "/workers/4:heartbeat", ok({"state": "DRAINING"}))
    server.on("POST", "/workers/4:leave", refusal(204, "", ""))
    registration = Registration("w", "host", 42, "0.1.0", ("cpu", "gpu"), 2)
    assert protocol.register(registration) == Welcome(4, "redis://b", "tw:", 60.0, 10.0, 5.0)
    assert protocol.heartbeat(4) == Orders("DRAINING")
    protocol.leave(4)
    assert server.bodies() == [
        {"name": "w", "host": "host", "pid": 42, "version": "0.1.0", "queues": ["cpu", "gpu"], "n_slots": 2},
        {},
        {},
    ]
    assert {request.headers["Authorization"] for request in server.requests} == {"Bearer secret"}


def test_claim(server: FakeServer, protocol: Protocol) -> None:
    server.on("POST", "/work:claim", ok(CLAIM))
    claim = protocol.claim(4, ["cpu"], n_max=8)
    checkpoint = CheckpointRef(5, SHA256, 3)
    params = {"learning_rate": 0.1, "activation": None}
    assert claim.attempts == (Assignment(8, 2, "key", 10, 0, params, 4, checkpoint),)
    assert (claim.study_name, claim.objectives[0].metric, claim.lease_s) == ("digits", "val_accuracy", 60.0)
    assert server.bodies() == [{"worker_id": 4, "queues": ["cpu"], "n_max": 8}]


def test_a_claim_may_bring_nothing(server: FakeServer, protocol: Protocol) -> None:
    nothing = dict.fromkeys(("study_id", "study_name", "dataset", "dataset_sha256", "model"))
    server.on("POST", "/work:claim", ok({**nothing, "objectives": [], "lease_s": 60.0, "attempts": []}))
    assert protocol.claim(4, ["cpu"]).attempts == ()


def test_report_carries_points_lines_and_non_finite_numbers(server: FakeServer, protocol: Protocol) -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    answer = {"decision": "prune", "reason": "worse than the median", "lease_s": 60, "last_seq": 2}
    server.on("POST", "/attempts/8:report", ok(answer))
    points = (MetricPoint("loss", 1, math.nan), MetricPoint("loss", 2, -math.inf, at))
    report = Report(2, step=2, n_steps=20, metrics=points, logs=(LogEntry(at, "hello", "stderr"),))
    assert protocol.report(8, "key", report) == Decision("prune", 60.0, 2, "worse than the median")
    assert server.bodies() == [
        {
            "lease_token": "key",
            "seq": 2,
            "step": 2,
            "n_steps": 20,
            "metrics": [
                {"name": "loss", "step": 1, "value": "NaN"},
                {"name": "loss", "step": 2, "value": "-Infinity", "at": "2026-01-02T00:00:00+00:00"},
            ],
            "logs": [{"stream": "stderr", "at": "2026-01-02T00:00:00+00:00", "text": "hello"}],
        }
    ]


def test_finish(server: FakeServer, protocol: Protocol) -> None:
    server.on("POST", "/attempts/8:finish", ok({"trial_state": "COMPLETE", "attempt_state": "COMPLETE"}))
    assert protocol.finish(8, "key", Finish("COMPLETE", values={"loss": math.inf})) == Finished("COMPLETE", "COMPLETE")
    assert server.bodies() == [
        {
            "lease_token": "key",
            "outcome": "COMPLETE",
            "reason": "",
            "values": {"loss": "Infinity"},
            "is_retryable": True,
        }
    ]


def test_a_lost_lease_is_an_error_of_its_own(server: FakeServer, protocol: Protocol) -> None:
    lost = refusal(409, "lease_lost", "another worker has it")
    server.on("POST", "/attempts/8:report", lost).on("POST", "/attempts/8:finish", lost)
    server.on("PUT", "/attempts/8/artifacts/n", lost)
    for write in (
        lambda: protocol.report(8, "old", Report(1)),
        lambda: protocol.finish(8, "old", Finish("COMPLETE")),
        lambda: protocol.upload_artifact(8, "old", Upload("n", "file", b"x")),
    ):
        with pytest.raises(LeaseLost) as caught:
            write()
        assert caught.value.code == "lease_lost"


@pytest.mark.parametrize("is_file", [True, False])
def test_upload_sends_bytes_or_a_file_with_its_hash(
    server: FakeServer, protocol: Protocol, tmp_path: Path, is_file: bool
) -> None:
    path = tmp_path / "weights"
    path.write_bytes(CONTENT)
    server.on("PUT", "/attempts/8/artifacts/a%20b%2Fc", ok(ARTIFACT, 201))
    upload = Upload("a b/c", "network", path if is_file else CONTENT, step=3)
    assert protocol.upload_artifact(8, "key", upload).artifact_id == 5
    (request,) = server.requests
    assert request.content == CONTENT
    assert request.headers["Content-Length"] == "7000"
    assert request.headers["X-Lease-Token"] == "key"
    assert dict(request.url.params) == {"kind": "network", "sha256": SHA256, "step": "3"}


def test_a_download_is_verified(server: FakeServer, protocol: Protocol, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint"
    path.write_bytes(b"old")
    server.on("GET", "/artifacts/5/content", lambda _request: httpx.Response(200, content=CONTENT))
    assert protocol.download_artifact(5, path, sha256=SHA256.upper()) == path
    assert path.read_bytes() == CONTENT
    with pytest.raises(ServerFailure) as caught:
        protocol.download_artifact(5, path, sha256="0" * 64)
    assert caught.value.code == "checksum_mismatch"
    assert path.read_bytes() == CONTENT
    assert [found.name for found in tmp_path.iterdir()] == ["checkpoint"]
