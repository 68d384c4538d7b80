"""The control plane, served from a thread on a port that the system chooses, and callers that speak its protocol."""

from __future__ import annotations

import hashlib
import shutil
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from pydantic import SecretStr

from api.app import create_app
from api.protocol import BoundedHttp
from api.settings import Settings
from api.state import Control
from tests.servers.migrated import MakeUrl, empty
from tests.servers.waiting import wait_until

Json = dict[str, Any]
# Nothing here speaks TLS, and reading the certificates of every authority costs more than a test.
_NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def settings_for(home: Path, url: str = "", **changes: Any) -> Settings:
    """Return settings without a real broker, whose reconcile loop leaves the test alone unless told otherwise."""
    given = {"reconcile_s": 3600.0, "broker_url": SecretStr("memory://"), "auto_migrate": "yes", **changes}
    return Settings(home=home, database_url=url, **given)


@dataclass(frozen=True, slots=True)
class Served:
    """A running API: its address, and its parts for tests that look behind it."""

    address: str
    control: Control
    server: uvicorn.Server
    thread: threading.Thread

    def stop(self, timeout_s: float) -> None:
        """End it as a signal would.

        Raises:
            TimeoutError: It still runs after `timeout_s` seconds.
        """
        self.control.hub.close()
        self.server.should_exit = True
        self.thread.join(timeout_s)
        if self.thread.is_alive():
            raise TimeoutError(f"the API still runs {timeout_s} s after it was told to end")


@contextmanager
def serving(settings: Settings) -> Iterator[Served]:
    """Serve the API for the length of a `with` block."""
    app = create_app(settings)
    config = uvicorn.Config(app, port=0, log_level="warning", timeout_graceful_shutdown=1, http=BoundedHttp)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="api-under-test")
    thread.start()
    served: Served | None = None
    try:
        wait_until(lambda: server.started or not thread.is_alive(), 30.0, what="the API serves")
        port = server.servers[0].sockets[0].getsockname()[1]
        served = Served(f"http://127.0.0.1:{port}", app.state.control, server, thread)
        yield served
    finally:
        server.should_exit = True
        app.state.control.hub.close()
        thread.join(20.0)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def shared_api(make_database: MakeUrl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve one API for each kind of database; tests take it through `live_api`."""
    with serving(settings_for(tmp_path_factory.mktemp("home"), make_database())) as served:
        yield served


@pytest.fixture
def live_api(shared_api: Served) -> Served:
    """Return a running API with nothing stored; each test runs once for each kind of database."""
    empty(shared_api.control.database)
    shutil.rmtree(shared_api.control.settings.effective_artifact_url, ignore_errors=True)
    return shared_api


@pytest.fixture
def caller(live_api: Served) -> Iterator[Caller]:
    """Return somebody who calls `live_api`."""
    caller = Caller(live_api.address)
    yield caller
    caller.close()


class Caller:
    """Calls an API as people and workers do. Answers are decoded; an unexpected status fails with the answer's text.

    Args:
        address: Of the API.
        token: Sent along where given.
    """

    def __init__(self, address: str, token: str | None = None) -> None:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        self.address = address
        self.http = httpx.Client(
            base_url=f"{address}/api/v1", headers=headers, timeout=30.0, trust_env=False, verify=_NO_AUTHORITIES
        )

    def close(self) -> None:
        """Close the connections."""
        self.http.close()

    def call(self, method: str, path: str, status: int = 200, **request: Any) -> Any:
        """Send a request and return the decoded answer, None for an empty one."""
        answer = self.http.request(method, path, **request)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def refused(self, method: str, path: str, status: int, **request: Any) -> Json:
        """Send a request that must be refused with `status`, and return what the error says."""
        body: Json = self.call(method, path, status, **request)
        error: Json = body["error"]
        assert set(body) == {"error"}
        assert set(error) - {"span"} == {"code", "message", "field", "hint"}
        assert error["message"]
        return error

    def create(self, name: str, **changes: Any) -> Json:
        """Submit `a_study(name, **changes)` and return it."""
        study: Json = self.call("POST", "/studies", 201, json=a_study(name, **changes))
        return study

    def join(self, *queues: str, n_slots: int = 4) -> int:
        """Register a worker and return its id."""
        body = {"name": "w", "host": "h", "pid": 1, "queues": list(queues), "n_slots": n_slots}
        worker_id: int = self.call("POST", "/workers", 201, json=body)["worker_id"]
        return worker_id

    def claim(self, worker_id: int, *queues: str, n_max: int = 1) -> list[Json]:
        """Claim and return the attempts."""
        body = {"worker_id": worker_id, "queues": list(queues), "n_max": n_max}
        attempts: list[Json] = self.call("POST", "/work:claim", json=body)["attempts"]
        return attempts

    def report(self, job: Json, seq: int, status: int = 200, **changes: Any) -> Json:
        """Report for a claimed attempt."""
        body = {"lease_token": job["lease_token"], "seq": seq, **changes}
        answer: Json = self.call("POST", f"/attempts/{job['attempt_id']}:report", status, json=body)
        return answer

    def finish(self, job: Json, outcome: str = "COMPLETE", status: int = 200, **changes: Any) -> Json:
        """Finish a claimed attempt."""
        body = {"lease_token": job["lease_token"], "outcome": outcome, **changes}
        answer: Json = self.call("POST", f"/attempts/{job['attempt_id']}:finish", status, json=body)
        return answer

    def upload(self, job: Json, name: str, content: bytes, status: int = 201, **query: Any) -> Json:
        """Upload an artifact of a claimed attempt."""
        params = {"sha256": hashlib.sha256(content).hexdigest(), **query}
        path = f"/attempts/{job['attempt_id']}/artifacts/{name}"
        headers = {"X-Lease-Token": job["lease_token"]}
        answer: Json = self.call("PUT", path, status, params=params, content=content, headers=headers)
        return answer

    def pages(self, path: str, **params: Any) -> list[list[Json]]:
        """Return the items of every page of a list."""
        found, cursor = [], None
        while True:
            page = self.call("GET", path, params={**params, **({} if cursor is None else {"cursor": cursor})})
            found.append(page["items"])
            cursor = page["next_cursor"]
            if cursor is None:
                return found


def a_study(name: str, **changes: Any) -> Json:
    """Return a study of random search with a queue of its own name, so that tests do not take each other's trials."""
    study: Json = {
        "name": name,
        "dataset": "digits",
        "model": "mlp",
        "fixed": {"epochs": 3},
        "search_space": {"learning_rate": {"type": "float", "low": 1e-4, "high": 0.1, "log": True}},
        "sampler": {"name": "random", "seed": 7},
        "objectives": [{"metric": "val_accuracy", "direction": "maximize"}],
        "budget": {"n_trials": 4, "max_parallel": 4},
        "resources": {"queue": name},
    }
    return {**study, **changes}
