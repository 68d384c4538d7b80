"""Who is compared: our storage and Optuna's own, each by itself and behind a gRPC endpoint, and how durable each is."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from functools import partial

import grpc
import optuna
from optuna.storages import BaseStorage, GrpcStorageProxy, RDBStorage
from optuna.storages._grpc import servicer
from optuna.storages._grpc.auto_generated import api_pb2_grpc
from sqlalchemy import Connection, event

from api.app import make_control
from api.compat.optuna import TunewellStorage
from api.compat.optuna.server import serving
from benchmarks.optuna_rdb import use_wal
from benchmarks.servers import Bench
from db import schema
from db.engine import Database
from tests.servers.api import settings_for

_SYNCHRONOUS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}
_N_THREADS = 16  # as our endpoint has
Opened = AbstractContextManager[BaseStorage]
Durability = dict[str, str]


def peers(kind: str) -> Mapping[str, Callable[[Bench], Opened]]:
    """Return by name what opens each storage on a new database of a kind: sqlite or postgresql."""
    found: dict[str, Callable[[Bench], Opened]] = {"ours": partial(_ours, kind), "rdb": partial(_rdb, kind)}
    if kind == "sqlite":
        found["rdb_wal"] = partial(_rdb, kind, has_wal=True)
    return {**found, "ours_grpc": partial(_ours_grpc, kind), "rdb_grpc": partial(_rdb_grpc, kind)}


def our_url(bench: Bench, kind: str) -> str:
    """Return the address of a new database with our schema."""
    url = bench.new_database(kind)
    database = Database(url)
    schema.upgrade(database)
    database.close()
    return url


def durability(bench: Bench, kind: str) -> Mapping[str, Durability]:
    """Return by storage what the database promises about a commit, as its own connections say it."""
    database = Database(our_url(bench, kind))
    with database.connect_writer() as connection:
        found = {"ours": _settings(connection)}
    database.close()
    for name, has_wal in (("rdb", False), ("rdb_wal", True)) if kind == "sqlite" else (("rdb", False),):
        with _opened_rdb(bench, kind, has_wal=has_wal) as rdb, rdb.engine.connect() as connection:
            found[name] = _settings(connection)
    return found


def _settings(connection: Connection) -> Durability:
    def ask(statement: str) -> str | int:
        answer: str | int = connection.exec_driver_sql(statement).scalar_one()
        return answer

    if connection.dialect.name == "sqlite":
        synchronous = _SYNCHRONOUS[int(ask("PRAGMA synchronous"))]
        return {"journal_mode": str(ask("PRAGMA journal_mode")), "synchronous": synchronous}
    return {name: str(ask(f"SHOW {name}")) for name in ("fsync", "synchronous_commit", "full_page_writes")}


@contextmanager
def _ours(kind: str, bench: Bench) -> Iterator[BaseStorage]:
    storage = TunewellStorage(our_url(bench, kind))
    yield storage
    storage.close()


@contextmanager
def _rdb(kind: str, bench: Bench, *, has_wal: bool = False) -> Iterator[BaseStorage]:
    with _opened_rdb(bench, kind, has_wal=has_wal) as rdb:
        yield optuna.storages.get_storage(rdb)  # as `create_study` does: with Optuna's cache in front


@contextmanager
def _opened_rdb(bench: Bench, kind: str, *, has_wal: bool) -> Iterator[RDBStorage]:
    rdb = RDBStorage(bench.new_database(kind))
    if has_wal:
        event.listen(rdb.engine, "connect", use_wal)
        rdb.engine.dispose()
    yield rdb
    rdb.remove_session()
    rdb.engine.dispose()


@contextmanager
def _ours_grpc(kind: str, bench: Bench) -> Iterator[BaseStorage]:
    control = make_control(settings_for(bench.new_folder(), our_url(bench, kind)))
    with serving(control, 0) as port, _client(port) as client:
        yield client
    control.database.close()


@contextmanager
def _rdb_grpc(kind: str, bench: Bench) -> Iterator[BaseStorage]:
    with _rdb(kind, bench) as storage:
        server = grpc.server(ThreadPoolExecutor(_N_THREADS))
        service = servicer.OptunaStorageProxyService(storage)
        api_pb2_grpc.add_StorageServiceServicer_to_server(service, server)  # type: ignore[no-untyped-call]
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        with _client(port) as client:
            yield client
        server.stop(None).wait()


@contextmanager
def _client(port: int) -> Iterator[BaseStorage]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        client = GrpcStorageProxy(host="127.0.0.1", port=port)
    yield client
    client.close()
