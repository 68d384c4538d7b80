"""Commands that bring, list and delete code for command studies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tunewell.cli.output import JsonFlag, print_json, print_table
from tunewell.cli.session import session_of

app = typer.Typer(help="Bring code that command studies run.", no_args_is_help=True, rich_markup_mode=None)
ADD_HELP = """Bring a folder of code, and show the hash by which studies name it.

What .gitignore names, .git, caches of Python's and virtual environments stay out.
Code that is there already is not sent again.

\b
Examples:
  tunewell code add .
  tunewell study submit study.yaml --code .
"""
Sha256 = Annotated[str, typer.Argument(help="SHA-256, as `tunewell code list` shows it")]


@app.command("add", help=ADD_HELP)
def add(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="A folder, or a ZIP file", exists=True, readable=True)],
    as_json: JsonFlag = False,
) -> None:
    """Bring code."""
    with session_of(ctx).client() as client:
        found = client.add_code(path)
    if as_json:
        print_json(found)
        return
    sys.stdout.write(f"{found.sha256}\n")
    sys.stderr.write(f'{found.n_bytes} bytes; in a study: "code": {{"archive": "{found.sha256}"}}\n')


@app.command("list", help="List code, the newest first.")
def list_code(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """List code."""
    with session_of(ctx).client() as client:
        found = client.list_code()
    if as_json:
        print_json(list(found))
        return
    rows = [(one.sha256, one.filename, one.n_bytes, one.n_studies, one.created_by) for one in found]
    print_table(("SHA256", "FILE", "BYTES", "STUDIES", "BY"), rows, "No code. Bring some with `tunewell code add .`")


@app.command("rm", help="Delete code that no open study runs.")
def remove(ctx: typer.Context, sha256: Sha256) -> None:
    """Delete code."""
    with session_of(ctx).client() as client:
        client.delete_code(sha256)
    sys.stdout.write(f"Deleted {sha256}\n")
