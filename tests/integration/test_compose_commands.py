"""The commands of docker-compose.yml, run as they stand there against a real PostgreSQL and a real Redis or Valkey.

No Docker engine runs where this is built. What an engine would do is done here: variables are filled in, service names
become loopback ports, and each container's state folder a folder of its own.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import tunewell
import yaml
from tunewell.studyfile import parse_study

from tests.servers.ports import free_port
from tests.servers.postgres import PostgresServer
from tests.servers.processes import ROOT, ProcessFamily, ServiceProcess
from tests.servers.valkey import ValkeyServer
from tests.servers.waiting import wait_until

SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
HERE = {
    "TUNEWELL_HOST": "127.0.0.1",  # a test opens no port to other machines, so it asks for tokens by name
    "TUNEWELL_REQUIRE_TOKENS": "yes",
    "TUNEWELL_HEARTBEAT_S": "0.5",
}
STUDY = """
name: composed
dataset: digits
model: mlp
fixed: {epochs: 2, batch_size: 64}
search_space:
  learning_rate: {type: float, low: 1e-4, high: 0.1, log: true}
sampler: {name: random, seed: 1}
objectives: [{metric: val_accuracy, direction: maximize}]
budget: {n_trials: 4, max_parallel: 2}
"""


@dataclass(frozen=True, slots=True)
class Compose:
    """Starts the services of docker-compose.yml as processes of this machine."""

    folder: Path
    family: ProcessFamily
    variables: dict[str, str]
    addresses: dict[str, str]

    @property
    def server(self) -> str:
        """Where the API answers."""
        return f"http://127.0.0.1:{self.addresses['api:8000'].rsplit(':', 1)[1]}"

    def translate(self, service: str, text: str) -> str:
        """Fill in variables, addresses and the service's own state folder."""

        def value(match: re.Match[str]) -> str:
            name, operator, default = match.groups()
            return self.variables[name] if operator == ":?" else self.variables.get(name, default)

        text = re.sub(r"\$\{([A-Z_]+)(:[-?])([^}]*)\}", value, text)
        for old, new in self.addresses.items():
            text = text.replace(old, new)
        return text.replace("/var/lib/tunewell", str(self.folder / service))

    def start(self, service: str) -> ServiceProcess:
        """Start a service with its command and environment."""
        (self.folder / service).mkdir(exist_ok=True)
        environment = SERVICES[service]["environment"]
        env = {name: self.translate(service, value) for name, value in environment.items()}
        if service == "api":
            env |= {**HERE, "TUNEWELL_PORT": self.addresses["api:8000"].rsplit(":", 1)[1]}
        command = [self.translate(service, part) for part in SERVICES[service]["command"]]
        assert command[0] == "python"
        return self.family.start([sys.executable, *command[1:]], name=service, env=env)

    def is_healthy(self, service: str) -> bool:
        """Run a service's health check."""
        program, *command = (self.translate(service, part) for part in SERVICES[service]["healthcheck"]["test"][1:])
        assert program == "python"
        return subprocess.run([sys.executable, *command], capture_output=True, timeout=30, check=False).returncode == 0

    def stop(self, service: str, process: ServiceProcess) -> int:
        """End a service within its grace period, and return its exit status."""
        return process.terminate(float(SERVICES[service]["stop_grace_period"].removesuffix("s")))


@pytest.fixture
def compose(
    tmp_path: Path, processes: ProcessFamily, postgres_server: PostgresServer, broker: ValkeyServer
) -> Iterator[Compose]:
    database = postgres_server.create_database().rsplit("/", 1)[1]
    port = free_port()
    addresses = {
        "database:5432/tunewell": f"127.0.0.1:{postgres_server.port}/{database}",
        "broker:6379": f"127.0.0.1:{broker.port}",
        "api:8000": f"127.0.0.1:{port}",
        "127.0.0.1:8000": f"127.0.0.1:{port}",
    }
    secrets = {
        "TUNEWELL_POSTGRES_PASSWORD": postgres_server.password,
        "TUNEWELL_REDIS_PASSWORD": broker.password,
        "TUNEWELL_ADMIN_TOKEN": "a" * 64,
        "TUNEWELL_USER_TOKEN": "b" * 64,
        "TUNEWELL_WORKER_TOKEN": "c" * 64,
    }
    yield Compose(tmp_path, processes, secrets, addresses)
    processes.kill_all()


def test_migrate_api_and_worker_run_a_study(compose: Compose) -> None:
    for _ in range(2):  # it runs again with every `docker compose up`
        assert compose.start("migrate").wait(60) == 0
    api = compose.start("api")
    wait_until(lambda: compose.is_healthy("api") or not api.is_running, 60, what="the API's health check")
    assert api.is_running, api.log_text()
    worker = compose.start("worker-cpu")
    with tunewell.Client(compose.server, compose.variables["TUNEWELL_USER_TOKEN"]) as client:
        study = client.create_study(parse_study(STUDY, "study.yaml"))
        ended = client.wait(study.study_id, timeout_s=120, poll_s=0.2)
        assert (ended.state, ended.trial_counts["COMPLETE"]) == ("COMPLETE", 4), worker.log_text()
        assert [found.state for found in client.list_workers()] == ["ALIVE"]
    wait_until(lambda: compose.is_healthy("worker-cpu"), what="the worker's health check")
    compose.stop("worker-cpu", worker)
    compose.stop("api", api)
    compose.family.assert_none_left()


def test_tokens_are_asked_for_and_roles_kept_apart(compose: Compose) -> None:
    assert compose.start("migrate").wait(60) == 0
    api = compose.start("api")
    wait_until(lambda: compose.is_healthy("api") or not api.is_running, 60, what="the API's health check")
    body = parse_study(STUDY, "study.yaml")
    with tunewell.Client(compose.server) as nobody, pytest.raises(tunewell.Unauthorized):
        nobody.create_study(body)
    worker_token, user_token = (compose.variables[f"TUNEWELL_{role}_TOKEN"] for role in ("WORKER", "USER"))
    with tunewell.Client(compose.server, worker_token) as worker, pytest.raises(tunewell.Forbidden):
        worker.create_study(body)
    with tunewell.Client(compose.server, user_token) as user:
        assert user.create_study(body).name == "composed"
    metrics = f"{compose.server}/metrics"
    assert httpx.get(metrics).status_code == httpx.codes.UNAUTHORIZED
    as_prometheus = httpx.get(metrics, headers={"Authorization": f"Bearer {user_token}"})
    assert as_prometheus.status_code == httpx.codes.OK
    assert "tunewell_" in as_prometheus.text


def test_api_does_not_start_before_the_migration(compose: Compose) -> None:
    api = compose.start("api")
    assert api.wait(60) != 0
    assert "db upgrade" in api.log_text()
