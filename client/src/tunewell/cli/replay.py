"""The command that has a study's suggestions computed again."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

import typer
from rich.progress import Progress

from tunewell.cli.output import JsonFlag, print_json, print_table
from tunewell.cli.session import console, session_of
from tunewell.cli.study import StudyArgument
from tunewell.client import Client
from tunewell.replay import ReplayedTrial

EXIT_DIFFERENT = 1
HELP = """Compute each suggestion of a study again from what is stored, and compare.

Prints the trials whose parameters or note came out otherwise, and those that
cannot be computed again because the study was changed since. The exit code is
1 where something is different.

\b
Examples:
  tunewell study replay digits-mlp
  tunewell study replay digits-mlp --all
  tunewell study replay digits-mlp --json | jq '.[] | select(.status != "same")'
"""
_COLUMNS = ("TRIAL", "REPLAY", "STORED", "AGAIN", "NOTE")


def add_commands(app: typer.Typer) -> None:
    """Add `replay` to `tunewell study`."""
    app.command("replay", help=HELP)(replay)


def replay(
    ctx: typer.Context,
    study: StudyArgument,
    show_all: Annotated[bool, typer.Option("--all", help="Also the trials that came out the same")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Compute suggestions again."""
    with session_of(ctx).client() as client:
        found = _read(client, study)
    counts = Counter(one.status for one in found)
    if as_json:
        print_json(found)
    else:
        shown = [one for one in found if show_all or one.status != "same"]
        if shown:
            print_table(_COLUMNS, map(_row, shown), "")
        sys.stdout.write(_summary(counts))
    if counts["different"]:
        raise typer.Exit(EXIT_DIFFERENT)


def _read(client: Client, study: str) -> list[ReplayedTrial]:
    """Read all pages; on a terminal with the number of trials done."""
    found = []
    with Progress(console=console(), transient=True, disable=not sys.stdout.isatty()) as progress:
        task = progress.add_task("computing again", total=None)
        for one in client.replay_study(study):
            found.append(one)
            progress.update(task, completed=len(found), description=f"trial {one.number}")
    return found


def _row(one: ReplayedTrial) -> tuple[object, ...]:
    again = one.params_again or {}
    names = [name for name in sorted({*one.params, *again}) if one.params.get(name) != again.get(name)]
    if one.status == "unknown":
        return one.number, one.status, "", "", one.reason
    return one.number, one.status, _words(one.params, names), _words(again, names), one.reason or one.note


def _words(params: Mapping[str, Any], names: list[str]) -> str:
    # Whole digits: what differs may differ in the last one.
    return "\n".join(f"{name}={params[name]!r}" for name in names if name in params)


def _summary(counts: Counter[str]) -> str:
    n = sum(counts.values())
    if not n:
        return "The sampler of this study has proposed no trial.\n"
    parts = [f"{counts['same']} of {n} suggestions came out the same"]
    parts += [f"{counts[status]} {status}" for status in ("different", "unknown") if counts[status]]
    return "; ".join(parts) + "\n"
