"""What can strike: each fault takes the house and a share that picks its victim, and returns how it is undone."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import psutil

from benchmarks.chaos.crew import Crew
from benchmarks.chaos.house import LEASE_S, DatabaseKind, House
from benchmarks.chaos.meddler import DOUBLING, FORGETTING, HONEST, REORDERING, Habits
from benchmarks.chaos.plan import FaultKind

T = TypeVar("T")
Undo: TypeAlias = Callable[[], object]
_N_SLOW_CLIENTS = 40
_SHIFTS_S = (-86_400, -60, 60, 86_400)


@dataclass(frozen=True, slots=True)
class Scene:
    """Whom a fault may hit."""

    house: House
    crew: Crew


Fault: TypeAlias = Callable[[Scene, float], Undo | None]


class Missed(Exception):
    """There is nobody to hit just now."""


def pick(found: Sequence[T], share: float) -> T:
    """Return the one of a list to which a share in [0, 1) points.

    Raises:
        Missed: The list is empty.
    """
    if not found:
        raise Missed
    return found[int(share * len(found))]


def _kill(victims: Callable[[Scene], Sequence[psutil.Process]]) -> Fault:
    def strike(scene: Scene, share: float) -> None:
        _send(pick(victims(scene), share), signal.SIGKILL)

    return strike


def _freeze(victims: Callable[[Scene], Sequence[psutil.Process]]) -> Fault:
    def strike(scene: Scene, share: float) -> Undo:
        victim = pick(victims(scene), share)
        _send(victim, signal.SIGSTOP)
        return lambda: _send(victim, signal.SIGCONT)

    return strike


def _freeze_worker(scene: Scene, share: float) -> Undo:
    """Stop a whole machine: worker, supervisors, trials."""
    tree = scene.house.tree(pick([member for member in scene.house.workers if member.is_running], share))
    _send_all(tree, signal.SIGSTOP)
    return lambda: _send_all(reversed(tree), signal.SIGCONT)


def _terminate_worker(scene: Scene, share: float) -> None:
    _send(pick(_mains(scene), share), signal.SIGTERM)


def _flush_broker(scene: Scene, _share: float) -> None:
    with suppress(Exception):  # it is frozen or gone: then it is as empty as can be
        scene.house.broker.flush()


def _kill_broker(scene: Scene, _share: float) -> Undo:
    broker = scene.house.broker
    broker.kill()

    def start() -> None:
        if not broker.is_running:
            broker.start()

    return start


def _freeze_broker(scene: Scene, _share: float) -> Undo:
    broker = scene.house.broker
    if broker.is_running:  # another fault may have ended it
        broker.freeze()

    def thaw() -> None:
        if broker.is_running:
            broker.thaw()

    return thaw


def _cut(wire: str) -> Fault:
    def strike(scene: Scene, _share: float) -> Undo:
        scene.house.wires[wire].swallow()
        return scene.house.wires[wire].restore

    return strike


def _reset(wire: str) -> Fault:
    def strike(scene: Scene, _share: float) -> None:
        scene.house.wires[wire].cut()

    return strike


def _kill_database(scene: Scene, _share: float) -> Undo:
    postgres = scene.house.postgres
    assert postgres is not None
    postgres.kill()

    def restart() -> None:
        if postgres.process.poll() is not None:
            postgres.restart()

    return restart


def _freeze_database(scene: Scene, _share: float) -> Undo:
    postgres = scene.house.postgres
    assert postgres is not None
    tree = []
    with suppress(psutil.NoSuchProcess):  # another fault may have ended it
        found = psutil.Process(postgres.process.pid)
        tree = [found, *found.children(recursive=True)]
    _send_all(tree, signal.SIGSTOP)
    return lambda: _send_all(tree, signal.SIGCONT)


def _lock_database(scene: Scene, _share: float) -> Undo:
    """Hold the file's write lock, as a backup or somebody's shell may."""
    path = scene.house.database_url.removeprefix("sqlite:///")
    connection = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:  # the disk is full just now
        connection.close()
        raise Missed from error
    return connection.close


def _fill(disk: str) -> Fault:
    def strike(scene: Scene, _share: float) -> Undo:
        scene.house.disks[disk].fill()
        return scene.house.disks[disk].free

    return strike


def _meddle(habits: Habits) -> Fault:
    def strike(scene: Scene, _share: float) -> Undo:
        meddler = scene.house.meddler
        meddler.habits = habits
        return lambda: setattr(meddler, "habits", HONEST)

    return strike


def _set_clock(name: str) -> Fault:
    def strike(scene: Scene, share: float) -> Undo:
        """Set a wall clock by a minute or a day, forward or back, and right again."""
        if name not in scene.house.clocks:  # no C compiler is here
            raise Missed
        clock = scene.house.clocks[name]
        clock.set(pick(_SHIFTS_S, share))
        return lambda: clock.set(0)

    return strike


def _slow_clients(scene: Scene, _share: float) -> Undo:
    """Open connections that send half a request, and readers of the live stream that never read."""
    address = ("127.0.0.1", scene.house.api_port)
    opened = []
    for place in range(_N_SLOW_CLIENTS):
        with suppress(OSError):
            client = socket.create_connection(address, timeout=1)
            opened.append(client)
            client.sendall(_HALF_A_REQUEST if place % 2 else _A_STREAM)

    def close() -> None:
        for client in opened:
            client.close()

    return close


_HALF_A_REQUEST = (
    b"POST /api/v1/studies HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
)
_A_STREAM = b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def _apis(scene: Scene) -> list[psutil.Process]:
    return scene.house.tree(scene.house.api)[:1]


def _mains(scene: Scene) -> list[psutil.Process]:
    return [tree[0] for member in scene.house.workers if (tree := scene.house.tree(member))]


def _scripts(scene: Scene) -> list[psutil.Process]:
    return scene.crew.processes("run")


def _agents(scene: Scene) -> list[psutil.Process]:
    return scene.crew.processes("agent") + scene.crew.processes("command")


def _send_all(victims: Iterable[psutil.Process], signum: signal.Signals) -> None:
    for victim in victims:
        _send(victim, signum)


def _send(victim: psutil.Process, signum: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(victim.pid, signum)


_PAST_THE_LEASE = (1.0, 2.0 * LEASE_S)
FAULTS: Mapping[str, tuple[Fault, tuple[float, float]]] = {
    "kill the API": (_kill(_apis), (0, 0)),
    "kill a worker": (_kill(_mains), (0, 0)),
    "kill a pool child": (_kill(lambda scene: scene.house.pool_children()), (0, 0)),
    "kill an importer": (_kill(lambda scene: scene.house.importers()), (0, 0)),
    "kill a trial": (_kill(lambda scene: scene.house.trials()), (0, 0)),
    "kill a script": (_kill(_scripts), (0, 0)),
    "kill an agent": (_kill(_agents), (0, 0)),
    "end a worker (SIGTERM)": (_terminate_worker, (0, 0)),
    "freeze the API": (_freeze(_apis), _PAST_THE_LEASE),
    "freeze a worker": (_freeze_worker, _PAST_THE_LEASE),
    "freeze a pool child": (_freeze(lambda scene: scene.house.pool_children()), _PAST_THE_LEASE),
    "freeze a trial": (_freeze(lambda scene: scene.house.trials()), _PAST_THE_LEASE),
    "freeze a script": (_freeze(_scripts), _PAST_THE_LEASE),
    "empty the broker": (_flush_broker, (0, 0)),
    "kill the broker": (_kill_broker, (0, 3)),
    "freeze the broker": (_freeze_broker, (1, 8)),
    "broker half-open": (_cut("broker"), (2, 8)),
    "server half-open": (_cut("server"), _PAST_THE_LEASE),
    "reader half-open": (_cut("reader"), (1, 6)),
    "reset connections to the server": (_reset("server"), (0, 0)),
    "reset connections of the reader": (_reset("reader"), (0, 0)),
    "kill the database": (_kill_database, (0, 2)),
    "freeze the database": (_freeze_database, (1, 6)),
    "database half-open": (_cut("database"), (1, 6)),
    "reset connections to the database": (_reset("database"), (0, 0)),
    "lock the database": (_lock_database, (1, 12)),
    "fill the server's disk": (_fill("server"), (1, 5)),
    "fill the workers' disk": (_fill("worker"), (1, 5)),
    "set the server's clock": (_set_clock("server"), (1, 6)),
    "set the workers' clock": (_set_clock("worker"), (1, 6)),
    "double requests": (_meddle(DOUBLING), (2, 6)),
    "reorder requests": (_meddle(REORDERING), (2, 6)),
    "lose answers": (_meddle(FORGETTING), (2, 5)),
    "slow clients": (_slow_clients, (1, 5)),
}
"""By name: what strikes, and how many seconds it lasts at least and at most."""
_FILES_ONLY = {"lock the database"}
_OF_A_SERVER = {name for name in FAULTS if "the database" in name or name.startswith("database")} - _FILES_ONLY
_SERVERS_ONLY = _OF_A_SERVER | {"set the server's clock"}  # a file's time is the API's


def kinds_for(database: DatabaseKind) -> tuple[FaultKind, ...]:
    """Return the faults that a kind of database can have."""
    left_out = _SERVERS_ONLY if database == "sqlite" else _FILES_ONLY
    return tuple(FaultKind(name, *length) for name, (_, length) in FAULTS.items() if name not in left_out)
