"""`python -m worker doctor`: the checks that need a worker's own code, with the worker's own options."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from tunewell.doctor.finding import Finding, Level, problem, worst_of
from tunewell.doctor.gpus import read_driver
from tunewell.errors import TunewellError
from tunewell.protocol import Protocol, Registration, Transport
from tunewell.system.environment import list_packages

from worker.doctor.joining import check_joining, check_slots
from worker.doctor.packages import ask_torch, check_packages, check_torch, read_lock
from worker.doctor.storage import check_datasets, check_leftovers, check_orphans
from worker.settings import WorkerSettings

ROOT = Path(__file__).resolve().parents[2]
_ANSWER_WITHIN_S = 10.0


def doctor(
    context: typer.Context,
    is_deep: Annotated[
        bool, typer.Option("--deep", help="Read every cached data set and hold it to its hash.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Look whether this worker could work here; its options stand before: python -m worker --slots 4 doctor.

    `tunewell doctor` makes these checks, too, and those of the machine and the way to the server.
    """
    found = list(check_worker(context.find_object(WorkerSettings), is_deep=is_deep))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        for one in found:
            typer.echo(f"{one.result.value:8} {one.name}: {one.seen}{f' -> {one.remedy}' if one.remedy else ''}")
    sys.exit(1 if worst_of(found) is Level.PROBLEM else 0)


def check_worker(settings: WorkerSettings | None, *, is_deep: bool) -> Iterator[Finding]:
    """Look at everything that a worker needs."""
    assert settings is not None, "the worker's options are read before"
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    yield check_packages(read_lock(lock), list_packages())
    yield check_torch(ask_torch(ROOT), read_driver())
    yield check_slots(settings.n_slots)
    yield check_datasets(settings.dataset_dir, settings.dataset_cache_bytes, is_deep=is_deep)
    yield check_leftovers(settings.runs_dir)
    yield from check_orphans()
    yield from _check_server(settings)


def _check_server(settings: WorkerSettings) -> Iterator[Finding]:
    mine = Registration(
        name=settings.name,
        host=socket.gethostname(),
        pid=os.getpid(),
        version="",
        queues=settings.served,
        n_slots=settings.n_slots,
    )
    try:
        with Transport(settings.server, settings.token, timeout_s=_ANSWER_WITHIN_S) as transport:
            yield from check_joining(Protocol(transport), mine, transport.server)
    except TunewellError as error:
        yield problem("joining", error.message, error.hint or "correct --server or TUNEWELL_SERVER")
