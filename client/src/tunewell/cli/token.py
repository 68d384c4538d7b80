"""Commands about credentials: tokens, and the browsers that signed in with one."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from tunewell.cli.output import JsonFlag, print_json, print_table, time_words
from tunewell.cli.session import session_of
from tunewell.terminal import clean

app = typer.Typer(help="Tokens of a server that asks for them.", no_args_is_help=True, rich_markup_mode=None)
_DAY_S = 86_400.0

CREATE_HELP = """Make a token, and print it: it is shown this once.

Only administrators may. On the server's own machine `python -m api tokens`
does the same without a token.

\b
Examples:
  tunewell token create "gpu box in room 4" --role worker --days 30
  TOKEN=$(tunewell token create ana --role user)
"""


class Role(StrEnum):
    """What a token allows."""

    ADMIN = "admin"
    USER = "user"
    WORKER = "worker"


@app.command("create", help=CREATE_HELP)
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Who or what it is for")],
    role: Annotated[Role, typer.Option(help="admin: everything; user: studies; worker: the worker protocol")],
    days: Annotated[
        float | None, typer.Option(min=0.001, help="It expires after so many days [default: never]")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a token."""
    with session_of(ctx).client() as client:
        made = client.create_token(name, role.value, expires_in_s=None if days is None else days * _DAY_S)
    if as_json:
        print_json(made)
        return
    until = "" if made.expires_at is None else f", until {time_words(made.expires_at)}"
    # The token stands alone on stdout, so that a script can take it.
    about = f"Token {made.token_id} for {clean(made.name)} ({clean(made.role)}{until})"
    sys.stderr.write(f"{about}; it is not shown again:\n")
    sys.stdout.write(f"{clean(made.token)}\n")


@app.command("list", help="List tokens, the newest first, without their texts.")
def list_tokens(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """List tokens."""
    with session_of(ctx).client() as client:
        found = client.list_tokens()
    if as_json:
        print_json(found)
        return
    now = datetime.now(UTC)
    rows = [
        (one.token_id, one.name, one.role, one.state_at(now), time_words(one.created_at), time_words(one.expires_at))
        for one in found
    ]
    print_table(("ID", "NAME", "ROLE", "STATE", "CREATED", "EXPIRES"), rows, "No token was made over HTTP or by hand.")


@app.command("revoke", help="Make a token worthless at once.")
def revoke(
    ctx: typer.Context, token_id: Annotated[int, typer.Argument(help="As `tunewell token list` shows it")]
) -> None:
    """Revoke a token."""
    with session_of(ctx).client() as client:
        gone = client.revoke_token(token_id)
    sys.stdout.write(f"Token {gone.token_id} ({clean(gone.name)}) is worthless from now on\n")


@app.command("sessions", help="List the browsers that are signed in: all for administrators, else your own.")
def list_sessions(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """List browsers that are signed in."""
    with session_of(ctx).client() as client:
        found = client.list_sessions()
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one.session_id,
            one.name,
            one.role,
            one.address,
            time_words(one.seen_at),
            time_words(one.expires_at),
            one.agent,
        )
        for one in found
    ]
    print_table(("ID", "TOKEN", "ROLE", "FROM", "USED", "ENDS", "BROWSER"), rows, "No browser is signed in.")


@app.command("sign-out", help="Sign a browser out at once.")
def sign_out(
    ctx: typer.Context, session_id: Annotated[int, typer.Argument(help="As `tunewell token sessions` shows it")]
) -> None:
    """End a browser's session."""
    with session_of(ctx).client() as client:
        client.end_session(session_id)
    sys.stdout.write(f"Browser {session_id} is signed out\n")
