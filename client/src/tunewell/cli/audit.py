"""The command that shows who did what."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from dataclasses import astuple, fields
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Annotated, Literal

import typer

from tunewell._csv import csv_cell
from tunewell.audit import AuditEntry
from tunewell.cli.output import JsonFlag, print_json, print_table, time_words
from tunewell.cli.session import session_of
from tunewell.errors import Invalid, Problem

AUDIT_HELP = """Show who changed what, who downloaded networks and who was refused.

Only administrators may see it. The newest entries stand first.

\b
Examples:
  tunewell audit --refused --days 1
  tunewell audit --who ana --action DELETE
  tunewell audit --limit 100000 --csv > audit.csv
"""


def add_commands(app: typer.Typer) -> None:
    """Add the command to `tunewell`."""
    app.command("audit", help=AUDIT_HELP)(audit)


def audit(  # noqa: PLR0913, PLR0917 - an option each
    ctx: typer.Context,
    who: Annotated[str, typer.Option(help="Only of the token with this name")] = "",
    action: Annotated[str, typer.Option(help="Only where this is part of method and route")] = "",
    refused: Annotated[bool | None, typer.Option("--refused/--done", help="Only refusals, or only changes")] = None,
    days: Annotated[float | None, typer.Option(min=0.0, max=36_500, help="Only of the last so many days")] = None,
    limit: Annotated[int, typer.Option(min=1, help="Most entries")] = 50,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show the audit log."""
    if as_csv and as_json:
        raise Invalid(Problem("two_formats", "--csv and --json exclude each other", hint="give one of them"))
    since = None if days is None else datetime.now(UTC) - timedelta(days=days)
    result: Literal["done", "refused"] | None = None if refused is None else "refused" if refused else "done"
    with session_of(ctx).client() as client:
        entries = client.list_audit(who=who, action=action, result=result, since=since)
        found = tuple(islice(entries, limit))
    if as_json:
        print_json(found)
    elif as_csv:
        _print_csv(found)
    else:
        columns = ("AT", "WHO", "ROLE", "FROM", "ACTION", "TARGET", "RESULT")
        print_table(columns, (_row(one) for one in found), "There is no such entry.")


def _print_csv(found: Iterable[AuditEntry]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([field.name for field in fields(AuditEntry)])
    for one in found:
        writer.writerow(
            [csv_cell(value.isoformat() if isinstance(value, datetime) else value) for value in astuple(one)]
        )


def _row(one: AuditEntry) -> tuple[object, ...]:
    result = one.result if one.n == 1 else f"{one.result} ({one.n} times)"
    return (time_words(one.at), one.who or "-", one.role or "-", one.address, one.action, one.target, result)
