"""`python -m worker`: join a Tunewell server and train its trials."""

from __future__ import annotations

import logging
import os
import re
import shutil
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Annotated

import typer
from tunewell.commands.place import Place
from tunewell.errors import TunewellError
from tunewell.protocol import Protocol, Registration, Transport, Welcome
from tunewell.retry import decide_retry
from tunewell.system.gpus import list_gpus
from tunewell.system.nvml import load_nvml, open_gpus

from worker.celery_app import make_app
from worker.doctor.command import doctor
from worker.environment import read_environment
from worker.leftovers import lock_folder, recover_folders
from worker.lifeline import die_with_parent
from worker.settings import COMMANDS, PRECISION_VARIABLE, WorkerSettings
from worker.slots import DEVICE_VARIABLE, Slot, SlotOptions, devices_of, plan_slots

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


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app.command("doctor")(doctor)


@app.callback(invoke_without_command=True)
def main(  # noqa: PLR0913, PLR0917 - an option each
    context: typer.Context,
    server: Annotated[
        str, typer.Option(envvar="TUNEWELL_SERVER", help="Address of the API.")
    ] = "http://127.0.0.1:8000",
    token: Annotated[
        str | None, typer.Option(envvar="TUNEWELL_TOKEN", help="Token with the role worker; none on loopback.")
    ] = None,
    queues: Annotated[
        str, typer.Option(help="Queues to serve, comma-separated. Default: gpu with GPUs, cpu with processes without.")
    ] = "",
    gpus: Annotated[
        str,
        typer.Option(help="GPUs to train on: all, none, numbers and UUIDs. Default: all, unless --slots or --device."),
    ] = "",
    slots_per_gpu: Annotated[int, typer.Option(help="Processes on each GPU.", min=1, max=64)] = 1,
    cpu_slots: Annotated[int, typer.Option(help="Processes without GPU, beside those.", min=0, max=1024)] = 0,
    slots: Annotated[int, typer.Option(help="Processes where no GPU is named; 0: one a core.", min=0, max=1024)] = 0,
    simulate_gpu: Annotated[
        str, typer.Option(help="For trying things out: GPUs of such sizes that are none, such as 8GiB,2x16GiB.")
    ] = "",
    lanes: Annotated[
        int,
        typer.Option(help="Trials that a process may train together; 1: one by one.", min=1, max=1024),
    ] = 16,
    device: Device = "auto",
    precision: Precision = "float32",
    name: Annotated[str, typer.Option(help="How people recognise this worker; default: the host's name.")] = "",
    home: Annotated[Path, typer.Option(envvar="TUNEWELL_HOME", help="State folder.")] = Path(".tunewell"),
    dataset_cache_bytes: Annotated[
        int,
        typer.Option(envvar="TUNEWELL_DATASET_CACHE_BYTES", help="What data sets may take on this machine.", min=0),
    ] = 50 * 2**30,
    allow_commands: Annotated[
        bool, typer.Option("--allow-commands", help="Also run commands that studies name, as this user.")
    ] = False,
    command_root: Annotated[Path, typer.Option(help="Folder in which commands run.", file_okay=False)] = Path(),
    command_python: Annotated[
        Path | None, typer.Option(help="What `python` means to commands; else PATH says it.", dir_okay=False)
    ] = None,
    allow_git: Annotated[
        list[str] | None, typer.Option(help="Take commands' code from repositories at or below this address or path.")
    ] = None,
    command_grace: Annotated[
        float, typer.Option(help="Seconds that a command has to end in, before SIGTERM and SIGKILL.", min=0)
    ] = 10.0,
) -> None:
    """Join a server from any machine that reaches its address; the server tells where the broker is.

    A slot is one process that trains; one on a GPU is pinned to it and sees no other. docs/workers.md has more.

    One GPU, or a laptop without any: python -m worker --server http://trainer:8000 --token tw_...
    Two processes on each of eight GPUs: python -m worker ... --gpus all --slots-per-gpu 2
    Two GPUs, and four cores beside them: python -m worker ... --gpus 0,2 --cpu-slots 4
    """
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel("WARNING")
    planned = _plan(SlotOptions(slots, gpus, slots_per_gpu, cpu_slots, simulate_gpu, device), home.absolute())
    settings = WorkerSettings(
        server=server,
        token=token,
        name=name or socket.gethostname(),
        queues=_read_queues(queues, planned),
        n_slots=len(planned),
        n_lanes=lanes,
        home=home.absolute(),
        device=_read(device, _DEVICE, "auto, cpu, cuda, or cuda: with a number", "--device"),
        precision=_read(precision, _PRECISION, "float32, bf16 or auto", "--precision"),
        dataset_cache_bytes=dataset_cache_bytes,
        place=_read_place(command_root, command_grace, command_python, allow_git) if allow_commands else None,
        slots=planned,
    )
    if context.invoked_subcommand is not None:
        context.obj = settings
        return
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
        queues=settings.served,
        n_slots=settings.n_slots,
        environment=read_environment(gpu.name for gpu in open_gpus()()),
        devices=devices_of(settings.slots),
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
            f"--queues={','.join(settings.served)}",
            "--without-gossip",
            "--without-mingle",
        ]
    )


def _leave(protocol: Protocol, worker_id: int) -> None:
    try:
        protocol.leave(worker_id)
    except TunewellError as error:
        log.info("left without good-bye: %s", error)


def _plan(options: SlotOptions, home: Path) -> tuple[Slot, ...]:
    try:
        return plan_slots(options, list_gpus(load_nvml()), home)
    except ValueError as error:
        option, _, said = str(error).partition(" ")
        raise typer.BadParameter(said, param_hint=option) from error


def _read_queues(text: str, slots: Sequence[Slot]) -> tuple[str, ...]:
    if not text:
        kinds = ("gpu" if slot.device is not None else "cpu" for slot in slots)
        return tuple(dict.fromkeys(kinds))
    queues = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not queues:
        raise typer.BadParameter("name at least one queue, for instance --queues cpu", param_hint="--queues")
    for queue in queues:
        if queue.endswith(COMMANDS):
            message = f"{queue!r} is served with --queues {queue.removesuffix(COMMANDS)} --allow-commands"
            raise typer.BadParameter(message, param_hint="--queues")
    if not all(any(slot.serves(queue) for queue in queues) for slot in slots):
        told = f"{text!r} has nothing for processes without GPU; name a queue for them too, such as cpu"
        raise typer.BadParameter(told, param_hint="--queues")
    return queues


def _read_place(root: Path, grace_s: float, python: Path | None, allow_git: list[str] | None) -> Place:
    if not root.is_dir():
        raise typer.BadParameter(f"{root} is no folder; accepted: one that exists", param_hint="--command-root")
    if python is not None and not os.access(python, os.X_OK):
        raise typer.BadParameter(f"{python} cannot be run; accepted: a program", param_hint="--command-python")
    return Place(root.absolute(), grace_s, None if python is None else python.absolute(), tuple(allow_git or ()))


def _read(text: str, pattern: re.Pattern[str], accepted: str, option: str) -> str:
    if not pattern.fullmatch(text):
        raise typer.BadParameter(f"{text!r}; accepted: {accepted}", param_hint=option)
    return text


if __name__ == "__main__":
    parent = os.environ.get("TUNEWELL_PARENT_PID")
    if parent:
        die_with_parent(int(parent))
    app()
