"""A whole Tunewell under test: API and workers as real processes, hurt on purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from tests.servers.ports import free_port
from tests.servers.processes import ProcessFamily, ServiceProcess
from tests.servers.waiting import wait_until

Json = dict[str, Any]
_QUICK = {
    "TUNEWELL_LEASE_S": "4",
    "TUNEWELL_HEARTBEAT_S": "0.5",
    "TUNEWELL_RECONCILE_S": "0.3",
    "TUNEWELL_CHECKPOINT_EVERY_S": "0.2",
}


@dataclass(slots=True)
class Service:
    """API and workers over given servers, with leases short enough for a test.

    `n_lanes` is how many trials a worker's process may train together.
    """

    family: ProcessFamily
    home: Path
    database_url: str
    broker_url: str
    settings: Mapping[str, str] = field(default_factory=lambda: _QUICK)
    n_lanes: int = 16
    port: int = field(default_factory=free_port)
    api: ServiceProcess | None = None
    workers: list[ServiceProcess] = field(default_factory=list)
    # One client for all calls: making one loads the certificates of the whole world.
    _http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30, trust_env=False))

    @property
    def address(self) -> str:
        """Where the API listens."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections of a test that failed; its processes are their family's to end."""
        self._http.close()

    def start_api(self) -> ServiceProcess:
        """Start the API and wait until it answers."""
        env = {
            **self.settings,
            "TUNEWELL_HOME": str(self.home),
            "TUNEWELL_PORT": str(self.port),
            "TUNEWELL_DATABASE_URL": self.database_url,
            "TUNEWELL_BROKER_URL": self.broker_url,
            "TUNEWELL_AUTO_MIGRATE": "yes",
        }
        self.api = self.family.start_module("api", env=env)
        wait_until(self._answers, 90, what=f"the API answers; log: {self.api.log}")
        return self.api

    def start_worker(self, n_slots: int = 2, queues: str = "cpu", more: Sequence[str] = ()) -> ServiceProcess:
        """Start a worker; it needs nothing but the API's address, and `more` is further words for it."""
        worker = self.family.start_module(
            "worker",
            *("--server", self.address, "--slots", str(n_slots), "--queues", queues, "--lanes", str(self.n_lanes)),
            *more,
            env={"TUNEWELL_HOME": str(self.home)},
        )
        self.workers.append(worker)
        return worker

    def call(self, method: str, path: str, body: Json | None = None) -> Any:
        """Call the API and return the answer's JSON.

        Raises:
            HTTPStatusError: It refused.
        """
        answer = self._http.request(method, f"{self.address}/api/v1{path}", json=body)
        if answer.is_error:
            raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text}")
        return answer.json() if answer.content else None

    def trials(self, study: str) -> list[Json]:
        """Return all trials of a study."""
        items: list[Json] = self.call("GET", f"/studies/{study}/trials?limit=1000")["items"]
        return items

    def wait_for_running(self, study: str, *, min_step: int = 1) -> Json:
        """Wait until a trial is in the middle of its training, and return it."""

        def find() -> Json | None:
            running = [t for t in self.trials(study) if t["state"] == "RUNNING" and (t["step"] or 0) >= min_step]
            return running[0] if running else None

        found = wait_until(find, 60, what="a trial runs", interval_s=0.05)
        assert found is not None
        return found

    def wait_for_state(self, study: str, state: str, timeout_s: float = 90) -> Json:
        """Wait until a study is in a state, and return it."""
        return (
            wait_until(lambda: self._if_in_state(study, state), timeout_s, what=f"{study} is {state}", interval_s=0.1)
            or {}
        )

    def stop(self) -> None:
        """End everything in an orderly way, and require that no process is left."""
        for worker in self.workers:
            if worker.is_running:
                worker.terminate(30)
        if self.api is not None and self.api.is_running:
            self.api.terminate()
        self._http.close()
        self.family.assert_none_left()

    def _if_in_state(self, study: str, state: str) -> Json | None:
        try:
            found: Json = self.call("GET", f"/studies/{study}")
        except httpx.TransportError:  # the API is being restarted
            return None
        return found if found["state"] == state else None

    def _answers(self) -> bool:
        assert self.api is not None
        if not self.api.is_running:
            raise AssertionError(f"the API ended:\n{self.api.log_text()}")
        try:
            return self._http.get(f"{self.address}/readyz").status_code == 200
        except httpx.TransportError:
            return False


def pool_children(worker: ServiceProcess) -> list[psutil.Process]:
    """Return the worker's supervisors."""
    return [child for child in psutil.Process(worker.pid).children() if "worker.child" not in " ".join(child.cmdline())]


def importers(worker: ServiceProcess) -> list[psutil.Process]:
    """Return the programs that have torch imported and fork the trials."""
    return [
        grandchild
        for child in pool_children(worker)
        for grandchild in child.children()
        if "worker.child" in grandchild.cmdline()
    ]


def trial_processes(worker: ServiceProcess) -> list[psutil.Process]:
    """Return the processes in which trials train."""
    return [process for importer in importers(worker) for process in importer.children()]
