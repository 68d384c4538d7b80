"""The command that looks over a machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from tunewell._transport import Transport
from tunewell.cli.output import JsonFlag, print_json, print_table
from tunewell.cli.session import EXIT_REFUSED, Session, session_of
from tunewell.doctor import Finding, Level, worst_of
from tunewell.doctor.folders import check_folders, places_of
from tunewell.doctor.gpus import check_gpus
from tunewell.doctor.machine import check_machine
from tunewell.doctor.parts import ask_part, find_repository, without_repository
from tunewell.doctor.server import Server, check_server
from tunewell.runs.folder import runs_dir
from tunewell.terminal import safe

HELP = """Look over this machine and its way to the server, and say what to fix.

Nothing is changed. In a clone of the repository the checks of workers are
made, too (broker, torch, data sets, leftovers), and those of the API where
TUNEWELL_BROKER_URL or TUNEWELL_DATABASE_URL is set.

\b
Examples:
  tunewell doctor
  tunewell --server http://trainer:8000 doctor --deep
  tunewell doctor --json

\b
Exit codes: 0 no problem, though there may be warnings; 1 a problem.
"""
_STYLES = {Level.OK: "green", Level.SKIPPED: "dim", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}
_API_VARIABLES = ("TUNEWELL_BROKER_URL", "TUNEWELL_DATABASE_URL")


def add_commands(app: typer.Typer) -> None:
    """Add `doctor`."""
    app.command("doctor", help=HELP)(doctor)


def doctor(
    ctx: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(envvar="TUNEWELL_HOME", help="State folder of this machine's workers [default: .tunewell]"),
    ] = None,
    repository: Annotated[
        Path | None,
        typer.Option(help="Clone whose worker is to be checked [default: around this program's environment]"),
    ] = None,
    is_deep: Annotated[bool, typer.Option("--deep", help="Read every cached data set and hold it to its hash")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Check a machine."""
    session, root = session_of(ctx), find_repository(repository)
    if repository is not None and root is None:
        raise typer.BadParameter(f"{repository} is no clone of Tunewell's repository", param_hint="--repository")
    home = home or _default_home(root)
    found = [*check_machine(), *check_gpus(), *check_folders(places_of(home, runs_dir()))]
    found += _check_connection(session)
    found += [without_repository()] if root is None else _check_parts(session, root, home, is_deep)
    if as_json:
        print_json(found)
    else:
        print_table(("CHECK", "RESULT", "SEEN", "WHAT TO DO"), map(_row, found), "")
    if worst_of(found) is Level.PROBLEM:
        raise typer.Exit(EXIT_REFUSED)


def _default_home(root: Path | None) -> Path | None:
    """Return where a worker that was started here, or in the clone, keeps its state; None where there is neither."""
    here = Path(".tunewell").absolute()
    return here if here.is_dir() or root is None else root / ".tunewell"


def _check_connection(session: Session) -> Iterator[Finding]:
    server, token = session.target()
    with Transport(server, token, timeout_s=10, transport=session.transport) as transport:
        yield from check_server(Server(transport, session.transport))


def _check_parts(session: Session, root: Path, home: Path | None, is_deep: bool) -> Iterator[Finding]:
    env = {
        name: value
        for name, value in (
            ("TUNEWELL_SERVER", session.server),
            ("TUNEWELL_TOKEN", session.token),
            ("TUNEWELL_HOME", None if home is None else str(home)),
        )
        if value
    }
    deep = ["--deep"] if is_deep else []
    yield from ask_part(root, ["worker", "doctor", "--json", *deep], env, is_deep=is_deep)
    if any(os.environ.get(name) for name in _API_VARIABLES):
        yield from ask_part(root, ["api", "doctor", "--json"], env)


def _row(finding: Finding) -> tuple[object, ...]:
    result = Text(finding.result.value, style=_STYLES[finding.result])
    return finding.name, result, safe(finding.seen), safe(finding.remedy)
