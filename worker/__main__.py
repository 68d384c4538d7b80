"""`python -m worker`: join a Tunewell server and train its trials."""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import time
from pathlib import Path
from typing import IO, Annotated

import typer
from tunewell.errors import TunewellError
from tunewell.protocol import Protocol, Registration, Transport, Welcome
from tunewell.retry import decide_retry

from worker.celery_app import make_app
from worker.environment import read_environment
from worker.leftovers import lock_folder, recover_folders
from worker.lifeline import die_with_parent
from worker.machine import open_gpus
from worker.settings import DEVICE_VARIABLE, PRECISION_VARIABLE, WorkerSettings

VERSION = "0.1.0"
_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
_PRECISION = re.compile(r"float32|bf16|auto")
log = logging.getLogger("worker")

Device = Annotated[
    str, typer.Option(envvar=DEVICE_VARIABLE, help="Where trials train: auto, cpu, cuda, or cuda:1 for the second GPU.")
]
Precision = Annotated[
    str, typer.Option(envvar=PRECISION_VARIABLE, help="What trials compute in: float32, bf16, or auto on a GPU.")
]


def main(  # noqa: PLR0913, PLR0917 - an option each
    server: Annotated[
        str, typer.Option(envvar="TUNEWELL_SERVER", help="Address of the API.")
    ] = "http://127.0.0.1:8000",
    token: Annotated[
        str | None, typer.Option(envvar="TUNEWELL_TOKEN", help="Token with the role worker; none on loopback.")
    ] = None,
    queues: Annotated[str, typer.Option(help="Queues to serve, comma-separated.")] = "cpu",
    slots: Annotated[int, typer.Option(help="Processes that train; 0: one a core.", min=0, max=1024)] = 0,
    lanes: Annotated[
        int,
        typer.Option(help="Trials that a process may train together; 1: one by one.", min=1, max=1024),
    ] = 16,
    device: Device = "auto",
    precision: Precision = "float32",
    name: Annotated[str, typer.Option(help="How people recognise this worker; default: the host's name.")] = "",
    home: Annotated[Path, typer.Option(envvar="TUNEWELL_HOME", help="State folder.")] = Path(".tunewell"),
) -> None:
    """Join a server from any machine that reaches its address; the server tells where the broker is.

    Example: python -m worker --server http://trainer:8000 --token tw_... --queues cpu,gpu --slots 4
    """
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel("WARNING")
    settings = WorkerSettings(
        server=server,
        token=token,
        name=name or socket.gethostname(),
        queues=_read_queues(queues),
        n_slots=slots or os.cpu_count() or 1,
        n_lanes=lanes,
        home=home.absolute(),
        device=_read(device, _DEVICE, "auto, cpu, cuda, or cuda: with a number", "--device"),
        precision=_read(precision, _PRECISION, "float32, bf16 or auto", "--precision"),
    )
    os.environ.update(settings.trial_variables)
    run(settings)


def run(settings: WorkerSettings) -> None:
    """Register, then serve until told to end.

    Raises:
        Exit: The server's address is none, the server refuses, or the state folder cannot be written.
    """
    try:
        transport = Transport(settings.server, settings.token)
    except TunewellError as error:
        typer.echo(f"cannot join: {error}", err=True)
        raise typer.Exit(1) from error
    run_dir = settings.runs_dir / f"{int(time.time())}-{os.getpid()}"
    with _hold(run_dir), transport:
        protocol = Protocol(transport)
        welcome = register(protocol, settings)
        recover_folders(protocol, settings.runs_dir)
        log.info("worker %s joined %s, slots: %s", welcome.worker_id, settings.server, settings.n_slots)
        try:
            _serve(settings, welcome, run_dir)
        finally:
            _leave(protocol, welcome.worker_id)
            if not any((run_dir / "spool").glob("*.jsonl")):
                shutil.rmtree(run_dir, ignore_errors=True)


def _hold(run_dir: Path) -> IO[bytes]:
    """Take the lock of this process's own folder; another worker that just looks for leftovers lets go soon."""
    try:
        while (lock := lock_folder(run_dir)) is None:
            time.sleep(0.05)
    except OSError as error:
        typer.echo(f"cannot use the state folder, choose another with --home: {error}", err=True)
        raise typer.Exit(1) from error
    return lock


def register(protocol: Protocol, settings: WorkerSettings) -> Welcome:
    """Join the pool; waits for a server that is not there yet.

    Raises:
        Exit: The server refuses.
    """
    mine = Registration(
        name=settings.name,
        host=socket.gethostname(),
        pid=os.getpid(),
        version=VERSION,
        queues=settings.queues,
        n_slots=settings.n_slots,
        environment=read_environment(gpu.name for gpu in open_gpus()()),
    )
    n_failures = 0
    while True:
        try:
            return protocol.register(mine)
        except TunewellError as error:
            n_failures += 1
            retry = decide_retry(error, n_failures, jitter=0.5)
            if retry is None:
                typer.echo(f"cannot join {settings.server}: {error}", err=True)
                raise typer.Exit(1) from error
            if n_failures in (1, 5) or n_failures % 20 == 0:
                log.warning("%s; trying again", retry.reason)
            time.sleep(retry.delay_s)


def _serve(settings: WorkerSettings, welcome: Welcome, run_dir: Path) -> None:
    app = make_app(settings, welcome, run_dir)
    app.worker_main(
        [
            "worker",
            "--loglevel=warning",
            f"--hostname=tunewell-{welcome.worker_id}@%h",
            f"--queues={','.join(settings.queues)}",
            "--without-gossip",
            "--without-mingle",
        ]
    )


def _leave(protocol: Protocol, worker_id: int) -> None:
    try:
        protocol.leave(worker_id)
    except TunewellError as error:
        log.info("left without good-bye: %s", error)


def _read_queues(text: str) -> tuple[str, ...]:
    queues = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not queues:
        raise typer.BadParameter("name at least one queue, for instance --queues cpu", param_hint="--queues")
    return queues


def _read(text: str, pattern: re.Pattern[str], accepted: str, option: str) -> str:
    if not pattern.fullmatch(text):
        raise typer.BadParameter(f"{text!r}; accepted: {accepted}", param_hint=option)
    return text


if __name__ == "__main__":
    parent = os.environ.get("TUNEWELL_PARENT_PID")
    if parent:
        die_with_parent(int(parent))
    typer.run(main)
