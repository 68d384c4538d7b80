"""The whole service as real processes, with everything between them in our hands."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import httpx
import psutil

from benchmarks.chaos.clocks import Clock, make_clocks
from benchmarks.chaos.disks import Disk, small_disk
from benchmarks.chaos.meddler import Meddler
from benchmarks.chaos.wires import Switchboard, Wire
from tests.servers.ports import free_port
from tests.servers.postgres import PostgresServer, start_postgres
from tests.servers.processes import ProcessFamily, ServiceProcess
from tests.servers.valkey import ValkeyServer, start_valkey
from tests.servers.waiting import wait_until

DatabaseKind = Literal["sqlite", "postgresql"]
Kind = Literal["network", "agent", "command"]
LEASE_S = 4.0
_SETTINGS: Mapping[str, str] = {
    "TUNEWELL_LEASE_S": str(LEASE_S),
    "TUNEWELL_HEARTBEAT_S": "0.5",
    "TUNEWELL_RECONCILE_S": "0.5",
    "TUNEWELL_CHECKPOINT_EVERY_S": "0.5",
    "TUNEWELL_AUTO_MIGRATE": "yes",
    "TUNEWELL_LOG_LEVEL": "warning",
}
_SERVER_DISK_BYTES, _WORKER_DISK_BYTES = 1 << 28, 1 << 27


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done at a time.

    Attributes:
        n_workers: Worker processes.
        n_slots: Of the first of them, which trains one by one; the others train together in one slot.
        n_trials: Trials of each search for a network.
        n_networks: Searches for networks that are under way.
        n_scripts: Tracked runs that are under way.
        searches: What kinds of study are submitted.
    """

    n_workers: int
    n_slots: int
    n_trials: int
    n_networks: int
    n_scripts: int
    searches: tuple[Kind, ...] = ("network", "agent", "command")


FULL = Size(n_workers=2, n_slots=2, n_trials=10, n_networks=2, n_scripts=2)
SMALL = Size(n_workers=1, n_slots=1, n_trials=3, n_networks=1, n_scripts=1, searches=("network", "agent"))


@dataclass(slots=True)
class Member:
    """A process that is started again whenever it ended: what systemd or an orchestrator does.

    Attributes:
        start: Starts it.
        is_wanted: Whether it is to run.
        process: The one that runs or ran last.
        n_starts: How often it was started.
    """

    start: Callable[[], ServiceProcess]
    is_wanted: bool = True
    process: ServiceProcess | None = None
    n_starts: int = 0

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process is not None and self.process.is_running

    def keep(self) -> None:
        """Start it if it is wanted and does not run."""
        if self.is_wanted and not self.is_running:
            self.process = self.start()
            self.n_starts += 1


@dataclass(slots=True)
class House:
    """API, database, broker and workers, and the wires between them.

    Attributes:
        kind: Which database.
        folder: State and logs lie below it.
        family: Every process that was started.
        broker: The message broker.
        postgres: The database server; None for SQLite.
        database_url: The database without a wire before it.
        api: The server's process.
        api_port: Where it listens.
        workers: The workers' main processes.
        meddler: What stands between workers and server.
        wires: By name: `server` (workers to server), `broker`, `reader`, and `database` where it is a server.
        disks: By name: `server` and `worker`.
        clocks: By name: `server` and `worker`; none where no C compiler is.
    """

    kind: DatabaseKind
    folder: Path
    family: ProcessFamily
    broker: ValkeyServer
    postgres: PostgresServer | None
    database_url: str
    api: Member
    api_port: int
    workers: list[Member]
    meddler: Meddler
    wires: Mapping[str, Wire]
    disks: Mapping[str, Disk] = field(default_factory=dict)
    clocks: Mapping[str, Clock] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The server without anything before it."""
        return f"http://127.0.0.1:{self.api_port}"

    def keep(self) -> None:
        """Start again what ended."""
        for member in (self.api, *self.workers):
            member.keep()

    def is_ready(self) -> bool:
        """Return whether the API says that it can work."""
        try:
            return httpx.get(f"{self.address}/readyz", timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def tree(self, member: Member) -> list[psutil.Process]:
        """Return a member's process and all its descendants."""
        if member.process is None or not member.process.is_running:
            return []
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(member.process.pid)
            return [found, *found.children(recursive=True)]
        return []

    def pool_children(self) -> list[psutil.Process]:
        """Return the workers' supervisors."""
        return [child for member in self.workers for child in _children(member) if not _runs(child, "worker.child")]

    def importers(self) -> list[psutil.Process]:
        """Return the programs that have torch imported and fork the trials."""
        found = [grandchild for child in self.pool_children() for grandchild in _children_of(child)]
        return [process for process in found if _runs(process, "worker.child")]

    def trials(self) -> list[psutil.Process]:
        """Return the processes in which trials train."""
        return [process for importer in self.importers() for process in _children_of(importer)]

    def start(self) -> None:
        """Start everything and wait until the API answers."""
        self.api.keep()
        wait_until(self.is_ready, 90, what="the API answers", interval_s=0.1)
        self.keep()

    def stop(self) -> None:
        """End workers and API in an orderly way, and require that no process is left.

        Raises:
            AssertionError: Some are.
        """
        for member in (*self.workers, self.api):
            member.is_wanted = False
            if member.process is not None and member.is_running:
                member.process.terminate(40)
        self.family.assert_none_left()


