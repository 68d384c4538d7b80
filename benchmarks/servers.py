"""The programs under measurement: real servers, and a real API process for each database."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from stack.service import why_not_ready
from tests.servers.ports import free_port
from tests.servers.postgres import PostgresServer, start_postgres
from tests.servers.processes import ProcessFamily, ServiceProcess
from tests.servers.valkey import ValkeyServer, start_valkey
from tests.servers.waiting import wait_until

READY_TIMEOUT_S = 90.0


@dataclass(frozen=True, slots=True)
class RunningApi:
    """An API process that answers."""

    address: str
    process: ServiceProcess


@dataclass(slots=True)
class Bench:
    """Servers that live for one run of the benchmarks."""

    folder: Path
    postgres: PostgresServer
    broker: ValkeyServer
    family: ProcessFamily
    _n_made: int = field(default=0)

    def new_database(self, kind: str) -> str:
        """Return the SQLAlchemy address of a new, empty database of a kind: sqlite or postgresql."""
        if kind == "postgresql":
            return self.postgres.create_database()
        return f"sqlite:///{self.new_folder() / 'bench.db'}"

    def new_folder(self) -> Path:
        """Return a new folder that goes away with the run."""
        self._n_made += 1
        folder = self.folder / f"{self._n_made}"
        folder.mkdir()
        return folder

    @contextmanager
    def api(self, database_url: str) -> Iterator[RunningApi]:
        """Run `python -m api` with this database for the length of a `with` block."""
        running = self.launch_api(database_url)
        try:
            wait_until(lambda: is_ready(running), READY_TIMEOUT_S, what="the API is ready")
            yield running
        finally:
            running.process.terminate()

    def launch_api(self, database_url: str) -> RunningApi:
        """Start `python -m api` without waiting for it."""
        port = free_port()
        env = {
            "TUNEWELL_HOME": str(self.new_folder()),
            "TUNEWELL_PORT": str(port),
            "TUNEWELL_DATABASE_URL": database_url,
            "TUNEWELL_AUTO_MIGRATE": "yes",
            "TUNEWELL_BROKER_URL": self.broker.url,
            "TUNEWELL_LOG_LEVEL": "warning",
        }
        return RunningApi(f"http://127.0.0.1:{port}", self.family.start_module("api", env=env))


def is_ready(api: RunningApi) -> bool:
    """Return whether the API says that it can work.

    Raises:
        RuntimeError: It has ended; the message holds its log.
    """
    if not api.process.is_running:
        raise RuntimeError(f"the API ended:\n{api.process.log_text()}")
    return why_not_ready(api.address) is None


@contextmanager
def running_servers() -> Iterator[Bench]:
    """Run PostgreSQL and a broker for the length of a `with` block; no process and no file outlives it."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tunewell-bench-")))
        postgres, broker = stack.enter_context(start_postgres()), stack.enter_context(start_valkey())
        family = ProcessFamily(folder)
        stack.callback(family.kill_all)
        yield Bench(folder, postgres, broker, family)
