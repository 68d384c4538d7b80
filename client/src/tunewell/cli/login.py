"""Commands that store a server and a token on this machine, so that nothing else has to name them."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from tunewell._decode import decode
from tunewell._transport import DEFAULT_SERVER, Transport, read_address
from tunewell.about import About, AboutCaller
from tunewell.cli.output import JsonFlag, print_facts, print_json, time_words
from tunewell.cli.session import Session, session_of
from tunewell.errors import TunewellError, Unauthorized
from tunewell.login import ENV_SERVER, ENV_TOKEN, Login, find_login, forget_login, login_path, store_login
from tunewell.terminal import clean

LOGIN_HELP = """Store a server and a token on this machine, for all commands and scripts.

Asks for what is not given, and stores nothing that the server refuses. The file
is $TUNEWELL_LOGIN, or tunewell/login.json in the user's configuration, and no
other user may read it. TUNEWELL_SERVER and TUNEWELL_TOKEN win over it, and
--server and --token over these. The token goes to this server alone.

\b
Examples:
  tunewell login
  tunewell login --server https://tune.example.org
  tunewell login --server https://tune.example.org < token.txt
"""


def add_commands(app: typer.Typer) -> None:
    """Add `login`, `logout` and `whoami`."""
    app.command("login", help=LOGIN_HELP)(login)
    app.command("logout", help="Remove the stored login. The token stays in force: `tunewell token revoke` ends it.")(
        logout
    )
    app.command("whoami", help="Show the server, and whom it takes you for.")(whoami)


def login(
    ctx: typer.Context,
    server: Annotated[str | None, typer.Option(help="Address of the server")] = None,
    token: Annotated[str | None, typer.Option(help="Access token; better typed or piped in: `ps` shows it")] = None,
) -> None:
    """Log in."""
    session = session_of(ctx)
    address = read_address(server or session.server or _ask_server())
    stored, about = _verify(session, address, token or session.token)
    path = store_login(stored)
    sys.stdout.write(f"Logged in to {clean(address)} as {_words(about.caller)}; kept in {clean(str(path))}\n")
    for name in (ENV_SERVER, ENV_TOKEN):
        if os.environ.get(name):
            sys.stderr.write(f"Note: {name} is set, and wins over this login\n")


def logout() -> None:
    """Log out."""
    path = clean(str(login_path()))
    sys.stdout.write(f"Logged out: {path} is gone\n" if forget_login() else f"There is no login in {path}\n")


def whoami(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Show the caller."""
    with session_of(ctx).client() as client:
        server, caller = client.server, client.about().caller
    if as_json:
        print_json({"server": server, "name": caller.name, "role": caller.role, "expires_at": caller.expires_at})
        return
    expires = "never" if caller.expires_at is None else time_words(caller.expires_at)
    print_facts([("Server", server), ("Name", caller.name), ("Role", caller.role), ("Expires", expires)])


def _verify(session: Session, address: str, token: str | None) -> tuple[Login, About]:
    """Return what is to be stored, and what the server says to it; the token is asked for where it wants one."""
    try:
        return Login(address, token), _ask(session, address, token)
    except Unauthorized:
        if token:
            raise
        token = _ask_token()
        if not token:
            raise
    return Login(address, token), _ask(session, address, token)


def _ask(session: Session, address: str, token: str | None) -> About:
    with Transport(address, token, transport=session.transport) as transport:
        return decode(About, transport.json("GET", "/server"))


def _ask_server() -> str:
    if not sys.stdin.isatty():
        return DEFAULT_SERVER
    try:
        before = find_login()
    except TunewellError:  # it is about to be replaced
        before = None
    answer: str = typer.prompt("Server", default=before.server if before else DEFAULT_SERVER, err=True)
    return answer


def _ask_token() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    answer: str = typer.prompt("Token", hide_input=True, default="", show_default=False, err=True)
    return answer.strip()


def _words(caller: AboutCaller) -> str:
    until = "" if caller.expires_at is None else f", until {time_words(caller.expires_at)}"
    return f"{clean(caller.name)} ({clean(caller.role)}{until})"
