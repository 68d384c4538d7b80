"""Three hosts with a network of their own each: a study outlives a partition, a long line, a bad line and a router.

The server's host runs API and broker. One host runs two workers; its line is cut for longer than a lease and is long
afterwards. The third one lies behind a router that lets nobody in, loses packets and forgets its connections.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.chaos.invariants import Evidence, find_broken
from benchmarks.chaos.ledger import read_ledger
from tests.integration.undisturbed import undisturbed
from tests.servers.binaries import find_valkey
from tests.servers.internet import Host, Internet, Line, open_internet
from tests.servers.processes import ProcessFamily, ServiceProcess
from tests.servers.waiting import wait_until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(500)]
Json = dict[str, Any]
LEASE_S, N_TRIALS, N_EPOCHS = 4.0, 8, 150
API_PORT, BROKER_PORT = 8000, 6379
SERVER, NEAR, HIDDEN, ROUTER = "10.77.1.2", "10.77.2.2", "10.78.0.2", "10.77.3.2"
STUDY: Json = {
    "name": "hosts",
    "dataset": "digits",
    "model": "mlp",
    "fixed": {"epochs": N_EPOCHS, "batch_size": 256, "hidden_layers": 1, "hidden_units": 24},
    "search_space": {"learning_rate": {"type": "float", "low": 1e-4, "high": 1e-2, "log": True}},
    "sampler": {"name": "random", "seed": 5},
    "objectives": [{"metric": "val_accuracy", "direction": "maximize"}],
    "budget": {"n_trials": N_TRIALS, "max_parallel": 3, "max_retries": 20},
}


@dataclass(frozen=True, slots=True)
class World:
    """The hosts, what runs on them, and a way to ask the server."""

    family: ProcessFamily
    folder: Path
    server: Host
    near: Host
    hidden: Host
    tokens: dict[str, str]
    http: httpx.Client

    @property
    def database_url(self) -> str:
        """The server's database, which this test reads beside it."""
        return f"sqlite:///{self.folder / 'server' / 'tunewell.db'}"

    def start_server(self) -> None:
        """Start broker and API on the server's host, and a door to them; wait until they answer."""
        password = secrets.token_hex(16)
        config = self.folder / "valkey.conf"
        config.touch(mode=0o600)
        config.write_text(f'bind {SERVER}\nport {BROKER_PORT}\nrequirepass {password}\nsave ""\ndir "{self.folder}"\n')
        self.start(self.server, "broker", [str(find_valkey()), str(config)])
        env = {
            "TUNEWELL_HOST": SERVER,
            "TUNEWELL_ALLOWED_HOSTS": SERVER,
            "TUNEWELL_PORT": str(API_PORT),
            "TUNEWELL_HOME": str(self.folder / "server"),
            "TUNEWELL_AUTO_MIGRATE": "yes",
            "TUNEWELL_BROKER_URL": f"redis://:{password}@{SERVER}:{BROKER_PORT}/0",
            "TUNEWELL_ADMIN_TOKEN": self.tokens["admin"],
            "TUNEWELL_WORKER_TOKEN": self.tokens["worker"],
            "TUNEWELL_LEASE_S": str(LEASE_S),
            "TUNEWELL_HEARTBEAT_S": "0.5",
            "TUNEWELL_RECONCILE_S": "0.5",
            "TUNEWELL_CHECKPOINT_EVERY_S": "0.5",
        }
        api = self.start(self.server, "api", ["python", "-m", "api"], env)
        door = self.folder / "door"
        self.start(self.server, "door", ["python", "-m", "tests.servers.door", str(door), SERVER, str(API_PORT)])
        wait_until(door.exists, 30, what="the door is there")
        wait_until(self._is_ready, 90, what=f"the API answers; log: {api.log}", interval_s=0.1)

    def start_worker(self, host: Host, name: str) -> ServiceProcess:
        """Start a worker that knows the server's address and a token; trials train one by one."""
        words = ["python", "-m", "worker", "--server", f"http://{SERVER}:{API_PORT}", "--name", name]
        env = {"TUNEWELL_TOKEN": self.tokens["worker"], "TUNEWELL_HOME": str(self.folder / name)}
        return self.start(host, name, [*words, "--slots", "1", "--lanes", "1"], env)

    def start(self, host: Host, name: str, words: list[str], env: dict[str, str] | None = None) -> ServiceProcess:
        """Start a command on a host."""
        program = [sys.executable if word == "python" else word for word in words]
        return self.family.start(host.command(*program), name=name, env=env)

    def call(self, method: str, path: str, body: Json | None = None) -> Any:
        """Call the API and return the answer's JSON."""
        headers = {"Authorization": f"Bearer {self.tokens['admin']}"}
        answer = self.http.request(method, f"/api/v1{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    def attempts(self) -> list[Json]:
        """Return all attempts of the study, each with its worker's name."""
        details = [self.call("GET", f"/trials/{trial['trial_id']}") for trial in self.trials()]
        return [one for detail in details for one in detail["attempts"]]

    def trials(self) -> list[Json]:
        """Return all trials of the study."""
        found: list[Json] = self.call("GET", "/studies/hosts/trials?limit=1000")["items"]
        return found

    def _is_ready(self) -> bool:
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
def internet() -> Iterator[Internet]:
    with open_internet() as running:
        yield running


@pytest.fixture
def world(internet: Internet, processes: ProcessFamily, tmp_path: Path) -> Iterator[World]:
    server, near = internet.add_host(SERVER), internet.add_host(NEAR)
    hidden = internet.add_host(HIDDEN, behind=ROUTER)
    transport = httpx.HTTPTransport(uds=str(tmp_path / "door"))
    with httpx.Client(transport=transport, base_url=f"http://{SERVER}:{API_PORT}", timeout=30) as http:
        tokens = {role: f"tw_{secrets.token_hex(16)}" for role in ("admin", "worker")}
        world = World(processes, tmp_path, server, near, hidden, tokens, http)
        world.start_server()
        yield world


def test_a_study_outlives_a_partition_a_long_line_and_a_router_that_forgets(world: World, tmp_path: Path) -> None:
    world.call("POST", "/studies", STUDY)
    for host, name in ((world.near, "near-1"), (world.near, "near-2"), (world.hidden, "hidden")):
        world.start_worker(host, name)
    wait_until(lambda: _at_work(world) == {"near-1", "near-2", "hidden"}, 120, what="all three train", interval_s=0.2)

    world.near.line = Line(is_cut=True)
    lost = wait_until(
        lambda: [one for one in world.attempts() if one["state"] == "LOST"], 60, what="leases run out", interval_s=0.2
    )
    assert {one["worker_name"] for one in lost} <= {"near-1", "near-2"}
    world.near.line = Line(delay_s=0.1)  # 0.2 s there and back
    world.hidden.line = Line(loss=0.1)
    assert world.hidden.nat is not None
    world.hidden.nat.forget()
    n_before = _n_complete(world, "near")
    wait_until(lambda: _state(world) == "COMPLETE", 240, what="the study ends", interval_s=0.5)

    assert _n_complete(world, "near") > n_before, "the host that was cut off did not come back"
    assert _n_complete(world, "hidden") > 0
    assert min(world.near.n_lost, world.hidden.n_lost) > 0
    ledger = read_ledger(world.database_url)
    broken = [one for one in find_broken(Evidence(ledger)) if not one.startswith("the stream")]  # nobody listened
    assert broken == []
    numbers = {trial.number for trial in ledger.trials if len(trial.attempts) > 1}
    assert numbers, "no trial was tried twice"
    values = {trial["number"]: trial["values"] for trial in world.trials()}
    for number in sorted(numbers)[:2]:
        alone = undisturbed(STUDY, number, tmp_path / "calm")
        assert {name: values[number][name] for name in alone} == alone


def _at_work(world: World) -> set[str]:
    return {one["worker_name"] for one in world.attempts() if one["state"] == "RUNNING"}


def _n_complete(world: World, name: str) -> int:
    ended = [one["worker_name"] for one in world.attempts() if one["state"] == "COMPLETE"]
    return sum(worker.startswith(name) for worker in ended)


def _state(world: World) -> str:
    return str(world.call("GET", "/studies/hosts")["state"])
