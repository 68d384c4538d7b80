"""`python -m stack`: everything on one machine, with nothing to install."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, NoReturn

import tunewell
import typer
from rich.console import Console
from rich.text import Text

from stack.demo import STUDY_FILE, Demo
from stack.errors import StackError
from stack.home import find_running
from stack.runner import Stack, running_stack
from stack.settings import StackSettings, read_settings
from stack.signals import StopRequested, stop_on_signals

TICK_S = 0.2
HELP = """Run all of Tunewell on this machine: broker, API with dashboard, and one worker.

State is kept in TUNEWELL_HOME (default ./.tunewell): database, artifacts, logs. The API listens on TUNEWELL_PORT
(default 8000) or the next free port, of 127.0.0.1 only unless `up` gets a --host. TUNEWELL_DATABASE_URL and
TUNEWELL_BROKER_URL replace the SQLite file and the embedded broker.
"""
app = typer.Typer(help=HELP, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
Slots = Annotated[int | None, typer.Option(min=1, help="Trials at once; by default one for each core.")]
StudyFile = Annotated[Path, typer.Option(exists=True, dir_okay=False, help="Another study, in YAML or JSON.")]
Host = Annotated[str | None, typer.Option(help="Name by which other machines reach this one; lets them in.")]
Queues = Annotated[str | None, typer.Option(help="Queues the worker serves, such as `cpu,gpu`.")]


@app.command()
def up(slots: Slots = None, queues: Queues = None, host: Host = None) -> None:
    """Run until Ctrl-C; a process that dies is started again.

    With --host NAME other machines are let in, which call this one by that name: API and broker listen on TUNEWELL_HOST
    (then 0.0.0.0 by default), and each request needs a token.
    """
    console = Console(highlight=False)

    def say(line: str) -> None:
        console.print(Text(line), soft_wrap=True)

    def run(settings: StackSettings) -> None:
        with running_stack(settings, os.environ, say) as stack:
            for line in _greeting(settings, stack):
                say(line)
            while True:
                stack.tick()
                time.sleep(TICK_S)

    _guarded(run, lambda: read_settings(os.environ, n_slots=slots, queues=queues, name=host), is_endless=True)


@app.command()
def demo(slots: Slots = None, queues: Queues = None, study: StudyFile = STUDY_FILE) -> None:
    """Search a network for handwritten digits, show it live, test the best one, and stop.

    A stack that already runs for this TUNEWELL_HOME is used and left running.
    """
    _guarded(
        lambda settings: Demo(settings, os.environ, Console(highlight=False)).run(study),
        lambda: read_settings(os.environ, n_slots=slots, queues=queues),
    )


@app.command()
def status() -> None:
    """Say which process serves this TUNEWELL_HOME, and where; exit code 1 where none does."""
    running = find_running(read_settings(os.environ).home)
    if running is None:
        typer.echo("no stack runs here: `python -m stack up` starts one")
        sys.exit(1)
    typer.echo(f"process {running.pid}: {running.server or 'still starting'}")


def _greeting(settings: StackSettings, stack: Stack) -> Iterator[str]:
    """Say where everything is, and how other machines join where they are let in."""
    port = stack.server.rpartition(":")[2]
    server = f"http://{settings.name}:{port}" if settings.name else stack.server
    yield f"dashboard  {server}"
    yield f"API        {server}/docs"
    yield f"state      {settings.home} (logs: {settings.logs})"
    if settings.name:
        yield "tokens     .venv/bin/python -m api tokens create --role worker --name ..."
        yield f"workers    TUNEWELL_TOKEN=... .venv/bin/python -m worker --server {server}"
        yield f"ports      {', '.join(map(str, stack.ports))}: what a firewall has to let through"
    yield "Ctrl-C stops everything."


def _guarded(
    run: Callable[[StackSettings], None], read: Callable[[], StackSettings], *, is_endless: bool = False
) -> None:
    """Turn refusals into one line and exit code 1.

    A stop signal is the ordinary end of what is endless, and cuts short what is not: then the code is 128 + its number.
    """
    try:
        settings = read()
        with stop_on_signals():
            run(settings)
    except StackError as error:
        _fail(error.message)
    except tunewell.TunewellError as error:
        where = f" (logs: {settings.logs})" if isinstance(error, tunewell.ServerFailure) else ""
        _fail(f"{error}{where}")
    except StopRequested as stop:
        typer.echo("stopped")
        sys.exit(0 if is_endless else 128 + stop.signum)


def _fail(message: str) -> NoReturn:
    typer.echo(f"error: {message}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    app()
