"""`python -m api`: serve the control plane, print its OpenAPI document, make tokens.

Each command imports what it needs itself: the whole control plane takes seconds, and a token needs none of it.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from api.roles import Role

if TYPE_CHECKING:
    from api.settings import Settings

app = typer.Typer(help="Tunewell's control plane.", pretty_exceptions_enable=False)
tokens = typer.Typer(help="Make and revoke tokens.", no_args_is_help=True)
app.add_typer(tokens, name="tokens")


@app.callback(invoke_without_command=True)
def serve(context: typer.Context) -> None:
    """Serve the API and the dashboard. Settings come from TUNEWELL_* variables; see docs/settings.md."""
    if context.invoked_subcommand is not None:
        return
    settings = _settings()
    _check(settings)
    from api.serving import run

    run(settings)


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    from pydantic import SecretStr

    from api.app import create_app
    from api.settings import Settings

    with TemporaryDirectory() as home:
        document = create_app(Settings(home=Path(home), broker_url=SecretStr("memory://"))).openapi()
    typer.echo(json.dumps(document, indent=1, sort_keys=True))


@app.command("doctor")
def look_over(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Look whether the settings can work, and whether database, broker and store answer. Changes nothing."""
    from api import doctor

    found = list(doctor.check_server(_settings()))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        for one in found:
            typer.echo(f"{one.result:8} {one.name}: {one.seen}{f' -> {one.remedy}' if one.remedy else ''}")
    raise typer.Exit(1 if any(one.result == "problem" for one in found) else 0)


@tokens.command("create")
def create_token(
    role: Annotated[Role, typer.Option(help="What it may do: admin everything, user studies, worker the protocol.")],
    name: Annotated[str, typer.Option(help="Who or what it is for.")],
    days: Annotated[float | None, typer.Option(help="Days until it expires; without: never.", min=0.0)] = None,
) -> None:
    """Make a token and print it. It is shown this once; the database keeps only its hash."""
    from db.engine import Database
    from db.tokens import insert_token

    settings = _settings()
    database = Database(settings.effective_database_url)
    if settings.should_migrate:
        from db import schema

        schema.upgrade(database)
    token = f"tw_{secrets.token_urlsafe(32)}"
    with database.write() as session:
        expires_in_s = None if days is None else days * 86400
        token_id = insert_token(session, name=name, role=role.value, token=token, expires_in_s=expires_in_s)
    typer.echo(f"token {token_id} ({role.value}, {name}):", err=True)
    typer.echo(token)


@tokens.command("revoke")
def revoke(token_id: int) -> None:
    """Make a token worthless."""
    from db.engine import Database
    from db.tokens import revoke_token

    with Database(_settings().effective_database_url).write() as session:
        if not revoke_token(session, token_id):
            raise typer.BadParameter(f"there is no token {token_id} in force")
    typer.echo(f"token {token_id} is revoked")


def _settings() -> Settings:
    from pydantic import ValidationError

    from api.settings import Settings

    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"TUNEWELL_{str(first['loc'][0]).upper()}"
        typer.echo(f"{name}: {first['msg']} (it is {first['input']!r}); docs/settings.md lists all settings", err=True)
        raise typer.Exit(2) from error


def _check(settings: Settings) -> None:
    if not settings.broker_url.get_secret_value():
        typer.echo(
            "TUNEWELL_BROKER_URL is not set: give a Redis or Valkey URL (redis://:password@host:6379/0), "
            "or run `python -m stack up`, which starts a broker of its own",
            err=True,
        )
        raise typer.Exit(2)
    if not settings.is_loopback and settings.require_tokens == "no":
        typer.echo(
            f"TUNEWELL_HOST={settings.host} can be reached from other machines: TUNEWELL_REQUIRE_TOKENS=no is refused",
            err=True,
        )
        raise typer.Exit(2)


if __name__ == "__main__":
    app()
