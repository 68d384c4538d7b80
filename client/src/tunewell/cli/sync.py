"""The command that sends what runs could not."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tunewell._transport import Transport
from tunewell.cli.output import JsonFlag, print_json, print_table
from tunewell.cli.session import EXIT_REFUSED, EXIT_UNREACHABLE, session_of
from tunewell.runs.folder import runs_dir
from tunewell.runs.sync import Synced, sync_runs

HELP = """Send the runs that their scripts could not: offline ones, and those that were
killed or cut off from the server.

Without --server (or TUNEWELL_SERVER), runs that were made for another server
than that of your login are left where they are: a folder must not choose who
gets your token. Nothing is lost and nothing sent twice, however often it is interrupted or
repeated. Runs whose scripts still go on are left to them.

\b
Examples:
  tunewell sync
  tunewell sync /mnt/cluster/runs
  tunewell --server https://tune.example.org sync
"""
_COLUMNS = ("RUN", "STUDY", "TRIAL", "RESULT", "NOTE")
_CODES = {"refused": EXIT_REFUSED, "unreachable": EXIT_UNREACHABLE}


def add_commands(app: typer.Typer) -> None:
    """Add `sync`."""
    app.command("sync", help=HELP)(sync)


def sync(
    ctx: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(help="Folder of runs, or of one [default: $TUNEWELL_RUNS, or the SDK's]"),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Send runs."""
    session = session_of(ctx)

    address, token = session.target()

    def connect() -> Transport:
        return Transport(address, token, transport=session.transport)

    found = list(sync_runs(folder or runs_dir(), connect, session.server, usual=address))
    if as_json:
        print_json(found)
    elif found:
        print_table(_COLUMNS, map(_row, found), "")
    else:
        sys.stdout.write("Nothing is left to send.\n")
    codes = [_CODES[one.result] for one in found if one.result in _CODES]
    if codes:
        raise typer.Exit(max(codes))


def _row(one: Synced) -> tuple[object, ...]:
    return one.path.name, one.study, "" if one.number is None else one.number, one.result, one.note
