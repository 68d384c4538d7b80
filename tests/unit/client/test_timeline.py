"""The command that lists the attempts at a study's trials."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from tunewell import Client

from tests.unit.client.conftest import Runner
from tests.unit.client.fakes import SERVER, FakeServer, ok

PATH = "/studies/digits-mlp/attempts"
ANSWER: dict[str, Any] = {
    "now_s": 1_800_000_100.0,
    "n_attempts": 2,
    "earlier": None,
    "workers": [{"worker_id": 5, "name": "gpu-\x1b1"}],
    "attempt_ids": [8, 9],
    "trial_numbers": [3, 3],
    "attempt_nos": [1, 2],
    "states": ["LOST", "RUNNING"],
    "reasons": ["the lease ran out", ""],
    "worker_ids": [None, 5],
    "slots": [None, 0],
    "started_s": [1_800_000_000.25, 1_800_000_090],
    "ended_s": [1_800_000_075.25, None],
}


def test_attempts_stand_in_a_table(server: FakeServer, run: Runner) -> None:
    server.on("GET", PATH, ok(ANSWER))
    heading, lost, running = run("study", "attempts", "digits-mlp", "--limit", "20").out.splitlines()
    assert heading.split() == ["TRIAL", "ATTEMPT", "WORKER", "SLOT", "STARTED", "TOOK", "STATE", "REASON"]
    assert lost.split()[:4] == ["3", "1", "-", "-"]
    assert lost.endswith("the lease ran out")
    assert running.split()[:4] == ["3", "2", "gpu-\\x1b1", "0"]
    assert server.requests[0].url.params["limit"] == "20"
    first = json.loads(run("study", "attempts", "digits-mlp", "--json").out)[0]
    assert (first["state"], first["worker_name"], first["ended_at"]) == (
        "LOST",
        None,
        "2027-01-15T08:01:15.250000+00:00",
    )


def test_a_study_that_has_not_run_is_no_error(server: FakeServer, run: Runner) -> None:
    nothing = {name: [] if isinstance(value, list) else value for name, value in ANSWER.items()}
    server.on("GET", PATH, ok(nothing))
    assert run("study", "attempts", "digits-mlp").out == "No trial of this study has run yet.\n"


def test_the_sdk_returns_values(server: FakeServer) -> None:
    server.on("GET", PATH, ok(ANSWER))
    with Client(SERVER, transport=server) as client:
        lost, running = client.list_attempts("digits-mlp")
    assert lost.started_at == datetime(2027, 1, 15, 8, 0, 0, 250_000, tzinfo=UTC)
    assert (running.worker_id, running.worker_name, running.slot, running.ended_at) == (5, "gpu-\x1b1", 0, None)