@contextmanager
def open_house(kind: DatabaseKind, folder: Path, seed: int, size: Size = FULL) -> Iterator[House]:
    """Have servers, wires and disks for the length of a `with` block; API and workers wait for `start`."""
    with ExitStack() as stack:
        family = ProcessFamily(_made(folder / "logs"))
        broker, board = stack.enter_context(start_valkey()), stack.enter_context(Switchboard())
        postgres = stack.enter_context(start_postgres()) if kind == "postgresql" else None
        stack.callback(family.kill_all)
        api_port = free_port()
        meddler = Meddler(board, api_port, seed)
        targets = {"server": meddler.port, "broker": broker.port, "reader": api_port}
        if postgres is not None:
            targets["database"] = postgres.port
        wires = {name: Wire(board, port) for name, port in targets.items()}
        url = postgres.create_database() if postgres else f"sqlite:///{folder / 'server' / 'tunewell.db'}"
        clocks = make_clocks(_made(folder / "clocks"), ("server", "worker"))
        env = {**_urls(url, postgres, broker, wires), **_told_by(clocks, "server")}
        start_api = _api_starter(family, folder / "server", api_port, env)
        house = House(kind, folder, family, broker, postgres, url, Member(start_api), api_port, [], meddler, wires)
        house.clocks = clocks
        house.workers = [Member(_worker_starter(house, place, size.n_slots)) for place in range(size.n_workers)]
        users = {"server": lambda: house.tree(house.api), "worker": lambda: _trees(house)}
        sizes = {"server": _SERVER_DISK_BYTES, "worker": _WORKER_DISK_BYTES}
        house.disks = {name: stack.enter_context(small_disk(folder / name, sizes[name], users[name])) for name in sizes}
        stack.callback(family.kill_all)  # before the disks go: what runs on them would keep them busy
        yield house


def _told_by(clocks: Mapping[str, Clock], name: str) -> Mapping[str, str]:
    return clocks[name].environment if name in clocks else {}


def _urls(url: str, postgres: PostgresServer | None, broker: ValkeyServer, wires: Mapping[str, Wire]) -> dict[str, str]:
    through = url if postgres is None else url.replace(f":{postgres.port}/", f":{wires['database'].port}/")
    ringing = broker.url.replace(f":{broker.port}/", f":{wires['broker'].port}/")
    return {"TUNEWELL_DATABASE_URL": through, "TUNEWELL_BROKER_URL": ringing}


def _api_starter(family: ProcessFamily, home: Path, port: int, more: Mapping[str, str]) -> Callable[[], ServiceProcess]:
    env = {**_SETTINGS, **more, "TUNEWELL_HOME": str(home), "TUNEWELL_PORT": str(port)}
    return lambda: family.start_module("api", env=env)


def _worker_starter(house: House, place: int, n_slots: int) -> Callable[[], ServiceProcess]:
    """Return what starts a worker: the first trains one by one in its slots, the others all together in one."""
    is_single = place == 0
    server = f"http://127.0.0.1:{house.wires['server'].port}"
    words = ("--server", server, "--slots", str(n_slots if is_single else 1), "--lanes", "1" if is_single else "8")
    home = house.folder / "worker" / str(place)
    env = {"TUNEWELL_HOME": str(home), "OMP_NUM_THREADS": "1", **_told_by(house.clocks, "worker")}
    return lambda: house.family.start_module("worker", *words, "--queues", "cpu", "--name", f"worker-{place}", env=env)


def script_environment(house: House) -> dict[str, str]:
    """Return what a script needs to find the server; `python` is the one that runs this."""
    return {
        "TUNEWELL_SERVER": f"http://127.0.0.1:{house.wires['server'].port}",
        "TUNEWELL_RUNS": str(house.folder / "runs"),
        "TUNEWELL_CAPTURE": "none",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def _trees(house: House) -> list[psutil.Process]:
    return [process for member in house.workers for process in house.tree(member)]


def _children(member: Member) -> list[psutil.Process]:
    if member.process is None or not member.is_running:
        return []
    try:
        return psutil.Process(member.process.pid).children()
    except psutil.NoSuchProcess:
        return []


def _children_of(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children()
    except psutil.NoSuchProcess:
        return []


def _runs(process: psutil.Process, module: str) -> bool:
    try:
        return module in process.cmdline()
    except psutil.Error:
        return False


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
