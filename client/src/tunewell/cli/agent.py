"""The command that runs a study's command on this machine."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tunewell.cli.session import EXIT_USAGE, Session, session_of
from tunewell.code.cache import CodeCache, Download
from tunewell.commands.place import Place
from tunewell.runs.api import agent as run_agent
from tunewell.runs.command import CommandRunner
from tunewell.runs.folder import runs_dir

HELP = """Run the trials of a study whose "command" says what to run, one after the other,
on this machine.

A study's command is a program that whoever may submit studies chooses, so it runs
only where this command was started with --allow-commands. Each trial gets a
process group of its own.

\b
Examples:
  tunewell agent my-search --allow-commands --command-root ~/project
  tunewell agent my-search --allow-commands --n-trials 5
"""


def add_commands(app: typer.Typer) -> None:
    """Add `agent`."""
    app.command("agent", help=HELP)(agent)


def agent(  # noqa: PLR0913, PLR0917 - an option each
    ctx: typer.Context,
    study: Annotated[str, typer.Argument(help="Name or id of the study")],
    allow_commands: Annotated[bool, typer.Option("--allow-commands", help="Run what the study says")] = False,
    command_root: Annotated[Path, typer.Option(help="Folder in which commands run", file_okay=False)] = Path(),
    command_python: Annotated[
        Path | None, typer.Option(help="What `python` means, as that of a virtual environment", dir_okay=False)
    ] = None,
    allow_git: Annotated[
        list[str] | None, typer.Option(help="Take code from repositories at or below this address or path")
    ] = None,
    n_trials: Annotated[int | None, typer.Option(min=1, help="At most so many trials")] = None,
    grace_s: Annotated[
        float, typer.Option("--grace", min=0.0, help="Seconds to end in, before SIGTERM and again before SIGKILL")
    ] = 10.0,
) -> None:
    """Run commands."""
    if not allow_commands:
        sys.stderr.write("Error: a study's command runs only with --allow-commands\n")
        raise typer.Exit(EXIT_USAGE)
    session = session_of(ctx)
    place = Place(command_root, grace_s, command_python, tuple(allow_git or ()))
    runner = CommandRunner(place, CodeCache(runs_dir().parent / "code", _download(session), place.allow_git))
    options = {"server": session.server, "token": session.token, "transport": session.transport}
    n = run_agent(study, runner, n_trials, capture=("environment", "system"), **options)  # type: ignore[arg-type]
    sys.stdout.write(f"{n} {'trial' if n == 1 else 'trials'} run\n")


def _download(session: Session) -> Download:
    def download(sha256: str, path: Path) -> object:
        with session.client() as client:
            return client.download_code(sha256, path)

    return download
