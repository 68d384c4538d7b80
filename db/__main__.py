"""`python -m db`: look after the database's schema."""

from __future__ import annotations

import os
import sys

import typer

from db import blocks, schema
from db.engine import Database

app = typer.Typer(
    help="Look after the schema of Tunewell's database.", no_args_is_help=True, pretty_exceptions_enable=False
)
Url = typer.Option(..., "--url", envvar="TUNEWELL_DATABASE_URL", help="SQLAlchemy URL of the database.")


@app.command()
def upgrade(url: str = Url) -> None:
    """Migrate the database to the schema this code needs. Safe to repeat."""
    database = Database(url)
    schema.upgrade(database)
    typer.echo(f"{database.url.render_as_string(hide_password=True)} is at {schema.current_revision(database)}")


@app.command()
def downgrade(revision: str, url: str = Url) -> None:
    """Migrate back to REVISION (`base`: empty). Data of newer tables is lost."""
    schema.downgrade(Database(url), revision)


@app.command()
def current(url: str = Url) -> None:
    """Print the database's revision; exit code 1 where it is not the one this code needs."""
    revision = schema.current_revision(Database(url))
    typer.echo(revision or "empty")
    if revision != schema.newest_revision():
        sys.exit(1)


@app.command()
def unpack(url: str = Url) -> None:
    """Turn blocks of metric points into rows again. While no API runs: it may read a moving curve with a gap."""
    database = Database(url)
    n = 0
    while True:
        with database.write() as session:
            n_more = blocks.unpack_some(session.connection())
        if not n_more:
            break
        n += n_more
    database.close()
    typer.echo(f"{n} blocks are rows again; TUNEWELL_PACK_AFTER_S=0 keeps them so")


@app.command()
def revise(message: str, revision_id: str, url: str = Url) -> None:
    """For developers: write a migration for what the tables and an upgraded database differ in."""
    schema.make_revision(Database(url), message, revision_id)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    app()
